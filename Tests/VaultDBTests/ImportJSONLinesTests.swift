// The promises of the JSON Lines parser: what it reads, what it keeps, what it refuses, and within which bounds.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("JSON Lines") struct ImportJSONLinesTests {
    private func row(_ line: String) throws -> ImportRow {
        try #require(try importItems(line, format: .jsonLines).first?.row)
    }

    @Test("puts known keys into fields, and passes values on as given")
    func fields() throws {
        let row = try row(
            #"{"ID":7,"Nombre":" Ana ","apellidos":"Ruiz","E-Mail":"ANA@X.ES ","móvil":600123456,"origen":"web","#
                + #""estado":true,"fecha_alta":"2025-01-01","full name":"Ana Ruiz"}"#)
        #expect(row.id == "7")
        #expect(row.name == "Ana Ruiz")
        #expect(row.firstName == " Ana ")
        #expect(row.lastName == "Ruiz")
        #expect(row.email == "ANA@X.ES ")
        #expect(row.phone == "600123456")
        #expect(row.source == "web")
        #expect(row.status == "true")
        #expect(row.createdAt == "2025-01-01")
        #expect(row.attributes.isEmpty)
    }

    @Test("empty and null values are absent")
    func absent() throws {
        let row = try row(#"{"id":"1","email":"","phone":null,"status":""}"#)
        #expect(row.email == nil && row.phone == nil && row.status == nil)
    }

    @Test("keeps unknown keys with the JSON text of their values, in order")
    func attributes() throws {
        let row = try row(#"{"z":{"b":[1, {"c":null}],"a":1.50},"id":1,"n":12345678901234567890,"e":"a\"b","f":null}"#)
        #expect(row.attributes.map(\.name) == ["z", "n", "e", "f"])
        #expect(
            row.attributes.map(\.json)
                == [#"{"b":[1, {"c":null}],"a":1.50}"#, "12345678901234567890", #""a\"b""#, "null"])
    }

    @Test("the first key that holds a value has the field, the other becomes an attribute")
    func sameField() throws {
        let row = try row(#"{"id":1,"email":null,"correo":"a@x.es","mail":"b@x.es"}"#)
        #expect(row.email == "a@x.es")
        #expect(row.attributes == [ImportRow.Attribute(name: "mail", json: #""b@x.es""#)])
    }

    @Test("takes external identifiers from a string or an array of them")
    func externals() throws {
        #expect(try row(#"{"id":1,"external":"stripe:cus_1"}"#).externals == ["stripe:cus_1"])
        #expect(try row(#"{"id":1,"externals":["stripe:1", "ig:ana"]}"#).externals == ["stripe:1", "ig:ana"])
        let mapping = try ColumnMapping(parsing: "id=external,external:crm=no")
        let item = try importItems(#"{"external":"a","no":5}"#, format: .jsonLines, mapping: mapping).first
        #expect(item?.row?.id == "a")
        #expect(item?.row?.externals == ["crm:5"])
    }

    @Test(
        "resolves escapes",
        arguments: [
            (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{08}\u{0C}\n\r\t"), (#"\u00e9\u00C9"#, "éÉ"), (#"\ud83d\ude00"#, "😀"),
            ("مرحبا 👩‍👩‍👧", "مرحبا 👩‍👩‍👧"), (#"\uFFFF"#, "\u{FFFF}"),
        ])
    func escapes(text: String, expected: String) throws {
        #expect(try row("{\"id\":1,\"name\":\"\(text)\"}").name == expected)
    }

    @Test("numbers physical lines, skips blank ones, and needs no last line end")
    func lines() throws {
        let text = "\n {\"id\":1}\r\n\r\n \t\n{\"id\":2}\n{\"id\":3}"
        #expect(try importItems(text).map(\.summary) == ["2 1", "5 2", "6 3"])
    }

    @Test(
        "passes over a line that cannot be read",
        arguments: [
            ("{", "invalid_json"), ("}", "invalid_json"), ("nonsense", "invalid_json"), (#"{"id":1"#, "invalid_json"),
            (#"{"id":1,}"#, "invalid_json"), (#"{,"id":1}"#, "invalid_json"), (#"{"id" 1}"#, "invalid_json"),
            (#"{id:1}"#, "invalid_json"), (#"{'id':1}"#, "invalid_json"), (#"{"id":1}}"#, "invalid_json"),
            (#"{"id":1} {"id":2}"#, "invalid_json"), (#"{"id":01}"#, "invalid_json"), (#"{"id":+1}"#, "invalid_json"),
            (#"{"id":1.}"#, "invalid_json"), (#"{"id":.5}"#, "invalid_json"), (#"{"id":1e}"#, "invalid_json"),
            (#"{"id":-}"#, "invalid_json"), (#"{"id":NaN}"#, "invalid_json"), (#"{"id":tru}"#, "invalid_json"),
            (#"{"id":"a"#, "invalid_json"), (#"{"id":"\x"}"#, "invalid_json"), (#"{"id":"\u12"}"#, "invalid_json"),
            (#"{"id":"\ud83d"}"#, "invalid_json"), (#"{"id":"\ude00"}"#, "invalid_json"),
            (#"{"id":"\"#, "invalid_json"), ("{\"id\":\"a\tb\"}", "invalid_json"),
            ("[1]", "not_an_object"), ("7", "not_an_object"), ("\"id\"", "not_an_object"), ("null", "not_an_object"),
            (#"{"id":"a\#u{0}b"}"#, "nul_byte"), (#"{"id":"a\u0000b"}"#, "nul_byte"),
            (#"{"id":1,"id":2}"#, "duplicate_field"), (#"{"id":1,"x":2,"x":2}"#, "duplicate_field"),
            (#"{"id":{"a":1}}"#, "wrong_type"), (#"{"id":1,"email":["a@x.es"]}"#, "wrong_type"),
            (#"{"id":1,"external":[1]}"#, "wrong_type"), ("{}", "missing_id"), (#"{"id":" "}"#, "missing_id"),
            (#"{"id":null}"#, "missing_id"),
        ])
    func faults(line: String, code: String) throws {
        let items = try importItems("{\"id\":8}\n\(line)\n{\"id\":9}\n")
        #expect(items.map(\.summary) == ["1 8", "2 !\(code)", "3 9"])
    }

    @Test(
        "a fault tells the record's id where that could be read",
        arguments: [
            (#"{"id":" 7 ","email":{}}"#, "7"), (#"{"email":["a@x.es"],"id":7}"#, "7"), (#"{"id":7,"x":"#, "7"),
            (#"{"id":7,"x":1,"x":2}"#, "7"), (#"{"id":{}}"#, nil), (#"{"x":,"id":7}"#, nil), ("[7]", nil),
        ] as [(String, String?)])
    func recordIDs(line: String, id: String?) throws {
        // A first line, for an array there would be no JSON Lines.
        let fault = try #require(try importItems("{\"id\":8}\n\(line)\n").last?.fault)
        #expect(fault.recordID == id)
    }

    @Test("a line that is not UTF-8 is a fault", arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) throws {
        for key in ["name", "x"] {
            let line = Array("{\"id\":1,\"\(key)\":\"".utf8) + bytes + Array("\"}\n{\"id\":9}".utf8)
            #expect(try importItems(line).map(\.summary) == ["1 !invalid_utf8", "2 9"])
        }
    }

    @Test("a JSON array is refused, with the way to convert it")
    func array() {
        let error = importError(Array("[\n{\"id\":1}]".utf8))
        #expect(error?.code == .notJSONLines)
        #expect(error?.advice.contains("jq -c '.[]'") == true)
    }

    // MARK: Chunks and limits

    @Test("a chunk may end at any byte")
    func everySplit() throws {
        let text = Array(
            "\u{FEFF}\n{\"id\":\"é👩‍👩‍👧\",\"x\":[1,\"\\u00e9\"]}\r\n{\"id\":2\n\n{\"id\":3,\"name\":\"\\\"\"}".utf8)
        let whole = try importItems(text)
        #expect(whole.count == 3)
        for first in 0...text.count {
            #expect(try importItems(text, cutAt: [first]) == whole, "cut at \(first)")
        }
        #expect(try importItems(text, cutAt: Array(0...text.count)) == whole)
    }

    @Test("a line of 1 MiB is read, a longer one is a fault, however it arrives", arguments: [1 << 10, 1 << 22])
    func lineLimit(chunk: Int) throws {
        let line = { (count: Int) in "{\"id\":1,\"x\":\"" + String(repeating: "x", count: count - 15) + "\"}" }
        let text = Array((line(1 << 20) + "\n" + line(1 << 20 + 1) + "\n" + line(10 << 20) + "\n{\"id\":9}").utf8)
        let cuts = Array(stride(from: chunk, to: text.count, by: chunk))
        #expect(
            try importItems(text, cutAt: cuts).map(\.summary) == ["1 1", "2 !row_too_long", "3 !row_too_long", "4 9"])
    }

    @Test("brackets without end are a fault, not a crash", arguments: ["[", "{\"a\":", "[{\"a\":"])
    func deepNesting(bracket: String) throws {
        let deep = String(repeating: bracket, count: 100_000)
        let items = try importItems("{\"id\":1,\"x\":\(deep)\n\(deep)\n{\"id\":9}", format: .jsonLines)
        #expect(items.map(\.summary).last == "3 9")
        #expect(items.prefix(2).allSatisfy { $0.fault?.code == .nestedTooDeep })
    }

    @Test("64 levels are read, 65 are a fault")
    func nestingLimit() throws {
        let line = { (levels: Int) in
            "{\"id\":1,\"x\":" + String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1)
                + "}"
        }
        #expect(try importItems(line(64)).first?.row != nil)
        #expect(try importItems(line(65)).first?.fault?.code == .nestedTooDeep)
    }

    @Test("an object of 1,000 keys is read, of more is a fault")
    func keyLimit() throws {
        let line = { (count: Int) in "{\"id\":1" + (2...count).map { ",\"k\($0)\":0" }.joined() + "}" }
        #expect(try importItems(line(1_000)).first?.row?.attributes.count == 999)
        #expect(try importItems(line(2_000)).first?.fault?.code == .tooManyFields)
    }

    @Test("keys that are new on every line are forgotten in time, but never before their line ends")
    func manyKeys() throws {
        let line = { (number: Int) in
            "{\"id\":1" + (0..<500).map { ",\"k\(number)-\($0)\":0" }.joined() + ",\"d\":1,\"d\":2}\n"
        }
        let items = try importItems((0..<60).map(line).joined())
        #expect(items.count == 60)
        #expect(items.allSatisfy { $0.fault?.code == .duplicateField })
    }

    /// But for trailing commas, which Foundation lets pass, and numbers beyond a double, which it refuses.
    @Test("accepts what Foundation accepts, and nothing else", arguments: 0..<10 as Range<UInt64>)
    func agreesWithFoundation(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "1", "-0.5e+3", "\"a\"", "\"\\n\\u00e9\"", "true", "null", " ", "0",
        ]
        for _ in 0..<300 {
            let count = Int.random(in: 0...5, using: &random)
            let value = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let line = "{\"id\":\"1\",\"x\":\(value)}"
            guard !line.contains(/,\s*[}\]]|e\+3\d/) else { continue }
            let isAccepted = try importItems(line).first?.fault?.code != .invalidJSON
            let isJSON = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil
            #expect(isAccepted == isJSON, "seed \(seed): \(line)")
        }
    }

    @Test("text of a CSV column becomes JSON that says the same")
    func quoting() throws {
        let texts = ["", "plain", "a\"b\\c", "\n\r\t\u{01}\u{1F}", "é👩‍👩‍👧 مرحبا", "a\r\nb", "/", "\u{7F}\u{2028}"]
        for text in texts {
            let data = Data(JSONText.quoted(text).utf8)
            let back = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed) as? String
            #expect(back.map { Array($0.utf8) } == Array(text.utf8))
        }
    }
}
