internal import Crypto
internal import Foundation
internal import Storage

// First answers by idempotency key. A second entry by time lets old ones go in order, a few with each new one; further
// ones by the identities that an answer names let an erasure find it.

/// An answer that a repeated idempotency key gives again.
protocol RepeatableAnswer: Sendable {
    var stored: StoredAnswer { get }
    /// Nil where the stored one is of another kind of call.
    init?(_ stored: StoredAnswer)
}

/// An answer as it is kept.
struct StoredAnswer: Equatable {
    struct Put: Equatable {
        /// Which call put it.
        enum Call: UInt8, CaseIterable { case put = 1, booking, lead, form }

        var call = Call.put
        let record: RecordKey
        let change: PutAnswer.Change
        let converted: [String]
    }

    var identity: UUID
    var resolution: Resolution?
    /// Where the call put a record.
    var put: Put?

    /// Every identity it names.
    var identities: [UUID] { ([identity] + (resolution?.conflicts.map(\.owner) ?? [])).distinct() }

    /// Tells some identifiers no more. That a match was by one of its kind stays told.
    mutating func withhold(_ isWithheld: (Identifier) -> Bool) {
        guard var resolution else { return }
        if let matched = resolution.matched, isWithheld(matched) { resolution.matched = nil }
        resolution.enriched.removeAll(where: isWithheld)
        resolution.conflicts.removeAll { isWithheld($0.identifier) }
        self.resolution = resolution
    }

    /// Names another identity as the one that was found.
    mutating func give(to identity: UUID) {
        self.identity = identity
        resolution?.identity = .init(id: identity)
    }
}

extension Resolution: RepeatableAnswer {
    var stored: StoredAnswer { StoredAnswer(identity: identity.id, resolution: self) }

    init?(_ stored: StoredAnswer) {
        guard stored.put == nil, let resolution = stored.resolution else { return nil }
        self = resolution
    }
}

extension PutAnswer: RepeatableAnswer {
    var stored: StoredAnswer {
        StoredAnswer(
            identity: identity, resolution: resolution ?? Resolution(onlyWarning: warnings, identity),
            put: .init(record: RecordKey(kind: kind, id: id), change: change, converted: converted))
    }

    init?(_ stored: StoredAnswer) {
        guard let put = stored.put else { return nil }
        self.init(stored, put)
    }

    init(_ stored: StoredAnswer, _ put: StoredAnswer.Put) {
        self.init(
            change: put.change, kind: put.record.kind, id: put.record.id, identity: stored.identity,
            resolution: stored.resolution.flatMap { $0.onlyWarns ? nil : $0 }, converted: put.converted,
            warnings: stored.resolution?.warnings ?? [])
    }
}

extension Resolution {
    /// Keeps the warnings of a put that had nothing to resolve; nil where there are none.
    fileprivate init?(onlyWarning warnings: [Warning], _ identity: UUID) {
        if warnings.isEmpty { return nil }
        self.init(
            identity: .init(id: identity), outcome: .linked, matched: nil, enriched: [], conflicts: [],
            warnings: warnings, sequence: 0)
    }

    /// No put that resolved is without an event.
    fileprivate var onlyWarns: Bool { sequence == 0 }
}

extension WriteTransaction where Self: ~Copyable {
    /// The answer that was given to this key first, or a new one from `operation`, kept for the next time. Without a
    /// key the operation simply runs.
    /// - Parameter call: the one that puts a record; nil for a resolve.
    mutating func once<Answer: RepeatableAnswer>(
        _ idempotencyKey: String?, of call: StoredAnswer.Put.Call?, _ scope: inout WriteScope,
        _ operation: (inout Self, inout WriteScope) throws(VaultError) -> Answer
    ) throws(VaultError) -> Answer {
        guard let idempotencyKey else { return try operation(&self, &scope) }
        let name = IdempotencyKey(idempotencyKey)
        if let answer: Answer = try firstAnswer(to: name, of: call, in: scope.organization) { return answer }
        let answer = try operation(&self, &scope)
        var stored = answer.stored
        if let call { stored.put?.call = call }
        let key = name.answerKey(in: scope.organization)
        try put(key, stored.encoded(at: scope.now, under: key), in: Tables.idempotency)
        let age = IdempotencyKey.ageValue(scope.ledger.sequence)
        try put(name.ageKey(scope.now, in: scope.organization), age, in: Tables.idempotency)
        for identity in stored.identities {
            try put(name.identityKey(identity, in: scope.organization), bytes: RawSpan(), in: Tables.idempotency)
        }
        try forgetOldAnswers(scope)
        return answer
    }

