import Glibc
import Testing

/// A fork of this process that runs one closure and ends. It shall do no more than use the engine: locks of other
/// threads stay locked in it for ever.
final class ChildProcess {
    enum End: Equatable {
        case exited(Int32)
        case killed(Int32)
    }
    struct NotAnswering: Error {}

    let process: pid_t
    private let link: Link

    /// Both ends of two pipes: each side sends single bytes to the other.
    struct Link {
        let input: Int32
        let output: Int32

        func signal() {
            var byte: UInt8 = 1
            _ = write(output, &byte, 1)
        }

        func await() throws {
            var waiting = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 60_000) == 1 else { throw NotAnswering() }
            var byte: UInt8 = 0
            guard read(input, &byte, 1) == 1 else { throw NotAnswering() }
        }
    }

    /// Swift has no `fork`, because little of its runtime may be used afterwards.
    init(_ body: (Link) throws -> Void) throws {
        let symbol = try #require(dlsym(nil, "fork"))
        let fork = unsafeBitCast(symbol, to: (@convention(c) () -> pid_t).self)
        var up: [Int32] = [0, 0]
        var down: [Int32] = [0, 0]
        try #require(pipe(&up) == 0 && pipe(&down) == 0)
        process = fork()
        if process == 0 {
            // Nobody waits for a child that hangs for longer.
            alarm(90)
            close(up[0])
            close(down[1])
            do {
                try body(Link(input: down[0], output: up[1]))
                _exit(0)
            } catch {
                let text = Array("child: \(error)\n".utf8)
                _ = write(2, text, text.count)
                _exit(70)
            }
        }
        close(up[1])
        close(down[0])
        link = Link(input: up[0], output: down[1])
        try #require(process > 0)
    }

    deinit {
        close(link.input)
        close(link.output)
    }

    func signal() { link.signal() }
    func awaitSignal() throws { try link.await() }

    func end() -> End {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal)
    }

    @discardableResult
    func kill() -> End {
        _ = Glibc.kill(process, SIGKILL)
        return end()
    }
}

/// What a child throws when something is not as expected.
struct Unexpected: Error { let what: String }

func expectInChild(_ condition: Bool, _ what: String) throws {
    if !condition { throw Unexpected(what: what) }
}
