internal import Foundation

/// The record, byte by byte in docs/FORMAT.md ("records").
extension Record {
    static let version: UInt8 = 1
    private static let activeFlag: UInt8 = 0x01

    func encoded(under key: borrowing Key) -> [UInt8] {
        var writer = ByteWriter(format: Self.version, capacity: 192)
        writer.byte(isActive ? Self.activeFlag : 0)
        writer.id(identity)
        writer.time(createdAt)
        writer.time(updatedAt)
        for field in [firstName, lastName, email, phone, source, status, attributes] { writer.text(field) }
        return writer.sealed(under: key)
    }

    init(kind: RecordKind, id: String, sealed bytes: RawSpan, under key: RawSpan) throws(VaultError) {
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        self.kind = kind
        self.id = id
        isActive = try reader.byte() & Self.activeFlag != 0
        identity = try reader.id()
        createdAt = try reader.time()
        updatedAt = try reader.time()
        firstName = try reader.optionalText()
        lastName = try reader.optionalText()
        email = try reader.optionalText()
        phone = try reader.optionalText()
        source = try reader.optionalText()
        status = try reader.optionalText()
        attributes = try reader.optionalText()
    }
}
