// The server as its users run it: the program, with the clients there are for Redis.

import Foundation
import Testing

@Suite("serve") struct ServeTests {
    private static let org = Workplace.organization
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent()

    private static let hasPython = PythonClients.has("redis", "hiredis")
    private static let pythonMissing: Comment =
        "skipped: redis-py is not installed in .build/clients; run scripts/setup --tests where PyPI can be reached"

    private static func script(_ name: String) -> String { sources.appending(path: "Clients/\(name)").path() }

    @Test("redis-py: sync, asyncio, both protocols, pipelines, pools", .enabled(if: hasPython, pythonMissing))
    func redisPy() throws {
        let place = try Workplace.withVault()
        let served = try Served(place)
        let result = try place.start(
            program: [PythonClients.python, Self.script("redis_py.py"), "\(served.port)", Self.org]
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
            program: [PythonClients.python, Self.script("redis_py.py"), "\(served.port)", Self.org, token]
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

    @Test("A lost terminal ends it as politely as SIGTERM does, and not at all under nohup")
    func lostTerminal() throws {
        let place = try Workplace.withVault()
        let served = try Served(place)
        served.program.signal(SIGHUP)
        let result = try served.program.end()
        #expect(result.status == 0)
        #expect(result.errors.contains("Stopped"))
        let kept = try Served(place, under: ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"])
        kept.program.signal(SIGHUP)
        let answer = try place.start(program: ["redis-cli", "-p", "\(kept.port)", "PING"]).end()
        #expect(answer.output == "PONG\n")
        #expect(try kept.stop().status == 0)
    }

    @Test("Generic behaviour is that of a real Redis, byte for byte")
    func comparison() throws {
        let place = try Workplace.withVault()
        let (redis, redisPort) = try startRedis(place)
        defer {
            redis.signal(SIGTERM)
            _ = try? redis.end()
        }
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

    /// The programs of the README's section on other languages, by the name of their language.
    private static func examples() throws -> [String: String] {
        let readme = try String(contentsOf: sources.appending(path: "../../README.md"), encoding: .utf8)
        let section = try #require(readme.components(separatedBy: "## From any language").dropFirst().first)
        let end = try #require(section.range(of: "\n## "))
        var examples: [String: String] = [:]
        for (place, block) in section[..<end.lowerBound].components(separatedBy: "```").enumerated()
        where place % 2 == 1 {
            let lines = block.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            examples[String(lines[0])] = String(lines[1])
        }
        return examples
    }

    private static func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private static let nodeModules = "/usr/share/nodejs"
    private static let hasNode =
        ["/usr/bin/node", "/usr/local/bin/node"].contains(where: isThere) && isThere("\(nodeModules)/redis")
    private static let home = NSHomeDirectory()
    private static let hasGo = isThere("\(home)/go/pkg/mod/github.com/redis/go-redis")

    /// Starts a server that knows the README's Ana, as its lines for the shell make her.
    private func withAna(_ body: (Workplace, [String: String]) throws -> Void) throws {
        let place = try Workplace.withVault()
        place.environment["VAULTDB_ORG"] = Self.org
        let served = try Served(place)
        let examples = try Self.examples().mapValues { $0.replacing("7379", with: "\(served.port)") }
        let shell = try #require(examples["sh"]).split(separator: "\n").filter { !$0.hasPrefix("vaultdb serve") }
        let made = try place.start(program: ["bash", "-ec", shell.joined(separator: "\n")]).end()
        #expect(made.status == 0 && made.output.contains("created") && made.output.contains("Ana Ruiz"), "\(made)")
        try body(place, examples)
        #expect(try served.stop().status == 0)
    }

    @Test("The README's Python runs as it is written", .enabled(if: hasPython, pythonMissing))
    func readmePython() throws {
        try withAna { place, examples in
            let result = try place.start(program: [PythonClients.python, "-c", try #require(examples["python"])]).end()
            #expect(result.output.contains(/^[0-9a-f-]{36} matched_email\n1\n$/), "\(result)")
        }
    }

    @Test(
        "The README's JavaScript runs as it is written",
        .enabled(if: hasNode, "skipped: node or Debian's node-redis is not installed"))
    func readmeNode() throws {
        try withAna { place, examples in
            place.environment["NODE_PATH"] = Self.nodeModules
            let result = try place.start(program: ["node", "-e", try #require(examples["js"])]).end()
            #expect(result.output.contains(/^[0-9a-f-]{36} ana@example.com\n$/), "\(result)")
        }
    }

    @Test(
        "The README's Go runs as it is written",
        .enabled(if: hasGo, "skipped: go-redis v9 is not among the modules of this machine"))
    func readmeGo() throws {
        try withAna { place, examples in
            place.environment["HOME"] = Self.home
            try place.write(try #require(examples["go"]), to: "main.go")
            let run = "go mod init example && GOPROXY=off go mod tidy && GOPROXY=off go run ."
            let result = try place.start(program: ["bash", "-ec", run]).end()
            #expect(result.output.contains(/[0-9a-f-]{36} matched_email\n$/), "\(result)")
        }
    }

    @Test("A thousand idle connections stay within their memory")
    func idleConnections() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let place = try Workplace.withVault()
        let served = try Served(place)
        let wires = try (0..<1_000).map { _ in try IdleWire(port: served.port) }
        for wire in wires { #expect(wire.ping() == "+PONG\r\n") }
        let status = try String(contentsOfFile: "/proc/\(served.program.process)/status", encoding: .utf8)
        let kilobytes = try #require(status.firstMatch(of: /RssAnon:\s*(\d+) kB/).flatMap { Int($0.output.1) })
        #expect(kilobytes < 100 << 10, "\(kilobytes) KB beside the map")
        withExtendedLifetime(wires) {}
        #expect(try served.stop().status == 0)
    }

    /// A connection that does nothing but ask once.
    final class IdleWire {
        private let descriptor: Int32

        init(port: Int) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var limit = timeval(tv_sec: 60, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let code = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            try #require(code == 0)
        }

        deinit { close(descriptor) }

        func ping() -> String { ask("PING\r\n") }

        /// Whether the server ends it, whatever it says before.
        func isEnded() -> Bool {
            var (said, count) = ([UInt8](repeating: 0, count: 64), 1)
            while count > 0 { count = recv(descriptor, &said, said.count, 0) }
            return count == 0 || errno != EAGAIN
        }

        /// What comes first in answer to a text.
        func ask(_ text: String) -> String {
            send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
            var answer = [UInt8](repeating: 0, count: 64)
            let count = recv(descriptor, &answer, answer.count, 0)
            return String(decoding: answer.prefix(max(count, 0)), as: UTF8.self)
        }
    }

    @Test("Writes that fail for want of room are told to the log, over either protocol")
    func fullVault() throws {
        let place = try Workplace()
        try #require(try place.run("init", "--org", Self.org, "--max-size", "1M").status == 0)
        let words = ["--durability", "relaxed"]
        var served = try Served(place, words)
        let fill = """
            seq 6000 | sed 's/.*/RESOLVE \(Self.org) EMAIL person&@example.com/' | redis-cli -p \(served.port) \
              | grep -c 'largest size'
            """
        #expect(try place.start(program: ["bash", "-c", fill]).end().status == 0)
        #expect(try served.stop().errors.contains("Writes fail"))

        served = try Served(place, words, http: true)
        let port = try #require(served.http?.split(separator: ":").last.flatMap { Int($0) })
        let body = #"{"email":"nobody@example.com"}"#
        let answer = try IdleWire(port: port).ask(
            "POST /api/v1/contacts/resolve HTTP/1.1\r\nHost: localhost\r\nX-Organization-Id: \(Self.org)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(answer.hasPrefix("HTTP/1.1 507"), "\(answer)")
        #expect(try served.stop().errors.contains("Writes fail"))
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
        let words = ["--tls-certificate", "server.pem", "--tls-key", "server.key", "--threads", "1"]
        for needsClient in [false, true] {
            let served = try Served(place, words + (needsClient ? ["--tls-client-authorities", "ca.pem"] : []))
            let plain = ["redis-cli", "-p", "\(served.port)", "--tls", "--cacert", "ca.pem"]
            let with = plain + ["--cert", "client.pem", "--key", "client.key", "PING"]
            #expect(try place.start(program: with).end().output == "PONG\n")
            let without = try place.start(program: plain + ["PING"]).end()
            #expect((without.output == "PONG\n") == !needsClient)
            #expect(try served.stop().status == 0)
        }
        // Who has not agreed on TLS has shown nothing.
        let patient = try Served(place, words + ["--limit", "unauthenticated-seconds-max=0"])
        let silent = try IdleWire(port: patient.port)
        let list = try place.start(
            program: ["redis-cli", "-p", "\(patient.port)", "--tls", "--cacert", "ca.pem", "CLIENT", "LIST"]
        ).end().output
        #expect(list.contains("auth=no") && list.contains("auth=yes"), "\(list)")
        withExtendedLifetime(silent) {}
        #expect(try patient.stop().status == 0)
        let served = try Served(place, words + ["--limit", "unauthenticated-seconds-max=1"])
        #expect(try IdleWire(port: served.port).isEnded())
        #expect(try served.stop().status == 0)
    }

    @Test(
        "What another process has changed is in the next answer, whatever the server has in memory",
        arguments: ["0", "8M"])
    func otherProcess(cache: String) throws {
        let place = try Workplace.withVault()
        let served = try Served(place, ["--cache", cache])
        func ask(_ words: String...) throws -> String {
            try place.start(program: ["redis-cli", "-p", "\(served.port)"] + words).end().output
        }
        _ = try ask("RESOLVE", Self.org, "EMAIL", "ana@example.com", "PHONE", "+34612345678")
        let id = try ask("FIND", Self.org, "EMAIL", "ana@example.com")
        #expect(id.count == 37)
        for _ in 0..<3 {
            #expect(try ask("FIND", Self.org, "PHONE", "+34612345678") == id)
            let resolved = try ask("RESOLVE", Self.org, "EMAIL", "ana@example.com", "PHONE", "+34612345678")
            #expect(resolved.contains("matched_email"))
        }
        #expect(try place.run("block", "--email", "ana@example.com").status == 0)
        #expect(try ask("FIND", Self.org, "EMAIL", "ana@example.com") == "\n")
        #expect(try ask("FIND", Self.org, "PHONE", "+34612345678") == id)
        #expect(try place.run("erase", id.trimmingCharacters(in: .newlines), "--yes").status == 0)
        #expect(try ask("FIND", Self.org, "PHONE", "+34612345678") == "\n")
        let anew = try ask("RESOLVE", Self.org, "PHONE", "+34612345678")
        #expect(anew.contains("created") && !anew.contains(id.trimmingCharacters(in: .newlines)))
        #expect(try served.stop().status == 0)
        try place.expectClean()
    }

    @Test("Settings come from flags, environment and file, the first of them first")
    func settings() throws {
        let place = try Workplace.withVault()
        try place.write(
            #"""
            {"threads": 1, "cache": 8388608, "connectionsMax": 7, "idleSecondsMax": 5, "durability": "relaxed",
            "writerNiceness": 3}
            """#, to: "s.json")
        place.environment["VAULTDB_CONNECTIONS_MAX"] = "8"
        place.environment["VAULTDB_IDLE_SECONDS_MAX"] = "6"
        let served = try Served(place, ["--config", "s.json", "--limit", "idle-seconds-max=9"])
        let info = try place.start(program: ["redis-cli", "-p", "\(served.port)", "INFO"]).end().output
        let cache = try #require(info.firstMatch(of: /cache_bytes_max:(\d+)/).flatMap { Int($0.output.1) })
        #expect(cache > 0 && cache <= 8 << 20)
        for line in ["io_threads_active:1", "connections_max:8", "idle_seconds_max:9", "durability:relaxed"] {
            #expect(info.contains(line), "\(line)")
        }
        #expect(try niceness(of: served.program.process).sorted().suffix(2) == [0, 3], "of the writer's thread alone")
        #expect(try served.stop().status == 0)
    }

    @Test("What is served for reading only, the environment says as well as the flag")
    func readOnlyByTheEnvironment() throws {
        let place = try Workplace.withVault()
        place.environment["VAULTDB_READ_ONLY"] = "1"
        let served = try Served(place)
        let words = ["redis-cli", "-p", "\(served.port)", "RESOLVE", Self.org, "EMAIL", "new@example.com"]
        #expect(try place.start(program: words).end().output.hasPrefix("READONLY "))
        #expect(try served.stop().status == 0)
    }

    /// Of each thread of a process.
    private func niceness(of process: pid_t) throws -> [Int] {
        let threads = "/proc/\(process)/task"
        return try FileManager.default.contentsOfDirectory(atPath: threads).map { thread in
            let status = try String(contentsOfFile: "\(threads)/\(thread)/stat", encoding: .utf8)
            // Behind the program's name, which is in brackets.
            let fields = try #require(status.split(separator: ")").last).split(separator: " ")
            return try #require(Int(fields[16]))
        }
    }

    @Test(
        "What can't be served is told in one line",
        arguments: [
            (["--host", "0.0.0.0"], 1, "vaultdb token create"), (["--port", "70000"], 2, "70000"),
            (["--durability", "none"], 2, "durable or relaxed"), (["--limit", "nonsense=1"], 2, "there is no limit"),
            (["--tls-key", "x.pem"], 2, "certificate"), (["--config", "cache.json"], 2, "cache is no size"),
            (["--config", "missing.json"], 2, "missing.json can't be read: No such file or directory; check the path"),
            (["--config", "/"], 2, "the settings in / can't be read: it is a directory; check the path"),
            (["--host", ""], 1, "there is no host ''; give an address"),
            (["--config", "nice.json"], 2, "writerNiceness"),
            (["--time-zone", "Nope/X"], 2, "time zone"),
            (["--limit", "connections-max=7", "--limit", "connections-max=9"], 2, "connections-max is given twice"),
            (["--limit", "connections-max=x"], 2, "--limit connections-max is given no whole number"),
            (["--port", "99999"], 2, "give 0 to 65535"), (["--threads", "0"], 2, "give 1 to 256"),
        ] as [([String], Int32, String)])
    func refused(_ words: [String], _ status: Int32, _ part: String) throws {
        let place = try Workplace.withVault()
        try place.write(#"{"cache": -1}"#, to: "cache.json")
        try place.write(#"{"writerNiceness": 20}"#, to: "nice.json")
        expectOneLineError(try place.start(["serve"] + words).end(), status: status, containing: part)
    }

    @Test("A port that is taken is told in one line", arguments: ["--port", "--http-port"])
    func takenPort(_ option: String) throws {
        let place = try Workplace.withVault()
        let served = try Served(place)
        let other = try Workplace.withVault()
        let rest = option == "--port" ? ["--no-http"] : ["--port", "0"]
        let program = try other.start(["serve", option, "\(served.port)"] + rest)
        try program.wait { program.hasEnded }
        expectOneLineError(
            try program.end(), status: 1,
            containing: "127.0.0.1:\(served.port): Address already in use; choose another \(option)")
        #expect(try served.stop().status == 0)
    }

    @Test(
        "A settings file of a wrong form is told in one line",
        arguments: [
            ("[1, 2]", "give a JSON object"), ("\"host\"", "give a JSON object"), ("null", "give a JSON object"),
            ("", "give a JSON object"), ("{\"host\": ", "stops being JSON at byte"), ("{\"host\": 5}", "host"),
            ("{\"noHttp\": \"maybe\"}", "noHttp"), ("{\"port\": \"abc\"}", "port"), ("{\"port\": [1]}", "port"),
            ("{\"port\": 1.5}", "port"), ("{\"prot\": 1}", "there is no setting 'prot'"),
        ])
    func wrongSettingsFile(_ text: String, _ part: String) throws {
        let place = try Workplace.withVault()
        try place.write(text, to: "s.json")
        let result = try place.start(["serve", "--http-port", "0", "--config", "s.json"]).end()
        expectOneLineError(result, status: 2, containing: part)
    }

    /// Redis' own server. Where somebody takes the port before it does it ends, and another is tried.
    private func startRedis(_ place: Workplace) throws -> (program: Program.Running, port: Int) {
        var last: (any Error)?
        for _ in 0..<5 {
            let port = try freePort()
            let redis = try place.start(program: [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                "--dir", place.path,
            ])
            do {
                try redis.wait { redis.outputSoFar.contains("Ready to accept connections") }
                return (redis, port)
            } catch {
                last = error
            }
        }
        throw try #require(last)
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
