// The table of commands: what is looked up, told and refused comes from it alone.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

@Suite("Command table") struct CommandTableTests {
    private let table = CommandTable.standard

    @Test("Every command is found by its name in any case", arguments: CommandTable.standard.commands.map(\.name))
    func found(_ name: String) {
        for spelling in [name, name.uppercased(), name.capitalized] {
            #expect(table[spelling]?.name == name)
        }
    }

    @Test("Names are lower case, short, and each there once")
    func names() {
        let names = table.commands.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0 == $0.lowercased() && $0.utf8.count <= 16 })
    }

    @Test("Other names find nothing", arguments: ["", "fin", "findx", "f\u{0}nd", "averyveryverylongname", "ñ"])
    func unknown(_ name: String) { #expect(table[name] == nil) }

    @Test("Each command says what it is for and, if it names an organization, needs a role")
    func told() {
        for command in table.commands {
            #expect(!command.summary.isEmpty, "\(command.name)")
            if command.takesOrganization { #expect(command.role != nil, "\(command.name)") }
            if command.flags.contains(.write) { #expect((command.role ?? .reader) > .reader, "\(command.name)") }
        }
    }

    @Test("A usage falls into its arguments")
    func usage() {
        let items = CommandDocumentation.items(of: "org [EMAIL email] [EXTERNAL namespace:value ...] [DRYRUN]")
        #expect(items == ["org", "[EMAIL email]", "[EXTERNAL namespace:value ...]", "[DRYRUN]"])
    }

    @Test(
        "A text that is short and ASCII may be a word, in either case; any other is none",
        arguments: [
            ("COUNT", "count"), ("lib-Name", "lib-name"), ("\u{212A}EEP", ""), ("e\u{301}", ""), ("", ""),
            (String(repeating: "A", count: 64), String(repeating: "a", count: 64)),
            (String(repeating: "A", count: 65), ""),
        ])
    func words(_ text: String, _ word: String) {
        #expect(text.word == word)
        #expect(text.isWord("COUNT") == (word == "count"))
    }

    @Test("The name of every limit is short enough for a word")
    func longestWords() {
        for (name, _) in ServerLimits.named { #expect(name.word == name) }
    }

    @Test(
        "A star stands for anything in a pattern of names",
        arguments: [
            ("port", true), ("PORT", true), ("*", true), ("p*", true), ("*t", true), ("p*t", true), ("*o*r*", true),
            ("p**t", true), ("", false), ("por", false), ("ports", false), ("port*t", false), ("p*x*t", false),
            ("*r*o*", false), (String(repeating: "*", count: 65), false), ("*\u{301}", false),
        ])
    func patterns(_ pattern: String, _ isMatch: Bool) {
        #expect(NamePattern(pattern).matches(Array("port".utf8)) == isMatch)
    }

    @Test(
        "A cursor is a number, and comes back as it was given",
        arguments: [
            (nil, "0"), ([0], "1000"), ([0xFF, 0x00, 0x7A], "1255000122"),
            ([UInt8](repeating: 9, count: 319), "1" + String(repeating: "009", count: 319)),
        ] as [([UInt8]?, String)])
    func cursors(_ position: [UInt8]?, _ text: String) throws {
        #expect(ScanCursor(position).text == text)
        #expect(try ScanCursor(text).position == position)
    }

    @Test(
        "A cursor of a former version is taken: of an id, an email, a phone",
        arguments: ["10000000000000000000000000000001", "616e61406578616d706c652e636f6d", "2b3334363030313233343536"])
    func formerCursors(_ text: String) throws { #expect(try ScanCursor(text).position?.hex == text) }

    @Test(
        "What is no cursor is refused",
        arguments: [
            "", "x", "1", "-1", "0x", "abc", "12 ", "1+12", "100 ", String(repeating: "0", count: 1_000),
        ])
    func badCursors(_ text: String) { #expect(throws: ReplyError.self) { try ScanCursor(text) } }
}

@Suite("Latency histogram") struct LatencyHistogramTests {
    @Test("A share of all is found within a bucket's width")
    func shares() {
        let histogram = LatencyHistogram()
        for value in 1...1_000 { histogram.add(nanoseconds: UInt64(value) * 1_000) }
        var summary = LatencyHistogram.Summary()
        summary.add(histogram)
        #expect(summary.count == 1_000)
        #expect((500.0...625).contains(summary.microseconds(atShare: 0.5)))
        #expect((990.0...1_240).contains(summary.microseconds(atShare: 0.99)))
        #expect(summary.sumNanoseconds == 500_500_000)
    }

    @Test("What /metrics tells is within a bound is all up to it and nothing beyond", arguments: PrometheusText.bounds)
    func bounds(_ bound: Double) {
        let histogram = LatencyHistogram()
        for nanoseconds in [0, UInt64(bound) - 1, UInt64(bound), UInt64(bound) + 1] {
            histogram.add(nanoseconds: nanoseconds)
        }
        var summary = LatencyHistogram.Summary()
        summary.add(histogram)
        #expect(summary.count(within: bound) == 3)
        #expect(summary.count == 4)
    }

    @Test("The shortest and the longest times have a bucket too", arguments: [0, 1, 127, 128, .max] as [UInt64])
    func extremes(_ nanoseconds: UInt64) {
        let histogram = LatencyHistogram()
        histogram.add(nanoseconds: nanoseconds)
        var summary = LatencyHistogram.Summary()
        summary.add(histogram)
        #expect(summary.count == 1)
    }
}
