// The tables of docs/ that name commands, addresses and limits are those of the program.

import Foundation
import HTTPTypes
import Testing

@testable import VaultServer

@Suite("Documentation") struct DocumentationTests {
    /// The first columns of the rows of the table whose heading begins with a word.
    private static func rows(of heading: String, in document: String) throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let text = try String(contentsOf: root.appending(path: "docs/\(document)"), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(where: { $0.hasPrefix("| \(heading) |") }), "\(document)")
        return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            String(line.replacing("\\|", with: "/").split(separator: "|")[0])
        }
    }

    /// What stands between backticks.
    private static func words(of row: String) -> [String] {
        row.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element) }
    }

    @Test("Every limit is told, and no other")
    func limits() throws {
        let told = try Self.rows(of: "limit", in: "RESP.md") + Self.rows(of: "limit", in: "HTTP.md")
        #expect(told.flatMap(Self.words).sorted() == ServerLimits.named.map { $0.name }.sorted())
    }

    @Test("Every command is told, and no other")
    func commands() throws {
        let told = try Self.rows(of: "command", in: "RESP.md").flatMap(Self.words).compactMap { usage in
            usage.split(separator: " ").first.map { String($0) }
        }
        // What several commands of one row have in common stands apart.
        let names = Set(told.filter { $0 != "org" }.map { $0.lowercased() })
        #expect(names.sorted() == CommandTable.standard.commands.map(\.name).sorted())
    }

    @Test("Every address is told, and no other")
    func addresses() throws {
        let known = Set(Endpoint.all.map { "\($0.method.rawValue) \($0.path)" })
        var told: Set<String> = []
        for row in try Self.rows(of: "endpoint", in: "HTTP.md") {
            var methods: [String] = []
            var last = ""
            var isComplete = false
            for word in Self.words(of: row) {
                let parts = word.split(separator: " ").map { String($0) }
                if parts[0].allSatisfy(\.isUppercase) {
                    // Several may stand before the address that they have in common.
                    methods = isComplete ? [parts[0]] : methods + [parts[0]]
                    isComplete = false
                }
                guard let address = parts.last, address.hasPrefix("/") else { continue }
                let path = String(address.prefix { $0 != "?" })
                // A short one is in the place of the last part of the one before it.
                let sibling = String(last.prefix(upTo: last.lastIndex(of: "/") ?? last.startIndex)) + path
                let isSibling = methods.contains { known.contains("\($0) \(sibling)") }
                last = isSibling ? sibling : path
                isComplete = true
                for method in methods { told.insert("\(method) \(last)") }
            }
        }
        #expect(told.sorted() == known.sorted())
    }
}
