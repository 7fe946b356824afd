import ArgumentParser
import Foundation
import VaultDB

/// A process that has a vault open and does lookups when it is told to: within one process a file can't be open with
/// several caches. It ends with this object, and when this program does.
final class VaultProcess {
    let name: String
    private let process = Process()
    private let (requests, answers) = (Pipe(), Pipe())

    init(_ cache: VaultCache, at path: String) throws {
        name = cache.name
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        process.arguments = ["lookups", path] + cache.arguments
        process.standardInput = requests
        process.standardOutput = answers
        try process.run()
    }

    deinit {
        try? requests.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Nanoseconds of each lookup of people who are there.
    /// - Parameter lists: files with an email or a phone a line; with both, each pair is resolved.
    func nanosecondsEach(_ lists: [Column: String]) throws -> Double {
        let words = Column.allCases.map { lists[$0] ?? "" }.joined(separator: "\t")
        try requests.fileHandleForWriting.write(contentsOf: Data("\(words)\n".utf8))
        let answer = String(decoding: answers.fileHandleForReading.availableData, as: UTF8.self)
        guard let time = Double(answer.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchmarkError(message: "\(name) answered nothing")
        }
        return time
    }
}

/// That process.
struct LookupsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "lookups", shouldDisplay: false)

    @Argument var path: String
    @Option var cache: Int?

    func run() throws {
        let vault = try Vault(at: path, options: VaultOptions(measured: .readOnly, cacheBytes: cache))
        let clinic = vault.organization(Fixture.organization)
        var lists: [Substring: [String]] = ["": []]
        while let line = readLine() {
            let files = line.split(separator: "\t", omittingEmptySubsequences: false)
            for file in files where lists[file] == nil {
                lists[file] = try String(contentsOfFile: String(file), encoding: .utf8).split(separator: "\n")
                    .map(String.init)
            }
            let (emails, phones) = (lists[files[0]] ?? [], lists[files[1]] ?? [])
            let time = try Self.time(emails, phones, in: clinic)
            FileHandle.standardOutput.write(Data("\(time)\n".utf8))
        }
    }

    private static func time(_ emails: [String], _ phones: [String], in clinic: Organization) throws -> Double {
        let count = max(emails.count, phones.count)
        var found = 0
        let time = try nanosecondsEach(count) {
            if phones.isEmpty {
                for email in emails where try clinic.find(email: email) != nil { found += 1 }
            } else if emails.isEmpty {
                for phone in phones where try clinic.find(phone: phone) != nil { found += 1 }
            } else {
                for (email, phone) in zip(emails, phones)
                where try clinic.resolveBlocking(ResolveRequest(email: email, phone: phone)).outcome != .created {
                    found += 1
                }
            }
        }
        guard found == count else { throw BenchmarkError(message: "\(count - found) were not found") }
        return time
    }
}
