// The promises of the CSV parser: what it reads, what it refuses, where, and within which bounds.

import TestSupport
import Testing

@testable import VaultDB

@Suite("CSV") struct ImportCSVTests {
    /// The records of a text whose header is `a,b`, each as its fields.
    private func records(_ body: String, header: String = "a,b\n") throws -> [[String]] {
        var parser = CSVParser()
        var items: [CSVParser.Item] = []
        try parser.feed(Array((header + body).utf8).span, into: &items)
        try parser.finish(into: &items)
        return items.compactMap { item in
            if case .record(_, let fields) = item { fields } else { nil }
        }
    }

    @Test(
        "reads records as RFC 4180 writes them",
        arguments: [
            ("1,2\n", [["1", "2"]]),
            ("1,2", [["1", "2"]]),
            ("1,2\r\n3,4\r\n", [["1", "2"], ["3", "4"]]),
            ("1,2\r3,4\r", [["1", "2"], ["3", "4"]]),
            ("1,2\n\r\n\n  \n3,4", [["1", "2"], ["3", "4"]]),
            (",\n", [["", ""]]),
            ("1,", [["1", ""]]),
            (" 1 , 2 \n", [[" 1 ", " 2 "]]),
            ("\"1\",\"2\"\n", [["1", "2"]]),
            ("\"\",\"\"", [["", ""]]),
            ("\"a,b\",\"c;d\"\n", [["a,b", "c;d"]]),
            ("\"say \"\"hi\"\"\",\"\"\"\"\n", [["say \"hi\"", "\""]]),
            ("\"two\nlines\",\"a\r\nb\"\r\n3,4", [["two\nlines", "a\r\nb"], ["3", "4"]]),
            ("\"cr\rin\",x\n", [["cr\rin", "x"]]),
            ("6\" pipe,a\"b\"\n", [["6\" pipe", "a\"b\""]]),
            ("مرحبا,👩‍👩‍👧\nÑandú,naïve", [["مرحبا", "👩‍👩‍👧"], ["Ñandú", "naïve"]]),
        ])
    func readsRecords(body: String, expected: [[String]]) throws {
        #expect(try records(body) == expected)
    }

    @Test(
        "detects the delimiter in the header, outside quotes",
        arguments: [
            ("a,b\n", "1,2"), ("a;b\n", "1;2"), ("a\tb\n", "1\t2"), ("a|b\n", "1|2"),
            ("\"a,x,y\";b\n", "1;2"), ("\"a;;\"\"\n;;\",b\n", "1,2"), ("\n\r\na;b\r\n", "1;2"),
        ])
    func detectsDelimiter(header: String, body: String) throws {
        #expect(try records(body, header: header) == [["1", "2"]])
    }

    @Test(
        "a first line such as sep=; names the delimiter, as Excel has it",
        arguments: [
            ("sep=;\r\na,x,y;b\r\n", "1;2"), ("sep=,\na;;;,b\n", "1,2"), ("sep=\t\ra\tb\r", "1\t2"),
            ("sep=^\n\n\"a^\n\"^\"b\n^\"\n", "1^2"),
        ])
    func declaredDelimiter(header: String, body: String) throws {
        #expect(try records(body, header: header) == [["1", "2"]])
    }

    @Test("a line that declares the delimiter counts as a line, and only where it is the first")
    func declaredDelimiterLines() throws {
        for cut in 1...8 {
            #expect(try importItems(Array("sep=;\r\nid;b\r\n1;x".utf8), cutAt: [cut]).map(\.summary) == ["3 1"])
        }
        #expect(try records("1;2", header: "a;b\nsep=;\n") == [["sep=", ""], ["1", "2"]])
        #expect(importError(Array("sep=;\n".utf8))?.code == .badHeader)
    }

    @Test("a header of one column is a header")
    func oneColumn() throws {
        #expect(try records("1\n\"\"\n\n2", header: "id\n") == [["1"], [""], ["2"]])
    }

    @Test("numbers physical lines, those within quotes and blank ones included")
    func lineNumbers() throws {
        let text = "id,note\r\na,\"x\r\ny\"\r\n\r\nb,1\rc,2\nd,\"\r\r\n\n\"\ne,3"
        #expect(try importItems(text).map(\.summary) == ["2 a", "5 b", "6 c", "7 d", "11 e"])
    }

    @Test("drops a UTF-8 byte order mark")
    func byteOrderMark() throws {
        #expect(try importItems([0xEF, 0xBB, 0xBF] + Array("id\n1".utf8)).map(\.summary) == ["2 1"])
    }

    // MARK: Faults

