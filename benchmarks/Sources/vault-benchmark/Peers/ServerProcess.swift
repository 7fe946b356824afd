import Foundation

/// A server that this program starts and ends. Should this program die first, the system ends it.
final class ServerProcess {
    private let process = Process()
    let arguments: [String]

    /// - Parameters:
    ///   - signal: what ends it: `TERM`, `INT`.
    ///   - user: whom to become, where this is root and the server refuses to be.
    init(_ program: String, _ arguments: [String], endsOn signal: String, asUser user: String? = nil) throws {
        self.arguments = [program] + arguments
        process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
        var words = ["--pdeathsig", signal]
        if let user, geteuid() == 0 { words += ["--reuid", user, "--regid", user, "--clear-groups"] }
        process.arguments = words + [program] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        ending = signal
        try process.run()
    }

    private let ending: String

    func stop() {
        if ending == "INT" { process.interrupt() } else { process.terminate() }
        process.waitUntilExit()
    }

    /// Proportional resident memory of it and its children, in megabytes.
    var memoryMegabytes: Int {
        let own = Int(process.processIdentifier)
        let children = (try? String(contentsOfFile: "/proc/\(own)/task/\(own)/children", encoding: .utf8)) ?? ""
        let all = [own] + children.split(separator: " ").compactMap { Int($0) }
        return all.reduce(0) { $0 + Self.proportionalKilobytes($1) } / 1024
    }

    private static func proportionalKilobytes(_ process: Int) -> Int {
        let text = (try? String(contentsOfFile: "/proc/\(process)/smaps_rollup", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }

    /// Runs a program to its end.
    static func run(_ program: String, _ arguments: [String], asUser user: String? = nil) throws {
        let server = try ServerProcess(program, arguments, endsOn: "TERM", asUser: user)
        server.process.waitUntilExit()
        guard server.process.terminationStatus == 0 else {
            throw BenchmarkError(message: "\(program) ended with \(server.process.terminationStatus)")
        }
    }
}

/// Tries until it works, for ten seconds.
func untilReady<Value>(_ body: () throws -> Value) throws -> Value {
    for _ in 0..<200 {
        if let value = try? body() { return value }
        usleep(50_000)
    }
    return try body()
}
