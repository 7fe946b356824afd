// The review queue: what it lists, and that a decision is about what its page showed.

import Foundation
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Reviewing") struct PageReviewTests {
        /// What a link to another page of a list begins with.
        private static let button = #"<a class="button" href=""#

        /// Sends a form of a page, which a browser with this cookie has.
        private static func send(
            _ server: TestServer, _ path: String, _ fields: String, from page: WebAnswer, _ cookie: [String: String?]
        ) throws -> WebAnswer {
            try server.ask(
                "POST", "/en\(path)", "\(fields)&\(try PageTests.decision(page))",
                headers: PageTests.form.merging(cookie) { $1 })
        }

        private static func count(_ text: String, in page: WebAnswer) -> Int {
            page.text.components(separatedBy: text).count - 1
        }

        @Test("What came up since a page was shown is not decided by it", arguments: ["another detail", "a merge"])
        func cameUpSince(_ what: String) async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let page = try server.ask("GET", "/en/conflicts/\(first)/\(second)")
                let cookie: [String: String?] = ["Cookie": try PageTests.cookie(page)]
                if what == "a merge" {
                    let third = try server.resolved(#"{"email": "leo@example.com"}"#)
                    _ = try server.ask("POST", "/api/v1/contacts/\(first)/merge", #"{"into": "\#(third)"}"#)
                } else {
                    _ = try server.resolved(#"{"phone": "+34600123456", "external": ["crm:1"]}"#)
                    _ = try server.resolved(#"{"email": "ana@example.com", "external": ["crm:1"]}"#)
                }
                let open = try server.clinic.conflictPage().conflicts
                for (path, fields) in [
                    ("/conflicts/keep-apart", "first=\(first)&second=\(second)"),
                    ("/contacts/\(second)/merge", "into=\(first)"),
                ] {
                    let answer = try Self.send(server, path, fields, from: page, cookie)
                    #expect(answer["location"] == "/en/conflicts", "\(path)")
                    let next = try server.ask("GET", "/en/conflicts", headers: cookie)
                    #expect(next.text.contains("changed in the meantime"), "\(path)")
                }
                #expect(try server.clinic.conflictPage().conflicts == open)
            }
        }

        @Test("Two who are kept apart can be merged after all, on the page that says so")
        func mergeAfterAll() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let pair = "/en/conflicts/\(first)/\(second)"
                let open = try server.ask("GET", pair)
                let cookie: [String: String?] = ["Cookie": try PageTests.cookie(open)]
                _ = try Self.send(
                    server, "/conflicts/keep-apart", "first=\(first)&second=\(second)", from: open, cookie)
                #expect(try server.ask("GET", "/en/conflicts", headers: cookie).text.contains(#"href="\#(pair)""#))
                let apart = try server.ask("GET", pair, headers: cookie)
                #expect(apart.text.contains("keep these contacts apart") && apart.text.contains("Merge after all"))
                let merge = (path: "/contacts/\(first)/merge", fields: "into=\(second)")
                let stale = try Self.send(server, merge.path, merge.fields, from: open, cookie)
                #expect(stale["location"] == "/en/conflicts")
                let done = try Self.send(server, merge.path, merge.fields, from: apart, cookie)
                #expect(done["location"] == "/en/contacts/\(second)")
            }
        }

        @Test("A pair by ids that were merged leads to where they are, and one of somebody erased says so")
        func movedPair() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let third = try server.resolved(#"{"email": "leo@example.com"}"#)
                let pair = "/en/conflicts/\(first)/\(second)"
                _ = try server.ask("POST", "/api/v1/contacts/\(first)/merge", #"{"into": "\#(third)"}"#)
                let moved = try server.ask("GET", pair)
                let cookie: [String: String?] = ["Cookie": try PageTests.cookie(try server.ask("GET", "/en/conflicts"))]
                #expect(moved["location"] == "/en/conflicts/\(third)/\(second)")
                #expect(try server.ask("GET", "/en/conflicts/\(third)/\(second)").status == 200)
                _ = try server.ask("POST", "/api/v1/contacts/\(second)/merge", #"{"into": "\#(third)"}"#)
                #expect(try server.ask("GET", pair, headers: cookie)["location"] == "/en/contacts/\(third)")
                let survivor = try server.ask("GET", "/en/contacts/\(third)", headers: cookie)
                #expect(survivor.text.contains("merged already"))
                _ = try server.ask("DELETE", "/api/v1/contacts/\(third)")
                #expect(try server.ask("GET", pair).status == 410)
                for end in [TestServer.other, first] {
                    #expect(try server.ask("GET", "/en/conflicts/\(TestServer.other)/\(end)").status == 404, "\(end)")
                }
            }
        }

        @Test("The page of a pair that is merged leads to the one contact")
        func mergedPair() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let pair = "/en/conflicts/\(first)/\(second)"
                let page = try server.ask("GET", pair)
                let cookie: [String: String?] = ["Cookie": try PageTests.cookie(page)]
                _ = try Self.send(server, "/contacts/\(first)/merge", "into=\(second)", from: page, cookie)
                #expect(try server.ask("GET", pair, headers: cookie)["location"] == "/en/contacts/\(second)")
                let survivor = try server.ask("GET", "/en/contacts/\(second)", headers: cookie)
                #expect(survivor.text.contains("merged already"), "\(survivor.text)")
            }
        }

        @Test("A page of the queue leads back to the first, above all where nothing of it is left")
        func emptiedPage() async throws {
            try await TestServer.runHTTP { server in
                let clinic = server.clinic
                _ = try await clinic.resolve(email: "ana@example.com")
                for phone in (600_123_410..<600_123_437).map({ "+34\($0)" }) {
                    _ = try await clinic.resolve(phone: phone)
                    _ = try await clinic.resolve(email: "ana@example.com", phone: phone)
                }
                let more = try PageTests.value(Self.button, in: try server.ask("GET", "/en/conflicts"))
                let second = try server.ask("GET", more)
                #expect(Self.count("pair card", in: second) == 2)
                #expect(try PageTests.value(Self.button, in: second) == "/en/conflicts")
                let first = try clinic.conflictPage(limit: 25)
                for conflict in try clinic.conflictPage(from: first.next, limit: 25).conflicts {
                    _ = try await clinic.keepApart(conflict.first, conflict.second)
                }
                #expect(try server.ask("GET", more)["location"] == "/en/conflicts")
            }
        }

        @Test("Merges are listed in pages, and a page of which nothing is left leads to the newest")
        func merges() async throws {
            try await TestServer.runHTTP { server in
                let clinic = server.clinic
                let hub = try await clinic.resolve(email: "ana@example.com").identity.id
                for number in 0..<12 {
                    let other = try await clinic.resolve(phone: "+346001234\(10 + number)").identity.id
                    _ = try await clinic.merge(other, into: hub)
                }
                let newest = try server.ask("GET", "/en/conflicts")
                #expect(Self.count(#"class="merged""#, in: newest) == 10)
                let link = try PageTests.value(Self.button, in: newest)
                let older = try server.ask("GET", String(link.prefix { $0 != "#" }))
                #expect(Self.count(#"class="merged""#, in: older) == 2)
                #expect(try PageTests.value(Self.button, in: older) == "/en/conflicts#merges")
                let oldest = try #require(try clinic.merges().last?.id.text)
                #expect(try server.ask("GET", "/en/conflicts?merges=\(oldest)")["location"] == "/en/conflicts")
                #expect(try server.ask("GET", "/en/conflicts?merges=nonsense").status == 400)
            }
        }

        @Test("A pair is listed once, with all that it shares, and what is left out of a list is said and leads on")
        func pairs() async throws {
            try await TestServer.runHTTP { server in
                let clinic = server.clinic
                let hub = try await clinic.resolve(email: "ana@example.com").identity.id.text
                // The last pair has two details, and 25 conflicts end between them.
                for phone in (600_123_410..<600_123_435).map({ "+34\($0)" }) {
                    _ = try await clinic.resolve(phone: phone)
                    _ = try await clinic.resolve(email: "ana@example.com", phone: phone)
                }
                _ = try await clinic.resolve(phone: "+34600123434", externals: ["crm:1"])
                _ = try await clinic.resolve(email: "ana@example.com", externals: ["crm:1"])
                let queue = try server.ask("GET", "/en/conflicts")
                #expect(Self.count("pair card", in: queue) == 25)
                #expect(Self.count("<strong>", in: queue) == 26)
                #expect(!queue.text.contains(#"class="pager""#))
                let contact = try server.ask("GET", "/en/contacts/\(hub)")
                #expect(Self.count("/en/conflicts/", in: contact) == 10 && contact.text.contains("and 15 more"))
                let all = try server.ask("GET", "/en/contacts/\(hub)?doubts=all")
                #expect(Self.count("/en/conflicts/", in: all) == 25 && !all.text.contains(" more<"))
                #expect(all.text.contains("they share ana@example.com, +34600123434"), "\(all.text)")
            }
        }

        @Test("Both sides of a pair show the names that they were given as well")
        func names() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                _ = try server.resolved(#"{"email": "ana@example.com", "name": "Anita"}"#)
                let page = try server.ask("GET", "/en/conflicts/\(first)/\(second)").text
                #expect(page.contains(#"<span class="alias"><bdi>Anita</bdi></span>"#), "\(page)")
            }
        }
    }
}
