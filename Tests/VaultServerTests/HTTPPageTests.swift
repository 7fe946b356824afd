// The pages for staff: sessions, forms, languages, and that nothing that came from outside is ever markup.

import Foundation
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("Pages") struct PageTests {
        private static let organization = UUID(uuidString: TestServer.organization) ?? UUID()
        static let form: [String: String?] = ["Content-Type": "application/x-www-form-urlencoded"]

        static func cookie(_ answer: WebAnswer) throws -> String {
            String(try #require(answer["set-cookie"]).prefix { $0 != ";" })
        }

        static func csrf(_ page: WebAnswer) throws -> String { try value(#"name="csrf" value=""#, in: page) }

        /// What the forms on a pair's page bring along: the session's secret, and what they decide.
        static func decision(_ page: WebAnswer) throws -> String {
            let shown = try value(#"name="shown" value=""#, in: page)
            return "csrf=\(try csrf(page))&shown=\(shown)"
        }

        /// What stands behind a mark, up to the next quotation mark.
        static func value(_ mark: String, in page: WebAnswer) throws -> String {
            let start = try #require(page.text.range(of: mark), "no \(mark): \(page.text)")
            return String(page.text[start.upperBound...].prefix { $0 != "\"" })
        }

        /// - Returns: the answer to signing in.
        private static func signIn(_ server: TestServer, _ token: String, next: String = "") throws -> WebAnswer {
            try server.ask("POST", "/en/sign-in", "token=\(token)&next=\(next)", headers: form)
        }

        private static func withToken(
            _ role: AccessRole = .admin, _ body: (TestServer, (text: String, token: AccessToken)) async throws -> Void
        ) async throws {
            var made: (text: String, token: AccessToken)?
            try await TestServer.runHTTP(
                prepare: { made = try $0.createTokenBlocking(for: organization, role: role) }
            ) { server in
                try await body(server, try #require(made))
            }
        }

        // MARK: Sessions

        @Test("A token signs in, and its session ends by signing out or with the token")
        func session() async throws {
            try await Self.withToken { server, token in
                let first = try server.ask("GET", "/en/contacts?q=a%26b")
                #expect(first.status == 303 || first.status == 302)
                #expect(first["location"] == "/en/sign-in?next=%2Fen%2Fcontacts%3Fq%3Da%2526b")
                #expect(try Self.signIn(server, "vdb_nonsense").status == 401)
                let answer = try Self.signIn(server, token.text, next: "%2Fen%2Fconflicts")
                #expect(answer["location"] == "/en/conflicts")
                let flags = try #require(answer["set-cookie"])
                for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] { #expect(flags.contains(flag)) }
                let cookie = ["Cookie": try Self.cookie(answer)]
                let page = try server.ask("GET", "/en/contacts", headers: cookie)
                #expect(page.status == 200)
                let out = try server.ask(
                    "POST", "/en/sign-out", "csrf=\(try Self.csrf(page))",
                    headers: Self.form.merging(cookie.mapValues { $0 }) { $1 })
                #expect(out["set-cookie"]?.contains("Max-Age=0") == true)
                #expect(try server.ask("GET", "/en/contacts", headers: cookie).status != 200)

                let other = ["Cookie": try Self.cookie(try Self.signIn(server, token.text))]
                #expect(try server.ask("GET", "/en/contacts", headers: other).status == 200)
                _ = try server.vault.revokeTokenBlocking(token.token.id)
                // Tokens are looked at again with the next request that shows one, and by the server's own upkeep.
                while try server.ask("GET", "/en/contacts", headers: other).status == 200 {}
            }
        }

        @Test("A session that ends while a form comes does nothing", arguments: ["by its token", "by signing out"])
        func endedMeanwhile(_ end: String) async throws {
            try await Self.withToken { server, token in
                let (clinic, form) = (server.clinic, Self.form)
                let first = try await clinic.resolve(email: "ana@example.com").identity.id.text
                let second = try await clinic.resolve(phone: "+34600123456").identity.id.text
                let cookie = try Self.cookie(try Self.signIn(server, token.text))
                let session: [String: String?] = ["Cookie": cookie]
                let page = try server.ask("GET", "/en/contacts/\(first)", headers: session)
                let secret = "csrf=\(try Self.csrf(page))"
                let body = "into=\(second)&\(secret)"
                let wire = try server.connectHTTP()
                try wire.send(
                    "POST /en/contacts/\(first)/merge HTTP/1.1\r\nHost: 127.0.0.1:\(try server.httpPort)\r\n"
                        + "Cookie: \(cookie)\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\ni")
                // Another request shows that the server has read the head of this one.
                #expect(try server.ask("GET", "/health").status == 200)
                if end == "by its token" {
                    _ = try server.vault.revokeTokenBlocking(token.token.id)
                    try server.server.state.access.refresh()
                } else {
                    _ = try server.ask("POST", "/en/sign-out", secret, headers: form.merging(session) { $1 })
                }
                try wire.send(String(body.dropFirst()))
                #expect(try wire.answer()["location"] == "/en/sign-in?next=%2Fen%2Fcontacts&ended=1")
                #expect(try clinic.merges().isEmpty)
            }
        }

        @Test(
            "Where a form's session has ended, signing in says that nothing was changed and leads back to its page alone",
            arguments: [
                ("http://HOST/en/conflicts?from=1", "/en/conflicts?from=1"), ("http://HOST/conflicts", "/en/conflicts"),
                ("http://HOST//evil.example", "/en/contacts"), ("http://HOST", "/en/contacts"),
                ("http://evil.example/en/conflicts", "/en/contacts"), ("/en/conflicts", "/en/contacts"),
            ])
        func endedBefore(_ referer: String, _ next: String) async throws {
            try await Self.withToken { server, _ in
                let referer = referer.replacing("HOST", with: "127.0.0.1:\(try server.httpPort)")
                let answer = try server.ask(
                    "POST", "/en/conflicts/keep-apart", "csrf=none",
                    headers: Self.form.merging(["Referer": referer]) { $1 })
                let page = try server.ask("GET", try #require(answer["location"]))
                #expect(page.text.contains("nothing was changed"), "\(page.text)")
                #expect(try Self.value(#"name="next" value=""#, in: page) == next)
            }
        }

        @Test(
            "Signing in leads nowhere else",
            arguments: [
                "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example",
            ])
        func next(_ next: String) async throws {
            try await Self.withToken { server, token in
                let value = next.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                #expect(
                    try Self.signIn(server, token.text, next: value)["location"]
                        == "/en/contacts")
                let page = try server.ask("GET", "/en/sign-in?next=\(value)")
                #expect(!page.text.contains("evil.example\""), "\(next)")
            }
        }

        @Test("Signing in is done in one language, and a token counts without what stands around it")
        func signInLanguage() async throws {
            try await Self.withToken { server, token in
                let wrong = try server.ask(
                    "POST", "/es/sign-in", "token=vdb_nonsense&next=%2Fes%2Fconflicts", headers: Self.form)
                let link = try Self.value(#"class="quiet" href=""#, in: wrong)
                #expect(link == "/en/sign-in?next=%2Fes%2Fconflicts")
                let page = try server.ask("GET", link)
                #expect(try Self.value(#"name="next" value=""#, in: page) == "/en/conflicts")
                for next in ["%2Fes%2Fconflicts", "%2Fconflicts"] {
                    let answer = try Self.signIn(server, "+\(token.text)%0D%0A", next: next)
                    #expect(answer["location"] == "/en/conflicts", "\(next)")
                }
            }
        }

        @Test("Guessing tokens at the door is slow as well")
        func guessing() async throws {
            try await TestServer.runHTTP({ $0.limits.failedAttemptsPerMinuteMax = 2 }) {
                _ = try $0.createTokenBlocking(for: Self.organization, role: .reader)
            } _: { server in
                let answers = try (0..<3).map { _ in try Self.signIn(server, "vdb_guess") }
                #expect(answers.map(\.status) == [401, 401, 429])
                #expect((1...61).contains(try #require(answers[2]["retry-after"].flatMap { Int($0) })))
            }
        }

        @Test("Where there is no organization yet the pages say so, and lead on once there is one")
        func firstRun() async throws {
            try await TestServer.runHTTP { server in
                #expect(try server.ask("GET", "/en/contacts")["location"] == "/en/sign-in?next=%2Fen%2Fcontacts")
                let page = try server.ask("GET", "/en/sign-in?next=%2Fen%2Fconflicts")
                #expect(page.text.contains("no organization yet") && !page.text.contains("several organizations"))
                #expect(try Self.value(#"class="button primary" href=""#, in: page) == "/en/conflicts")
                _ = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                let next = try server.ask("GET", "/en/sign-in?next=%2Fen%2Fconflicts")
                #expect(next["location"] == "/en/conflicts")
                _ = try server.ask(
                    "PUT", "/api/v1/records/lead/l1", #"{"email": "ana@example.com"}"#,
                    headers: ["X-Organization-Id": TestServer.other])
                #expect(try server.ask("GET", "/en/sign-in").text.contains("several organizations"))
                let wrong = try server.ask("POST", "/en/sign-in", "organization=zz", headers: Self.form)
                #expect(wrong.status == 400 && wrong.text.contains("no such organization"))
            }
            // Where the server was told which, there is nothing to choose, and nothing to wait for.
            try await TestServer.runHTTP({ $0.organization = Self.organization }) { server in
                let signIn = try server.ask("GET", "/en/sign-in")
                #expect(signIn["location"] == "/en/contacts")
                #expect(try server.ask("GET", "/en/contacts").status == 200)
            }
        }

        @Test("Where there are several organizations, pages lead back to choosing one")
        func otherOrganization() async throws {
            try await TestServer.runHTTP { server in
                let body = #"{"email": "ana@example.com"}"#
                _ = try server.put("lead/l1", body)
                let alone = try server.ask("GET", "/en/contacts").text
                #expect(alone.contains(TestServer.organization) && !alone.contains("Change organization"))
                _ = try server.ask(
                    "PUT", "/api/v1/records/lead/l1", body, headers: ["X-Organization-Id": TestServer.other])
                let entered = try server.ask(
                    "POST", "/en/sign-in", "organization=\(TestServer.other)", headers: Self.form)
                let cookie: [String: String?] = ["Cookie": try Self.cookie(entered)]
                let page = try server.ask("GET", "/en/contacts", headers: cookie).text
                #expect(page.contains(#"<a href="/en/sign-in">Change organization</a>"#), "\(page)")
                let choice = try server.ask("GET", "/en/sign-in", headers: cookie).text
                for id in [TestServer.organization, TestServer.other] { #expect(choice.contains(id)) }
            }
        }

        // MARK: Forms

        @Test("A form does what its page shows, only with the session's own secret, and only for who may review")
        func forms() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let page = try server.ask("GET", "/es/conflicts/\(first)/\(second)")
                #expect(page.status == 200, "\(page.text)")
                let headers = Self.form.merging(["Cookie": try Self.cookie(page)]) { $1 }
                let other = try Self.csrf(try server.ask("GET", "/es/conflicts/\(first)/\(second)"))
                for secret in ["", "csrf=", "csrf=\(String(repeating: "0", count: 64))", "csrf=\(other)"] {
                    let refused = try server.ask(
                        "POST", "/es/contacts/\(first)/merge", "into=\(second)&\(secret)", headers: headers)
                    #expect(refused.status == 403, "\(secret)")
                }
                #expect(try server.ask("GET", "/api/v1/merges").json["results"]?.array == [])
                let done = try server.ask(
                    "POST", "/es/contacts/\(first)/merge", "into=\(second)&\(try Self.decision(page))",
                    headers: headers)
                #expect(done["location"] == "/es/contacts/\(second)", "\(done.text)")
                let merge = try #require(
                    try server.ask("GET", "/api/v1/merges").json["results"]?.array.first?["merge_id"]?.string)
                let undone = try server.ask(
                    "POST", "/es/merges/\(merge)/undo", "csrf=\(try Self.csrf(page))", headers: headers)
                #expect(undone["location"] == "/es/conflicts")
                let apart = try server.ask(
                    "POST", "/es/conflicts/keep-apart",
                    "first=\(first)&second=\(second)&\(try Self.decision(page))", headers: headers)
                #expect(apart["location"] == "/es/conflicts")
                #expect(try server.ask("GET", "/api/v1/conflicts").json["results"]?.array == [])
                let stale = try server.ask(
                    "POST", "/es/contacts/\(first)/merge", "into=\(second)&\(try Self.decision(page))",
                    headers: headers)
                #expect(stale["location"] == "/es/conflicts")
                #expect(try server.ask("GET", "/api/v1/merges").json["results"]?.array == [])
            }
        }

        @Test("A form that is out of date changes nothing, and the next page says so")
        func staleForms() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let page = try server.ask("GET", "/en/conflicts/\(first)/\(second)")
                let cookie: [String: String?] = ["Cookie": try Self.cookie(page)]
                let secret = try Self.decision(page)
                func send(_ form: (path: String, fields: String)) throws -> WebAnswer {
                    try server.ask(
                        "POST", "/en\(form.path)", "\(form.fields)&\(secret)",
                        headers: Self.form.merging(cookie) { $1 })
                }
                func expectStale(_ forms: (path: String, fields: String)...) throws {
                    let commit = try server.vault.lastCommit()
                    for form in forms {
                        #expect(try send(form)["location"] == "/en/conflicts", "\(form.path)")
                        let next = try server.ask("GET", "/en/conflicts", headers: cookie)
                        #expect(next.text.contains("changed in the meantime"), "\(form.path)")
                    }
                    #expect(try server.vault.lastCommit() == commit)
                }
                let merge = (path: "/contacts/\(first)/merge", fields: "into=\(second)")
                let keepApart = (path: "/conflicts/keep-apart", fields: "first=\(first)&second=\(second)")
                #expect(try send(merge)["location"] == "/en/contacts/\(second)")
                try expectStale(("/contacts/\(second)/merge", "into=\(first)"), keepApart)
                let merges = try server.ask("GET", "/api/v1/merges").json["results"]?.array
                let id = try #require(merges?.first?["merge_id"]?.string)
                #expect(try send(("/merges/\(id)/undo", ""))["location"] == "/en/conflicts")
                #expect(try send(keepApart)["location"] == "/en/conflicts")
                try expectStale(merge)
            }
        }

        @Test("A decision that is sent twice is told as done, and can be undone as before")
        func sentTwice() async throws {
            try await TestServer.runHTTP { server in
                let (first, second) = try server.conflictingPair()
                let page = try server.ask("GET", "/en/conflicts/\(first)/\(second)")
                let cookie: [String: String?] = ["Cookie": try Self.cookie(page)]
                let secret = try Self.decision(page)
                /// What the next page says after the form was sent twice.
                func sendTwice(_ path: String, _ fields: String) throws -> String {
                    let headers = Self.form.merging(cookie) { $1 }
                    let answers = try (0..<2).map { _ in
                        try server.ask("POST", "/en\(path)", "\(fields)&\(secret)", headers: headers)
                    }
                    let location = try #require(answers[0]["location"])
                    #expect(answers[1]["location"] == location)
                    return try server.ask("GET", location, headers: cookie).text
                }
                let merged = try sendTwice("/contacts/\(first)/merge", "into=\(second)")
                let merge = try #require(
                    try server.ask("GET", "/api/v1/merges").json["results"]?.array.first?["merge_id"]?.string)
                #expect(merged.contains("The contacts are merged.") && merged.contains("/en/merges/\(merge)/undo"))
                let undone = try sendTwice("/merges/\(merge)/undo", "")
                #expect(undone.contains("undone already") && !undone.contains("in the meantime"))
                let apart = try sendTwice("/conflicts/keep-apart", "first=\(first)&second=\(second)")
                #expect(apart.contains("The two contacts are kept apart."))
            }
        }

        @Test("What was done is told once, where its form leads to, and never to a session whose token is revoked")
        func messages() async throws {
            try await Self.withToken { server, token in
                let clinic = server.clinic
                let first = try await clinic.resolve(email: "ana@example.com").identity.id.text
                let second = try await clinic.resolve(phone: "+34600123456").identity.id.text
                _ = try await clinic.resolve(email: "ana@example.com", phone: "+34600123456")
                var asked: [String: String?] = ["Cookie": try Self.cookie(try Self.signIn(server, token.text))]
                asked["Accept"] = "text/html"
                let page = try server.ask("GET", "/en/conflicts/\(first)/\(second)", headers: asked)
                let done = try server.ask(
                    "POST", "/en/contacts/\(first)/merge", "into=\(second)&\(try Self.decision(page))",
                    headers: Self.form.merging(asked) { $1 })
                let location = try #require(done["location"])
                _ = try server.ask("HEAD", location, headers: asked)
                let problem = try server.ask("GET", "/en/nothing", headers: asked)
                #expect(problem.status == 404 && problem.text.contains(TestServer.organization))
                let other = try server.ask("GET", "/en/conflicts", headers: asked)
                for page in [problem, other] { #expect(!page.text.contains("The contacts are merged.")) }
                for isTold in [true, false] {
                    let page = try server.ask("GET", location, headers: asked)
                    #expect(page.text.contains("The contacts are merged.") == isTold)
                }
                _ = try server.vault.revokeTokenBlocking(token.token.id)
                try server.server.state.access.refresh()
                let revoked = try server.ask("GET", "/en/nothing", headers: asked)
                #expect(revoked.status == 404 && !revoked.text.contains(TestServer.organization))
                #expect(revoked["set-cookie"] == nil)
            }
        }

        @Test("Undoing is offered for the last merge into a person, and the others say why they have to wait")
        func undoing() async throws {
            try await TestServer.runHTTP { server in
                let people = try ["ana", "leo", "mia"].map { try server.resolved(#"{"email": "\#($0)@example.com"}"#) }
                let merges = try people.dropFirst().map { from in
                    try server.ask("POST", "/api/v1/contacts/\(from)/merge", #"{"into": "\#(people[0])"}"#).text(
                        "merge_id")
                }
                let page = try server.ask("GET", "/en/conflicts")
                for former in ["leo", "mia"] { #expect(page.text.contains(">\(former)@example.com</span>")) }
                #expect(
                    page.text.contains("/merges/\(merges[1])/undo") && !page.text.contains("/merges/\(merges[0])/undo"))
                let cookie: [String: String?] = ["Cookie": try Self.cookie(page)]
                _ = try server.ask(
                    "POST", "/en/merges/\(merges[0])/undo", "csrf=\(try Self.csrf(page))",
                    headers: Self.form.merging(cookie) { $1 })
                let next = try server.ask("GET", "/en/conflicts", headers: cookie).text
                #expect(next.contains("a later merge builds on it") && !next.contains("in the meantime"))
            }
        }

        @Test("A server for reading only offers nothing to decide, and refuses it all the same")
        func readOnly() async throws {
            let directory = try TemporaryDirectory()
            var options = VaultOptions.quick
            let writable = try Vault(at: directory.file("vault"), options: options)
            let clinic = writable.organization(Self.organization)
            let pair = [
                try await clinic.resolve(email: "ana@example.com"), try await clinic.resolve(phone: "+34600123456"),
            ].map { $0.identity.id.uuidString.lowercased() }
            _ = try await clinic.resolve(email: "ana@example.com", phone: "+34600123456")
            let (leo, mia) = (
                try await clinic.resolve(email: "leo@example.com"), try await clinic.resolve(email: "mia@example.com")
            )
            let merge = try await clinic.merge(leo.identity.id, into: mia.identity.id).merge
            let token = try writable.createTokenBlocking(for: Self.organization, role: .admin)
            writable.close()
            options.access = .readOnly
            let vault = try Vault(at: directory.file("vault"), options: options)
            try await TestServer.runHTTP(vault: vault) { server in
                let cookie: [String: String?] = ["Cookie": try Self.cookie(try Self.signIn(server, token.text))]
                let page = try server.ask("GET", "/en/conflicts/\(pair[0])/\(pair[1])", headers: cookie)
                #expect(page.text.contains("for reading only"), "\(page.text)")
                for form in ["/merge\"", "/keep-apart\""] { #expect(!page.text.contains(form), "\(form)") }
                let shown = PageCall.mark(of: try vault.organization(Self.organization).conflictPage().conflicts)
                let merges = try server.ask("GET", "/en/conflicts", headers: cookie).text
                #expect(merges.contains("Recent merges") && !merges.contains("/undo\""))
                for (path, fields) in [
                    ("/contacts/\(pair[0])/merge", "into=\(pair[1])"),
                    ("/conflicts/keep-apart", "first=\(pair[0])&second=\(pair[1])"),
                    ("/merges/\(merge.uuidString.lowercased())/undo", ""),
                ] {
                    let refused = try server.ask(
                        "POST", "/en\(path)", "\(fields)&shown=\(shown)&csrf=\(try Self.csrf(page))",
                        headers: Self.form.merging(cookie) { $1 })
                    #expect(refused.status == 503, "\(path)")
                    #expect(refused.text.contains("Not possible right now"), "\(path)")
                }
            }
        }

        @Test("Readers see pages, and may not review")
        func readers() async throws {
            try await Self.withToken(.reader) { server, token in
                let cookie = ["Cookie": try Self.cookie(try Self.signIn(server, token.text))]
                let page = try server.ask("GET", "/en/conflicts", headers: cookie)
                #expect(page.status == 200)
                let refused = try server.ask(
                    "POST", "/en/conflicts/keep-apart", "first=x&second=y&csrf=\(try Self.csrf(page))",
                    headers: Self.form.merging(cookie.mapValues { $0 }) { $1 })
                #expect(refused.status == 403)
            }
        }

        // MARK: What is shown

        @Test("Pages carry the headers that protect them")
        func headers() async throws {
            try await TestServer.runHTTP { server in
                _ = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                for path in ["/es/contacts", "/en/conflicts", "/es/contacts/nobody"] {
                    let page = try server.ask("GET", path, headers: ["Accept": "text/html"])
                    let policy = try #require(page["content-security-policy"])
                    #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
                    #expect(!policy.contains("unsafe") && !policy.contains("script-src"))
                    #expect(page["x-content-type-options"] == "nosniff")
                    #expect(page["x-frame-options"] == "DENY")
                    #expect(page["referrer-policy"] == "same-origin")
                    #expect(page["cache-control"] == "no-store")
                    #expect(!page.text.contains("<script") && !page.text.contains("style="))
                }
            }
        }

        @Test(
            "The prefix names the language; without one the browser does",
            arguments: [
                ("/es/contacts", "en", "es"), ("/en/contacts", "es", "en"), ("/contacts", "es-MX,en;q=0.8", "es"),
                ("/contacts", "en;q=0.2, es;q=0.9", "es"), ("/contacts", "fr", "en"), ("/contacts", ";;q=x,,", "en"),
                ("/contacts", "es;q=0", "en"), ("/contacts", "es;q=0.0, fr", "en"), ("/contacts", "es;q=0.1", "es"),
            ])
        func language(_ path: String, _ accepted: String, _ language: String) async throws {
            try await TestServer.runHTTP { server in
                _ = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                let page = try server.ask("GET", path, headers: ["Accept-Language": accepted])
                #expect(page.text.contains("<html lang=\"\(language)\">"), "\(page.status)")
                #expect(page["content-language"] == language)
                #expect(page.text.contains(language == "es" ? "¿A quién buscas?" : "Who are you looking for?"))
            }
        }

        @Test(
            "On what answers a form, too, the other language is a link to a page",
            arguments: ["/contacts/ID/merge", "/conflicts/keep-apart", "/sign-in"])
        func otherLanguage(_ path: String) async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("lead/l1", #"{"email": "ana@example.com"}"#)
                // A second organization, so that there is something to sign in to.
                _ = try server.ask(
                    "PUT", "/api/v1/records/lead/l1", #"{"email": "ana@example.com"}"#,
                    headers: ["X-Organization-Id": TestServer.other])
                let entered = try server.ask(
                    "POST", "/en/sign-in", "organization=\(TestServer.organization)", headers: Self.form)
                let cookie: [String: String?] = ["Cookie": try Self.cookie(entered)]
                let refused = try server.ask(
                    "POST", "/en\(path.replacing("ID", with: id))", "csrf=none",
                    headers: Self.form.merging(cookie) { $1 })
                #expect(refused.status >= 400)
                let link = try Self.value(#"class="quiet" href=""#, in: refused)
                #expect(link.hasPrefix("/es/"))
                #expect(try server.ask("GET", link, headers: cookie).status == 200, "\(link)")
            }
        }

        @Test("A search in a form finds what a person typed, with its spaces and its plus")
        func search() async throws {
            try await TestServer.runHTTP { server in
                let id = try server.put("lead/l1", #"{"email": "ana@example.com", "phone": "+34600123456"}"#)
                let phones = ["%2B34+600+123+456", "+%2B34600123456", "600%E2%80%93123%E2%80%93456", "tel:600123456"]
                let emails = ["+ANA%40example.com+", "%E2%80%8Eana%40example.com%E2%80%AC"]
                for typed in emails + phones {
                    let page = try server.ask("GET", "/en/contacts?q=\(typed)")
                    #expect(page.text.contains("/en/contacts/\(id)"), "\(typed)")
                }
                // What the copied text holds besides may be part of the address as it is held.
                let odd = try server.resolved(#"{"email": "leo@example.com\u200B"}"#)
                let exact = try server.ask("GET", "/en/contacts?q=leo%40example.com%E2%80%8B")
                #expect(exact.text.contains("/en/contacts/\(odd)"), "\(exact.text)")
                // An `@` makes no email of what has a namespace, but `mailto:` is none.
                let other = try server.resolved(#"{"external": ["instagram:leo", "crm:leo@example.com"]}"#)
                for (typed, found) in [
                    ("instagram:%40leo", other), ("crm:leo%40example.com", other), ("mailto:ana%40example.com", id),
                ] {
                    let page = try server.ask("GET", "/en/contacts?q=\(typed)")
                    #expect(page.text.contains("/en/contacts/\(found)"), "\(typed)")
                }
            }
        }

        private static let hostile = [
            "<script>alert(1)</script>", #""><img src=x onerror=alert(1)>"#, "'\u{301}><i>x</i>",
            "\"\u{301}><img src=x onerror=alert(1)>", "<\u{338}script>", "{{t.search}}{{{query}}}", "</title><script>",
            "a\u{202E}b&amp;<!--",
        ]

        @Test("What somebody typed as a name is text, wherever it is shown", arguments: hostile)
        func hostileText(_ text: String) async throws {
            try await TestServer.runHTTP { server in
                let quoted = JSONValue.string(text).text
                let id = try server.put(
                    "lead/l1",
                    #"{"first_name": \#(quoted), "last_name": \#(quoted), "email": "ana@example.com", "#
                        + #""source": \#(quoted), "status": \#(quoted), "attributes": {"a<b>": \#(quoted)}}"#)
                _ = try server.put("lead/l2", #"{"phone": "+34600123456", "first_name": \#(quoted)}"#)
                _ = try server.resolved(
                    #"{"email": "ana@example.com", "phone": "+34600123456", "source": \#(quoted)}"#)
                let query = text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let conflict = try #require(try server.ask("GET", "/api/v1/conflicts").json["results"]?.array.first)
                let pair = "\(conflict["first"]?.string ?? "")/\(conflict["second"]?.string ?? "")"
                for path in [
                    "/contacts/\(id)", "/contacts?q=\(query)", "/contacts?q=ana%40example.com", "/records/lead/l1",
                    "/conflicts",
                    "/conflicts/\(pair)", "/\(query)", "/sign-in?next=\(query)",
                ] {
                    let page = try server.ask("GET", "/es\(path)", headers: ["Accept": "text/html"])
                    // Without tokens there is nothing to sign in to.
                    let status = path == "/\(query)" ? 404 : path.hasPrefix("/sign-in") ? 303 : 200
                    #expect(page.status == status, "\(path)")
                    let marks = page.text.unicodeScalars.filter { !("\u{300}"..."\u{36F}").contains($0) }
                    let plain = String(String.UnicodeScalarView(marks))
                    for tag in ["<script", "<img", "<i>", "<!--"] {
                        #expect(!plain.contains(tag), "\(path) has \(tag)")
                    }
                }
            }
        }
    }
}
