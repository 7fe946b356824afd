internal import Foundation
internal import VaultDB

/// Finding people, and creating those who are new.
extension CommandTable {
    static let peopleCommands: [Command] = [
        Command(
            name: "resolve", arity: -4, flags: [.write, .fast], group: .people,
            summary: "Finds or creates a person's identity, and explains how.",
            usage: "org [EMAIL email] [PHONE phone] [EXTERNAL namespace:value ...] [NAME name] [SOURCE source] "
                + "[REGION region] [IDEMPOTENCY key] [DRYRUN]",
            role: .resolver, action: .resolve),
        Command(
            name: "find", arity: 4, flags: [.readOnly, .fast], group: .people,
            summary: "The id of the identity that owns an identifier. Never writes.",
            usage: "org EMAIL|PHONE|EXTERNAL identifier", role: .reader, action: .find),
        Command(
            name: "mfind", arity: -4, flags: [.readOnly, .fast], group: .people,
            summary: "The ids of the identities that own identifiers, in order. Never writes.",
            usage: "org [EMAIL email ...] [PHONE phone ...] [EXTERNAL external ...]", role: .reader,
            action: .findMany),
        .read("get", 3, "org id", .people, "An identity by its id; after a merge, the one it lives on in.") {
            organization, arguments in
            guard let found = try organization.identity(try arguments.id()) else { return .null }
            return found.json
        },
        .work(
            "scan", -3, "org cursor [KIND kind] [PREFIX prefix] [COUNT count]", .people, role: .reader,
            flags: .readOnly, "Walks over identities, emails or phones, a page at a time."
        ) { organization, arguments in try scan(organization, &arguments) },
    ]

    private static func scan(_ organization: Organization, _ arguments: inout Arguments) throws -> JSONValue {
        let cursor = try ScanCursor(try arguments.next())
        var (kind, prefix, limit) = (Organization.ScanKind.identity, "", arguments.countDefault)
        while !arguments.isEmpty {
            if let name = try arguments.option("KIND") {
                guard let known = Organization.ScanKind(rawValue: name.word) else {
                    throw ReplyError(.invalid, "the kinds are IDENTITY, EMAIL and PHONE")
                }
                kind = known
            } else if let given = try arguments.option("PREFIX") {
                guard given.utf8.count <= Limits.typedKeyBytesMax else {
                    throw ReplyError(.invalid, "the prefix is longer than \(Limits.typedKeyBytesMax) bytes; shorten it")
                }
                prefix = given
            } else if let count = try arguments.countOption() {
                limit = count
            } else {
                throw ReplyError.syntax
            }
        }
        let page = try organization.scan(kind, prefix: prefix, after: cursor.position, limit: limit)
        let entries = page.entries.map { entry -> JSONValue in
            let identity = JSONValue(entry.identity?.text)
            return entry.identifier.map { [.string($0), identity] } ?? identity
        }
        return [.string(ScanCursor(page.next).text), .array(entries)]
    }
}

/// Where a walk goes on: `0` at its beginning and end, decimal digits between, which say nothing to clients. Some make a
/// number of them: each byte has three, behind a 1 that keeps their zeros.
struct ScanCursor: Equatable {
    let position: [UInt8]?

    init(_ position: [UInt8]?) { self.position = position }

    init(_ text: String) throws(ReplyError) {
        if text.word == "0" {
            position = nil
            return
        }
        guard text.utf8.count <= 1 + 3 * Limits.typedKeyBytesMax,
            let bytes = Self.bytes(text) ?? [UInt8](hex: text), !bytes.isEmpty
        else { throw ReplyError(.general, "invalid cursor") }
        position = bytes
    }

    /// Nil where it is no such number. Nor are the hexadecimal digits that former versions wrote: an id has 32 of them, and
    /// those of no email or phone begin with 1, for that would be a control character.
    private static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { UInt8(String(UnicodeScalar($0))) }
        guard digits.count == text.utf8.count, digits.count % 3 == 1, digits.first == 1 else { return nil }
        let numbers = stride(from: 1, to: digits.count, by: 3).map { start in
            digits[start..<start + 3].reduce(0) { $0 * 10 + Int($1) }
        }
        return numbers.allSatisfy { $0 <= UInt8.max } ? numbers.map { UInt8($0) } : nil
    }

    var text: String {
        guard let position else { return "0" }
        return "1" + position.map { String(1_000 + Int($0)).dropFirst() }.joined(separator: "")
    }
}
