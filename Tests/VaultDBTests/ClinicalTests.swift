// Clinical over marketing: what a patient gave stands first, and a lead whose person becomes a patient is converted.

import Testing

@testable import VaultDB

@Suite("Clinical over marketing") struct ClinicalTests {
    enum Arrival: String, CaseIterable, Sendable { case lead, patient, follower }

    /// Every order in which the three can come.
    static let orders: [[Arrival]] = Arrival.allCases.flatMap { first in
        Arrival.allCases.filter { $0 != first }.map { second in
            [first, second] + Arrival.allCases.filter { $0 != first && $0 != second }
        }
    }

    @Test(arguments: orders)
    func `the patient's email and phone are primary, whoever came first`(_ order: [Arrival]) throws {
        let clinic = try Clinic()
        // One person, by an external id; each brings an email and a phone of its own.
        for arrival in order {
            let phone = ["lead": "600000001", "patient": "600000002", "follower": "600000003"][arrival.rawValue]
            guard let kind = RecordKind(arrival.rawValue) else { throw Missing() }
            try clinic.put(kind, "1", email: "\(arrival)@example.com", phone: phone) { $0.externals = ["crm:1"] }
        }
        let id = try clinic.record(.patient, "1").identity
        let identity = try clinic.identity(id)
        #expect(identity.primaryEmail == "patient@example.com")
        #expect(identity.primaryPhone == "+34600000002")
        #expect(identity.identifiers(of: .email).count == 3)
        #expect(try clinic.isClean())
    }

    @Test(arguments: orders)
    func `a lead that was there before the patient is converted`(_ order: [Arrival]) throws {
        let clinic = try Clinic()
        for arrival in order {
            guard let kind = RecordKind(arrival.rawValue) else { throw Missing() }
            try clinic.put(kind, "1", email: "ana@example.com", status: kind == .lead ? "NEW" : nil)
        }
        let leadFirst = order.firstIndex(of: .lead)! < order.firstIndex(of: .patient)!
        #expect(try clinic.record(.lead, "1").status == (leadFirst ? "CONVERTED" : "NEW"))
        #expect(try clinic.people.events(limit: 100).contains { $0.action == .leadConverted } == leadFirst)
    }

    @Test func `conversion is of the open leads of that person alone, in the transaction of the patient`() throws {
        let clinic = try Clinic()
        for (id, status) in [("open", "NEW"), ("none", nil), ("lost", "lost"), ("late", "QUALIFIED")] {
            try clinic.put(.lead, id, email: "ana@example.com", status: status)
        }
        try clinic.put(.lead, "other", email: "eva@example.com", status: "NEW")
        try clinic.people.deleteBlocking(.lead, "late", .soft)
        let answer = try clinic.put(.patient, "1", email: "ana@example.com")
        #expect(Set(answer.converted) == ["open", "none"])
        let statuses = try ["open", "none", "lost", "late", "other"].map { try clinic.record(.lead, $0).status }
        #expect(statuses == ["CONVERTED", "CONVERTED", "lost", "QUALIFIED", "NEW"])
        #expect(try clinic.put(.patient, "2", email: "ana@example.com").converted == [], "it is not the first")
    }

    /// As docs/SEMANTICS.md names them.
    @Test(arguments: [
        "CONVERTED", "LOST", "CLOSED", "REJECTED", "DISCARDED", "DISQUALIFIED", "ARCHIVED", "CANCELLED", "CANCELED",
    ])
    func `a lead in a final status is not converted`(_ status: String) throws {
        let clinic = try Clinic()
        for (id, given) in [("1", status), ("2", status.lowercased())] {
            try clinic.put(.lead, id, email: "ana@example.com", status: given)
        }
        #expect(try clinic.put(.patient, "1", email: "ana@example.com").converted == [])
        #expect(try clinic.record(.lead, "2").status == status.lowercased())
    }

