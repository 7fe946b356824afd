// Whom the server lets in, and what it tells those that it does not: rights, files, TLS.

import Foundation
import Glibc
import Testing

@Suite("serve: accepting") struct ServeAcceptTests {
    @Test("A server needs no rights of the system's administrator")
    func unprivileged() throws {
        let place = try Workplace.withVault()
        let wrapper = geteuid() == 0 ? ["setpriv", "--bounding-set=-net_admin"] : []
        let served = try Served(place, under: wrapper)
        #expect(try ServeTests.IdleWire(port: served.port).ping() == "+PONG\r\n")
        #expect(try served.stop().status == 0)
    }

    @Test("Where no file is left connections wait, at no cost, until one is", arguments: [false, true])
    func files(http: Bool) throws {
        let place = try Workplace.withVault()
        let served = try Served(place, http: true)
        let httpPort = try #require(served.http?.split(separator: ":").last.flatMap { Int($0) })
        let port = http ? httpPort : served.port
        let process = served.program.process
        // Of a process that runs, so that the limits of connections are higher than what there is room for. A new file
        // gets the least number that is free.
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap { Int($0) }
        let free = try #require((0...open.count).first { !open.contains($0) })
        let limited = try place.start(program: ["prlimit", "--pid", "\(process)", "--nofile=\(free + 2)"]).end()
        try #require(limited.status == 0, "\(limited.errors)")
        let told = "No connection can be accepted"
        let began = ContinuousClock.now
        var wires: [ServeTests.IdleWire] = []
        while !served.program.errorsSoFar.contains(told), wires.count < 200 {
            wires.append(try ServeTests.IdleWire(port: port))
            usleep(5_000)
        }
        let waiting = try ServeTests.IdleWire(port: port)
        wires = []
        #expect(waiting.ask(http ? "GET /health HTTP/1.0\r\n\r\n" : "PING\r\n").hasPrefix(http ? "HTTP/" : "+PONG\r\n"))
        let seconds = Int((ContinuousClock.now - began).components.seconds)
        let tries = served.program.errorsSoFar.components(separatedBy: told).count - 1
        #expect((1...seconds + 2).contains(tries), "\(tries) in \(seconds) s")
        withExtendedLifetime(waiting) {}
        #expect(try served.stop().status == 0)
    }

    @Test(
        "A client that speaks no TLS gets no word in the clear where TLS is spoken",
        arguments: ["PING\\r\\n", "*1\\r\\n$4\\r\\nPING\\r\\n", "GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"])
    func plainToTLS(_ text: String) throws {
        let place = try Workplace.withVault()
        let served = try Served(place, try Self.tls(in: place))
        let answer = try Self.sendPlain(text, to: served, in: place)
        #expect(!answer.contains("PONG") && !answer.contains("ERR") && !answer.contains("HTTP"), "\(answer)")
        let encrypted = ["redis-cli", "-p", "\(served.port)", "--tls", "--cacert", "server.pem", "PING"]
        #expect(try place.start(program: encrypted).end().output == "PONG\n")
        #expect(try served.stop().status == 0)
    }

    @Test("Too many connections are closed without a word where TLS is spoken")
    func tooManyWithTLS() throws {
        let place = try Workplace.withVault()
        // One loop, so that connections are taken in the order in which they come.
        let served = try Served(place, try Self.tls(in: place) + ["--limit", "connections-max=1", "--threads", "1"])
        let first = try ServeTests.IdleWire(port: served.port)
        #expect(try Self.sendPlain("", to: served, in: place) == "")
        withExtendedLifetime(first) {}
        #expect(try served.stop().status == 0)
    }

    @Test("Answers before the end of a connection arrive over TLS too, whatever was sent behind it")
    func endedAmidPipelineWithTLS() throws {
        let place = try Workplace.withVault()
        let served = try Served(place, try Self.tls(in: place))
        let script = """
            { for i in {1..30}; do printf 'INFO\\r\\n'; done; printf 'QUIT\\r\\n'; seq 5000; } \
              | openssl s_client -quiet -connect 127.0.0.1:\(served.port) -CAfile server.pem 2> s_client.txt
            """
        let ended = try place.start(program: ["bash", "-c", script]).end()
        #expect(ended.output.components(separatedBy: "# Latencystats").count - 1 == 30)
        #expect(ended.output.hasSuffix("+OK\r\n"), "\(ended.output.suffix(200))")
        #expect(try served.stop().status == 0)
    }

    @Test(
        "A TLS file that can't be used is named in one line",
        arguments: [
            (["missing.pem", "server.key"], "the TLS certificate missing.pem can't be read"),
            (["text.pem", "server.key"], "the TLS certificate text.pem can't be used"),
            (["server.pem", "missing.key"], "the TLS key missing.key can't be read"),
            (["server.pem", "text.pem"], "the TLS key text.pem can't be used"),
            (["server.pem", "other.key"], "the TLS key other.key does not go with the certificate server.pem"),
            (["server.pem", "server.key", "text.pem"], "the TLS authorities text.pem can't be used"),
        ])
    func unusableTLS(_ files: [String], _ part: String) throws {
        let place = try Workplace.withVault()
        _ = try Self.tls(in: place)
        try place.write("no PEM\n", to: "text.pem")
        let words = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out other.key"
        try #require(try place.start(program: words.split(separator: " ").map(String.init)).end().status == 0)
        let flags = zip(["--tls-certificate", "--tls-key", "--tls-client-authorities"], files).flatMap { [$0.0, $0.1] }
        expectOneLineError(try place.start(["serve"] + flags).end(), status: 1, containing: part)
    }

    @Test("A certificate that is out of date is told to the log")
    func expiredCertificate() throws {
        let place = try Workplace.withVault()
        let words = try Self.tls(in: place)
        let script = """
            openssl req -new -key server.key -subj /CN=localhost -out server.csr
            openssl x509 -req -days -1 -in server.csr -signkey server.key -out expired.pem
            """
        let made = try place.start(program: ["bash", "-ec", script]).end()
        try #require(made.status == 0, "\(made.errors)")
        for (name, isTold) in [("server.pem", false), ("expired.pem", true)] {
            let served = try Served(place, words.map { $0 == "server.pem" ? name : $0 })
            let log = try served.stop().errors
            #expect(log.contains("The TLS certificate has expired") == isTold, "\(log)")
        }
    }

    /// The words for TLS, with a certificate made for it.
    private static func tls(in place: Workplace) throws -> [String] {
        let words =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        let made = try place.start(
            program: words.split(separator: " ").map { String($0) } + ["-keyout", "server.key", "-out", "server.pem"]
        ).end()
        try #require(made.status == 0, "\(made.errors)")
        return ["--tls-certificate", "server.pem", "--tls-key", "server.key"]
    }

    /// Everything that a server answers to `printf`'s text, until it closes.
    private static func sendPlain(_ text: String, to served: Served, in place: Workplace) throws -> String {
        // What it closes at once can't be written to.
        let script = """
            trap '' PIPE
            exec 3<>/dev/tcp/127.0.0.1/\(served.port)
            printf '\(text)' >&3
            timeout 60 cat <&3
            """
        let result = try place.start(program: ["bash", "-c", script]).end()
        #expect(result.status != 124, "the server does not close")
        return result.output
    }
}
