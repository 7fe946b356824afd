internal import Foundation
internal import VaultDB

/// The review queue and the trail.
extension CommandTable {
    static let reviewCommands: [Command] = [
        .work(
            "conflicts", -2, "org [STATE state] [COUNT count] [FROM cursor]", .review, role: .reader,
            flags: .readOnly, "A page of the pairs of identities that may be one person, for somebody to look at."
        ) { organization, arguments in
            var (state, limit, cursor): (Conflict.State, Int, ConflictCursor?) = (.open, arguments.countDefault, nil)
            while !arguments.isEmpty {
                if let name = try arguments.option("STATE") {
                    let known = Conflict.State.allCases.first { name.isWord($0.description) }
                    guard let known else {
                        throw ReplyError(.invalid, "the states are open, kept_apart and merged")
                    }
                    state = known
                } else if let count = try arguments.countOption() {
                    limit = min(count, Limits.scanEntriesMax)
                } else if let text = try arguments.option("FROM") {
                    cursor = try ConflictCursor(text)
                } else {
                    throw ReplyError.syntax
                }
            }
            return try organization.conflictPage(in: state, from: cursor, limit: limit).json
        },
        .work(
            "audit", -2, "org [VERIFY] [id] [FROM sequence] [BEFORE sequence] [COUNT count]", .trail, role: .reader,
            flags: .readOnly,
            "The trail from a sequence number on; or an identity's events, newest first, from one of them or before it."
        ) { organization, arguments in
            var (from, before, limit, id): (UInt64?, UInt64?, Int, UUID?) = (nil, nil, arguments.countDefault, nil)
            while !arguments.isEmpty {
                if let text = try arguments.option("FROM") {
                    from = UInt64(try Arguments.number(text, 0...Int.max))
                } else if let text = try arguments.option("BEFORE") {
                    before = UInt64(try Arguments.number(text, 0...Int.max))
                } else if let count = try arguments.countOption() {
                    limit = count
                } else if id == nil {
                    id = try arguments.id()
                } else {
                    throw ReplyError.syntax
                }
            }
            guard let id else {
                guard before == nil else { throw ReplyError.syntax }
                return .array(try organization.events(from: from ?? 1, limit: limit).map(\.json))
            }
            if let before {
                guard from == nil else { throw ReplyError.syntax }
                from = try organization.historyPage(of: id, from: before, limit: 1).next
                if from == nil { return .array([]) }
            }
            return .array(try organization.historyPage(of: id, from: from, limit: limit).events.map(\.json))
        }.or(
            .walk("verify", 3, "org", .trail, "Walks the whole chain of the trail.") { organization, _, goOn in
                try organization.verifyAudit { (_) throws(VaultError) in try goOn() }.json
            }),
        Command(
            name: "changes", arity: -4, flags: [.readOnly, .blocking], group: .trail,
            summary: "Events from a sequence number on; waits for one where there is none yet.",
            usage: "org FROM sequence [BLOCK milliseconds] [COUNT count]", role: .reader, action: .changes),
    ]
}

/// What `CHANGES` was asked for.
struct ChangesRequest: Equatable, Sendable {
    var from: UInt64 = 1
    var limit: Int
    /// How long to wait where there is nothing; 0 for ever, nil not at all.
    var blockMilliseconds: Int?

    init(_ arguments: inout Arguments) throws(ReplyError) {
        limit = arguments.countDefault
        var isFromGiven = false
        while !arguments.isEmpty {
            if let text = try arguments.option("FROM") {
                from = UInt64(try Arguments.number(text, 0...Int.max))
                isFromGiven = true
            } else if let text = try arguments.option("BLOCK") {
                blockMilliseconds = try Arguments.number(text, 0...Int(Int32.max))
            } else if let count = try arguments.countOption() {
                limit = count
            } else {
                throw .syntax
            }
        }
        guard isFromGiven else { throw .syntax }
    }
}
