/// The order of words on the command line: global options may stand before the subcommand as well as after it.
enum CommandLineOrder {
    private static let withValue: Set<String> = ["--db", "--org", "--actor"]
    private static let withoutValue: Set<String> = ["--json", "--verbose", "-v"]

    /// Moves global options that stand before the subcommand behind it, where the subcommands read them.
    static func subcommandFirst(_ arguments: [String]) -> [String] {
        var position = 0
        while position < arguments.count {
            let word = arguments[position]
            if withValue.contains(word) {
                position += 2
            } else if withoutValue.contains(word) || withValue.contains(where: { word.hasPrefix("\($0)=") }) {
                position += 1
            } else {
                break
            }
        }
        guard position < arguments.count, !arguments[position].hasPrefix("-") else { return arguments }
        return [arguments[position]] + arguments[..<position] + arguments[(position + 1)...]
    }
}
