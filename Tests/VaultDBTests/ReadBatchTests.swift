// The lookups on bytes: they say what the library says by text, of one moment.

import Foundation
import Logging
import TestSupport
import Testing

@testable import VaultDB

@Suite("Read batch") struct ReadBatchTests {
    private let directory: TemporaryDirectory
    private let vault: Vault
    private var clinic: Organization { vault.organization(.clinic) }

    init() throws {
        directory = try TemporaryDirectory()
        var options = VaultOptions()
        options.logger = .silent
        options.durability = .relaxed
        vault = try Vault(at: directory.file("vault"), options: options)
        _ = try clinic.resolveBlocking(
            ResolveRequest(email: "ana@example.com", phone: "600123456", externals: ["ig:Ana"], name: "Ana Ruiz"))
        _ = try clinic.resolveBlocking(ResolveRequest(email: "ñandú@example.com", phone: "600123457"))
        _ = try clinic.resolveBlocking(ResolveRequest(email: "shared@example.com"))
        try clinic.shareBlocking(try clinic.identifier("shared@example.com", kind: .email))
        _ = try clinic.resolveBlocking(ResolveRequest(phone: "+5511987654321", externals: ["whatsapp:525512345678"]))
    }

    static let emails = [
        "ana@example.com", " ANA@example.com ", "Ana <ana@example.com>", "mailto:ana@example.com", "ñandú@example.com",
        "ÑANDÚ@example.com", "shared@example.com", "nobody@example.com", "", " ", "@", "a@b",
        String(repeating: "x", count: 300) + "@example.com",
    ]
    static let phones = [
        "+34600123456", "600123456", "600 123 456", "0034600123456", "+34600123457", "+34600999999", "12", "", "+",
        "+5511987654321", "+551187654321", "+55 11 8765-4321",
        String(repeating: "6", count: 300),
    ]

    @Test(arguments: emails)
    func `an email is found by its bytes as by its text`(_ email: String) throws {
        #expect(try vault.readBatch().find(email: email.utf8.span, in: clinic) == clinic.find(email: email))
    }

    @Test(arguments: phones)
    func `a phone is found by its bytes as by its text`(_ phone: String) throws {
        #expect(try vault.readBatch().find(phone: phone.utf8.span, in: clinic) == clinic.find(phone: phone))
    }

    @Test(arguments: ["ig:Ana", "IG:Ana", "ig:ana", "ig", "", ":", "whatsapp:525512345678", "whatsapp:5215512345678"])
    func `an external id is found by its bytes as by its text`(_ external: String) throws {
        let found = try vault.readBatch().find(external: external.utf8.span, in: clinic)
        #expect(try found == clinic.find(external: external))
    }

    @Test func `what WhatsApp spells in two ways is found by the bytes of both`() throws {
        let batch = try vault.readBatch()
        let owner = try batch.find(phone: "+5511987654321".utf8.span, in: clinic)
        #expect(owner != nil)
        #expect(try batch.find(phone: "+55 11 8765-4321".utf8.span, in: clinic) == owner)
        #expect(try batch.find(external: "whatsapp:5215512345678".utf8.span, in: clinic) == owner)
    }

    @Test(arguments: [false, true])
    func `what is looked up ahead is what is there`(_ isResolved: Bool) throws {
        var batch = try vault.readBatch()
        for _ in 0..<2 {
            batch.expectNothing()
            for email in Self.emails { batch.expect(email: email.utf8.span, isResolved: isResolved, in: clinic) }
            for phone in Self.phones { batch.expect(phone: phone.utf8.span, isResolved: isResolved, in: clinic) }
            batch.lookAhead()
            for email in Self.emails {
                #expect(try batch.find(email: email.utf8.span, in: clinic) == clinic.find(email: email))
            }
            for phone in Self.phones.reversed() {
                #expect(try batch.find(phone: phone.utf8.span, in: clinic) == clinic.find(phone: phone))
                let look = try batch.look(
                    email: Span(), phone: phone.utf8.span, name: Span(), in: clinic)
                guard case .match(let match) = look else { continue }
                #expect(match.identity == (try clinic.find(phone: phone)))
            }
        }
    }

    @Test func `a match by bytes is what a resolve answers without writing`() throws {
        let names = ["", "Ana Ruiz", "ana ruiz", " Ana  Ruiz", "Berta", "Ñ"]
        for email in Self.emails {
            for phone in Self.phones {
                for name in names {
                    let batch = try vault.readBatch()
                    let look = try batch.look(
                        email: email.utf8.span, phone: phone.utf8.span, name: name.utf8.span, in: clinic)
                    if look.isUnknown { #expect(try clinic.find(email: email) == nil, "\(email)") }
                    guard let match = look.match else { continue }
                    let before = try clinic.ledger()
                    let answer = try clinic.resolveBlocking(ResolveRequest(email: email, phone: phone, name: name))
                    #expect(answer.identity.id == match.identity && answer.sequence == match.sequence)
                    #expect(answer.outcome == .matched(by: match.kind))
                    #expect(answer.warnings.isEmpty && answer.enriched.isEmpty && answer.conflicts.isEmpty)
                    #expect(try clinic.ledger() == before)
                }
            }
        }
    }

    @Test func `what is known in full is matched by bytes`() throws {
        let batch = try vault.readBatch()
        for (email, phone, name) in [
            ("ana@example.com", "", ""), ("", "600 123 456", ""), ("ana@example.com", "+34600123456", "Ana Ruiz"),
        ] {
            let look = try batch.look(
                email: email.utf8.span, phone: phone.utf8.span, name: name.utf8.span, in: clinic)
            #expect(look.match != nil, "\(email) \(phone) \(name)")
        }
    }

    @Test func `an email that nobody has is for the writer at once`() throws {
        let batch = try vault.readBatch()
        let none = "".utf8.span
        #expect(try batch.look(email: "new@example.com".utf8.span, phone: none, name: none, in: clinic).isUnknown)
        #expect(
            try batch.look(
                email: "new@example.com".utf8.span, phone: "600 123 456".utf8.span, name: none, in: clinic
            ).isUnknown)
        #expect(try !batch.look(email: none, phone: "+34600999999".utf8.span, name: none, in: clinic).isUnknown)
        #expect(try !batch.look(email: " NEW@example.com".utf8.span, phone: none, name: none, in: clinic).isUnknown)
    }

    @Test func `a batch stays at its moment, and the next sees what came`() throws {
        let batch = try vault.readBatch()
        let made = try clinic.resolveBlocking(ResolveRequest(email: "late@example.com"))
        #expect(try batch.find(email: "late@example.com".utf8.span, in: clinic) == nil)
        #expect(try vault.readBatch().find(email: "late@example.com".utf8.span, in: clinic) == made.identity.id)
    }

    @Test func `an unknown organization has nobody`() throws {
        let batch = try vault.readBatch()
        let nowhere = vault.organization(.studio)
        #expect(try batch.find(email: "ana@example.com".utf8.span, in: nowhere) == nil)
        #expect(
            try batch.look(email: "ana@example.com".utf8.span, phone: "".utf8.span, name: "".utf8.span, in: nowhere)
                .match
                == nil)
    }
}

extension QuickLook {
    fileprivate var match: Match? {
        if case .match(let match) = self { return match }
        return nil
    }

    fileprivate var isUnknown: Bool {
        if case .unknown = self { return true }
        return false
    }
}
