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

    func encoded() -> ByteWriter {
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