    @Test(
        "passes over a row that cannot be read, and reads the next",
        arguments: [
            ("1\n9,x", ["2 !wrong_field_count", "3 9"]),
            ("1,2,3\n9,x", ["2 !wrong_field_count", "3 9"]),
            ("1,a\0b\n9,x", ["2 !nul_byte", "3 9"]),
            ("\0\n9,x", ["2 !nul_byte", "3 9"]),
            ("1,\"a\"b,c\n9,x", ["2 !malformed_quote", "3 9"]),
            ("1,\"a\" \n9,x", ["2 !malformed_quote", "3 9"]),
            ("9,x\n1,\"a\n\nb,c\n", ["2 9", "3 !unterminated_quote"]),
            ("\"1\n2\",\"a\nb", ["3 !unterminated_quote"]),
            (",x\n  ,y\n9,x", ["2 !missing_id", "3 !missing_id", "4 9"]),
        ])
    func faults(body: String, expected: [String]) throws {
        #expect(try importItems("id,b\n" + body).map(\.summary) == expected)
    }

    @Test("a row that is not UTF-8 is a fault, wherever its bytes are cut")
    func invalidUTF8() throws {
        let bad: [[UInt8]] = [[0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]]
        for bytes in bad {
            let text = Array("id,b\n1,x".utf8) + bytes + Array("\n9,x".utf8)
            #expect(try importItems(text).map(\.summary) == ["2 !invalid_utf8", "3 9"])
        }
        // Two halves of one character in neighbouring fields are two faults, not a character.
        let halves = Array("id,b\n1".utf8) + [0xC3] + Array(",".utf8) + [0xA9, 0x0A]
        #expect(try importItems(halves).map(\.summary) == ["2 !invalid_utf8"])
    }

    @Test(
        "a fault tells the record's id where that could be read",
        arguments: [
            ("7,a\0b", "7"), ("7,\"a\"b", "7"), ("7,\"a", "7"), (" 7 ", "7"), ("7,x,y", "7"), ("\"7\"x,b", nil),
            ("7\0,b", nil), ("\"7,b", nil), (" ,b", nil),
        ] as [(String, String?)])
    func recordIDs(row: String, id: String?) throws {
        let fault = try #require(try importItems("id,b\n\(row)\n").first?.fault)
        #expect(fault.recordID == id)
    }

    @Test("a fault of what is not UTF-8 tells the record's id where that is")
    func recordIDBesideLatin() throws {
        for (before, after, id) in [("7,", "\n", "7"), ("", ",7\n", nil)] as [(String, String, String?)] {
            let fault = try importItems(Array("id,b\n\(before)".utf8) + [0xE9] + Array(after.utf8)).first?.fault
            #expect(fault?.code == .invalidUTF8 && fault?.recordID == id)
        }
    }

    @Test(
        "refuses a text without a usable header",
        arguments: [
            ("", .empty), ("\u{FEFF}", .empty), ("\n\n \r\n", .badHeader), ("\"id\n1,2", .badHeader),
            ("\"id\"x,b\n", .badHeader), ("id,a,a\n", .duplicateColumn), ("id, a ,a\n", .duplicateColumn),
            ("id,a\0b\n", .notText), ("i\0d\0\n", .notText), ("name,mail\n1,2\n", .noIDColumn),
        ] as [(String, ImportError.Code)])
    func headerErrors(text: String, code: ImportError.Code) throws {
        let error = importError(Array(text.utf8))
        #expect(error?.code == code)
        #expect(error?.description.contains { $0.isNewline } == false)
    }

    @Test("refuses a header in Latin 1 and names the cure")
    func latinHeader() {
        let error = importError(Array("id,tel".utf8) + [0xE9] + Array("fono\n".utf8))
        #expect(error?.code == .wrongEncoding)
        #expect(error?.advice == "convert it with iconv -f WINDOWS-1252 -t UTF-8")
    }

    @Test(
        "refuses what is not UTF-8 text",
        arguments: [
            ([0xFF, 0xFE, 0x69, 0x00], .wrongEncoding), ([0xFE, 0xFF, 0x00, 0x69], .wrongEncoding),
            ([0xFF, 0xFE, 0x00, 0x00], .wrongEncoding), ([0x00, 0x00, 0xFE, 0xFF], .wrongEncoding),
            ([0x50, 0x4B, 0x03, 0x04, 0x14], .notText), ([0x1F, 0x8B, 0x08, 0x00], .notText),
            ([0x7F, 0x45, 0x4C, 0x46, 0x00], .notText), ([0x69, 0x00, 0x64, 0x00], .notText),
        ] as [([UInt8], ImportError.Code)])
    func foreignEncodings(bytes: [UInt8], code: ImportError.Code) {
        #expect(importError(bytes + [0x0A])?.code == code)
    }

    // MARK: Chunks

    /// Quotes, doubled quotes, every line end, characters of one to four bytes, and faults of every kind.
    private static let nasty: [UInt8] =
        [0xEF, 0xBB, 0xBF] + Array("\r\n\"id\";\"no;te\";x\r\n1;\"a\"\"b\";é\r\n\r\n\"2\";\"\r\n\"\"\r\";€\r".utf8)
        + Array("3;👩‍👩‍👧;\n4;5\n5;\"a\"b;c\n6;a\0;b\n7;".utf8) + [0xC3, 0x28, 0xFF] + Array(";z\r\n8;\"\";\"".utf8)

