internal import Foundation
internal import Storage

/// What a vault file says of itself. Checked on opening, before anything else is read.
struct Meta: Equatable {
    /// The version of the file's format. A program opens files of its own version, and of four before, which become
    /// its own when they are opened for writing: those of 2 lack the buffer, programs of 3 do not look for a log, those of
    /// 4 can't read entries of several events, and those of 5 do not look for records in the buffer.
    static let formatVersion: UInt8 = 6
    private static let formatsBefore: ClosedRange<UInt8> = 2...5

    let createdAt: Timestamp
    /// For organizations that set none of their own.
    let region: Region
    /// The largest size the file may grow to.
    let bytesMax: UInt64
    /// What normalised the stored identifiers.
    let normalizer: String
    /// Whether the entry says a format before.
    private(set) var isOfFormatBefore = false

    static var key: Key {
        var key = Key()
        key.append("vault")
        return key
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter(format: Self.formatVersion)
        writer.time(createdAt)
        writer.long(bytesMax)
        writer.text(region.code)
        writer.text(normalizer)
        return writer.sealed(under: Self.key)
    }

    init(createdAt: Timestamp, region: Region, bytesMax: UInt64, normalizer: String) {
        self.createdAt = createdAt
        self.bytesMax = bytesMax
        self.region = region
        self.normalizer = normalizer
    }

    /// The same vault after its identifiers were made anew.
    func renormalized(by normalizer: String) -> Meta {
        Meta(createdAt: createdAt, region: region, bytesMax: bytesMax, normalizer: normalizer)
    }

    /// The same vault with another largest size.
    func limited(to bytesMax: UInt64) -> Meta {
        Meta(createdAt: createdAt, region: region, bytesMax: bytesMax, normalizer: normalizer)
    }

    init(_ bytes: RawSpan) throws(VaultError) {
        let key = Self.key
        let said = bytes.byteCount > 0 ? bytes.unsafeLoad(as: UInt8.self) : 0
        isOfFormatBefore = Self.formatsBefore.contains(said)
        let format = isOfFormatBefore ? said : Self.formatVersion
        var reader = try ByteReader(sealed: bytes, under: key.bytes, format: format)
        createdAt = try reader.time()
        bytesMax = try reader.long()
        guard let region = Region(try reader.text()) else {
            throw .corrupted("the vault's region is unknown to this libphonenumber")
        }
        self.region = region
        normalizer = try reader.text()
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// Nil where the file is new.
    borrowing func meta() throws(VaultError) -> Meta? {
        guard let bytes = try value(Meta.key, in: Tables.meta) else { return nil }
        return try Meta(bytes)
    }

    /// That of a vault which was made.
    borrowing func knownMeta() throws(VaultError) -> Meta {
        guard let meta = try meta() else { throw .corrupted("the vault has lost its meta entry") }
        return meta
    }

    /// Whether the stored identifiers were normalised by `rules`. Copies nothing.
    borrowing func isNormalized(by rules: String) throws(VaultError) -> Bool {
        try withValue(Meta.key, in: Tables.meta) { (bytes) throws(VaultError) -> Bool in
            var reader = try ByteReader(bytes, format: Meta.formatVersion)
            // When it was made, its largest size, its region.
            _ = try reader.long()
            _ = try reader.long()
            let region = try reader.count()
            _ = try reader.span(region)
            let length = try reader.count()
            return try reader.span(length).holds(rules)
        } ?? false
    }
}

/// An organization as the vault knows it.
struct OrganizationRecord: Equatable {
    private static let version: UInt8 = 1

    let number: OrganizationNumber
    let createdAt: Timestamp
    /// Its own region; the vault's where nil.
    var region: Region?

    func encoded(under key: borrowing Key) -> [UInt8] {
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
        let numbers = try organizations().map(\.record.number.rawValue)
        let record = OrganizationRecord(
            number: OrganizationNumber((numbers.max() ?? 0) + 1), createdAt: now, region: nil)
        try put(record, of: id)
        return record
    }

    mutating func put(_ record: OrganizationRecord, of id: UUID) throws(VaultError) {
        let key = Key.organization(id)
        try put(key, record.encoded(under: key), in: Tables.organizations)
    }
}
