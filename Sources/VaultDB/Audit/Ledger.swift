internal import Storage

/// What an organization's entries add up to, and the head of its audit chain. Kept in the same transactions as what
/// it counts; `check` counts again and compares.
public struct Ledger: Equatable, Sendable {
    static let version: UInt8 = 1

    /// The sequence number of the last event.
    public internal(set) var sequence: UInt64 = 0
    /// SHA-256 of the last event; zeros before the first.
    public internal(set) var head: [UInt8] {
        get { last.array }
        set { last = EventHash(newValue) }
    }
    var last = EventHash()
    /// Living identities: neither merged nor erased.
    public internal(set) var identities: UInt64 = 0
    public internal(set) var emails: UInt64 = 0
    public internal(set) var phones: UInt64 = 0
    public internal(set) var externals: UInt64 = 0
    public internal(set) var records: UInt64 = 0
    public internal(set) var openConflicts: UInt64 = 0

    /// Entries in the index of a kind, in whatever state.
    subscript(kind: IdentifierKind) -> UInt64 {
        get {
            switch kind {
            case .email: emails
            case .phone: phones
            case .external: externals
            }
        }
        set {
            switch kind {
            case .email: emails = newValue
            case .phone: phones = newValue
            case .external: externals = newValue
            }
        }
    }

    /// Counts one less.
    /// - Throws: `corrupted` where none is counted.
    mutating func take(_ counter: WritableKeyPath<Ledger, UInt64>) throws(VaultError) {
        guard self[keyPath: counter] > 0 else {
            throw VaultError(
                .corrupted, "a counter of the organization is lower than what it counts",
                advice: "run `vaultdb check`, and restore a backup")
        }
        self[keyPath: counter] -= 1
    }
}

extension Ledger {
    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version)
        writer.long(sequence)
        writer.hash(last)
        writer.long(identities)
        writer.long(emails)
        writer.long(phones)
        writer.long(externals)
        writer.long(records)
        writer.long(openConflicts)
        return writer.sealed(under: key)
    }

    init(sealed bytes: RawSpan, under key: RawSpan) throws(VaultError) {
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        sequence = try reader.long()
        last = try reader.hash()
        identities = try reader.long()
        emails = try reader.long()
        phones = try reader.long()
        externals = try reader.long()
        records = try reader.long()
        openConflicts = try reader.long()
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func ledger(of organization: OrganizationNumber) throws(VaultError) -> Ledger {
        let key = Key(organization)
        guard let bytes = try value(key, in: Tables.ledgers) else { return Ledger() }
        return try Ledger(sealed: bytes, under: key.bytes)
    }
}