    @Test func `putting a converted lead again as it was changes nothing, and with another status it takes that`()
        throws
    {
        let clinic = try Clinic()
        try clinic.put(.lead, "1", email: "ana@example.com", status: "NEW")
        try clinic.put(.patient, "1", email: "ana@example.com")
        #expect(try clinic.put(.lead, "1", email: "ana@example.com", status: "NEW").change == .unchanged)
        #expect(try clinic.record(.lead, "1").status == "CONVERTED")
        try clinic.put(.lead, "1", email: "ana@example.com", status: "CONTACTED")
        #expect(try clinic.record(.lead, "1").status == "CONTACTED")
    }

    @Test func `the first patient's identifiers stay when a second one comes`() throws {
        let clinic = try Clinic()
        let id = try clinic.put(.patient, "1", email: "one@example.com") { $0.externals = ["crm:1"] }.identity
        try clinic.put(.patient, "2", email: "two@example.com") { $0.externals = ["crm:1"] }
        #expect(try clinic.identity(id).primaryEmail == "one@example.com")
    }

    @Test func `a patient's new email takes the place of the old one, unless another patient gave that too`() throws {
        let clinic = try Clinic()
        let id = try clinic.put(.patient, "1", email: "old@example.com").identity
        try clinic.put(.patient, "1", email: "new@example.com")
        #expect(try clinic.identity(id).primaryEmail == "new@example.com")
        try clinic.put(.patient, "2", email: "new@example.com")
        try clinic.put(.patient, "1", email: "newer@example.com")
        #expect(try clinic.identity(id).primaryEmail == "new@example.com")
        #expect(try clinic.isClean())
    }

