internal import Foundation

// Parts that several values hold.

extension ByteWriter {
    mutating func identifier(_ identifier: Identifier) {
        byte(identifier.kind.rawValue)
        text(of: identifier)
    }

    mutating func record(_ record: RecordKey) {
        text(record.kind.rawValue)
        text(record.id)
    }

    mutating func optional<Value>(_ value: Value?, _ write: (inout ByteWriter, Value) -> Void) {
        byte(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }

    mutating func list<Value>(_ values: [Value], _ write: (inout ByteWriter, Value) -> Void) {
        varint(UInt64(values.count))
        for value in values { write(&self, value) }
    }
}

extension ByteReader {
    @_lifetime(self: copy self)
    mutating func identifier() throws(VaultError) -> Identifier {
        guard let kind = IdentifierKind(rawValue: try byte()) else {
            throw .corrupted("an identifier is of an unknown kind")
        }
        return try Identifier(stored: try text(), kind: kind)
    }

    @_lifetime(self: copy self)
    mutating func identifiers() throws(VaultError) -> [Identifier] {
        var list: [Identifier] = []
        for _ in 0..<(try count()) { list.append(try identifier()) }
        return list
    }

    @_lifetime(self: copy self)
    mutating func ids() throws(VaultError) -> [UUID] {
        var list: [UUID] = []
        for _ in 0..<(try count()) { list.append(try id()) }
        return list
    }

    @_lifetime(self: copy self)
    mutating func record() throws(VaultError) -> RecordKey {
        guard let kind = RecordKind(try text()) else { throw .corrupted("a record is of an unknown kind") }
        return RecordKey(kind: kind, id: try text())
    }
}
