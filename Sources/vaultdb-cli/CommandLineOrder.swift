import ArgumentParser
import Glibc

/// The order of words on the command line: global options may stand before the subcommand as well as after it.
enum CommandLineOrder {
    private static let withValue: Set<String> = ["--db", "--org", "--actor"]
    private static let withoutValue: Set<String> = ["--json", "--verbose", "-v"]

    /// Text reaches the program with what is no UTF-8 replaced: two different ids would become one.
    static func refuseOtherThanUTF8() throws(Failure) {
        for argument in CommandLine.unsafeArgv.withMemoryRebound(
            to: Optional<UnsafeMutablePointer<CChar>>.self, capacity: Int(CommandLine.argc),
            { Array(UnsafeBufferPointer(start: $0, count: Int(CommandLine.argc))) })
        {
            // Safe: the system ends each argument with a zero byte and keeps it as long as the program runs.
            guard let argument, String(validatingCString: argument) == nil else { continue }
            throw otherThanUTF8("an argument")
        }
        for name in ["VAULTDB_PATH", "VAULTDB_ORG"] {
            guard let value = getenv(name), String(validatingCString: value) == nil else { continue }
            throw otherThanUTF8(name)
        }
    }

    private static func otherThanUTF8(_ what: String) -> Failure {
        Failure(.wrongUsage, "\(what) is no UTF-8 text", advice: "set the terminal and scripts to UTF-8")
    }

    /// The parser would answer with help for the whole program.
    static func refuseHelpOnNothing(_ arguments: [String]) throws(Failure) {
        guard arguments.first == "help", arguments.count > 1, !arguments[1].hasPrefix("-"),
            !(VaultDBCommand.commandNames + ["help"]).contains(arguments[1])
        else { return }
        throw Failure(.wrongUsage, "there is no command '\(arguments[1])'", advice: "see vaultdb --help")
    }

    /// Moves global options that stand before the subcommand behind it, where the subcommands read them.
    static func subcommandFirst(_ arguments: [String]) -> [String] {
        var (commands, options, rest): ([String], [String], ArraySlice<String>) = ([], [], arguments[...])
        // A second one where the first has subcommands of its own, as in `token list`.
        while commands.count < 2 {
            let count = globalWordCount(rest)
            guard let word = rest.dropFirst(count).first,
                commands.first.map({ innerNames(of: $0).contains(word) }) ?? !word.hasPrefix("-")
            else { break }
            commands.append(word)
            options += rest.prefix(count)
            rest = rest.dropFirst(count + 1)
        }
        return commands + options + rest
    }

    /// How many words at the beginning are global options and their values.
    private static func globalWordCount(_ words: ArraySlice<String>) -> Int {
        var position = words.startIndex
        while position < words.endIndex {
            let word = words[position]
            if withValue.contains(word) {
                position += 2
            } else if withoutValue.contains(word) || withValue.contains(where: { word.hasPrefix("\($0)=") }) {
                position += 1
            } else {
                break
            }
        }
        return min(position, words.endIndex) - words.startIndex
    }

    /// The names of a command's own subcommands.
    private static func innerNames(of name: String) -> [String] {
        let command = VaultDBCommand.configuration.subcommands.first { $0.configuration.commandName == name }
        return command?.configuration.subcommands.compactMap { $0.configuration.commandName } ?? []
    }
}
