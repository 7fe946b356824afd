// The contact API: what is asked for is answered, as its document says.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Contacts") struct ContactTests {
        private static let contacts = "/api/v1/contacts"

        @Test("The contact view is exactly what its clients know")
        func view() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put(
                    "lead/l1",
                    #"{"first_name":"Ana","last_name":"Ruiz \"R\"","email":"Ana@Example.com","phone":"+34 600 123 456","#
                        + #""source":"web","status":"new","created_at":"2025-01-31T09:00:00Z"}"#)
                #expect(
                    try server.put(
                        "follower/f1",
                        #"{"identity_id":"\#(id)","source":"instagram","created_at":"2025-02-28T00:00:00.5Z"}"#) == id)
                #expect(
                    try server.put(
                        "patient/p1",
                        #"{"first_name":"Ana","email":"ana@example.com","created_at":"2025-02-01T10:00:00+01:00"}"#)
                        == id)
                let created = try #require(try server.clinic.identity(UUID(uuidString: id) ?? UUID())).identity
                let answer = try server.ask("GET", "\(Self.contacts)/\(id)")
                #expect(answer.status == 200)
                #expect(
                    answer.text == """
                        {"identity_id":"\(id)","primary_email":"ana@example.com","primary_phone":"+34600123456",\
                        "created_at":"\(created.createdAt)","leads":[{"id":"l1","first_name":"Ana",\
                        "last_name":"Ruiz \\"R\\"","source":"web","status":"CONVERTED",\
                        "created_at":"2025-01-31T09:00:00Z"}],"patients":[{"id":"p1","first_name":"Ana",\
                        "last_name":null,"email":"ana@example.com","created_at":"2025-02-01T09:00:00Z"}],\
                        "followers":[{"id":"f1","first_name":null,"last_name":null,"source":"instagram",\
                        "status":null,"created_at":"2025-02-28T00:00:00.500000Z"}],"total_interactions":3,\
                        "first_contact":"2025-01-31T09:00:00Z","last_activity":"2025-02-28T00:00:00.500000Z"}
                        """)
            }
        }

        @Test("After a merge the old id answers the survivor, and says so; after undoing it no more")
        func redirect() async throws {
            try await TestServer.runHTTP { server in
                let (from, into) = try server.conflictingPair()
                let merge = try server.ask("POST", "\(Self.contacts)/\(from)/merge", #"{"into": "\#(into)"}"#)
                #expect(merge.status == 200)
                let view = try server.ask("GET", "\(Self.contacts)/\(from)")
                #expect(try view.text("identity_id") == into)
                #expect(try view.text("redirected_from") == from)
                #expect(try server.ask("GET", "\(Self.contacts)/\(into)").json["redirected_from"] == nil)
                #expect(try server.ask("GET", "/api/v1/merges").json["results"]?.array.count == 1)
                let undone = try server.ask("DELETE", "/api/v1/merges/\(try merge.text("merge_id"))")
                #expect(undone.status == 200)
                #expect(try server.ask("GET", "\(Self.contacts)/\(from)").text("identity_id") == from)
            }
        }

        @Test("A preview of a merge changes nothing")
        func preview() async throws {
            try await TestServer.runHTTP { server in
                let (from, into) = try server.conflictingPair()
                let sequence = try server.vault.lastCommit()
                let body = #"{"into": "\#(into)", "dry_run": true}"#
                #expect(try server.ask("POST", "\(Self.contacts)/\(from)/merge", body).status == 200)
                #expect(try server.vault.lastCommit() == sequence)
            }
        }

        @Test("Keeping apart settles the pair")
        func keepApart() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let same = #"{"first": "\#(first)", "second": "\#(first)"}"#
                let refused = try server.ask("POST", "/api/v1/conflicts/keep-apart", same)
                #expect(refused.status == 409)
                #expect(try refused.text("advice") == "name two identities")
                #expect(try server.ask("GET", "/api/v1/conflicts").json["results"]?.array.isEmpty == false)
                let body = #"{"first": "\#(first)", "second": "\#(second)"}"#
                #expect(try server.ask("POST", "/api/v1/conflicts/keep-apart", body).status == 200)
                #expect(try server.ask("GET", "/api/v1/conflicts").json["results"]?.array.isEmpty == true)
                let kept = try server.ask("GET", "/api/v1/conflicts?state=kept_apart")
                #expect(try kept.json["results"]?.array.isEmpty == false)
            }
        }

        @Test("An erased id answers 410, and has a story")
        func erased() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("lead/l1", #"{"email": "ana@example.com", "first_name": "Ana"}"#)
                #expect(try server.ask("GET", "\(Self.contacts)/\(id)/export").status == 200)
                #expect(try server.ask("DELETE", "\(Self.contacts)/\(id)").status == 200)
                for path in ["", "/leads", "/patients", "/followers", "/timeline", "/export"] {
                    let answer = try server.ask("GET", "\(Self.contacts)/\(id)\(path)")
                    #expect(answer.status == 410, "\(path)")
                    #expect(try answer.text("code") == "erased")
                }
                let story = try server.ask("GET", "\(Self.contacts)/\(id)/audit")
                #expect(try story.json["results"]?.array.contains { $0["event"]?.string == "identity_erased" } == true)
                #expect(try server.ask("GET", "\(Self.contacts)?email=ana@example.com").json["results"]?.array == [])
            }
        }

        @Test("A story comes in pages, to its first event")
        func story() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                for status in 1...3 {
                    _ = try server.put("lead/l1", #"{"email": "ana@example.com", "status": "\#(status)"}"#)
                }
                let path = "\(Self.contacts)/\(id)/audit"
                let whole = try server.ask("GET", path).json
                #expect(whole["next"]?.string == nil)
                var (events, cursor): ([JSONElement], String?) = ([], nil)
                repeat {
                    let next = cursor.map { "&cursor=\($0)" } ?? ""
                    let page = try server.ask("GET", "\(path)?limit=2\(next)").json
                    events += page["results"]?.array ?? []
                    cursor = page["next"]?.string
                } while cursor != nil && events.count < 20
                #expect(events.count > 3 && events == whole["results"]?.array)
                for wrong in ["x", "0", "99999"] {
                    #expect(try server.ask("GET", "\(path)?cursor=\(wrong)").status == 400, "\(wrong)")
                }
            }
        }

        @Test(
            "Pages follow each other without a gap and without a repetition",
            arguments: [("leads", false), ("timeline", true)])
        func paging(_ list: String, isNewestFirst: Bool) async throws {
            try await TestServer.runHTTP { server in
                let id = try server.resolved(#"{"email": "ana@example.com"}"#)
                for day in 1...5 {
                    _ = try server.put(
                        "lead/l\(day)", #"{"identity_id": "\#(id)", "created_at": "2025-01-0\#(day)T00:00:00Z"}"#)
                }
                var (ids, cursor, pages): ([String], String?, Int) = ([], nil, 0)
                repeat {
                    let next = cursor.map { "&cursor=\($0)" } ?? ""
                    let page = try server.ask("GET", "\(Self.contacts)/\(id)/\(list)?limit=2\(next)").json
                    ids += page["results"]?.array.compactMap { $0["id"]?.string } ?? []
                    cursor = page["next"]?.string
                    pages += 1
                } while cursor != nil && pages < 10
                let expected = (1...5).map { "l\($0)" }
                #expect(ids == (isNewestFirst ? expected.reversed() : expected))
                #expect(pages == 3)
            }
        }

        @Test("People are found by email, by phone, by both and by name")
        func finding() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                func found(_ query: String) throws -> [String] {
                    let answer = try server.ask("GET", "\(Self.contacts)?\(query)")
                    #expect(answer.status == 200, "\(answer.text)")
                    return try answer.json["results"]?.array.compactMap { $0["identity_id"]?.string } ?? []
                }
                #expect(try found("email=%20ANA%40example.com") == [first])
                #expect(try found("phone=+34600123456") == [second])
                #expect(try found("phone=%2B34%20600%20123%20456") == [second])
                #expect(try found("email=ana@example.com&phone=%2B34600123456") == [first, second])
                #expect(Set(try found("name=ana+r")) == [first, second])
                #expect(try found("email=nobody@example.com") == [])
                #expect(try server.ask("GET", "\(Self.contacts)?email=nonsense").status == 422)
            }
        }

        /// What changes a contact's view, and whose.
        private static let changes: [(name: String, change: @Sendable (TestServer, String) async throws -> Void)] = [
            ("put", { server, id in _ = try server.put("lead/l2", #"{"identity_id": "\#(id)"}"#) }),
            (
                "put again",
                { server, id in _ = try server.put("lead/l1", #"{"identity_id": "\#(id)", "status": "won"}"#) }
            ),
            ("conversion", { server, _ in _ = try server.put("patient/p1", #"{"email": "ana@example.com"}"#) }),
            (
                "enriching",
                { server, _ in
                    _ = try server.resolved(#"{"email": "ana@example.com", "phone": "+34600123456"}"#)
                }
            ),
            ("deleting", { server, _ in _ = try server.ask("DELETE", "/api/v1/records/lead/l1") }),
            ("merging", { server, id in _ = try await merged(server, id) }),
            (
                "undoing a merge",
                { server, id in
                    let merge = try await merged(server, id)
                    let before = try server.ask("GET", "\(contacts)/\(id)")["etag"]
                    _ = try server.ask("DELETE", "/api/v1/merges/\(merge)")
                    #expect(try server.ask("GET", "\(contacts)/\(id)")["etag"] != before)
                }
            ),
            (
                "erasing whom its record names",
                { server, id in
                    let other = try server.resolved(#"{"email": "eva@example.com"}"#)
                    _ = try server.put("lead/l2", #"{"identity_id": "\#(id)", "email": "eva@example.com"}"#)
                    let before = try server.ask("GET", "\(contacts)/\(id)")["etag"]
                    _ = try server.ask("DELETE", "\(contacts)/\(other)")
                    #expect(try server.ask("GET", "\(contacts)/\(id)")["etag"] != before)
                }
            ),
            (
                "sharing",
                { server, _ in
                    try server.clinic.shareBlocking(try server.clinic.identifier("ana@example.com", kind: .email))
                }
            ),
        ]

        private static func merged(_ server: TestServer, _ id: String) async throws -> String {
            let other = try server.put("lead/l9", #"{"email": "other@example.com"}"#)
            return try server.ask("POST", "\(contacts)/\(other)/merge", #"{"into": "\#(id)"}"#).text("merge_id")
        }

        @Test("An unchanged contact is not sent again, and any change of its view changes its tag", arguments: 0..<9)
        func tag(_ number: Int) async throws {
            let (name, change) = Self.changes[number]
            try await TestServer.runHTTP { server in
                let id = try server.put(
                    "lead/l1", #"{"email": "ana@example.com", "status": "new", "created_at": "2025-01-31T09:00:00Z"}"#)
                let path = "\(Self.contacts)/\(id)"
                let first = try server.ask("GET", path)
                let tag = try #require(first["etag"])
                let same = try server.ask("GET", path, headers: ["If-None-Match": "W/\"x\", \(tag)"])
                #expect(same.status == 304)
                #expect(same["etag"] == tag)
                try await change(server, id)
                let other = try server.ask("GET", path, headers: ["If-None-Match": tag])
                #expect(other.status == 200, "\(name)")
                #expect(other["etag"] != tag, "\(name)")
            }
        }

        @Test("A contact that is asked for as it was is answered while it is so")
        func asked() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let path = "\(Self.contacts)/\(first)"
                let tag = try #require(try server.ask("GET", path)["etag"])
                for known in [tag, "*", "\"x\", \(tag)"] {
                    #expect(try server.ask("GET", path, headers: ["If-Match": known]).status == 200, "\(known)")
                }
                let both = try server.ask("GET", path, headers: ["If-Match": tag, "If-None-Match": tag])
                #expect(both.status == 304)
                _ = try server.ask("POST", "\(path)/merge", #"{"into": "\#(second)"}"#)
                for method in ["GET", "HEAD"] {
                    #expect(try server.ask(method, path, headers: ["If-Match": tag]).status == 412, "\(method)")
                }
                let redirected = try #require(try server.ask("GET", path)["etag"])
                #expect(try server.ask("GET", path, headers: ["If-Match": redirected]).status == 200)
            }
        }

        @Test("A merged id and its survivor have different tags, for their answers differ")
        func tagOfRedirect() async throws {
            try await TestServer.runHTTP { server in
                let (from, into) = try server.conflictingPair()
                _ = try server.ask("POST", "\(Self.contacts)/\(from)/merge", #"{"into": "\#(into)"}"#)
                let tags = try [from, into].map { try server.ask("GET", "\(Self.contacts)/\($0)")["etag"] }
                #expect(tags[0] != tags[1])
            }
        }

        @Test("A record is put, shown and deleted: patients softly, others for good")
        func records() async throws {
            try await TestServer.runHTTP { server in
                let path = "/api/v1/records/lead/a%2Fb%20%C3%B1"
                let body = #"{"email": "ana@example.com", "attributes": {"n": [1, {"x": null}]}}"#
                let made = try server.ask("PUT", path, body)
                #expect(made.status == 201)
                #expect(try made.text("id") == "a/b ñ")
                #expect(try server.ask("PUT", path, body).status == 200)
                #expect(try server.ask("GET", path).json["attributes"]?["n"]?.array.count == 2)
                #expect(try server.ask("DELETE", path).status == 200)
                #expect(try server.ask("GET", path).status == 404)
                _ = try server.put("patient/p", #"{"email": "ana@example.com"}"#)
                #expect(try server.ask("DELETE", "/api/v1/records/patient/p").text("change") != "unchanged")
                #expect(try server.ask("GET", "/api/v1/records/patient/p").json["is_active"] == .bool(false))
            }
        }

        @Test("An id that begins with a byte order mark is another one than the same without")
        func recordsWithMark() async throws {
            try await TestServer.runHTTP { server in
                let paths = ["K0", "%EF%BB%BFK0", "%ef%bb%bf"].map { "/api/v1/records/lead/\($0)" }
                let ids = ["K0", "\u{FEFF}K0", "\u{FEFF}"]
                for (path, id) in zip(paths, ids) {
                    let body = #"{"email": "ana@example.com", "attributes": {"note": "\#(id)"}}"#
                    let made = try server.ask("PUT", path, body)
                    #expect(made.status == 201, "\(made.text)")
                    let record = try server.ask("GET", path)
                    #expect(try record.text("id").utf8.elementsEqual(id.utf8))
                    #expect(try record.json["attributes"]?["note"]?.string?.utf8.elementsEqual(id.utf8) == true)
                }
                for path in paths[1...] {
                    #expect(try server.ask("DELETE", path).status == 200)
                    #expect(try server.ask("GET", path).status == 404)
                    #expect(try server.ask("GET", paths[0]).status == 200)
                }
            }
        }

        @Test("Bookings, forms and leads come in, and say whom they belong to")
        func intake() async throws {
            try await TestServer.runHTTP { server in
                let person = #""first_name": "Ana", "email": "ana@example.com""#
                let free = try server.ask("POST", "/api/v1/bookings", "{\(person)}")
                #expect(free.status == 201)
                #expect(try free.json["record"]?["kind"]?.string == "lead")
                let paid = try server.ask("POST", "/api/v1/bookings", #"{\#(person), "paid": true}"#)
                #expect(try paid.json["record"]?["kind"]?.string == "patient")
                #expect(try paid.text("identity_id") == free.text("identity_id"))
                let lead = try server.ask("POST", "/api/v1/leads", #"{\#(person), "source": "phone"}"#)
                #expect(try lead.text("identity_id") == free.text("identity_id"))
                let form = try server.ask(
                    "POST", "/api/v1/forms?source=ad",
                    #"{"fields": {"Tu correo": "ana@example.com", "Mensaje": "Hola"}}"#)
                #expect(try form.json["is_patient"] == .bool(true))
                let made = try #require(try form.json["record"]?["id"]?.string)
                #expect(try server.ask("GET", "/api/v1/records/lead/\(made)").text("source") == "ad")
                let sent = try server.ask(
                    "POST", "/api/v1/forms?source=landing", "email=ana%40example.com&mensaje=Hola+%26+adi%C3%B3s",
                    headers: ["Content-Type": "application/x-www-form-urlencoded"])
                #expect(sent.status == 201)
                #expect(try sent.text("identity_id") == free.text("identity_id"))
                for order in ["newest", "oldest"] {
                    let path = "/api/v1/contacts/\(try free.text("identity_id"))/timeline?order=\(order)&limit=1"
                    let page = try server.ask("GET", path).json["results"]?.array
                    #expect(page?.first?["source"]?.string == (order == "newest" ? "landing" : "public_booking"))
                }
            }
        }
    }
}
