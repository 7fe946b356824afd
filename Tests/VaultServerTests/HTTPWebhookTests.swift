// WhatsApp's webhook: the handshake, signatures, and messages that make people known.

import Crypto
import Foundation
import TestSupport
import Testing
import VaultDB

@testable import VaultServer

extension ServerTests.HTTPTests {
    @Suite("WhatsApp") struct WebhookTests {
        private static let path = "/api/v1/whatsapp/webhook"

        private static func run(vault: Vault? = nil, _ body: (TestServer) async throws -> Void) async throws {
            try await TestServer.runHTTP(
                {
                    $0.whatsApp = try WhatsAppSettings(
                        verifyToken: "verify-me", appSecret: "app-secret",
                        organization: UUID(uuidString: TestServer.organization))
                }, vault: vault, body)
        }

        private static func send(_ server: TestServer, _ payload: String, secret: String = "app-secret") throws
            -> WebAnswer
        {
            let code = HMAC<SHA256>.authenticationCode(
                for: Data(payload.utf8), using: SymmetricKey(data: Data(secret.utf8)))
            let hex = code.map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
            return try server.ask(
                "POST", path, payload, headers: ["X-Hub-Signature-256": "sha256=\(hex)", "X-Organization-Id": nil])
        }

        private static func payload(_ value: String) -> String {
            """
            {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", \
            "value": {"messaging_product": "whatsapp", \(value)}}]}]}
            """
        }

        private static func message(_ id: String, name: String = "Ana Ruiz") -> String {
            payload(
                """
                "contacts": [{"wa_id": "34600123456", "user_id": "ES.123", "profile": {"name": "\(name)"}}], \
                "messages": [{"id": "\(id)", "from": "34600123456", "type": "text", "text": {"body": "Hola"}}]
                """)
        }

        @Test("The handshake answers the challenge to who knows the word, and to nobody else")
        func handshake() async throws {
            try await Self.run { server in
                let query = "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
                let good = try server.ask("GET", "\(Self.path)\(query)verify-me")
                #expect(good.status == 200)
                #expect(good.text == "1158201444")
                for wrong in ["", "verify-m", "VERIFY-ME", "verify-me%00"] {
                    #expect(try server.ask("GET", "\(Self.path)\(query)\(wrong)").status >= 400, "\(wrong)")
                }
                let hostile = "?hub.mode=subscribe&hub.verify_token=verify-me&hub.challenge=a%0d%0ab"
                #expect(try server.ask("GET", "\(Self.path)\(hostile)").status == 400)
            }
        }

        @Test(
            "What is not signed with the app's secret is refused",
            arguments: ["wrong", "missing", "malformed", "short"])
        func signature(_ kind: String) async throws {
            try await Self.run { server in
                let headers: [String: String?] =
                    switch kind {
                    case "malformed": ["X-Hub-Signature-256": "sha256=zz"]
                    case "short": ["X-Hub-Signature-256": "sha256="]
                    default: [:]
                    }
                let answer =
                    kind == "wrong"
                    ? try Self.send(server, Self.message("m1"), secret: "other")
                    : try server.ask("POST", Self.path, Self.message("m1"), headers: headers)
                #expect(answer.status == 401)
                #expect(try server.clinic.find(phone: "+34600123456") == nil)
            }
        }

        @Test("A message makes its sender known by number, id and name, once, with the contact for the inbox")
        func message() async throws {
            try await Self.run { server in
                let first = try Self.send(server, Self.message("m1"))
                #expect(first.status == 200, "\(first.text)")
                let result = try #require(try first.json["results"]?.array.first)
                let id = try #require(result["identity_id"]?.string)
                #expect(result["message_id"]?.string == "m1")
                #expect(result["outcome"]?.string == "created")
                #expect(result["contact"] != nil)
                let person = try #require(try server.clinic.identity(UUID(uuidString: id) ?? UUID())).identity
                #expect(person.displayName == "Ana Ruiz")
                #expect(person.primaryPhone == "+34600123456")
                #expect(
                    Set(person.identifiers(of: .external).map(\.identifier.text)) == [
                        "whatsapp:34600123456", "whatsapp:ES.123",
                    ])
                let commit = try server.vault.lastCommit()
                let again = try Self.send(server, Self.message("m1", name: "Somebody Else"))
                #expect(try again.json["results"]?.array.first?["identity_id"]?.string == id)
                #expect(try server.vault.lastCommit() == commit)
            }
        }

        @Test("A delivery may have three megabytes, whatever other bodies may have")
        func largeDelivery() async throws {
            try await Self.run { server in
                let fits = Self.message("m1").replacing("Hola", with: String(repeating: "a", count: 2 << 20))
                let answer = try Self.send(server, fits)
                #expect(answer.status == 200)
                #expect(try server.clinic.find(phone: "+34600123456") != nil)
                let exceeds = Self.message("m2").replacing("Hola", with: String(repeating: "a", count: 3 << 20))
                #expect(try Self.send(server, exceeds).status == 413)
            }
        }

        @Test("A name that is too long is cut between its characters")
        func longName() async throws {
            try await Self.run { server in
                // One character of eleven bytes.
                let couple = "\u{1F469}\u{200D}\u{1F468}"
                let answer = try Self.send(server, Self.message("m1", name: String(repeating: couple, count: 64)))
                let id = try #require(try answer.json["results"]?.array.first?["identity_id"]?.string, "\(answer.text)")
                let person = try #require(try server.clinic.identity(UUID(uuidString: id) ?? UUID())).identity
                #expect(person.displayName == String(repeating: couple, count: 23))
            }
        }

