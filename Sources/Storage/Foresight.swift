/// Keys that a write transaction is going to be asked for, nearly in this order.
public struct ExpectedKeys: Sendable {
    private var bytes: [UInt8] = []
    private var places: [(end: Int, table: Table)] = []
    /// A bit for each table, by its ordinal.
    public private(set) var tables: UInt64 = 0

    /// - Parameter capacity: how many keys there are going to be, if that is known.
    public init(capacity: Int = 0) {
        bytes.reserveCapacity(capacity * Self.bytesUsual)
        places.reserveCapacity(capacity)
    }

    private static let bytesUsual = 32

    public var count: Int { places.count }

    public mutating func append(_ key: RawSpan, in table: Table) {
        key.withUnsafeBytes { bytes.append(contentsOf: $0) }
        places.append((bytes.count, table))
        tables |= 1 << UInt64(table.ordinal)
    }

    public func table(_ index: Int) -> Table { places[index].table }

    @_lifetime(borrow self)
    public func key(_ index: Int) -> RawSpan {
        bytes.span.bytes.extracting((index > 0 ? places[index - 1].end : 0)..<places[index].end)
    }
}

/// What an engine has found out of expected keys before the transaction that is asked for them.
public final class Foresight: Sendable {
    public let keys: ExpectedKeys
    /// For each key whether it was not in its place in its table.
    public let isAbsent: [Bool]
    /// The commit at which that was so.
    public let commit: Int

    public init(_ keys: ExpectedKeys, isAbsent: [Bool] = [], commit: Int = 0) {
        (self.keys, self.isAbsent, self.commit) = (keys, isAbsent, commit)
    }
}
