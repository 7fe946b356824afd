internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPCompression
internal import VaultDB

/// Why a request is not answered as it hoped: problem details of RFC 9457.
struct Problem: Error, Sendable {
    let status: HTTPResponse.Status
    /// A stable name for programs.
    let code: String
    /// A sentence for people.
    let detail: String
    /// The next step.
    let advice: String
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ code: String, _ detail: String, advice: String = "") {
        self.status = status
        self.code = code
        self.detail = detail
        self.advice = advice.isEmpty ? Self.usualAdvice(status) : advice
    }

    /// The next step where none is known that fits better.
    private static func usualAdvice(_ status: HTTPResponse.Status) -> String {
        switch status.code {
        case 400: "compare the request with what /openapi.json says of it"
        case 401: "show a token, or sign the request, as /openapi.json says"
        case 403: "use a token or an origin that may do this"
        case 404: "check the address, the id and the organization"
        case 405: "use a method that the header Allow names"
        case 408: "send it again, whole"
        case 413: "send less at once"
        case 415: "send a type that /openapi.json names"
        case 429: "try again after as many seconds as Retry-After says"
        case 431: "send fewer headers, or shorter ones"
        case 500: "tell the server's operator"
        case 503: "try again later, or tell the server's operator"
        default: "look at the present state, and send what fits it"
        }
    }

    /// The one place where the library's codes become those of HTTP. What the operator has to mend is told to the log
    /// and not to the client.
    init(_ error: VaultError) {
        let status: HTTPResponse.Status
        switch error.code {
        case .invalidArgument: status = .badRequest
        case .noUsableIdentifier: status = .unprocessableContent
        case .notFound: status = .notFound
        case .erased: status = .gone
        case .refused, .exists, .inUse: status = .conflict
        case .busy, .readersFull, .readOnly, .rekeyRequired: status = .serviceUnavailable
        case .mapFull, .diskFull: status = HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
        case .corrupted, .notAVault, .unknownFormat, .accessDenied, .misuse, .unsupportedFileSystem, .cancelled,
            .system:
            status = .internalServerError
        }
        if status == .internalServerError {
            self.init(
                status, error.code.rawValue, "the vault can't do this at present; its operator finds why in the log")
            return
        }
        let isOperators = [.mapFull, .diskFull, .readersFull, .rekeyRequired, .readOnly].contains(error.code)
        self.init(
            status, error.code.rawValue, error.message,
            advice: isOperators && !error.advice.isEmpty ? "for the server's operator: \(error.advice)" : error.advice)
        if isBusy { headers[.retryAfter] = "1" }
    }

    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as VaultError: self.init(error)
        case let error as any HTTPResponseError where error.status == .contentTooLarge: self = .tooLarge
        case let error as any HTTPResponseError:
            self.init(error.status, "invalid_argument", (error as? HTTPError)?.body ?? "the request is malformed")
        case is NIOHTTPDecompression.DecompressionError, is NIOHTTPDecompression.ExtraDecompressionError:
            self = .unpacking(error)
            // Nothing that comes behind is read.
            headers[.connection] = "close"
        case is HTTPParserError: self = .cutOff
        case is CancellationError:
            self.init(
                .serviceUnavailable, VaultError.Code.busy.rawValue, "the server stops",
                advice: "send what has no answer again, once it is back")
        default:
            self.init(.internalServerError, "system", "the request failed; the server's operator finds why in the log")
        }
    }

    private static func unpacking(_ error: any Error) -> Problem {
        switch error {
        case NIOHTTPDecompression.DecompressionError.limit:
            Problem(
                .contentTooLarge, tooLarge.code,
                "the body grows to more than \(Compression.decompressionRatioMax) times its compressed size",
                advice: "send it without compression")
        case let error as NIOHTTPDecompression.ExtraDecompressionError where error == .invalidTrailingData:
            .invalid(
                "the compressed body has more behind its first part",
                advice: "pack it at once: members of gzip that follow each other are not read")
        default:
            .invalid(
                "the body is not compressed as Content-Encoding says", advice: "pack it so, or leave out the header")
        }
    }

    /// Whether Redis' protocol would say busy.
    var isBusy: Bool { [VaultError.Code.busy, .readersFull].contains { $0.rawValue == code } }

    static func invalid(_ detail: String, advice: String = "") -> Problem {
        Problem(.badRequest, VaultError.Code.invalidArgument.rawValue, detail, advice: advice)
    }

    /// As an unknown thing is answered, and one of another organization.
    static func notFound(_ detail: String) -> Problem {
        Problem(.notFound, VaultError.Code.notFound.rawValue, detail)
    }

    static func preconditionFailed(_ detail: String, advice: String) -> Problem {
        Problem(.preconditionFailed, "precondition_failed", detail, advice: advice)
    }

    static let tooLarge = Problem(
        .contentTooLarge, "too_large", "the body is larger than the server takes")

    static let headersTooLarge = Problem(
        .requestHeaderFieldsTooLarge, "headers_too_large", "the headers are larger than the server takes")
    static let timedOut = Problem(.requestTimeout, "timed_out", "the request did not come to its end in time")
    static let malformed = invalid(
        "this is no request of HTTP/1.1, or a malformed one",
        advice: "speak HTTP/1.1 here; Redis' protocol has a port of its own")
    static let cutOff = invalid("the body ends before its end", advice: "send the request again, whole")

    static let underWay: Problem = {
        var problem = Problem(
            .conflict, "under_way", "the first request with this key is under way", advice: "try again later")
        problem.headers[.retryAfter] = "1"
        return problem
    }()

    static let unauthenticated: Problem = {
        var problem = Problem(
            .unauthorized, "unauthenticated", "a token is needed",
            advice: "send Authorization: Bearer vdb_…; an operator makes one with `vaultdb token create`")
        problem.headers[.wwwAuthenticate] = #"Bearer realm="vaultdb""#
        return problem
    }()

    var json: JSONValue {
        [
            "type": .string("urn:vaultdb:problem:\(code)"), "title": .string(status.reasonPhrase),
            "status": JSONValue(status.code), "code": .string(code), "detail": .string(detail),
            "advice": .string(advice),
        ]
    }

    /// The last line of an import that this ends: its status has gone out already.
    var lastLine: ByteBuffer {
        let line: JSONValue = ["error": .string(code), "message": .string("\(detail); \(advice)")]
        return ByteBuffer(string: line.text + "\n")
    }

    var body: ByteBuffer { ByteBuffer(string: json.text) }

    var response: Response {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: body))
    }
}
