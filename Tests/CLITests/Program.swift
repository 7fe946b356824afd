import Foundation
import Glibc
import Testing

/// The built `vaultdb`, run as a user runs it.
struct Program {
    struct Result {
        /// The exit status, or 128 and the signal that ended it.
        let status: Int32
        let output: String
        let errors: String

        /// The output as one JSON document.
        var json: Any {
            get throws { try JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed) }
        }
        var object: [String: Any] { get throws { try #require(try json as? [String: Any]) } }
        var list: [[String: Any]] { get throws { try #require(try json as? [[String: Any]]) } }
        /// Of a list that comes in pages.
        var results: [[String: Any]] { get throws { try #require(try object["results"] as? [[String: Any]]) } }
        var lines: [Substring] { output.split(separator: "\n") }
    }

    /// Beside the test bundle.
    static let path: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let candidates = [bundle, CommandLine.arguments.first ?? "", Bundle.main.bundlePath].map {
            ($0 as NSString).deletingLastPathComponent + "/vaultdb"
        }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? candidates[0]
    }()

    /// Starts any program in a directory; its output goes to files there, so that no pipe can fill up.
    final class Running {
        let process: pid_t
        private let files: (output: String, errors: String)
        /// As `waitpid` tells it, once it is over.
        private var status: Int32?

        init(_ program: [String], in directory: String, input: String? = nil, environment: [String: String]) throws {
            // `env` changes the directory and becomes the program.
            let words = ["env", "-C", directory] + program
            let name = UUID().uuidString
            files = ("\(directory)/.\(name).out", "\(directory)/.\(name).err")
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, 0, input ?? "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, files.output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            posix_spawn_file_actions_addopen(&actions, 2, files.errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            // Signals that the test's own threads hold back are the program's to receive.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var noSignals = sigset_t()
            sigemptyset(&noSignals)
            posix_spawnattr_setsigmask(&attributes, &noSignals)
            // So are those that whoever started the tests ignores.
            var signals = sigset_t()
            sigemptyset(&signals)
            for signal in [SIGHUP, SIGINT, SIGPIPE, SIGTERM] { sigaddset(&signals, signal) }
            posix_spawnattr_setsigdefault(&attributes, &signals)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
            let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
            let settings = environment.merging(["PATH": path, "LC_ALL": "C.UTF-8"]) { own, _ in own }
            var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
            var variables: [UnsafeMutablePointer<CChar>?] = settings.map { strdup("\($0)=\($1)") } + [nil]
            defer { for pointer in arguments + variables { free(pointer) } }
            var child: pid_t = 0
            let code = posix_spawnp(&child, words[0], &actions, &attributes, &arguments, &variables)
            try #require(code == 0, "\(words[0]) can't be started")
            process = child
        }

        deinit {
            // Of a test that has thrown.
            guard status == nil else { return }
            kill(process, SIGKILL)
            reap()
        }

        /// What it has printed so far.
        var outputSoFar: String { (try? String(contentsOfFile: files.output, encoding: .utf8)) ?? "" }
        var errorsSoFar: String { (try? String(contentsOfFile: files.errors, encoding: .utf8)) ?? "" }

        /// Whether its first thread waits.
        var isAsleep: Bool { state == "S" }
        /// Whether it is over, and `end` has its status.
        var hasEnded: Bool { state == "Z" }

        /// As /proc has it.
        private var state: Substring? {
            let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
            // Behind the program's name, which is in brackets.
            return status?.split(separator: ")").last?.split(separator: " ").first
        }

        /// Whether it has a handler of its own for a signal.
        func catches(_ signal: Int32) -> Bool {
            let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
            let caught = status.firstMatch(of: /SigCgt:\s*([0-9a-f]+)/).flatMap { UInt64($0.output.1, radix: 16) }
            return (caught ?? 0) >> UInt64(signal - 1) & 1 == 1
        }

        /// Looks again and again until something holds.
        /// - Throws: ``NeverHeld`` where the program ends before it does, or a minute has passed.
        func wait(until holds: () throws -> Bool) throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while true {
                // Asked first: what it did before it ended counts.
                let isLastLook = hasEnded || ContinuousClock.now >= deadline
                if try holds() { return }
                guard isLastLook else {
                    usleep(1_000)
                    continue
                }
                signal(SIGKILL)
                let result = try end()
                throw NeverHeld(status: result.status, errors: result.errors)
            }
        }

        /// What was waited for did not come; how the program ended.
        struct NeverHeld: Error {
            let status: Int32
            let errors: String
        }

        func signal(_ number: Int32) { kill(process, number) }

        private func reap(_ options: Int32 = 0) {
            var status: Int32 = 0
            var child: pid_t
            repeat { child = waitpid(process, &status, options) } while child < 0 && errno == EINTR
            if child != 0 { self.status = status }
        }

        /// Waits for its end.
        /// - Throws: ``NeverHeld`` where it has none in ten minutes; it is killed then.
        func end() throws -> Result {
            let deadline = ContinuousClock.now + .seconds(600)
            reap(WNOHANG)
            while status == nil, ContinuousClock.now < deadline {
                usleep(500)
                reap(WNOHANG)
            }
            let isOver = status != nil
            if !isOver {
                kill(process, SIGKILL)
                reap()
            }
            let told = status ?? 0
            let signal = told & 0x7F
            let output = String(decoding: try Data(contentsOf: URL(filePath: files.output)), as: UTF8.self)
            let errors = String(decoding: try Data(contentsOf: URL(filePath: files.errors)), as: UTF8.self)
            unlink(files.output)
            unlink(files.errors)
            let code = signal == 0 ? (told >> 8) & 0xFF : 128 + signal
            if !isOver { throw NeverHeld(status: code, errors: errors) }
            return Result(status: code, output: output, errors: errors)
        }
    }
}
