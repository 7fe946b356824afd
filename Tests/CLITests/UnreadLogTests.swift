import Foundation
import Glibc
import Testing

@Suite("A server whose log nobody reads", .serialized) struct UnreadLogTests {
    /// Its stderr is a pipe in which there is room for nothing more once it listens.
    private final class Unread {
        let program: Program.Running
        private(set) var port = 0
        private let descriptor: Int32

        init(_ place: Workplace, _ words: String = "") throws {
            try #require(mkfifo(place.file("errors"), 0o600) == 0)
            // Open in both directions, nobody waits for another end of it.
            descriptor = open(place.file("errors"), O_RDWR | O_NONBLOCK | O_CLOEXEC)
            let command = "exec \(Program.path) serve --port 0 --no-http \(words) 2>errors"
            program = try place.start(program: ["sh", "-c", command])
            var said = ""
            try program.wait {
                said += read()
                port = said.firstMatch(of: /listening on [^\n]*:(\d+)\n/).flatMap { Int($0.output.1) } ?? 0
                return port > 0
            }
            for count in [4_096, 1] {
                let dots = [UInt8](repeating: UInt8(ascii: "."), count: count)
                while write(descriptor, dots, count) > 0 {}
            }
        }

        deinit { close(descriptor) }

        /// What is there to be read.
        func read() -> String {
            var text: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = Glibc.read(descriptor, &piece, piece.count)
                guard count > 0 else { return String(decoding: text, as: UTF8.self) }
                text += piece.prefix(count)
            }
        }

        func connect() throws -> ServeTests.IdleWire { try ServeTests.IdleWire(port: port) }
    }

    @Test("It answers all the same, and ends when it is told to")
    func unread() throws {
        let place = try Workplace.withVault()
        let served = try Unread(place, "--threads 1")
        for _ in 0..<20 {
            #expect(try served.connect().ask("AUTH nobody\r\n").hasPrefix("-WRONGPASS "))
            #expect(try served.connect().ask("*1\r\n$x\r\n").hasPrefix("-ERR Protocol error"))
        }
        #expect(try served.connect().ping() == "+PONG\r\n")
        served.program.signal(SIGTERM)
        #expect(try served.program.end().status == 0)
    }

    @Test("What there is no room for is left out, and how much that is told where it was")
    func leftOut() throws {
        let place = try Workplace.withVault()
        let served = try Unread(place, "--log-level info --durability relaxed")
        for round in 0..<40 {
            let creates = (0..<100).map { "RESOLVE \(Workplace.organization) EMAIL u\(round)-\($0)@example.com\r\n" }
            let wire = try served.connect()
            #expect(!wire.ask(creates.joined() + "QUIT\r\n").isEmpty)
            #expect(wire.isEnded())
        }
        var said = ""
        var leftOut: Int?
        try served.program.wait {
            said += served.read()
            leftOut = said.firstMatch(of: /\nvaultdb: (\d+) lines are left out here/).flatMap { Int($0.output.1) }
            return leftOut != nil
        }
        let told = said.components(separatedBy: "identity=").count - 1
        #expect(told > 0 && told + (leftOut ?? 0) >= 4_000)
        served.program.signal(SIGTERM)
        #expect(try served.program.end().status == 0)
    }
}
