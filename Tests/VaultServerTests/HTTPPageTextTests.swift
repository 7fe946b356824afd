// What pages show of unusual data: nothing misleads, and nothing is left out without a word.

import Foundation
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("What pages show") struct PageTextTests {
        private static let email = #""email": "ana@example.com""#

        @Test(
            "A name that shows nothing is none",
            arguments: ["\u{200B}", "\u{202E}", "\u{2060}\u{AD}", "\u{3164}", "\u{7F}"]
        )
        func invisible(_ name: String) async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("lead/l1", #"{"first_name": \#(JSONValue.string(name).text), \#(Self.email)}"#)
                for (path, mark) in [("/\(id)", "</bdi></h1>"), ("?q=ana%40example.com", "</bdi></a>")] {
                    let page = try server.ask("GET", "/en/contacts\(path)").text
                    #expect(page.contains("ana@example.com\(mark)"), "\(page)")
                }
            }
        }

        @Test("Signs that turn text round, and controls, are to be seen")
        func misleading() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put(
                    "lead/l1", #"{"first_name": "ab\u202Ecd\u2066ef", "source": "x\u200Fy", \#(Self.email)}"#)
                let page = try server.ask("GET", "/en/contacts/\(id)").text
                for text in ["ab\u{FFFD}cd\u{FFFD}ef", "x\u{FFFD}y"] { #expect(page.contains(text), "\(page)") }
                #expect(!page.unicodeScalars.contains("\u{202E}"))
                #expect(try server.ask("GET", "/assets/style.css").text.contains("unicode-bidi: isolate"))
            }
            #expect(PageText("a\u{7F}b\u{9B}c\n\td").renderText == "a\u{FFFD}b\u{FFFD}c\n\td")
            #expect(PageText("a\u{61C}b\u{FEFF}c").renderText == "a\u{FFFD}b\u{FFFD}c")
        }

        @Test("A name goes the way that it is written, with what stands at its end")
        func rightToLeft() async throws {
            try await TestServer.runHTTP { server in
                let name = "<bdi>שרה 165440!</bdi>"
                let id = try server.put("lead/l1", #"{"first_name": "שרה 165440!", "phone": "+34600123456"}"#)
                let other = try server.resolved("{\(Self.email)}")
                _ = try server.resolved(#"{\#(Self.email), "phone": "+34600123456"}"#)
                let pair = [id, other].sorted().joined(separator: "/")
                for path in [
                    "contacts/\(id)", "contacts?q=%2B34600123456", "records/lead/l1", "conflicts", "conflicts/\(pair)",
                ] {
                    #expect(try server.ask("GET", "/en/\(path)").text.contains(name), "\(path)")
                }
            }
        }

        @Test("A long run of marks is parted, so that no character takes long to look up")
        func marks() {
            let joiner: Unicode.Scalar = "\u{34F}"
            let shown = PageText("e" + String(repeating: "\u{301}\u{323}", count: 1_000)).renderText.unicodeScalars
            #expect(shown.split { $0 == joiner }.allSatisfy { $0.count <= 31 })
            #expect(shown.count { $0 != joiner } == 2_001)
            let short = "e" + String(repeating: "\u{301}", count: 30) + "e\u{301}"
            #expect(PageText(short).renderText.utf8.elementsEqual(short.utf8))
        }

        @Test("Attributes that an earlier version let in are shown as they are")
        func looseAttributes() throws {
            let text = #"{"note":"visible","x":{"a":1,"a":2}}"#
            let values = PageCall.attributes(text)
            guard case .object(let content)? = values.first, case .text(let shown)? = content["value"] else {
                Issue.record("nothing is shown")
                return
            }
            #expect(values.count == 1 && shown == text)
        }

        @Test("A kind that has no word of its own is called as it is")
        func otherKind() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("other/o1", "{\(Self.email)}")
                for path in ["/es/contacts/\(id)", "/en/records/other/o1"] {
                    let page = try server.ask("GET", path).text
                    #expect(page.contains(">other</span>") && !page.contains("%@"), "\(page)")
                }
            }
        }

        @Test("Where not all identifiers are shown, a page says how many there are beside them")
        func manyIdentifiers() async throws {
            try await TestServer.runHTTP { server in
                let ids = (0..<110).map { #""crm:c\#($0)""# }
                for start in stride(from: 0, to: ids.count, by: 10) {
                    let externals = ids[start..<(start + 10)].joined(separator: ", ")
                    _ = try server.resolved("{\(Self.email), \"external\": [\(externals)]}")
                }
                let id = try #require(try server.clinic.find(email: "ana@example.com")).text
                #expect(try server.ask("GET", "/en/contacts/\(id)").text.contains("and 11 more"))
                let other = try server.resolved(#"{"phone": "+34600123456"}"#)
                _ = try server.resolved(#"{\#(Self.email), "phone": "+34600123456"}"#)
                let pair = [id, other].sorted().joined(separator: "/")
                let page = try server.ask("GET", "/es/conflicts/\(pair)").text
                #expect(page.contains("y 11 más") && page.contains("y 62 más"), "\(page)")
            }
        }

        @Test("A contact's page has its email to write to, and every page the time zone of its times")
        func contactPage() async throws {
            let zone = try #require(TimeZone(identifier: "Europe/Madrid"))
            try await TestServer.runHTTP({ $0.timeZone = zone }) { server in
                let id = try server.resolved(#"{"email": "ana?b@example.com"}"#)
                let page = try server.ask("GET", "/en/contacts/\(id)").text
                #expect(page.contains(#"href="mailto:ana%3Fb@example.com""#), "\(page)")
                #expect(page.contains("Time zone: Europe/Madrid"))
            }
        }

        @Test("What is wrong is told in words of its own, and under another name without a link that leads back to it")
        func problems() async throws {
            try await TestServer.runHTTP { server in
                let asked: [String: String?] = ["Accept": "text/html"]
                let form = try server.ask("GET", "/en/conflicts/keep-apart", headers: asked)
                #expect(form.status == 405 && form.text.contains("only takes forms"))
                let foreign = try server.ask(
                    "GET", "/en/contacts", headers: asked.merging(["Host": "a.example"]) { $1 })
                #expect(foreign.status == 421 && foreign.text.contains("as 127.0.0.1 or localhost"))
                #expect(!foreign.text.contains("href"))
            }
        }

        @Test("There is no landmark and no list around nothing")
        func empty() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                for path in ["/contacts/\(first)", "/conflicts/\([first, second].sorted().joined(separator: "/"))"] {
                    let page = try server.ask("GET", "/es\(path)").text
                    for mark in [#"class="pager""#, #"class="counts""#, "Lo más reciente"] {
                        #expect(!page.contains(mark), "\(path)")
                    }
                }
            }
        }

        @Test("A record is found behind its link, whatever its id", arguments: [".", "..", "a/b", "?"])
        func recordLink(_ id: String) async throws {
            try await TestServer.runHTTP { server in
                let draft = RecordDraft(kind: .lead, id: id, email: "ana@example.com", source: "site")
                let identity = try await server.clinic.put(draft).identity.text
                let page = try server.ask("GET", "/en/contacts/\(identity)").text
                let link = try #require(page.components(separatedBy: #"class="details" href=""#).dropFirst().first)
                    .prefix { $0 != "\"" }
                // What a browser makes of it.
                let resolved = try #require(URL(string: String(link), relativeTo: URL(string: "http://localhost/")))
                let query = resolved.query.map { "?\($0)" } ?? ""
                let path = resolved.absoluteURL.standardized.path(percentEncoded: true)
                #expect(try server.ask("GET", path + query).status == 200, "\(link)")
            }
        }

        @Test("An older page of a timeline of which nothing is left leads to the newest")
        func emptiedTimeline() async throws {
            try await TestServer.runHTTP { server in
                let records = (0..<51).map { "lead/l\($0)" }
                let id = try records.map { try server.put($0, "{\(Self.email)}") }[0]
                let page = try server.ask("GET", "/en/contacts/\(id)")
                let older = try PageTests.value(#"<a class="button" href=""#, in: page)
                let last = try server.ask("GET", older).text
                #expect(last.components(separatedBy: #"class="details""#).count == 2)
                for record in records where last.contains("/en/records/\(record)\"") {
                    #expect(try server.ask("DELETE", "/api/v1/records/\(record)").status == 200)
                }
                #expect(try server.ask("GET", older)["location"] == "/en/contacts/\(id)")
            }
        }

        @Test("A search that finds more than are shown says so")
        func manyPeople() async throws {
            try await TestServer.runHTTP { server in
                for number in 0...50 {
                    let page = try server.ask("GET", "/en/contacts?q=ana+ruiz").text
                    #expect(!page.contains("More people match"), "\(number)")
                    _ = try await server.clinic.resolve(email: "ana\(number)@example.com", name: "Ana Ruiz")
                }
                let page = try server.ask("GET", "/en/contacts?q=ana+ruiz").text
                #expect(page.contains("the first 50 are shown") && page.contains("50 contacts"), "\(page)")
            }
        }

        @Test("A search of too many words says how many may be")
        func manyWords() async throws {
            try await TestServer.runHTTP { server in
                _ = try server.resolved("{\(Self.email)}")
                let page = try server.ask("GET", "/en/contacts?q=ana+bea+cai+dia+eva+fe+gil+hal+ivo").text
                #expect(page.contains("Search with 8 at most"), "\(page)")
            }
        }

        @Test("Sessions of servers on one host have cookies of their own")
        func cookies() async throws {
            try await TestServer.runHTTP { server in
                _ = try server.resolved("{\(Self.email)}")
                let port = try server.httpPort
                let cookie = try #require(try server.ask("GET", "/en/contacts")["set-cookie"])
                #expect(cookie.hasPrefix("vaultdb_session_\(port)="))
                let bare = try server.ask("GET", "/en/contacts", headers: ["Host": "localhost"])
                #expect(bare["set-cookie"]?.hasPrefix("vaultdb_session=") == true)
            }
        }

        @Test("The last moment there is lies on the last day there is")
        func lastMoment() throws {
            let times = PageTimes(.english, in: try #require(TimeZone(identifier: "UTC")))
            let time = try #require(Timestamp(iso8601: "9999-12-31T23:59:59.999999Z"))
            #expect(times.clock(time) == "23:59")
            #expect(times.isoDay(time) == "9999-12-31")
        }
    }
}
