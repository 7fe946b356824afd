import Foundation

/// The yardstick: the C program that calls `mdb_get` on a vault's own file.
struct BareLMDB {
    let vaultPath: String

    /// - Parameter arguments: a table and a file with its keys, once or twice.
    func nanosecondsEach(_ arguments: [String]) throws -> Double {
        let process = Process()
        let directory = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
        process.executableURL = directory.appendingPathComponent("bare-lmdb")
        process.arguments = [vaultPath] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard let time = text.split(separator: " ").first.flatMap({ Double($0) }) else {
            throw BenchmarkError(message: "bare-lmdb answered nothing")
        }
        return time
    }
}
