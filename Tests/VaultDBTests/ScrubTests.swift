// After an erasure and a compaction, no byte of what was erased is in the file.

import Foundation
import TestSupport
import Testing

@testable import VaultDB

@Suite("Scrubbing") struct ScrubTests {
    private static let people = 100_000
    private static let erasedEvery = 250

    /// Every text of a person is found nowhere else.
    private struct Person {
        let number: Int
        let email: String
        let phone: String
        let firstName: String
        let lastName: String
        let note: String

        init(_ number: Int) {
            self.number = number
            let word = Self.word(number)
            email = "\(word)@buzon.example"
            phone = "+346\(10_000_000 + number)"
            firstName = "F\(word)"
            lastName = "Ñ\(word)"
            note = "note-\(word)-of-somebody"
        }

        /// Letters that no other number has, nor contains.
        private static func word(_ number: Int) -> String {
            var (rest, letters) = (number, "")
            for _ in 0..<6 {
                letters.append(Character(UnicodeScalar(UInt8(ascii: "b") + UInt8(rest % 20))))
                rest /= 20
            }
            return "x\(letters)z"
        }

        var row: String {
            """
            {"id":"r\(number)","first_name":"\(firstName)","last_name":"\(lastName)","email":"\(email)",\
            "phone":"\(phone)","note":"\(note)"}
            """
        }

        var texts: [String] { [email, phone, firstName, lastName, lastName.dropFirst() + "", note] }
    }

    @Test func `nothing of hundreds of erased people among a hundred thousand is left in the file`() throws {
        let clinic = try Clinic()
        let (everybody, path) = ((0..<Self.people).map(Person.init), clinic.path)
        try Self.importRows(everybody, into: clinic)
        let erased = everybody.filter { $0.number.isMultiple(of: Self.erasedEvery) }
        for (person, next) in zip(erased, erased.dropFirst()) where person.number.isMultiple(of: 4) {
            try Self.live(person, beside: next, in: clinic)
        }
        let patterns = path + ".patterns"
        try erased.flatMap(\.texts).joined(separator: "\n").write(toFile: patterns, atomically: true, encoding: .utf8)
        #expect(try Self.count(patterns, in: path) > erased.count, "the search finds what is there")
        for person in erased {
            // Somebody may be erased already, with whom they were merged.
            guard let id = try clinic.people.find(email: person.email) else { continue }
            try clinic.people.eraseBlocking(id)
        }
        #expect(try clinic.people.erasures(limit: 1_000).flatMap { [$0.identity] + $0.absorbed }.count >= erased.count)
        #expect(try clinic.isClean())
        clinic.vault.close()
        _ = try Vault.compact(at: path)
        #expect(try Self.count(patterns, in: path) == 0)
        let left = try Clinic.open(path)
        defer { left.close() }
        let survivor = try left.organization(.clinic).find(email: everybody[1].email)
        #expect(survivor != nil)
        #expect(try left.check().isClean)
    }

    private static func importRows(_ people: [Person], into clinic: Clinic) throws {
        let file = clinic.path + ".jsonl"
        try people.map(\.row).joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        var source = try ImportSource(path: file, format: .jsonLines)
        var listener = SilentListener()
        let summary = try clinic.people.importRows(of: .lead, from: &source, &listener)
        #expect(summary.created == people.count)
    }

    /// Leaves traces of a person wherever the vault keeps any.
    private static func live(_ person: Person, beside other: Person, in clinic: Clinic) throws {
        let people = clinic.people
        var request = ResolveRequest(email: person.email, phone: other.phone, name: person.note)
        request.idempotencyKey = "key \(person.number)"
        let id = try people.resolveBlocking(request).identity.id
        let second = try clinic.put(.patient, "p\(person.number)", email: other.email, phone: person.phone).identity
        try people.releaseBlocking(people.identifier(person.phone, kind: .phone))
        try clinic.put(.lead, "l\(person.number)", email: person.email, phone: person.phone)
        let merge = try people.mergeBlocking(second, into: id).merge
        if person.number.isMultiple(of: 8) { try people.unmergeBlocking(merge) }
    }

    /// Lines of the file in which one of the patterns stands.
    private static func count(_ patterns: String, in file: String) throws -> Int {
        let grep = Process()
        grep.executableURL = URL(filePath: "/usr/bin/grep")
        grep.arguments = ["--text", "--fixed-strings", "--count", "--file", patterns, file]
        grep.environment = ["LC_ALL": "C"]
        let pipe = Pipe()
        grep.standardOutput = pipe
        try grep.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        grep.waitUntilExit()
        guard let count = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { throw Missing() }
        return count
    }
}
