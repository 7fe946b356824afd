import Foundation
import TestSupport
import Testing

extension EngineTests {
    /// LMDB's rules about lifetimes are the compiler's: code that breaks them does not compile.
    @Suite struct CompilerRefusals {
        @Test func codeThatKeepsTheRulesCompiles() throws {
            let output = try typecheck(
                """
                _ = try engine.write { (transaction) throws(StorageError) -> Int in
                    let count = try transaction.get(key.span.bytes, from: table)?.byteCount ?? 0
                    try transaction.put(key.span.bytes, key.span.bytes, in: table)
                    return count
                }
                """)
            #expect(output.status == 0, "\(output.text)")
        }

        @Test func aSpanCannotBeHeldAcrossAWrite() throws {
            let output = try typecheck(
                """
                try engine.write { (transaction) throws(StorageError) in
                    let span = try transaction.get(key.span.bytes, from: table)
                    try transaction.put(key.span.bytes, key.span.bytes, in: table)
                    _ = span?.byteCount
                }
                """)
            #expect(output.status != 0)
            #expect(output.text.contains("overlapping accesses to 'transaction'"), "\(output.text)")
        }

        @Test func aSpanCannotLeaveTheClosure() throws {
            let output = try typecheck(
                """
                var kept: RawSpan? = nil
                try engine.read { (snapshot) throws(StorageError) in
                    kept = try snapshot.get(key.span.bytes, from: table)
                }
                _ = kept?.byteCount
                """)
            #expect(output.status != 0)
            #expect(output.text.contains("lifetime-dependent"), "\(output.text)")
        }

        @Test func aSpanCannotBeTheAnswer() throws {
            let output = try typecheck(
                """
                let span = try engine.read { (snapshot) throws(StorageError) -> RawSpan? in
                    try snapshot.get(key.span.bytes, from: table)
                }
                _ = span?.byteCount
                """)
            #expect(output.status != 0)
            #expect(output.text.contains("Escapable"), "\(output.text)")
        }

        @Test func aTransactionCannotLeaveTheClosure() throws {
            let output = try typecheck(
                """
                func keep(_ snapshot: consuming Snapshot) {}
                try engine.read { (snapshot) throws(StorageError) in keep(snapshot) }
                """)
            #expect(output.status != 0)
            #expect(output.text.contains("'snapshot' is borrowed and cannot be consumed"), "\(output.text)")
        }

        /// Compiles `body` as a function of an open engine; the diagnostics that matter come after type checking.
        private func typecheck(_ body: String) throws -> (status: Int32, text: String) {
            let indented = body.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
            let source = """
                import LMDB
                import Storage
                let table = Table(ordinal: 0, name: "table")
                func use(_ engine: Environment, _ key: [UInt8]) throws(StorageError) {
                \(indented)
                }
                """
            let directory = try TemporaryDirectory()
            let file = directory.file("refusal.swift")
            try writeFile(file, Array(source.utf8))
            defer { withExtendedLifetime(directory) {} }
            let process = Process()
            let output = Pipe()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = [
                "swiftc", "-emit-sil", "-o", "/dev/null", "-parse-as-library", "-swift-version", "6",
                "-enable-experimental-feature", "Lifetimes",
                "-enable-experimental-feature", "SuppressedAssociatedTypes",
                "-I", try modules().path(), "-I", module("CLMDB"), "-I", module("CChecksum"), file,
            ]
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: text, as: UTF8.self))
        }

        /// Where the build that this test belongs to has put its modules.
        private func modules() throws -> URL {
            let maps = String(decoding: try readFile("/proc/self/maps"), as: UTF8.self)
            let line = try #require(maps.split(separator: "\n").first { $0.hasSuffix("PackageTests.xctest") })
            let bundle = URL(filePath: String(line.drop { $0 != "/" }))
            let modules = bundle.deletingLastPathComponent().appending(path: "Modules")
            let module = modules.appending(path: "LMDB.swiftmodule").path()
            try #require(FileManager.default.fileExists(atPath: module), "no \(module)")
            return modules
        }

        /// Where a module of C is.
        private func module(_ name: String) -> String {
            URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/\(name)").standardized
                .path()
        }
    }
}
