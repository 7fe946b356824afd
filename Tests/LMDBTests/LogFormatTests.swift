// The bytes of the write-ahead log and of the buffer, as docs/FORMAT.md tells them.

import Storage
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    @Suite struct LogFormat {
        private static func hex(_ bytes: some Sequence<UInt8>) -> String {
            let digits = Array("0123456789abcdef")
            return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0x0F)]] })
        }

        private static func hex(_ bytes: RawSpan) -> String {
            hex(bytes.withUnsafeBytes { [UInt8]($0) })
        }

        @Test func ofARecord() throws {
            var record = LogRecord()
            record.add(.put, 4, bytes("key").span.bytes, bytes("value").span.bytes)
            record.add(.delete, 9, bytes("k").span.bytes, RawSpan())
            record.add(.empty, 2, RawSpan(), RawSpan())
            record.seal(epoch: 7, commit: 258)
            let expected = [
                "2aefdf43", "21000000", "0700000000000000", "0201000000000000",
                "00", "04", "0300", "05000000", "6b6579", "76616c7565",
                "01", "09", "0100", "00000000", "6b",
                "02", "02", "0000", "00000000",
            ].joined()
            #expect(Self.hex(record.bytes) == expected)
        }

        @Test func ofAHeader() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("log")
            try writeFile(path, [])
            let file = try #require(try LogFile(at: path))
            let pages = [UInt8](repeating: 7, count: 512)
            try file.begin(.init(epoch: 5, base: 9, firstPages: pages, tables: ["letters", "numbers"]))
            let content = try readFile(path)
            let expected = [
                "010056444257414c", "b8e5627e", "00010000", "0500000000000000", "0900000000000000",
                "02000000", "07", "6c657474657273", "07", "6e756d62657273",
            ].joined()
            let count = expected.utf8.count / 2
            #expect(Self.hex(content.prefix(count)) == expected)
            #expect(content[count..<4_096].allSatisfy { $0 == 0 })
            #expect(Array(content[4_096..<4_608]) == pages)
        }

        /// A record of the log has the entry as the buffer's table has it.
        @Test func ofABufferedEntry() throws {
            let tables = [
                Table(ordinal: 0, name: "plain"), Table(ordinal: 1, name: "gathered", isBuffered: true),
            ]
            let store = try Store(tables: tables) {
                $0.commitsBeforeLog = 0
                $0.bufferedEntriesMax = 300
            }
            try store.environment.apply([.put(bytes("key 10"), bytes("value"))], in: tables[1])
            let log = try #require(try LogFile(at: store.path + LogFile.names[0]))
            let header = try #require(try log.header())
            let record = try #require(try log.nextRecord(of: header.epoch))
            var found: [(table: Int, key: String, value: String)] = []
            let isWhole = try record.forEach { (kind, table, key, value) throws(StorageError) in
                if kind == .put { found.append((table, Self.hex(key), Self.hex(value))) }
            }
            let entry = try #require(found.first)
            #expect(isWhole && found.count == 1 && (2...3).contains(entry.table))
            let commit = withUnsafeBytes(of: UInt64(record.commit).bigEndian) { [UInt8]($0) }
            #expect(entry.key == Self.hex(commit + [0, 0, 0, 0]))
            #expect(entry.value == Self.hex([1, 0, 6] + bytes("key 10value")))
        }
    }
}