    /// Forgets a few answers that are a week older than one that was given after them and is a week old itself. A clock
    /// that is wrong for a while and set right, however far and whichever way, can make one of the two weeks pass in no
    /// time, and not both.
    private mutating func forgetOldAnswers(_ scope: WriteScope) throws(VaultError) {
        guard let weekAgo = scope.now.weekBefore,
            let later = try newestAnswer(before: weekAgo, in: scope.organization),
            let horizon = later.time.weekBefore
        else { return }
        var expired: [IdempotencyKey] = []
        try visit(Tables.idempotency, prefix: IdempotencyKey.ages(in: scope.organization)) {
            (key, value) throws(VaultError) in
            let (time, name) = try IdempotencyKey.age(key)
            let sequence = try IdempotencyKey.sequence(ofAge: value)
            guard time < horizon, sequence <= later.sequence else { return .stop }
            expired.append(name)
            return expired.count < 4 ? .next : .stop
        }
        for name in expired { try forget(name, scope) }
    }

    /// By its time: when it was given, and the organization's last event then.
    private borrowing func newestAnswer(
        before time: Timestamp, in organization: OrganizationNumber
    ) throws(VaultError) -> (time: Timestamp, sequence: UInt64)? {
        var newest: (time: Timestamp, sequence: UInt64)?
        var start = IdempotencyKey.ages(in: organization)
        start.append(time)
        try visit(
            Tables.idempotency, prefix: IdempotencyKey.ages(in: organization), from: start, order: .descending
        ) { (key, value) throws(VaultError) in
            newest = (try IdempotencyKey.age(key).0, try IdempotencyKey.sequence(ofAge: value))
            return .stop
        }
        return newest
    }

    /// Forgets the answers that name an identity: they hold its identifiers.
    mutating func forgetAnswers(naming identity: UUID, _ scope: WriteScope) throws(VaultError) {
        for name in try answers(naming: identity, in: scope.organization) { try forget(name, scope) }
    }

    /// Changes the answers that name an identity, above all so that an erasure of whoever holds an identifier finds all
    /// that tell of it. They stay where they are: a key that was answered must not make anything anew.
    /// - Parameter change: is told the organization's last event when the answer was given, too.
    mutating func changeAnswers(
        naming identity: UUID, _ scope: WriteScope, _ change: (inout StoredAnswer, _ sequence: UInt64) -> Void
    ) throws(VaultError) {
        for name in try answers(naming: identity, in: scope.organization) {
            guard let (time, before) = try storedAnswer(to: name, in: scope.organization),
                let sequence = try sequence(of: name, answeredAt: time, in: scope.organization)
            else { continue }
            var answer = before
            change(&answer, sequence)
            guard answer != before else { continue }
            let key = name.answerKey(in: scope.organization)
            try put(key, answer.encoded(at: time, under: key), in: Tables.idempotency)
            for gone in before.identities where !answer.identities.contains(gone) {
                try remove(name.identityKey(gone, in: scope.organization), from: Tables.idempotency)
            }
            for named in answer.identities where !before.identities.contains(named) {
                try put(name.identityKey(named, in: scope.organization), bytes: RawSpan(), in: Tables.idempotency)
            }
        }
    }

