internal import Foundation

/// The record and the entry that says where it lies, byte by byte in docs/FORMAT.md ("timeline", "records").
extension Record {
    static let version: UInt8 = 1
    private static let activeFlag: UInt8 = 0x01
    private static let convertedFlag: UInt8 = 0x02
    private static let regionFlag: UInt8 = 0x04

    func encoded(under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version, capacity: 192)
        writer.byte(
            (isActive ? Self.activeFlag : 0) | (isConverted ? Self.convertedFlag : 0)
                | (region != nil ? Self.regionFlag : 0))
        writer.time(updatedAt)
        writer.text(firstName)
        writer.text(lastName)
        writer.text(email)
        writer.text(phone)
        writer.text(source)
        writer.text(givenStatus)
        writer.text(attributes)
        if let region { writer.text(region.code) }
        return writer.sealed(under: key)
    }

    /// What stands under a key of the timeline.
    init(key: RawSpan, sealed bytes: RawSpan) throws(VaultError) {
        let place = try TimelineKey(key)
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        let flags = try reader.byte()
        kind = place.kind
        id = place.id
        identity = place.identity
        createdAt = place.time
        isActive = flags & Self.activeFlag != 0
        isConverted = flags & Self.convertedFlag != 0
        updatedAt = try reader.time()
        firstName = try reader.optionalText()
        lastName = try reader.optionalText()
        email = try reader.optionalText()
        phone = try reader.optionalText()
        source = try reader.optionalText()
        givenStatus = try reader.optionalText()
        attributes = try reader.optionalText()
        // One that this libphonenumber does not know any more reads as none.
        region = flags & Self.regionFlag != 0 ? Region(try reader.text()) : nil
    }
}

/// Where a record lies: its identity's timeline, at its time. An index entry like those of identifiers: `check`
/// compares it with the record.
struct RecordPlace: Equatable {
    static let version: UInt8 = 1

    let identity: UUID
    let time: Timestamp

    init(_ record: Record) {
        identity = record.identity
        time = record.createdAt
    }

    init(_ bytes: RawSpan) throws(VaultError) {
        var reader = try ByteReader(bytes, format: Self.version)
        identity = try reader.id()
        time = try reader.time()
        guard reader.isAtEnd else { throw .corrupted("a record's place has bytes too many") }
    }

    var encoded: ByteWriter {
        var writer = ByteWriter(format: Self.version, capacity: 25)
        writer.id(identity)
        writer.time(time)
        return writer
    }
}
