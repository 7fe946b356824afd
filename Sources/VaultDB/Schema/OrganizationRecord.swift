internal import Foundation
internal import Storage

/// An organization as the vault knows it.
struct OrganizationRecord: Equatable {
    private static let version: UInt8 = 1

    let number: OrganizationNumber
    let createdAt: Timestamp
    /// Its own region; the vault's where nil.
    var region: Region?

    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version)
        writer.word(number.rawValue)
        writer.time(createdAt)
        writer.text(region?.code)
        return writer.sealed(under: key)
    }

    init(number: OrganizationNumber, createdAt: Timestamp, region: Region?) {
        self.number = number
        self.createdAt = createdAt
        self.region = region
    }

    init(_ bytes: RawSpan, under key: RawSpan) throws(VaultError) {
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        number = OrganizationNumber(try reader.word())
        createdAt = try reader.time()
        region = try reader.optionalText().flatMap(Region.init)
    }
}

extension Key {
    static func organization(_ id: UUID) -> Key {
        var key = Key()
        key.append(id)
        return key
    }
}

extension ReadTransaction where Self: ~Copyable {
    borrowing func organization(_ id: UUID) throws(VaultError) -> OrganizationRecord? {
        let key = Key.organization(id)
        guard let bytes = try value(key, in: Tables.organizations) else { return nil }
        return try OrganizationRecord(bytes, under: key.bytes)
    }

    /// The organizations of the vault, by id; the first of them where a limit is given.
    borrowing func organizations(
        limit: Int = .max
    ) throws(VaultError) -> [(id: UUID, record: OrganizationRecord)] {
        var list: [(id: UUID, record: OrganizationRecord)] = []
        try visit(Tables.organizations, prefix: Key()) { (key, value) throws(VaultError) in
            guard key.byteCount == 16 else { throw .corrupted("an organization's key is cut short") }
            list.append((key.id(at: 0), try OrganizationRecord(value, under: key)))
            return list.count < limit ? .next : .stop
        }
        return list
    }
}

extension WriteTransaction where Self: ~Copyable {
    /// The organization with this id, given a number if it has none yet.
    mutating func intern(_ id: UUID, at now: Timestamp) throws(VaultError) -> OrganizationRecord {
        if let known = try organization(id) { return known }
        let record = OrganizationRecord(number: try nextNumber(), createdAt: now, region: nil)
        try put(record, of: id)
        return record
    }

    /// As numbers are given out in order and organizations stay, their count is the last. Where an entry was lost to damage the
    /// counters of those that are there still keep their numbers from being given out again.
    private mutating func nextNumber() throws(VaultError) -> OrganizationNumber {
        do throws(StorageError) {
            var last = try statistics(of: Tables.organizations).entries
            try finishLastPut(in: Tables.ledgers)
            try scan(Tables.ledgers, prefix: RawSpan(), from: RawSpan(), order: .descending) {
                (key, _) throws(StorageError) in
                if key.byteCount >= 4 { last = max(last, Int(key.organization.rawValue)) }
                return .stop
            }
            guard let next = UInt32(exactly: last + 1) else {
                throw .corrupted("there can't be \(last) organizations")
            }
            return OrganizationNumber(next)
        } catch {
            throw VaultError(storage: error)
        }
    }

    mutating func put(_ record: OrganizationRecord, of id: UUID) throws(VaultError) {
        let key = Key.organization(id)
        try put(key, record.encoded(under: key), in: Tables.organizations)
    }
}