    /// Takes an answer away, with all entries that lead to it.
    private mutating func forget(_ name: IdempotencyKey, _ scope: WriteScope) throws(VaultError) {
        guard let stored = try storedAnswer(to: name, in: scope.organization) else { return }
        try remove(name.answerKey(in: scope.organization), from: Tables.idempotency)
        try remove(name.ageKey(stored.time, in: scope.organization), from: Tables.idempotency)
        for identity in stored.answer.identities {
            try remove(name.identityKey(identity, in: scope.organization), from: Tables.idempotency)
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// The names of the answers that name an identity.
    fileprivate borrowing func answers(
        naming identity: UUID, in organization: OrganizationNumber
    ) throws(VaultError) -> [IdempotencyKey] {
        var names: [IdempotencyKey] = []
        try visit(Tables.idempotency, prefix: IdempotencyKey.answers(naming: identity, in: organization)) {
            (key, _) throws(VaultError) in
            names.append(try IdempotencyKey.naming(key).name)
            return .next
        }
        return names
    }

    /// The organization's last event when an answer was given.
    fileprivate borrowing func sequence(
        of name: IdempotencyKey, answeredAt time: Timestamp, in organization: OrganizationNumber
    ) throws(VaultError) -> UInt64? {
        guard let age = try value(name.ageKey(time, in: organization), in: Tables.idempotency) else { return nil }
        return try IdempotencyKey.sequence(ofAge: age)
    }

    /// - Throws: `refused` where the key was used for another kind of call.
    borrowing func firstAnswer<Answer: RepeatableAnswer>(
        to name: IdempotencyKey, of call: StoredAnswer.Put.Call?, in organization: OrganizationNumber
    ) throws(VaultError) -> Answer? {
        guard let stored = try storedAnswer(to: name, in: organization) else { return nil }
        guard stored.answer.put?.call == call, let answer = Answer(stored.answer) else {
            throw VaultError(
                .refused, "the idempotency key was used for another kind of call", advice: "use a new key for each call"
            )
        }
        return answer
    }

    borrowing func storedAnswer(
        to name: IdempotencyKey, in organization: OrganizationNumber
    ) throws(VaultError) -> (time: Timestamp, answer: StoredAnswer)? {
        let key = name.answerKey(in: organization)
        guard let bytes = try value(key, in: Tables.idempotency) else { return nil }
        return try StoredAnswer.decoded(bytes, under: key.bytes)
    }
}

/// An idempotency key as the vault keeps it: the first 16 bytes of its SHA-256, whatever a caller put into it.
struct IdempotencyKey: Equatable {
    private static let answer: UInt8 = 0
    private static let age: UInt8 = 1
    private static let identity: UInt8 = 2
    private let digest: UUID

    init(_ text: String) {
        var hash = SHA256()
        hash.update(data: Array(text.utf8))
        let bytes = Array(hash.finalize())
        digest = bytes.span.bytes.id(at: 0)
    }

    private init(digest: UUID) { self.digest = digest }

    static func validate(_ text: String?) throws(VaultError) {
        guard let text, !(1...Limits.idempotencyKeyBytesMax).contains(text.utf8.count) else { return }
        throw .invalid(
            "an idempotency key has 1 to \(Limits.idempotencyKeyBytesMax) bytes", advice: "give a UUID, for example")
    }

    // MARK: Keys

    func answerKey(in organization: OrganizationNumber) -> Key {
        var key = Self.prefix(Self.answer, organization)
        key.append(digest)
        return key
    }

    func ageKey(_ time: Timestamp, in organization: OrganizationNumber) -> Key {
        var key = Self.ages(in: organization)
        key.append(time)
        key.append(digest)
        return key
    }

    func identityKey(_ identity: UUID, in organization: OrganizationNumber) -> Key {
        var key = Self.answers(naming: identity, in: organization)
        key.append(digest)
        return key
    }

    static func answers(in organization: OrganizationNumber) -> Key { prefix(answer, organization) }
    static func ages(in organization: OrganizationNumber) -> Key { prefix(age, organization) }

    static func answers(naming identity: UUID, in organization: OrganizationNumber) -> Key {
        var key = prefix(Self.identity, organization)
        key.append(identity)
        return key
    }

    private static func prefix(_ part: UInt8, _ organization: OrganizationNumber) -> Key {
        var key = Key(organization)
        key.append(part)
        return key
    }

    // MARK: Reading keys

    /// What an entry of the table is.
    enum Entry: Equatable {
        case answer(IdempotencyKey)
        case age(Timestamp, IdempotencyKey)
        case naming(UUID, IdempotencyKey)
    }

    static func entry(_ key: RawSpan) throws(VaultError) -> Entry {
        switch (key.byteCount > 4 ? key.unsafeLoad(fromByteOffset: 4, as: UInt8.self) : .max, key.byteCount) {
        case (answer, 21): return .answer(IdempotencyKey(digest: key.id(at: 5)))
        case (age, _):
            let (time, name) = try age(key)
            return .age(time, name)
        case (identity, _):
            let (identity, name) = try naming(key)
            return .naming(identity, name)
        default: throw .corrupted("an idempotency key is cut short")
        }
    }

    static func age(_ key: RawSpan) throws(VaultError) -> (Timestamp, IdempotencyKey) {
        guard key.byteCount == 4 + 1 + 8 + 16 else { throw .corrupted("an idempotency key is cut short") }
        let time = Int64(bigEndian: key.unsafeLoadUnaligned(fromByteOffset: 5, as: Int64.self))
        return (try Timestamp(stored: time), IdempotencyKey(digest: key.id(at: 13)))
    }

    static func naming(_ key: RawSpan) throws(VaultError) -> (identity: UUID, name: IdempotencyKey) {
        guard key.byteCount == 4 + 1 + 16 + 16 else { throw .corrupted("an idempotency key is cut short") }
        return (key.id(at: 5), IdempotencyKey(digest: key.id(at: 21)))
    }

    // MARK: Values by time

    /// The value of an entry by time: the organization's last event when the answer was given.
    static func ageValue(_ sequence: UInt64) -> ByteWriter {
        var writer = ByteWriter(capacity: 8)
        writer.long(sequence)
        return writer
    }

    /// What it says; 0 where the entry is from before there were such values.
    static func sequence(ofAge value: RawSpan) throws(VaultError) -> UInt64 {
        if value.byteCount == 0 { return 0 }
        guard value.byteCount == 8 else { throw .corrupted("an answer's age has \(value.byteCount) bytes") }
        return UInt64(bigEndian: value.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self))
    }
}

extension Timestamp {
    /// The time before which answers may be forgotten; nil where that is before 1970.
    fileprivate var weekBefore: Timestamp? {
        let day: Int64 = 86_400_000_000
        return Timestamp(microseconds: microseconds - Int64(Limits.idempotencyDays) * day)
    }
}