    @Test func `the organization's region holds for the first write after opening too`() throws {
        let clinic = try Clinic()
        try clinic.people.setRegionBlocking(try #require(Region("RU")))
        let id = try clinic.put(.patient, "1", phone: "8 912 345 67 89") { $0.externals = ["crm:1"] }.identity
        let other = try clinic.person("other@example.com")
        clinic.vault.close()
        let again = try Clinic.open(clinic.path)
        defer { again.close() }
        let people = again.organization(.clinic)
        try people.mergeBlocking(id, into: other)
        let phone = try #require(try people.identity(other)?.identity.identifiers(of: .phone).first)
        #expect(phone.isClinical && phone.identifier.text == "+79123456789")
    }

    @Test func `a patient's phone is read for the region that was named with it`() throws {
        let clinic = try Clinic()
        let region = Region("AR")
        let id = try clinic.put(.lead, "1", email: "ana@example.com", phone: "600123456").identity
        try clinic.put(.patient, "1", email: "ana@example.com", phone: "011 15 2345 6789") { $0.region = region }
        let patient = try clinic.record(.patient, "1")
        #expect(patient.phone == "011 15 2345 6789" && patient.region == region)
        #expect(try clinic.identity(id).primaryPhone == "+5491123456789")
        // What says nothing of the phone leaves its region, and one that names none is read for the organization's.
        try clinic.put(.patient, "1", status: "ACTIVE") { $0.keepsOthers = true }
        #expect(try clinic.record(.patient, "1").region == region)
        try clinic.put(.patient, "1", email: "ana@example.com", phone: "011 15 2345 6789")
        #expect(try clinic.record(.patient, "1").region == .spain)
        #expect(try clinic.identity(id).identifiers(of: .phone).allSatisfy { !$0.isClinical })
        #expect(try clinic.isClean())
    }

    @Test func `a patient's phone is not another country's number of the same digits`() throws {
        let clinic = try Clinic()
        let id = try clinic.person("ana@example.com", phone: "+33612345678")
        try clinic.put(.patient, "1", email: "ana@example.com", phone: "612345678")
        #expect(try clinic.identity(id).primaryPhone == "+34612345678")
        #expect(try clinic.isClean())
    }

    @Test func `a patient's Brazilian mobile is primary without its ninth digit too`() throws {
        let clinic = try Clinic()
        let id = try clinic.person("ana@example.com", phone: "600123456")
        try clinic.person("ana@example.com", phone: "+5511961234567")
        try clinic.put(.patient, "1", email: "ana@example.com", phone: "+551161234567")
        #expect(try clinic.identity(id).primaryPhone == "+5511961234567")
        #expect(try clinic.isClean())
    }

    @Test func `a patient's phone that is no phone is nobody's primary`() throws {
        let clinic = try Clinic()
        let id = try clinic.put(.patient, "1", email: "ana@example.com", phone: "21 123 4567").identity
        try clinic.person("ana@example.com", phone: "600123456")
        try clinic.person("ana@example.com", phone: "+351211234567")
        #expect(try clinic.identity(id).identifiers(of: .phone).allSatisfy { !$0.isClinical })
        #expect(try clinic.identity(id).primaryPhone == "+34600123456")
        #expect(try clinic.isClean())
    }

    @Test func `digits that only end a phone are not that phone`() throws {
        let clinic = try Clinic()
        let id = try clinic.put(.lead, "1", email: "ana@example.com", phone: "600123456").identity
        try clinic.put(.lead, "1", email: "ana@example.com", phone: "611222333")
        try clinic.put(.patient, "1", email: "ana@example.com", phone: "222333")
        #expect(try clinic.identity(id).identifiers(of: .phone).allSatisfy { !$0.isClinical })
        #expect(try clinic.identity(id).primaryPhone == "+34600123456")
    }

    @Test func `leads are open again when their person's last patient moves away`() throws {
        let clinic = try Clinic()
        try clinic.put(.lead, "1", email: "ana@example.com", status: "NEW")
        for id in ["1", "2"] { try clinic.put(.patient, id, email: "ana@example.com") }
        let other = try clinic.person("other@example.com")
        try clinic.put(.patient, "1", identity: other) { $0.moves = true }
        #expect(try clinic.record(.lead, "1").status == "CONVERTED", "one patient is left")
        try clinic.put(.patient, "2", identity: other) { $0.moves = true }
        #expect(try clinic.record(.lead, "1").status == "NEW")
        #expect(try clinic.isClean())
    }

    @Test func `a lead that moves is converted by its new person's patient, and open where there is none`() throws {
        let clinic = try Clinic()
        let ana = try clinic.put(.patient, "1", email: "ana@example.com").identity
        let eva = try clinic.put(.lead, "1", email: "eva@example.com", status: "NEW").identity
        let come = try clinic.put(.lead, "1", identity: ana, status: "NEW") { $0.moves = true }
        #expect(come.change == .moved && come.converted == ["1"])
        #expect(try clinic.record(.lead, "1").status == "CONVERTED")
        let gone = try clinic.put(.lead, "1", identity: eva, status: "NEW") { $0.moves = true }
        #expect(gone.change == .moved && gone.converted == [])
        #expect(try clinic.record(.lead, "1").status == "NEW")
        let bea = try clinic.put(.patient, "2", email: "bea@example.com").identity
        try clinic.put(.lead, "2", identity: bea, status: "NEW")
        let late = try clinic.put(.lead, "2", identity: ana, status: "NEW") { $0.moves = true }
        #expect(late.converted == [], "it was new business of a patient, and is so still")
        #expect(try clinic.isClean())
    }

    @Test func `a patient that moves takes its word with it`() throws {
        let clinic = try Clinic()
        let one = try clinic.person("lead@example.com", externals: ["crm:1"])
        try clinic.put(.patient, "1", email: "patient@example.com") { $0.externals = ["crm:1"] }
        #expect(try clinic.identity(one).primaryEmail == "patient@example.com")
        let other = try clinic.person("other@example.com")
        try clinic.put(.lead, "1", identity: other, status: "NEW")
        let answer = try clinic.put(.patient, "1", email: "patient@example.com", identity: other) { $0.moves = true }
        #expect(answer.change == .moved && answer.converted == ["1"])
        #expect(try clinic.identity(one).identifiers.allSatisfy { !$0.isClinical })
        #expect(answer.resolution?.conflicts.map(\.owner) == [one], "identifiers stay where they are")
        #expect(try clinic.isClean())
    }
}
