// What an import promises of the rows that it puts: the same as a put of each, in batches of bounded size.

import Foundation
import Testing

@testable import VaultDB

@Suite("Imported rows") struct ImporterTests {
    private func put(_ text: String, in clinic: Clinic) async throws -> [PutAnswer] {
        let rows = try await clinic.people.importRows(try importItems(text), of: .lead)
        return rows.compactMap { row -> PutAnswer? in
            if case .put(_, let answer) = row { answer } else { nil }
        }
    }

    @Test func `a row's answer warns of what was not used, as that of a put does`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        _ = try people.blockBlocking(people.identifier("blocked@example.com", kind: .email))
        let rows = """
            {"id":"1","email":"a@example.com","phone":"12"}
            {"id":"2","email":"blocked@example.com","phone":"600123456"}
            {"id":"3","email":"c@example.com"}
            """
        let first = try await put(rows, in: clinic)
        #expect(first.map { $0.warnings.map(\.name) } == [["invalid_phone"], ["blocked_email"], []])
        let again = try await put(#"{"id":"1","email":"a@example.com","phone":"12"}"#, in: clinic)
        #expect(again.map(\.change) == [.unchanged])
        #expect(again.map { $0.warnings.map(\.name) } == [["invalid_phone"]])
    }

    @Test func `attributes are kept as a put keeps them: either after the other changes nothing`() async throws {
        let clinic = try Clinic()
        let row = #"{"id":"1","email":"a@example.com","tags": [1, {"a b": null}],"note":"x  y"}"#
        let attributes = #"{"tags": [1, {"a b": null}], "note":"x  y"}"#
        let first = try await put(row, in: clinic)
        #expect(first.map(\.change) == [.created])
        #expect(try clinic.record(.lead, "1").attributes == #"{"tags":[1,{"a b":null}],"note":"x  y"}"#)
        let again = try clinic.put(.lead, "1", email: "a@example.com") { $0.attributes = attributes }
        #expect(again.change == .unchanged)
        try clinic.put(.lead, "2", email: "a@example.com") { $0.attributes = attributes }
        let second = try await put(row.replacing(#""id":"1""#, with: #""id":"2""#), in: clinic)
        #expect(second.map(\.change) == [.unchanged])
    }

    @Test func `a row is refused for attributes that a put is refused for`() async throws {
        let clinic = try Clinic()
        let rows = #"""
            {"id":"1","email":"a@example.com","x":{"a":1,"a":2}}
            {"id":"2","email":"a@example.com","x":["\u0000"]}
            {"id":"3","email":"a@example.com","x":[{"a":1},{"a":2}]}
            """#
        let results = try await clinic.people.importRows(try importItems(rows), of: .lead)
        let refused = results.compactMap { row -> String? in
            guard case .rejected(let fault, let id) = row else { return nil }
            return "\(id ?? "") \(fault.code.rawValue): \(fault.message)"
        }
        #expect(
            refused == [
                "1 invalid_value: the attributes' JSON has 'a' twice in one object",
                "2 invalid_value: the attributes' JSON holds a NUL character",
            ])
    }

    @Test func `a batch ends after so many bytes, however few rows it has`() throws {
        let clinic = try Clinic()
        let note = String(repeating: "n", count: 8_000)
        let rows = (0..<100).map { #"{"id":"\#($0)","email":"a@example.com","note":"\#(note)"}"# }
        let file = clinic.path + ".jsonl"
        try rows.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        var source = try ImportSource(path: file)
        var summary = ImportSummary()
        var progress: [Int] = []
        let people = clinic.people
        try people.core.importRows(
            of: .lead, from: &source, batchRows: 1_000, batchBytes: ImportSource.chunkBytes, into: people.tenant,
            addingTo: &summary
        ) { news in
            if case .progressed(let rows, _, _) = news { progress.append(rows) }
            return true
        }
        #expect(summary.rows == 100 && summary.created == 1 && summary.matched == 99)
        #expect(progress.count > 2 && progress.last == 100)
        #expect(try clinic.isClean())
    }
}
