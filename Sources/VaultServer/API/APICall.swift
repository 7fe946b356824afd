internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import VaultDB

/// A request to the API, from a caller who may make it.
struct APICall: Sendable {
    let state: ServerState
    /// Nil where anybody may ask.
    let caller: Caller?
    let request: WebRequest
    let context: HTTPContext
    let query: Query

    var organization: Organization {
        get throws(Problem) {
            guard let caller else { throw .unauthenticated }
            return caller.organization
        }
    }
    var vault: Vault { state.vault }

    // MARK: What the address names

    /// The identity of the path. What is no UUID is as unknown as any other id.
    func identity(_ name: String = "identity_id") throws(Problem) -> UUID {
        guard let id = UUID(text: context.part(name) ?? "") else {
            throw .notFound("the identity is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
        }
        return id
    }

    func kind() throws(Problem) -> RecordKind { try Self.kind(context.part("kind") ?? "") }

    static func kind(_ text: String) throws(Problem) -> RecordKind {
        guard let kind = RecordKind(text) else {
            throw .invalid(
                "there is no such kind of record".naming(text), advice: "a kind is a lower-case word such as lead")
        }
        return kind
    }

    func recordID() throws(Problem) -> String {
        guard let id = context.part("id"), !id.isEmpty, !id.utf8.contains(0) else {
            throw .invalid("the record's id is no UTF-8 text")
        }
        return id
    }

    func cursor() throws -> RecordCursor? {
        try query["cursor"].map { text throws(VaultError) in try RecordCursor(text) }
    }

    /// - Throws: 400 for one that is empty or too long, or no UTF-8 text.
    var idempotencyKey: String? {
        get throws(Problem) {
            guard let key = request.headers[.idempotencyKey] else { return nil }
            guard (1...Limits.idempotencyKeyBytesMax).contains(key.utf8.count) else {
                throw .invalid("an Idempotency-Key has 1 to \(Limits.idempotencyKeyBytesMax) bytes")
            }
            // What stands for bytes that are no text: other bytes would read as the same key.
            guard !key.unicodeScalars.contains("\u{FFFD}") else {
                throw .invalid("the Idempotency-Key is no UTF-8 text")
            }
            return key
        }
    }

    // MARK: The body

    /// The media type of the body, without parameters.
    var mediaType: String {
        let header = request.headers[.contentType] ?? ""
        return header.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
    }

    /// - Throws: 415 for a body that is compressed in a way that is not undone on the way here.
    func requireKnownEncoding() throws(Problem) {
        guard let encoding = request.headers[.contentEncoding]?.lowercased(),
            !["gzip", "deflate", "identity"].contains(encoding)
        else { return }
        throw Problem(
            .unsupportedMediaType, "unsupported_encoding", "a body is compressed by gzip or deflate, or not at all",
            advice: "send it so")
    }

    /// Whether what lets the caller do this is still good: bodies may come long after the head that showed a token.
    var isStillGranted: Bool { caller.map { state.access.renewed($0.grant) != nil } ?? true }

    /// The whole body.
    /// - Throws: 413 where it is larger than its path takes, 401 where the token was revoked while it came.
    func bytes() async throws -> ByteBuffer {
        let bytes = try await request.body.collect(upTo: HTTPRoutes.bodyBytesMax(request.uri.path, state.limits))
        guard isStillGranted else { throw Problem.unauthenticated }
        return bytes
    }

    /// The JSON object that the body is.
    /// - Parameter types: those that are taken, for who sent another.
    func body(_ what: String, types: String = "application/json") async throws -> Fields {
        guard mediaType == "application/json" else {
            throw Problem(
                .unsupportedMediaType, "unsupported_media_type", "\(what) comes as \(types)",
                advice: "send that Content-Type")
        }
        let bytes = try await bytes()
        return try Fields(JSONElement(parsing: bytes.readableBytesUInt8Span), of: what)
    }

    // MARK: Doing

    func writing<Answer: Sendable>(_ body: () async throws -> Answer) async throws -> Answer {
        try await state.writing(body)
    }

    func work<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await state.working(body)
    }

    /// Answers a long read, whose JSON is made beside the event loops as well.
    /// - Throws: what `response` does, beside what `body` and `work` do.
    func answer(
        headers: HTTPFields = [:], _ body: @escaping @Sendable () throws -> JSONValue
    ) async throws -> Response {
        // Within, so that what many make at a time is counted as soon as it is there.
        let answer = try await work { try HeldAnswer(ByteBuffer(string: try body().text), in: state) }
        return answer.response(headers)
    }

    /// A response of JSON that was read.
    /// - Throws: see `HeldAnswer`.
    func response(_ json: ByteBuffer, headers: HTTPFields = [:]) throws(VaultError) -> Response {
        try HeldAnswer(json, in: state).response(headers)
    }

    /// The identity as it is now, for the primaries of an answer.
    func current(_ id: UUID) throws -> Identity? { try organization.identity(answered: id) }
}

/// JSON that is to be answered. Where it is large it counts among the replies that clients have yet to take.
private struct HeldAnswer: Sendable {
    private let json: ByteBuffer
    private let part: HeldReplies.Part?

    /// - Throws: busy, where it is large and clients have to take others first. What is made at the same time may go beyond.
    init(_ json: ByteBuffer, in state: ServerState) throws(VaultError) {
        self.json = json
        let (held, isLarge) = (state.heldReplies, json.readableBytes > HeldReplies.smallBytesMax)
        guard !isLarge || !held.isFull else {
            throw .busy("\(state.limits.workOutputBytesMax) bytes of answers wait for clients to take them")
        }
        part = isLarge ? held.hold(json.readableBytes) : nil
    }

    func response(_ headers: HTTPFields) -> Response {
        guard let part else { return Response(jsonBytes: json, headers: headers) }
        let body = ResponseBody(contentLength: json.readableBytes) { [json] writer in
            defer { part.end() }
            try await writer.write(json)
            try await writer.finish(nil)
        }
        return Response(jsonBody: body, headers: headers)
    }
}

extension Response {
    init(_ json: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        self.init(jsonBytes: ByteBuffer(string: json.text), status: status, headers: headers)
    }

    init(jsonBytes: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) {
        self.init(jsonBody: ResponseBody(byteBuffer: jsonBytes), status: status, headers: headers)
    }

    fileprivate init(jsonBody: ResponseBody, status: HTTPResponse.Status = .ok, headers: HTTPFields) {
        var headers = headers
        headers[.contentType] = "application/json"
        self.init(status: status, headers: headers, body: jsonBody)
    }
}
