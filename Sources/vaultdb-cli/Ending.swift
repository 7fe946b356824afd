import ArgumentParser
import Glibc
import VaultDB
import VaultServer

/// Why a command could not do what it was asked, in the program's own words.
struct Failure: Error {
    let status: ExitStatus
    /// Empty where the status says all there is to say.
    let message: String
    /// The next step, or empty.
    let advice: String

    init(_ status: ExitStatus = .failed, _ message: String, advice: String = "") {
        self.status = status
        self.message = message
        self.advice = advice
    }

    /// What is told of it.
    var line: String { advice.isEmpty ? message : "\(message); \(advice)" }
}

/// What the program ends with; scripts rely on the numbers.
enum ExitStatus: Int32 {
    case done = 0
    case failed = 1
    case wrongUsage = 2
    case notFound = 3
    /// 128 and the number of SIGINT, as shells have it.
    case interrupted = 130
}

/// How an error ends the program: one line on stderr and an exit status.
struct Ending {
    private let status: Int32
    private let line: String?
    /// Help and the like, for stdout.
    private var text: String?

    init(of error: any Error) {
        switch error {
        case let failure as Failure where failure.message.isEmpty: self.init(failure.status, nil)
        case let failure as Failure: self.init(failure.status, failure.line)
        case let error as VaultError: self.init(Self.status(of: error), error.description)
        case let error as ImportError:
            self.init(error.code == .badMapping ? .wrongUsage : .failed, error.description)
        case let error as ServerError: self.init(.failed, error.description)
        default: self.init(ofParser: error)
        }
    }

    private init(_ status: ExitStatus, _ line: String?) {
        self.status = status.rawValue
        self.line = line
    }

    private init(ofParser error: any Error) {
        let code = VaultDBCommand.exitCode(for: error)
        guard code != .success else {
            self.init(.done, nil)
            text = VaultDBCommand.fullMessage(for: error)
            return
        }
        guard code == .validationFailure else {
            self.init(.failed, VaultDBCommand.message(for: error))
            return
        }
        let message = VaultDBCommand.message(for: error)
        self.init(.wrongUsage, "\(message.prefix(1).lowercased())\(message.dropFirst()); see \(Self.helpCommand)")
    }

    private static func status(of error: VaultError) -> ExitStatus {
        switch error.code {
        case .notFound: .notFound
        case .invalidArgument: .wrongUsage
        default: .failed
        }
    }

    /// The command whose help explains what went wrong.
    private static var helpCommand: String {
        let name = CommandLine.arguments.dropFirst().first { VaultDBCommand.commandNames.contains($0) }
        return ["vaultdb", name, "--help"].compactMap(\.self).joined(separator: " ")
    }

    func exit() -> Never {
        var status = status
        do throws(Failure) {
            if let text, !text.isEmpty { try Output.write(text + "\n") }
            try Output.flush()
        } catch {
            if status == ExitStatus.done.rawValue { status = error.status.rawValue }
            Terminal.errors.write("vaultdb: \(DisplayText.oneLine(error.line))\n")
        }
        if let line { Terminal.errors.write("vaultdb: \(DisplayText.oneLine(line))\n") }
        Glibc.exit(status)
    }
}
