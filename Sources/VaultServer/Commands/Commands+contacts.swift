internal import Foundation
internal import VaultDB

/// Whole persons: who they are, what happened, and what they may ask for.
extension CommandTable {
    static let contactCommands: [Command] = [
        .work(
            "search", -3, "org text [COUNT count]", .people, role: .reader, flags: .readOnly,
            "People by the beginnings of words of their names, accents and case aside; best first."
        ) { organization, arguments in
            let text = try arguments.next()
            let limit = try arguments.countOption() ?? min(20, arguments.countDefault)
            try arguments.end()
            return try organization.search(text, limit: min(limit, Limits.searchLimitMax)).json
        },
        .work(
            "contact", -3, "org id [COUNT count] [FROM cursor]", .people, role: .reader, flags: .readOnly,
            "A whole person: the identity, totals, and a page of the timeline."
        ) { organization, arguments in
            let (id, page, _) = try timeline(&arguments, reverses: false)
            return try organization.contact(id, from: page.cursor, limit: page.limit).json
        },
        .work(
            "timeline", -3, "org id [COUNT count] [FROM cursor] [REV]", .people, role: .reader, flags: .readOnly,
            "A page of what happened with a person, in order of time; with REV the newest first."
        ) { organization, arguments in
            let (id, page, order) = try timeline(&arguments, reverses: true)
            return try organization.records(of: id, from: page.cursor, order: order, limit: page.limit).json
        },
        .work(
            "holdings", -3, "org [EMAIL|PHONE|EXTERNAL] identifier [AT time] [COUNT count]", .people, role: .reader,
            flags: .readOnly,
            "Who held an identifier and when, or what an identity holds and held; with AT at one moment."
        ) { organization, arguments in try holdings(organization, &arguments) },
        .work(
            "export", 3, "org id", .people, role: .admin, flags: .readOnly,
            "Everything that is held about a person."
        ) { organization, arguments in
            let id = try arguments.id()
            return try organization.export(id)
        },
        .work(
            "erase", 3, "org id", .people, role: .admin,
            "Erases a person: identifiers are free again, records are anonymous, the id is known as erased."
        ) { organization, arguments in
            let id = try arguments.id()
            return try organization.eraseBlocking(id).json
        },
        .work(
            "erasures", -2, "org [COUNT count] [AFTER id] [REPLAY id [AT time] [absorbed ...]] [FORGET]", .people,
            role: .admin,
            "The register of erasures; does one again after a restore; or forgets the hashes of what was erased."
        ) { organization, arguments in
            let (limit, after) = try arguments.countAndID("AFTER")
            return .array(try organization.erasures(after: after, limit: limit).map(\.json))
        }.or(
            .work("replay", -4, "org id [AT time] [absorbed ...]", .people, role: .admin, "Does an erasure again.") {
                organization, arguments in
                let id = try arguments.id()
                let time =
                    try arguments.option("AT").map { text throws(ReplyError) in try Arguments.time(text, "AT") }
                    ?? .now()
                var absorbed: [UUID] = []
                while !arguments.isEmpty { absorbed.append(try arguments.id()) }
                let outcome = try organization.replayBlocking(Erasure(identity: id, absorbed: absorbed, time: time))
                return ["outcome": .string(outcome.rawValue)]
            },
            .work("forget", 3, "org", .people, role: .admin, "Forgets the hashes of what was erased.") {
                organization, _ in
                ["forgotten": JSONValue(try organization.forgetErasuresBlocking())]
            }),
    ]

    private static func timeline(
        _ arguments: inout Arguments, reverses: Bool
    ) throws -> (id: UUID, page: PageOptions, order: TimelineOrder) {
        let id = try arguments.id()
        var (page, order) = (PageOptions(arguments), TimelineOrder.oldestFirst)
        while !arguments.isEmpty {
            if try page.take(&arguments) { continue }
            guard reverses, try arguments.flag("REV") else { throw ReplyError.syntax }
            order = .newestFirst
        }
        return (id, page, order)
    }

    private static func holdings(_ organization: Organization, _ arguments: inout Arguments) throws -> JSONValue {
        let kind = IdentifierKind.allCases.first { arguments.skip($0.description.uppercased()) }
        let whose = try arguments.next()
        var (time, limit): (Timestamp?, Int) = (nil, arguments.limits.answerEntriesMax)
        while !arguments.isEmpty {
            if let text = try arguments.option("AT") {
                time = try Arguments.time(text, "AT")
            } else if let count = try arguments.countOption() {
                limit = count
            } else {
                throw ReplyError.syntax
            }
        }
        guard let kind else {
            let id = try Arguments.id(whose, "identity")
            return .array(try organization.holdings(by: id, at: time).prefix(limit).map(\.json))
        }
        let all = try organization.holdings(of: try organization.identifier(whose, kind: kind))
        return .array(all.filter { holding in time.map(holding.covers) ?? true }.prefix(limit).map(\.json))
    }
}
