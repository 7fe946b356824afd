internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// An endpoint of the HTTP API: what its document says of it, who may use it, and what it does.
struct Endpoint: Sendable {
    enum Tag: String, Sendable, CaseIterable { case contacts, records, intake, review, rights, whatsapp, server }

    /// What a request may carry beside its body.
    struct Parameter: Sendable {
        enum Place: String, Sendable { case path, query, header }

        let name: String
        let place: Place
        let summary: String
        var schema: JSONValue = ["type": "string"]
        /// Whether a request without it is refused.
        var isRequired = false
    }

    /// An answer as it is hoped for.
    struct Success: Sendable {
        let status: HTTPResponse.Status
        let summary: String
        /// A component's name; nil for no body.
        var schema: String?
        var type = "application/json"
    }

    typealias Handler = @Sendable (APICall) async throws -> Response

    let method: HTTPRequest.Method
    /// With its variable parts in braces.
    let path: String
    /// A name in camel case, for generated clients.
    let operation: String
    let tag: Tag
    let summary: String
    /// Nil for what anybody may ask.
    let role: AccessRole?
    var parameters: [Parameter] = []
    /// Types of its body, and the component of each; empty for none.
    var bodies: [(type: String, schema: String)] = []
    let successes: [Success]
    /// Further statuses of problems, beside those that every endpoint may answer.
    var problems: [HTTPResponse.Status] = []
    /// Whether other parameters than these are let pass: who calls decides of them.
    var takesFurtherParameters = false
    /// Whether it is about an organization's people, and not about the server.
    var needsOrganization = true
    let handle: Handler

    /// Whether an `Idempotency-Key` counts.
    var isIdempotent: Bool { parameters.contains { $0.name == Parameter.idempotencyKey.name } }
}

extension Endpoint.Parameter {
    static let identity = Self(
        name: "identity_id", place: .path, summary: "The identity's id.",
        schema: ["type": "string", "description": "A UUID; all else is unknown."])
    static let kind = Self(
        name: "kind", place: .path, summary: "The record's kind, a lower-case word.",
        schema: ["type": "string", "examples": ["lead", "patient", "follower"]])
    static let recordID = Self(name: "id", place: .path, summary: "The record's id, as its domain gave it.")
    static let mergeID = Self(name: "merge_id", place: .path, summary: "The merge's id.")
    static let cursor = Self(
        name: "cursor", place: .query, summary: "Where to go on: what `next` of the page before said.")
    static let idempotencyKey = Self(
        name: "Idempotency-Key", place: .header,
        summary: "A request that repeats a key gets the first answer again and does nothing.",
        schema: ["type": "string", "minLength": 1, "maxLength": 255])
    static let ifMatch = Self(
        name: "If-Match", place: .header, summary: "The ETag of what is asked for: 412 where it is not current.")
    static let ifNoneMatch = Self(
        name: "If-None-Match", place: .header, summary: "The ETag of what the client has: 304 where it is current.")

    static func limit(_ standard: Int, max: Int) -> Self {
        Self(
            name: "limit", place: .query, summary: "The most entries of a page.",
            schema: ["type": "integer", "minimum": 1, "maximum": JSONValue(max), "default": JSONValue(standard)])
    }

    static func query(_ name: String, _ summary: String, isRequired: Bool = false) -> Self {
        Self(name: name, place: .query, summary: summary, isRequired: isRequired)
    }
}
