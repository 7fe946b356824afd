// The promises of the import's source: formats, progress, and a one-line answer to every file that is none.

import Foundation
import TestSupport
import Testing
import VaultDB

@Suite("Import source") struct ImportSourceTests {
    /// Calls the body with the path of a file that holds the bytes.
    private func withFile<Result>(
        _ name: String, _ bytes: [UInt8], _ body: (String) throws -> Result
    ) throws -> Result {
        let directory = try TemporaryDirectory()
        let path = directory.file(name)
        try Data(bytes).write(to: URL(filePath: path))
        return try withExtendedLifetime(directory) { try body(path) }
    }

    private func items(_ path: String) throws(ImportError) -> [ImportItem] {
        var source = try ImportSource(path: path)
        var items: [ImportItem] = []
        while let item = try source.next() { items.append(item) }
        return items
    }

    private func error(_ path: String) -> ImportError? {
        do throws(ImportError) {
            _ = try items(path)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "tells the format by the extension, else by the first character",
        arguments: [
            ("a.csv", "id\n1"), ("a.TSV", "id\tx\n1\t"), ("a.jsonl", "{\"id\":1}"), ("a.ndjson", "{\"id\":1}"),
            ("a.json", "\n{\"id\":1}"), ("a.txt", " \n{\"id\":1}"), ("a", "id\n1"), (".hidden", "{\"id\":\"1\"}"),
        ])
    func formats(name: String, text: String) throws {
        let rows = try withFile(name, Array(text.utf8)) { try items($0).compactMap(\.row) }
        #expect(rows.map(\.id) == ["1"])
    }

    @Test("reads a file of many chunks and counts its bytes")
    func progress() throws {
        let text = "id,note\n" + (1...60_000).map { "\($0),\"línea \($0)\n👩‍👩‍👧\"\n" }.joined()
        try withFile("many.csv", Array(text.utf8)) { path in
            var source = try ImportSource(path: path)
            #expect(source.bytesTotal == text.utf8.count)
            var count = 0
            var steps = Set<Int>()
            while let item = try source.next() {
                count += 1
                steps.insert(source.bytesRead)
                #expect(item.row?.id == String(count))
            }
            #expect(count == 60_000)
            #expect(steps.count > 5)
            #expect(source.bytesRead == text.utf8.count)
            #expect(try source.next() == nil)
        }
    }

    @Test("a pipe has no size, and is read as it comes")
    func pipe() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let pipe = directory.file("pipe")
        try #require(mkfifo(pipe, 0o600) == 0)
        // Open for reading and writing, a FIFO waits for no one, and holds what is written into it.
        let both = try #require(FileHandle(forUpdatingAtPath: pipe))
        try both.write(contentsOf: Data("id\n1\n".utf8))
        var source = try ImportSource(path: pipe)
        #expect(source.bytesTotal == nil)
        #expect(try source.next()?.row?.id == "1")
        #expect(source.bytesRead == 5)
        try both.close()
        #expect(try source.next() == nil)
    }

    @Test("ends with the rows that are whole where it is not to go on")
    func interrupted() throws {
        try withFile("x.csv", Array("id\n1\n2".utf8)) { path in
            var reads = 0
            var source = try ImportSource(path: path) {
                reads += 1
                return reads < 2
            }
            #expect(try source.next()?.row?.id == "1")
            #expect(source.isInterrupted == false)
            #expect(try source.next() == nil)
            #expect(source.isInterrupted == true)
        }
    }

    @Test(
        "answers a file that cannot be imported in one line with the next step",
        arguments: [
            ("empty.csv", [], .empty, "empty.csv: nothing to import: it is empty; check the path or the pipe"),
            (
                "utf16.csv", [0xFF, 0xFE, 0x69, 0x00], .wrongEncoding,
                "utf16.csv: the text is UTF-16, not UTF-8; convert it with iconv -f UTF-16 -t UTF-8"
            ),
            (
                "list.json", Array("[1]".utf8), .notJSONLines,
                "list.json: this is a JSON array, not one object per line; convert it with jq -c '.[]'"
            ),
            (
                "binary", [0x7F, 0x45, 0x4C, 0x46, 0, 0], .notText,
                "binary: this is not text (it holds NUL bytes); export it as CSV in UTF-8 or as JSON Lines"
            ),
        ] as [(String, [UInt8], ImportError.Code, String)])
    func badFiles(name: String, bytes: [UInt8], code: ImportError.Code, message: String) throws {
        try withFile(name, bytes) { path in
            let error = error(path)
            #expect(error?.code == code)
            #expect(error?.description.hasSuffix(message) == true)
        }
    }

    @Test("answers a path that is no readable file")
    func badPaths() throws {
        #expect(
            error("/nonexistent/leads.csv")?.description
                == "/nonexistent/leads.csv: there is no such file; check the path")
        #expect(error(FileManager.default.temporaryDirectory.path)?.code == .isDirectory)
        try withFile("leads.csv", []) { #expect(error("\($0)/x.csv")?.code == .noSuchFile) }
    }

    @Test("a path with control characters does not break the line")
    func hostilePath() throws {
        #expect(error("/nonexistent/a\nb\u{1B}[31m")?.description.contains { $0.isNewline } == false)
    }

    @Test("gives the rows before an error, then the error, then nothing")
    func afterError() throws {
        try withFile("x.csv", Array("nombre\nAna".utf8)) { path in
            var source = try ImportSource(path: path)
            var code: ImportError.Code?
            do throws(ImportError) { _ = try source.next() } catch { code = error.code }
            #expect(code == .noIDColumn)
            #expect(try source.next() == nil)
        }
    }
}
