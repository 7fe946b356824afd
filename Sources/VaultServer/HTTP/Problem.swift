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
    /// The next step; may be empty.
    var advice = ""
    var headers = HTTPFields()

    init(_ status: HTTPResponse.Status, _ code: String, _ detail: String, advice: String = "") {
        self.status = status
        self.code = code
        self.detail = detail
        self.advice = advice
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
        let isOperators = [.mapFull, .diskFull, .readersFull, .rekeyRequired].contains(error.code)
        self.init(
            status, error.code.rawValue, error.message,
            advice: isOperators ? "for the server's operator: \(error.advice)" : error.advice)
        if status == .serviceUnavailable { headers[.retryAfter] = "1" }
    }

    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as VaultError: self.init(error)
        case let error as any HTTPResponseError where error.status == .contentTooLarge: self = .tooLarge
        case let error as any HTTPResponseError:
            self.init(error.status, "invalid_argument", (error as? HTTPError)?.body ?? "the request is malformed")
        case NIOHTTPDecompression.DecompressionError.limit: self = .tooLarge
        case let error as NIOHTTPDecompression.ExtraDecompressionError where error == .invalidTrailingData:
            self = .invalid(
                "the compressed body has more behind its first part",
                advice: "pack it at once: members of gzip that follow each other are not read")
        case is NIOHTTPDecompression.DecompressionError, is NIOHTTPDecompression.ExtraDecompressionError:
            self = .invalid("the body is not compressed as it says")
        case is HTTPParserError: self = .cutOff
        case is CancellationError:
            self.init(.serviceUnavailable, VaultError.Code.busy.rawValue, "the server stops")
        default:
            self.init(.internalServerError, "system", "the request failed; the server's operator finds why in the log")
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

    private static let tooLarge = Problem(
        .contentTooLarge, "too_large", "the body is larger than the server takes")

    static let headersTooLarge = Problem(
        .requestHeaderFieldsTooLarge, "headers_too_large", "the headers are larger than the server takes")
    static let timedOut = Problem(.requestTimeout, "timed_out", "the request did not come to its end in time")
    static let malformed = invalid("this is no request of HTTP/1.1, or a malformed one")
    static let cutOff = invalid("the body ends before its end", advice: "send the request again, whole")

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

    var body: ByteBuffer { ByteBuffer(string: json.text) }

    var response: Response {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: body))
    }
}
