internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import VaultDB

/// What a person may ask for: everything that is held, and that it be forgotten. And the trail.
extension Endpoint {
    static let rightsEndpoints: [Endpoint] = [
        Endpoint(
            method: .delete, path: "/api/v1/contacts/{identity_id}", operation: "erase", tag: .rights,
            summary: """
                Erases a person: identifiers are free again, records are anonymous, the id answers 410 from then on. \
                Bytes stay in the file until it is compacted (`vaultdb compact`).
                """,
            role: .admin, parameters: [.identity, .idempotencyKey],
            successes: [Success(status: .ok, summary: "What was erased.", schema: "ErasureAnswer")],
            problems: [.notFound, .gone]
        ) { call in
            let (id, organization) = (try call.identity(), try call.organization)
            return try await call.once {
                try await call.writing { try await organization.erase(id) }.json
            }
        },
        Endpoint(
            method: .get, path: "/api/v1/contacts/{identity_id}/export", operation: "export", tag: .rights,
            summary: "Everything that is held about a person, as one document.", role: .admin,
            parameters: [.identity],
            successes: [Success(status: .ok, summary: "The document; docs/EXPORT.md.", schema: "Export")],
            problems: [.notFound, .gone]
        ) { call in
            let (id, organization) = (try call.identity(), try call.organization)
            return try await call.answer(
                headers: [.contentDisposition: #"attachment; filename="\#(id.text).json""#]
            ) { try organization.export(id) }
        },
        Endpoint(
            method: .get, path: "/api/v1/contacts/{identity_id}/audit", operation: "audit", tag: .rights,
            summary: "What happened with an identity, the newest first, in pages. An erased one has a story too.",
            role: .reader,
            parameters: [.identity, .cursor, .limit(100, max: 10_000)],
            successes: [Success(status: .ok, summary: "A page.", schema: "EventPage")], problems: [.notFound]
        ) { call in
            let (id, organization) = (try call.identity(), try call.organization)
            let limit = try call.query.limit(100, max: 10_000)
            let cursor = try call.query["cursor"].map { text throws(Problem) in try sequence(text) }
            return try await call.answer {
                let page = try organization.historyPage(of: id, from: cursor, limit: limit)
                guard !page.events.isEmpty else { throw VaultError.unknownIdentity(id) }
                return .page(page.events.map(\.json), next: page.next?.description)
            }
        },
    ]

    private static func sequence(_ cursor: String) throws(Problem) -> UInt64 {
        guard let sequence = UInt64(cursor) else {
            throw .invalid("that is no cursor", advice: "give the one that the page before ended with")
        }
        return sequence
    }
}
