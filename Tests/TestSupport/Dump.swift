public import Storage

/// Everything a store holds: table name, then key, then value. Empty tables are left out, so that dumps of different
/// engines are equal when their contents are.
public typealias Dump = [String: [[UInt8]: [UInt8]]]

/// The contents of `tables`, read from one snapshot.
public func dump(of engine: some StorageEngine, tables: [Table]) throws(StorageError) -> Dump {
    try engine.read { (snapshot) throws(StorageError) in
        var dump: Dump = [:]
        for table in tables {
            var entries: [[UInt8]: [UInt8]] = [:]
            try snapshot.scan(table, prefix: RawSpan(), from: RawSpan(), order: .ascending) {
                (key, value) throws(StorageError) in
                entries[[UInt8](copying: key)] = [UInt8](copying: value)
                return .next
            }
            if !entries.isEmpty { dump[table.name] = entries }
        }
        return dump
    }
}
