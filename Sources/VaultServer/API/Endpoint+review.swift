internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// Two identities that are one person, or are not.
extension Endpoint {
    static let reviewEndpoints: [Endpoint] = [
        Endpoint(
            method: .get, path: "/api/v1/conflicts", operation: "listConflicts", tag: .review,
            summary: "The review queue, in pages; a page may be short and still have a next.", role: .reader,
            parameters: [
                Parameter(
                    name: "state", place: .query, summary: "Which conflicts.",
                    schema: ["type": "string", "enum": ["open", "kept_apart", "merged"], "default": "open"]),
                .cursor, .limit(100, max: Limits.scanEntriesMax),
            ],
            successes: [Success(status: .ok, summary: "A page.", schema: "ConflictPage")]
        ) { call in
            let state = try state(call.query["state"])
            let cursor = try call.query["cursor"].map { text throws(VaultError) in try ConflictCursor(text) }
            let (organization, limit) = (try call.organization, try call.query.limit(100, max: Limits.scanEntriesMax))
            return try await call.answer {
                try organization.conflictPage(in: state, from: cursor, limit: limit).json
            }
        },
        Endpoint(
            method: .post, path: "/api/v1/conflicts/keep-apart", operation: "keepApart", tag: .review,
            summary: "Settles the open conflicts of two identities: they are two people.", role: .admin,
            parameters: [.idempotencyKey], bodies: [("application/json", "Pair")],
            successes: [Success(status: .ok, summary: "How many conflicts were settled.", schema: "Settlement")],
            problems: [.notFound, .gone]
        ) { call in
            var body = try await call.body("a pair")
            guard let first = try body.id("first"), let second = try body.id("second") else {
                throw Problem.invalid("a pair has a first and a second identity")
            }
            try body.end()
            let organization = try call.organization
            return try await call.once("\(first.text) \(second.text)") {
                let settled = try await call.writing { try await organization.keepApart(first, second) }
                return [
                    "first": .string(first.text), "second": .string(second.text), "settled": JSONValue(settled.count),
                ]
            }
        },
        Endpoint(
            method: .post, path: "/api/v1/contacts/{identity_id}/merge", operation: "merge", tag: .review,
            summary: """
                Merges this identity into another: what it has is the other's then, and its id leads there. With \
                `dry_run` the answer says what would happen.
                """,
            role: .admin, parameters: [.identity, .idempotencyKey], bodies: [("application/json", "MergeRequest")],
            successes: [Success(status: .ok, summary: "The merge, or its preview.", schema: "MergeAnswer")],
            problems: [.notFound, .conflict, .gone]
        ) { call in
            let from = try call.identity()
            var body = try await call.body("a merge")
            guard let into = try body.id("into") else {
                throw Problem.invalid("a merge goes into another identity", advice: #"send {"into": "…"}"#)
            }
            let isDryRun = try body.flag("dry_run") ?? false
            try body.end()
            let organization = try call.organization
            if isDryRun {
                return try await call.answer { try organization.previewMerge(from, into: into).json }
            }
            return try await call.once(into.text) {
                try await call.writing { try await organization.merge(from, into: into) }.json
            }
        },
        Endpoint(
            method: .get, path: "/api/v1/merges", operation: "listMerges", tag: .review,
            summary: "The merges that can be undone, newest first, in pages.", role: .reader,
            parameters: [.cursor, .limit(100, max: 1_000)],
            successes: [Success(status: .ok, summary: "A page.", schema: "MergePage")]
        ) { call in
            let (organization, limit) = (try call.organization, try call.query.limit(100, max: 1_000))
            let before = try call.query["cursor"].map { try id($0, "cursor") }
            return try await call.answer {
                let merges = try organization.merges(before: before, limit: limit)
                return .page(merges.map(\.json), next: merges.count < limit ? nil : merges.last?.id.text)
            }
        },
        Endpoint(
            method: .delete, path: "/api/v1/merges/{merge_id}", operation: "unmerge", tag: .review,
            summary: "Undoes a merge: both are as before, and what came since stays with the survivor.", role: .admin,
            parameters: [.mergeID, .idempotencyKey],
            successes: [Success(status: .ok, summary: "It is undone.", schema: "MergeAnswer")],
            problems: [.notFound, .conflict, .gone]
        ) { call in
            guard let merge = call.context.part("merge_id").flatMap(UUID.init(text:)) else {
                throw Problem.notFound("there is no such merge")
            }
            let organization = try call.organization
            return try await call.once {
                try await call.writing { try await organization.unmerge(merge) }.json
            }
        },
    ]

    private static func state(_ text: String?) throws(Problem) -> Conflict.State {
        guard let text else { return .open }
        guard let state = Conflict.State.allCases.first(where: { $0.description == text }) else {
            throw .invalid("there is no such state".naming(text), advice: "open, kept_apart or merged")
        }
        return state
    }

    private static func id(_ text: String, _ what: String) throws(Problem) -> UUID {
        guard let id = UUID(text: text) else { throw .invalid("that is no \(what)") }
        return id
    }
}
