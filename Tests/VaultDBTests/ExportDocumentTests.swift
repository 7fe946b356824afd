// What an export holds, and that docs/EXPORT.md tells every field of it, and no other.

import Foundation
import Testing

@testable import VaultDB

@Suite("The export's document") struct ExportDocumentTests {
    /// The document's rows: the fields that they are about, and those that they have.
    private static func told() throws -> [(fields: [String], members: Set<String>)] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let text = try String(contentsOf: root.appending(path: "docs/EXPORT.md"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            let columns = line.split(separator: "|").map { words(of: $0) }
            return (fields: columns[0], members: Set(columns[1]).subtracting(["null", "absorbed"]))
        }
    }

    /// What stands between backticks.
    private static func words(of text: Substring) -> [String] {
        text.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
            .map { String($0.element.replacing("[]", with: "")) }
    }

    /// Of somebody of whom the vault has something of every sort.
    private static func export() throws -> [String: Any] {
        let clinic = try Clinic()
        let ana = try clinic.put(.lead, "1", email: "ana@example.com").identity
        let bea = try clinic.person(phone: "600123456", name: "Bea")
        _ = try clinic.person("ana@example.com", phone: "600123456")
        _ = try clinic.people.mergeBlocking(bea, into: ana)
        let text = try clinic.people.export(ana).text
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func `every field of an export is told, and no other`() throws {
        let (export, told) = (try Self.export(), try Self.told())
        #expect(told.flatMap { $0.fields }.sorted() == export.keys.sorted())
        for (fields, members) in told {
            for field in fields {
                if let object = export[field] as? [String: Any] { #expect(Set(object.keys) == members, "\(field)") }
                guard let list = export[field] as? [Any] else { continue }
                #expect(!list.isEmpty, "\(field)")
                for object in list.compactMap({ $0 as? [String: Any] }) {
                    #expect(Set(object.keys) == members, "\(field)")
                }
            }
        }
    }

    @Test func `an export holds all that the contact shows`() throws {
        let clinic = try Clinic()
        let people = clinic.people
        let a = try clinic.put(.lead, "1", email: "ana@example.com") { $0.firstName = "Ana" }.identity
        let b = try clinic.put(.patient, "2", phone: "600000001") { $0.firstName = "Anita" }.identity
        try clinic.put(.lead, "3", email: "ana@example.com", phone: "600000001")
        try people.mergeBlocking(a, into: b)
        let text = try people.export(a).text
        let contact = try people.contact(b)
        for record in contact.timeline.records { #expect(text.contains(record.json.text)) }
        for held in contact.identity.identifiers { #expect(text.contains(held.json.text)) }
        for alias in contact.identity.names { #expect(text.contains("\"\(alias)\"")) }
        for event in try people.historyPage(of: a).events + people.historyPage(of: b).events {
            #expect(text.contains(event.json.text))
        }
        for conflict in try people.conflictPage(in: .merged).conflicts { #expect(text.contains(conflict.json.text)) }
        #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any])
    }
}
