internal import Crypto
internal import Foundation
internal import Storage

/// First answers by idempotency key. A second entry by time lets old ones go in order, a few with each new one.
extension WriteTransaction where Self: ~Copyable {
    /// The answer that was given to this key first, or a new one from `resolve`, kept for the next time.
    mutating func once(
        _ idempotencyKey: String, _ scope: inout WriteScope,
        _ resolve: (inout Self, inout WriteScope) throws(VaultError) -> Resolution
    ) throws(VaultError) -> Resolution {
        let name = IdempotencyKey(idempotencyKey)
        if let answer = try firstAnswer(to: name, in: scope.organization) { return answer }
        let answer = try resolve(&self, &scope)
        let key = name.answerKey(in: scope.organization)
        try put(key, answer.encoded(at: scope.now, under: key), in: Tables.idempotency)
        try put(name.ageKey(scope.now, in: scope.organization), [], in: Tables.idempotency)
        try forgetOldAnswers(scope)
        return answer
    }

    private mutating func forgetOldAnswers(_ scope: WriteScope) throws(VaultError) {
        let day: Int64 = 86_400_000_000
        let horizon = scope.now.microseconds - Int64(Limits.idempotencyDays) * day
        var expired: [(time: Timestamp, name: IdempotencyKey)] = []
        try visit(Tables.idempotency, prefix: IdempotencyKey.ages(in: scope.organization)) {
            (key, _) throws(VaultError) in
            let (time, name) = try IdempotencyKey.age(key)
            guard time.microseconds < horizon else { return .stop }
            expired.append((time, name))
            return expired.count < 4 ? .next : .stop
        }
        for (time, name) in expired {
            try remove(name.answerKey(in: scope.organization), from: Tables.idempotency)
            try remove(name.ageKey(time, in: scope.organization), from: Tables.idempotency)
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func firstAnswer(
        to name: IdempotencyKey, in organization: OrganizationNumber
    ) throws(VaultError) -> Resolution? {
        let key = name.answerKey(in: organization)
        guard let bytes = try value(key, in: Tables.idempotency) else { return nil }
        return try Resolution(sealed: bytes, under: key.bytes)
    }
}

/// An idempotency key as the vault keeps it: the first 16 bytes of its SHA-256, whatever a caller put into it.
struct IdempotencyKey: Equatable {
    private static let answer: UInt8 = 0
    private static let age: UInt8 = 1
    private let digest: UUID

    init(_ text: String) {
        var hash = SHA256()
        for byte in text.utf8 { withUnsafeBytes(of: byte) { hash.update(bufferPointer: $0) } }
        let bytes = Array(hash.finalize())
        digest = bytes.span.bytes.id(at: 0)
    }

    private init(digest: UUID) { self.digest = digest }

    func answerKey(in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(Self.answer)
        key.append(digest)
        return key
    }

    func ageKey(_ time: Timestamp, in organization: OrganizationNumber) -> Key {
        var key = Self.ages(in: organization)
        key.append(time)
        key.append(digest)
        return key
    }

    static func ages(in organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(age)
        return key
    }

    static func age(_ key: RawSpan) throws(VaultError) -> (Timestamp, IdempotencyKey) {
        guard key.byteCount == 4 + 1 + 8 + 16 else { throw .corrupted("an idempotency key is cut short") }
        let time = Int64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 5, as: Int64.self))
        return (try Timestamp(stored: time), IdempotencyKey(digest: key.id(at: 13)))
    }
}

extension Resolution {
    private static let version: UInt8 = 1

    func encoded(at time: Timestamp, under key: borrowing Key) -> [UInt8] {
        var writer = ByteWriter(format: Self.version)
        writer.time(time)
        writer.id(identity.id)
        writer.long(sequence)
        writer.optional(matched) { $0.identifier($1) }
        writer.list(enriched) { $0.identifier($1) }
        writer.list(conflicts) {
            $0.identifier($1.identifier)
            $0.id($1.owner)
        }
        writer.list(warnings) { $0.byte($1.code) }
        return writer.sealed(under: key)
    }

    init(sealed bytes: RawSpan, under key: RawSpan) throws(VaultError) {
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        _ = try reader.time()
        identity = .init(id: try reader.id())
        sequence = try reader.long()
        matched = try reader.byte() == 0 ? nil : try reader.identifier()
        outcome = matched.map { .matched(by: $0.kind) } ?? .created
        enriched = []
        conflicts = []
        warnings = []
        for _ in 0..<(try reader.count()) { enriched.append(try reader.identifier()) }
        for _ in 0..<(try reader.count()) {
            conflicts.append(Conflict(identifier: try reader.identifier(), owner: try reader.id()))
        }
        for _ in 0..<(try reader.count()) { warnings.append(try Warning(code: try reader.byte())) }
    }
}

extension Resolution.Warning {
    /// The kind, and above it what is the matter.
    fileprivate var code: UInt8 {
        switch self {
        case .invalid(let kind): 0x00 | kind.rawValue
        case .shared(let kind): 0x10 | kind.rawValue
        case .blocked(let kind): 0x20 | kind.rawValue
        case .tooManyIdentifiers: 0x30
        }
    }

    fileprivate init(code: UInt8) throws(VaultError) {
        guard let kind = IdentifierKind(rawValue: code & 0x0F) else {
            throw .corrupted("an answer holds an unknown warning")
        }
        switch code & 0xF0 {
        case 0x00: self = .invalid(kind)
        case 0x10: self = .shared(kind)
        case 0x20: self = .blocked(kind)
        case 0x30: self = .tooManyIdentifiers
        default: throw .corrupted("an answer holds an unknown warning")
        }
    }
}

extension ByteWriter {
    fileprivate mutating func identifier(_ identifier: Identifier) {
        byte(identifier.kind.rawValue)
        text(identifier.text)
    }

    fileprivate mutating func optional<Value>(_ value: Value?, _ write: (inout ByteWriter, Value) -> Void) {
        byte(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }

    fileprivate mutating func list<Value>(_ values: [Value], _ write: (inout ByteWriter, Value) -> Void) {
        varint(UInt64(values.count))
        for value in values { write(&self, value) }
    }
}

extension ByteReader {
    @_lifetime(self: copy self)
    fileprivate mutating func identifier() throws(VaultError) -> Identifier {
        guard let kind = IdentifierKind(rawValue: try byte()) else {
            throw .corrupted("an identifier is of an unknown kind")
        }
        return try Identifier(stored: try text(), kind: kind)
    }
}
