// What JSON from outside promises once it is read: which names are one, what is refused, and in which words.

import Testing

@testable import VaultDB

@Suite("Strict JSON") struct JSONElementTests {
    private static func element(_ text: String) throws(VaultError) -> JSONElement {
        try JSONElement(parsing: text.utf8.span)
    }

    @Test("Names are one where their bytes are")
    func names() throws {
        let element = try Self.element("{\"\u{E9}\":1,\"e\u{301}\":2,\"\\u0061\":3}")
        #expect(element["\u{E9}"] == .number("1"))
        #expect(element["e\u{301}"] == .number("2"))
        #expect(element["a"] == .number("3"))
        #expect(element["A"] == nil)
    }

    @Test(
        "What a text is refused for is said of the text",
        arguments: [
            (#"{"a":1,"\u0061":2}"#, "the text has 'a' twice in one object"),
            (#"[{"x":{"a":1,"a":2}}]"#, "the text has 'a' twice in one object"),
            (#"{"a":["\u0000"]}"#, "the text holds a NUL character"),
            (#"{"\u0000":1}"#, "the text holds a NUL character"),
            (#"{"a":1"#, "the text stops being JSON at byte 7"),
            (String(repeating: "[", count: 65), "the text nests deeper than 64 levels"),
        ])
    func faults(text: String, message: String) throws {
        let error = try #require(throws: VaultError.self) { try Self.element(text) }
        #expect(error.code == .invalidArgument && error.message == message)
    }

    @Test("A name in a message is cut, however few characters it has")
    func longName() throws {
        let name = "e" + String(repeating: "\u{301}\u{323}", count: 1_000)
        let error = try #require(throws: VaultError.self) { try Self.element("{\"\(name)\":1,\"\(name)\":2}") }
        #expect(error.message.utf8.count < 300)
    }

    @Test("Texts are exactly equal where their bytes are")
    func exactTexts() {
        let texts = [
            "", "a", "A", "\u{E9}", "e\u{301}", "e\u{301}\u{323}", "e\u{323}\u{301}", "\u{2126}", "\u{3A9}", "a\0",
            String(repeating: "x", count: 15), String(repeating: "x", count: 16),
            String(repeating: "\u{301}", count: 99),
        ]
        #expect(Set(texts.map(ExactText.init)).count == texts.count)
        for text in texts {
            let copy = String(decoding: Array(text.utf8), as: UTF8.self)
            #expect(ExactText(copy) == ExactText(text) && ExactText(copy).hashValue == ExactText(text).hashValue)
        }
    }
}
