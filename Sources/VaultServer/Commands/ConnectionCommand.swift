internal import VaultDB

/// What a command of the connection or the server works on.
struct ConnectionCommand {
    var session: Session
    var arguments: Arguments
    var writer: ReplyWriter
    let server: ServerState
    let client: ClientRecord

    mutating func ok() { writer.simple("OK") }

    /// The subcommands, as Redis tells them.
    mutating func help(_ subcommands: [String]) {
        let title = "\(arguments.command.uppercased()) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
        let lines = [title] + subcommands + ["HELP"]
        writer.array(lines.count)
        for line in lines { writer.status(line) }
    }

    func unknown(_ subcommand: String) -> ReplyError {
        let name = arguments.command.uppercased()
        return ReplyError(.general, "\("unknown subcommand".naming(subcommand)). Try \(name) HELP.")
    }
}
