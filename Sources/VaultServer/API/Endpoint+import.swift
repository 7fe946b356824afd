internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import VaultDB

/// Many rows, streamed both ways in memory that does not grow with them.
extension Endpoint {
    static let importEndpoint = Endpoint(
        method: .post, path: "/api/v1/contacts/import", operation: "importRows", tag: .intake,
        summary: """
            Puts every row as a record: JSON Lines or CSV in, one line of JSON a row out, in their order and while rows \
            still come. A row that can't be used has a line that says why, and the others go on. Sending it again \
            changes nothing.
            """,
        role: .resolver,
        parameters: [
            .query("kind", "What the rows are: lead, patient, follower or another kind.", isRequired: true)
        ],
        bodies: [("application/x-ndjson", "ImportRows"), ("text/csv", "ImportRows")],
        successes: [
            Success(
                status: .ok, summary: "A line a row; a last line with `error` where the import ended early.",
                schema: "ImportLine", type: "application/x-ndjson")
        ]
    ) { call in
        guard let text = call.query["kind"] else {
            throw Problem.invalid("no kind of record is given", advice: "add ?kind=lead, patient or follower")
        }
        let kind = try APICall.kind(text)
        let format: ImportFormat
        switch call.mediaType {
        case "application/x-ndjson", "application/jsonl", "application/json-lines": format = .jsonLines
        case "text/csv": format = .csv
        default:
            throw Problem(
                .unsupportedMediaType, "unsupported_media_type", "an import is JSON Lines or CSV",
                advice: "send Content-Type: application/x-ndjson or text/csv")
        }
        let organization = try call.organization
        let body = ResponseBody { writer in
            var rows = ImportStream(format)
            do {
                for try await chunk in call.request.body {
                    try rows.feed(chunk)
                    // An empty one says that no more has come for a moment.
                    while let batch = rows.next(takesAll: chunk.readableBytes == 0) {
                        try await writer.write(try await put(batch, kind, organization, call))
                    }
                }
                try rows.finish()
                while let batch = rows.next(takesAll: true) {
                    try await writer.write(try await put(batch, kind, organization, call))
                }
            } catch {
                let problem = ImportStream.problem(error)
                call.state.metrics.note(problem)
                try await writer.write(problem.lastLine)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }

    /// Writes rows in one transaction.
    /// - Returns: a line for each.
    /// - Throws: 401 where the token was revoked since the import began.
    private static func put(
        _ rows: [ImportItem], _ kind: RecordKind, _ organization: Organization, _ call: APICall
    ) async throws -> ByteBuffer {
        guard call.isStillGranted else {
            throw Problem(
                .unauthorized, "unauthenticated", "the token was revoked",
                advice: "send the rows that have no answer again, with another one")
        }
        call.context.tell(.putting)
        defer { call.context.tell(.taking) }
        let written = try await call.writing { try await organization.importRows(rows, of: kind) }
        return ByteBuffer(string: written.map { $0.json.text + "\n" }.joined())
    }
}

/// The rows of an import that came and are not written yet.
private struct ImportStream {
    /// Rows that share a transaction. Few enough that answers come soon, enough that a flush is shared.
    private static let batchRows = 500
    /// Bytes after which fewer rows share one, as each may have a megabyte.
    private static let batchBytes = 1 << 20

    private var parser: ImportParser
    private var items: [ImportItem] = []
    private var bytesSinceBatch = 0

    init(_ format: ImportFormat) { parser = ImportParser(format: format) }

    mutating func feed(_ chunk: ByteBuffer) throws(ImportError) {
        bytesSinceBatch += chunk.readableBytes
        try parser.feed(chunk.readableBytesUInt8Span, into: &items)
    }

    mutating func finish() throws(ImportError) { try parser.finish(into: &items) }

    /// The next batch; nil where its rows have not come yet.
    /// - Parameter takesAll: whether it does not wait for more rows.
    mutating func next(takesAll: Bool) -> [ImportItem]? {
        let isWhole = takesAll || items.count >= Self.batchRows || bytesSinceBatch >= Self.batchBytes
        guard isWhole, !items.isEmpty else { return nil }
        bytesSinceBatch = 0
        let batch = Array(items.prefix(Self.batchRows))
        items.removeFirst(batch.count)
        return batch
    }

    static func problem(_ error: any Error) -> Problem {
        (error as? ImportError).map { Problem.invalid($0.message, advice: $0.adviceToSender) } ?? Problem(error)
    }
}

extension ImportError {
    /// The next step of who sends rows over HTTP, where it is not that of who has the command.
    fileprivate var adviceToSender: String {
        switch code {
        case .empty: "send at least one row"
        case .notText: "send CSV or JSON Lines in UTF-8; what gzip made of it goes with Content-Encoding: gzip"
        case .noIDColumn: "call the one that is so `id`"
        default: advice
        }
    }
}

extension ImportedRow {
    var json: JSONValue {
        switch self {
        case .put(let line, let answer):
            [
                "line": JSONValue(line), "id": .string(answer.id), "identity_id": .string(answer.identity.text),
                "change": .string(answer.change.rawValue), "outcome": JSONValue(answer.resolution?.outcome.name),
                "conflicts": .array(answer.resolution?.conflicts.map(\.json) ?? []),
                "warnings": JSONValue(answer.warnings.map(\.name)),
            ]
        case .rejected(let fault, let id):
            [
                "line": JSONValue(fault.line), "id": JSONValue(id), "error": .string(fault.code.rawValue),
                "message": .string(fault.message),
            ]
        }
    }
}