    @Test("a chunk may end at any byte")
    func everySplit() throws {
        let whole = try importItems(Self.nasty)
        #expect(whole.count == 8)
        for first in 0...Self.nasty.count {
            #expect(try importItems(Self.nasty, cutAt: [first]) == whole, "cut at \(first)")
        }
        #expect(try importItems(Self.nasty, cutAt: Array(0...Self.nasty.count)) == whole)
    }

    @Test("chunks may be of any sizes", arguments: 0..<10 as Range<UInt64>)
    func randomSplits(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let text = Self.nasty + Array("\"\n".utf8) + (0..<3).flatMap { _ in Self.nasty.dropFirst(5) }
        let whole = try importItems(text)
        for _ in 0..<20 {
            let cuts = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                Int.random(in: 0...text.count, using: &random)
            }
            #expect(try importItems(text, cutAt: cuts.sorted()) == whole, "seed \(seed)")
        }
    }

    @Test("what is written by the rules is read back", arguments: 0..<10 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = ["a", "\"", ",", "\n", "\r\n", "\r", "é", "👩‍👩‍👧", " ", ";"]
        let rows = (0..<200).map { _ in
            (0..<3).map { _ in
                (0..<Int.random(in: 0...4, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
                    .joined()
            }
        }
        let lines = rows.map { fields in
            fields.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: ",")
        }
        #expect(try records(lines.joined(separator: "\r\n"), header: "x,y,z\n") == rows, "seed \(seed)")
    }

    // MARK: Limits

    @Test("a row of 1 MiB is read, a longer one is a fault, and the next row is read")
    func rowLimit() throws {
        let row = { (id: Int, count: Int) in "\(id)," + String(repeating: "x", count: count - 2) + "\r\n" }
        let items = try importItems("id,b\n" + row(1, 1 << 20) + row(2, 1 << 20 + 1) + "9,z")
        #expect(items.map(\.summary) == ["2 1", "3 !row_too_long", "4 9"])
    }

    @Test("a quoted field that is too long costs its row, and no line within it is taken for one")
    func longQuotedField() throws {
        let lines = String(repeating: "7,no row\r\n", count: 150_000)
        let text = Array("id,b\n1,\"\(lines)say \"\"hi\"\",\n\"\n9,x".utf8)
        for cuts in [[], [1 << 20, 1 << 20 + 13, text.count - 9, text.count - 5]] {
            let items = try importItems(text, cutAt: cuts)
            #expect(items.map(\.summary) == ["2 !row_too_long", "150004 9"])
            #expect(items.first?.fault?.recordID == "1")
            #expect(items.first?.fault?.message.contains("quote of line 2") == true)
        }
    }

    @Test("a quote beyond that which never closes ends the text with an error that says where it opens")
    func runawayQuote() {
        let rows = String(repeating: "1,abcdefgh\n", count: 200_000)
        let error = importError(Array("id,b\n0,\"oops\n\(rows)".utf8))
        #expect(error?.code == .unterminatedQuote)
        #expect(error?.message.contains("line 2") == true)
    }

    @Test("a quote that is not closed within its bound ends the text, in no more memory than a row may have")
    func endlessQuote() throws {
        var parser = CSVParser(quotedBytesMax: 2 << 20)
        var items: [CSVParser.Item] = []
        try parser.feed(Array("id,b\n1,\"".utf8).span, into: &items)
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
        for _ in 0..<32 {
            try parser.feed(chunk.span, into: &items)
            #expect(parser.bufferedBytes <= CSVParser.rowBytesMax)
        }
        var code: ImportError.Code?
        do throws(ImportError) { try parser.feed(chunk.span, into: &items) } catch { code = error.code }
        #expect(code == .unterminatedQuote)
        #expect(items.count == 2)
    }

    @Test("a single line of 10 MB takes no more memory than the limit")
    func endlessLine() throws {
        var parser = CSVParser()
        var items: [CSVParser.Item] = []
        try parser.feed(Array("id,b\n".utf8).span, into: &items)
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
        for _ in 0..<160 { try parser.feed(chunk.span, into: &items) }
        #expect(items.count == 2)
        #expect(parser.bufferedBytes <= CSVParser.rowBytesMax)
        try parser.feed(Array("\n9,x".utf8).span, into: &items)
        try parser.finish(into: &items)
        #expect(items.last == .record(line: 3, fields: ["9", "x"]))
    }

    @Test("a header longer than a row may be is refused")
    func endlessHeader() {
        let text = Array("id,".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: CSVParser.rowBytesMax)
        #expect(importError(text)?.code == .badHeader)
    }

    @Test("a header of 1,000 columns is read, one of 2,000 is refused")
    func columnLimit() throws {
        let names = { (count: Int) in (1...count).map { $0 == 1 ? "id" : "c\($0)" }.joined(separator: ",") }
        let row = "1" + String(repeating: ",x", count: 999)
        let items = try importItems(names(1_000) + "\n" + row)
        #expect(items.first?.row?.attributes.count == 999)
        #expect(importError(Array(names(2_000).utf8))?.code == .tooManyColumns)
        #expect(
            try importItems("id\n1" + String(repeating: ",", count: 900_000)).first?.fault?.code == .wrongFieldCount)
    }
}
