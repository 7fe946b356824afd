// Writes await their commit, or block until it is made: the two do the same.

import Testing

@testable import VaultDB

@Suite("Blocking twins") struct BlockingTwinTests {
    @Test func `identifiers and the region change by either`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        _ = try people.resolveBlocking(email: "ana@example.com", phone: "600123456")
        let email = try people.identifier("ana@example.com", kind: .email)
        #expect(try await people.share(email).after == .shared)
        #expect(try people.releaseBlocking(email).after == .owned)
        #expect(try people.shareBlocking(email).after == .shared)
        #expect(try await people.release(email).after == .owned)
        #expect(try await people.block(email).after == .blocked)
        #expect(try people.blockBlocking(email).before == .blocked)
        let french = try #require(Region("FR"))
        try await people.setRegion(french)
        #expect(try people.region() == french)
        try people.setRegionBlocking(.spain)
        #expect(try people.region() == .spain)
        #expect(try clinic.isClean())
    }

    @Test func `bookings, leads and forms are taken by either`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        let booking = Booking(email: "ana@example.com", isPaid: true)
        let id = try people.bookBlocking(booking).put.identity
        #expect(try await people.book(booking).put.identity == id)
        #expect(try people.addLeadBlocking(ManualLead(email: "ana@example.com")).put.identity == id)
        let form = FormSubmission(fields: [FormField(name: "email", value: "ana@example.com")])
        let answer = try people.submitBlocking(form)
        #expect(answer.intake.put.identity == id && answer.intake.isPatient && answer.taken.map(\.role) == [.email])
        #expect(try clinic.isClean())
    }

    @Test func `erasures are replayed and forgotten by either`() async throws {
        let clinic = try Clinic()
        let people = clinic.people
        try people.eraseBlocking(try clinic.person("ana@example.com"))
        let erasure = try #require(try people.erasures().first)
        #expect(try await people.replay(erasure) == .nothingToDo)
        #expect(try people.replayBlocking(erasure) == .nothingToDo)
        #expect(try await people.forgetErasures() == 1)
        #expect(try people.forgetErasuresBlocking() == 0)
        #expect(try clinic.isClean())
    }

    @Test func `tokens are made and revoked by either`() async throws {
        let clinic = try Clinic()
        let vault = clinic.vault
        let made = try await vault.createToken(for: .clinic, role: .reader)
        #expect(try vault.revokeTokenBlocking(made.token.id) == made.token)
        let other = try vault.createTokenBlocking(for: .clinic, role: .admin)
        #expect(try await vault.revokeToken(other.token.id) == other.token)
        #expect(try vault.tokens().isEmpty)
    }
}
