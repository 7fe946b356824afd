// The server as its users run it: the program, with the clients there are for Redis.

import Foundation
import Testing

@Suite("serve") struct ServeTests {
    private static let org = Workplace.organization
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
    private static let python = sources.appending(path: "../../.build/clients/bin/python").standardized.path()

    /// Redis' client for Python, as the set-up installs it. It comes from the network, which may not be there.
    private static let hasPython = FileManager.default.isExecutableFile(atPath: python)
    private static let pythonMissing: Comment =
        "skipped: redis-py is not installed in .build/clients; run scripts/setup where PyPI can be reached"

    private static func script(_ name: String) -> String { sources.appending(path: "Clients/\(name)").path() }

    /// A started server; its port is in its readiness line.
    private struct Served {
        let program: Program.Running
        let port: Int

        init(_ place: Workplace, _ words: [String] = []) throws {
            program = try place.start(["serve", "--port", "0"] + words)
            let deadline = ContinuousClock.now + .seconds(30)
            var found: Int?
            while found == nil, ContinuousClock.now < deadline {
                let line = program.errorsSoFar.split(separator: "\n").first { $0.hasPrefix("listening on ") }
                found = line?.split(separator: ":").last.flatMap { Int($0) }
                if found == nil { usleep(5_000) }
            }
            port = try #require(found, "\(program.errorsSoFar)")
        }

        func stop() throws -> Program.Result {
            program.signal(SIGTERM)
            return try program.end()
        }
    }

