import Storage
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    /// Read transactions at rest.
    @Suite struct ReaderPools {
        private static let gathered = Table(ordinal: 0, name: "gathered", isBuffered: true)

        @Test func whoRestsKeepsNoEntriesThatAreOutdated() throws {
            let store = try Store(tables: [Self.gathered]) { $0.bufferedEntriesMax = 64 }
            func put(_ number: Int) throws(StorageError) {
                try store.environment.write { (transaction) throws(StorageError) in
                    try transaction.put(bytes("\(number)").span.bytes, bytes("v").span.bytes, in: Self.gathered)
                }
            }
            func holds(_ number: Int) throws(StorageError) -> Bool {
                try store.environment.read { (snapshot) throws(StorageError) in
                    try snapshot.get(bytes("\(number)").span.bytes, from: Self.gathered) != nil
                }
            }
            try put(0)
            #expect(try holds(0))
            weak let entries = store.environment.buffer?.view.newer
            #expect(entries != nil)
            for number in 1..<200 { try put(number) }
            while store.environment.hasDeferredWork { try store.environment.doDeferredWork() }
            #expect(entries == nil)
            #expect(try holds(0) && holds(199))
        }
    }
}