        @Test("What no text may hold does not keep a message from its sender")
        func unwritable() async throws {
            try await Self.run { server in
                let payload = Self.message("m1", name: #"Ana\ud83d \ud83d\ude00\u0000"#).replacing(
                    "Hola", with: #"a\u0000b\ude00\ud83d"#)
                let answer = try Self.send(server, payload)
                let id = try #require(try answer.json["results"]?.array.first?["identity_id"]?.string, "\(answer.text)")
                let person = try #require(try server.clinic.identity(UUID(uuidString: id) ?? UUID())).identity
                #expect(person.displayName == "Ana\u{FFFD} \u{1F600}\u{FFFD}")
                let strict = try server.ask("POST", "/api/v1/contacts/resolve", #"{"name": "a\u0000b"}"#)
                #expect(strict.status == 400)
            }
        }

        @Test("A sender who hides the number is known by the id alone")
        func withoutNumber() async throws {
            try await Self.run { server in
                let payload = Self.payload(
                    """
                    "contacts": [{"user_id": "ES.9", "profile": {"name": "Leo"}}], \
                    "messages": [{"id": "m2", "from_user_id": "ES.9", "type": "text"}]
                    """)
                let result = try #require(try Self.send(server, payload).json["results"]?.array.first)
                #expect(result["outcome"]?.string == "created")
                #expect(try server.clinic.find(external: "whatsapp:ES.9") != nil)
            }
        }

        @Test(
            "News that hold no message change nothing",
            arguments: [
                payload(#""statuses": [{"id": "m1", "status": "delivered", "recipient_id": "34600123456"}]"#),
                payload(#""messages": [{"from": "34600123456"}]"#), payload(#""messages": "none""#),
                #"{"object": "whatsapp_business_account"}"#,
                #"{"object": "whatsapp_business_account", "entry": {"changes": 5}}"#,
            ])
        func others(_ payload: String) async throws {
            try await Self.run { server in
                let answer = try Self.send(server, payload)
                #expect(answer.status == 200, "\(answer.text)")
                #expect(try answer.json["results"]?.array == [])
            }
        }

        @Test(
            "Signed nonsense is refused",
            arguments: ["", "{", "[]", #"{"object": "page"}"#, #"{"object": 5, "object": 6}"#])
        func malformed(_ payload: String) async throws {
            try await Self.run { server in
                let answer = try Self.send(server, payload)
                #expect(answer.status == 400)
                #expect(try answer.text("code") == "invalid_argument")
            }
        }

        @Test("A sender that can't be resolved is told, and does not keep the others")
        func unresolvable() async throws {
            try await Self.run { server in
                let payload = Self.payload(
                    #""messages": [{"id": "m1", "from": "\#(String(repeating: "9", count: 300))"}, {"id": "m2", "from": "34600123456"}]"#
                )
                let results = try #require(try Self.send(server, payload).json["results"]?.array)
                #expect(results.map { $0["message_id"]?.string } == ["m1", "m2"])
                #expect(results.first?["error"]?.string == "no_usable_identifier")
                #expect(results.last?["identity_id"]?.string != nil)
            }
        }

        @Test("What a vault for reading only can't take WhatsApp is to send again")
        func readOnly() async throws {
            let directory = try TemporaryDirectory()
            var options = VaultOptions.quick
            try Vault(at: directory.file("vault"), options: options).close()
            options.access = .readOnly
            try await Self.run(vault: try Vault(at: directory.file("vault"), options: options)) { server in
                let answer = try Self.send(server, Self.message("m1"))
                // It does not pass by itself, and WhatsApp goes by the status alone.
                #expect(answer.status == 503 && answer["retry-after"] == nil)
            }
        }

        @Test("What a full vault can't take WhatsApp is to send again, and then it is taken once there is room")
        func full() async throws {
            let directory = try TemporaryDirectory()
            var options = VaultOptions.quick
            options.bytesMax = 1 << 20
            let vault = try Vault(at: directory.file("vault"), options: options)
            try await Self.run(vault: vault) { server in
                try await Self.fill(server.clinic)
                // Room that the vault finds by tidying up goes to the first messages.
                var (number, answer) = (0, try Self.send(server, Self.message("m0")))
                while answer.status == 200, number < 5_000 {
                    number += 1
                    answer = try Self.send(server, Self.message("m\(number)"))
                }
                #expect(answer.status == 507, "\(answer.text)")
                try vault.setBytesMax(8 << 20)
                #expect(try Self.send(server, Self.message("m\(number)")).status == 200)
            }
        }

        /// Makes people until the vault takes no more.
        private static func fill(_ clinic: Organization) async throws {
            for number in 0..<5_000 {
                do throws(VaultError) {
                    _ = try await clinic.resolve(ResolveRequest(email: "\(number)@example.com", name: "Somebody"))
                } catch {
                    guard error.code == .mapFull else { throw error }
                    return
                }
            }
            Issue.record("the vault has no end")
        }

        @Test("A server without the secrets has no webhook")
        func none() async throws {
            try await TestServer.runHTTP { server in
                let answers = [try server.ask("GET", Self.path), try Self.send(server, Self.message("m1"))]
                #expect(answers.map(\.status) == [404, 404])
            }
        }
    }
}
