import ArgumentParser

/// Options that a command does not have: the parser tells of them last, after whatever it lacks without them.
enum UnknownOptions {
    /// The error that names the first of them; nil where there is none, and where the parser says so itself.
    /// - Parameters:
    ///   - arguments: all words of the command line, the command's name first.
    ///   - refusal: what the parser said of them.
    static func error(in arguments: [String], refusedWith refusal: any Error) -> ValidationError? {
        guard VaultDBCommand.exitCode(for: refusal) == .validationFailure,
            !VaultDBCommand.message(for: refusal).hasPrefix("Unknown option"), let type = command(of: arguments)
        else { return nil }
        let known = names(of: type)
        let words = arguments.prefix { $0 != "--" }.filter(isOption).map { word in String(word.prefix { $0 != "=" }) }
        return words.first { !known.contains($0) }.map { ValidationError("Unknown option '\($0)'") }
    }

    /// The command that a command line is for, or the part of it.
    private static func command(of arguments: [String]) -> (any ParsableCommand.Type)? {
        func named(_ name: String?, in command: any ParsableCommand.Type) -> (any ParsableCommand.Type)? {
            command.configuration.subcommands.first { $0.configuration.commandName == name }
        }
        guard let outer = named(arguments.first, in: VaultDBCommand.self) else { return nil }
        return named(arguments.dropFirst().first, in: outer) ?? outer
    }

    /// Not several short ones in a word, and no number.
    private static func isOption(_ word: String) -> Bool {
        word.hasPrefix("--") || word.count == 2 && word.hasPrefix("-") && word.last?.isLetter == true
    }

    /// Each begins a line of the command's help, beside its short form.
    private static func names(of command: any ParsableCommand.Type) -> Set<String> {
        let help = VaultDBCommand.helpMessage(for: command, includeHidden: true)
        return Set(
            help.split(separator: "\n").filter { $0.hasPrefix("  -") }.flatMap { line in
                line.split { " ,/".contains($0) }.prefix { $0.hasPrefix("-") }.map(String.init)
            })
    }
}