    @Test("redis-py: sync, asyncio, both protocols, pipelines, pools", .enabled(if: hasPython, pythonMissing))
    func redisPy() throws {
        let place = try Workplace.withVault()
        let served = try Served(place)
        let result = try place.start(
            program: [Self.python, Self.script("redis_py.py"), "\(served.port)", Self.org]
        ).end()
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try served.stop().status == 0)
        try place.expectClean()
    }

    @Test("redis-py with a token, and a server that needs one", .enabled(if: hasPython, pythonMissing))
    func token() throws {
        let place = try Workplace.withVault()
        let made = try place.run("token", "create", "--role", "resolver", "--label", "checks")
        #expect(made.status == 0)
        let token = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let served = try Served(place, ["--limit", "idle-seconds-max=60"])
        let without = try place.start(program: ["redis-cli", "-p", "\(served.port)", "PING"]).end()
        #expect(without.output.contains("NOAUTH"))
        let result = try place.start(
            program: [Self.python, Self.script("redis_py.py"), "\(served.port)", Self.org, token]
        ).end()
        // CONFIG GET and the rest are for readers too.
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        // Another process revokes it while the server runs.
        let listed = try place.run("token", "list", "--json").list
        let id = try #require(listed.first?["id"] as? String)
        #expect(listed.first?["role"] as? String == "resolver")
        #expect(token.contains(id))
        #expect(try place.run("token", "revoke", id).status == 0)
        let after = try place.start(
            program: ["redis-cli", "-p", "\(served.port)", "-a", token, "--no-auth-warning", "PING"]
        ).end()
        #expect(after.output.contains("NOAUTH"))
        #expect(try served.stop().status == 0)
        #expect(try place.run("token", "revoke", id).status == 3)
    }

    @Test("Generic behaviour is that of a real Redis, byte for byte")
    func comparison() throws {
        let place = try Workplace.withVault()
        let socket = place.file("redis.port")
        let redisPort = try freePort()
        let redis = try place.start(program: [
            "redis-server", "--port", "\(redisPort)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", place.path, "--pidfile", socket,
        ])
        defer {
            redis.signal(SIGTERM)
            _ = try? redis.end()
        }
        var isUp = false
        for _ in 0..<1_000 where !isUp {
            isUp = try place.start(program: ["redis-cli", "-p", "\(redisPort)", "PING"]).end().output == "PONG\n"
        }
        #expect(isUp)
        let served = try Served(place)
        let result = try place.start(
            program: ["python3", Self.script("compare.py"), "\(redisPort)", "\(served.port)"]
        ).end()
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(try served.stop().status == 0)
    }

    @Test("redis-cli, redis-benchmark and nc work as they are")
    func tools() throws {
        let place = try Workplace.withVault()
        let served = try Served(place)
        func shell(_ line: String) throws -> Program.Result {
            let text = line.replacing("PORT", with: "\(served.port)").replacing("ORG", with: Self.org)
            return try place.start(program: ["bash", "-c", text]).end()
        }
        let made = try shell("redis-cli -p PORT RESOLVE ORG EMAIL cli@example.com NAME 'Ana Ruiz'")
        #expect(made.output.contains("created"))
        let found = try shell("redis-cli -3 -p PORT FIND ORG EMAIL ' CLI@example.com '").output
        #expect(made.output.contains(found.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(try shell("printf 'PING\\nFIND ORG EMAIL cli@example.com\\n' | redis-cli -p PORT").lines.count == 2)
        let typed = try shell(
            "printf 'PING\\r\\nFIND ORG EMAIL \"cli@example.com\"\\r\\nQUIT\\r\\n' | nc -w 5 127.0.0.1 PORT")
        #expect(typed.output.hasPrefix("+PONG\r\n$36\r\n"))
        #expect(typed.output.hasSuffix("+OK\r\n"))
        let bench = try shell("redis-benchmark -p PORT -n 2000 -c 10 -P 4 -q FIND ORG EMAIL cli@example.com")
        #expect(bench.status == 0 && bench.output.contains("requests per second"), "\(bench.output)")
        #expect(try shell("redis-cli -p PORT COMMAND DOCS resolve").output.contains("Finds or creates"))
        // The program works on the same vault while the server runs.
        #expect(try place.run("resolve", "--email", "both@example.com").status == 0)
        #expect(try shell("redis-cli -p PORT FIND ORG EMAIL both@example.com").output.count == 37)
        let ended = try served.stop()
        #expect(ended.status == 0)
        #expect(!ended.errors.contains("example.com"), "logs hold no contact data")
        try place.expectClean()
    }

    @Test("TLS, with a client certificate where it is asked for")
    func tls() throws {
        let place = try Workplace.withVault()
        let certificates = """
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
            for name in server client; do
              openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout $name.key -out $name.csr
              openssl x509 -req -days 2 -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $name.pem
            done
            """
        let prepared = try place.start(program: ["bash", "-ec", certificates]).end()
        #expect(prepared.status == 0, "\(prepared.errors)")
        let words = ["--tls-certificate", "server.pem", "--tls-key", "server.key"]
        for needsClient in [false, true] {
            let served = try Served(place, words + (needsClient ? ["--tls-client-authorities", "ca.pem"] : []))
            let plain = ["redis-cli", "-p", "\(served.port)", "--tls", "--cacert", "ca.pem"]
            let with = plain + ["--cert", "client.pem", "--key", "client.key", "PING"]
            #expect(try place.start(program: with).end().output == "PONG\n")
            let without = try place.start(program: plain + ["PING"]).end()
            #expect((without.output == "PONG\n") == !needsClient)
            #expect(try served.stop().status == 0)
        }
    }

    @Test("Settings come from flags, environment and file, the first of them first")
    func settings() throws {
        let place = try Workplace.withVault()
        try place.write(
            #"{"threads": 1, "connectionsMax": 7, "idleSecondsMax": 5, "durability": "relaxed"}"#, to: "s.json")
        place.environment["VAULTDB_CONNECTIONS_MAX"] = "8"
        place.environment["VAULTDB_IDLE_SECONDS_MAX"] = "6"
        let served = try Served(place, ["--config", "s.json", "--limit", "idle-seconds-max=9"])
        let info = try place.start(program: ["redis-cli", "-p", "\(served.port)", "INFO"]).end().output
        for line in ["io_threads_active:1", "connections_max:8", "idle_seconds_max:9", "durability:relaxed"] {
            #expect(info.contains(line), "\(line)")
        }
        #expect(try served.stop().status == 0)
    }

    @Test(
        "What can't be served is told in one line",
        arguments: [
            (["--host", "0.0.0.0"], "vaultdb token create"), (["--port", "70000"], "70000"),
            (["--durability", "none"], "durable or relaxed"), (["--limit", "nonsense=1"], "there is no limit"),
            (["--tls-key", "x.pem"], "certificate"), (["--config", "missing.json"], "missing.json"),
        ])
    func refused(_ words: [String], _ part: String) throws {
        let place = try Workplace.withVault()
        expectOneLineError(try place.start(["serve"] + words).end(), status: 1, containing: part)
    }

    private func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
            }
        }
        try #require(code == 0)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
