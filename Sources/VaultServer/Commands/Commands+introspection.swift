internal import VaultDB

/// `COMMAND`: what client libraries and redis-cli ask to know the others.
extension CommandTable {
    static let introspectionCommands: [Command] = [
        .onConnection(
            "command", -1, "[subcommand] [name ...]", group: .server, "Tells what commands there are.",
            { try $0.command() })
    ]
}

extension ConnectionCommand {
    fileprivate mutating func command() throws {
        guard !arguments.isEmpty else { return tellAll() }
        let subcommand = try arguments.next()
        switch subcommand.word {
        case "count": writer.integer(server.table.commands.count)
        case "list":
            writer.array(server.table.commands.count)
            for command in server.table.commands { writer.bulk(command.name) }
        case "info":
            if arguments.isEmpty { return tellAll() }
            let names = try rest()
            writer.array(names.count)
            for name in names {
                if let command = server.table[name] { tell(command) } else { writer.null() }
            }
        case "docs":
            let names = arguments.isEmpty ? server.table.commands.map(\.name) : try rest()
            let known = names.compactMap { server.table[$0] }
            writer.map(known.count)
            for command in known {
                writer.bulk(command.name)
                CommandDocumentation(command).write(to: &writer)
            }
        case "getkeys":
            let words = try rest()
            guard words.count > 1 else { throw ReplyError.arity("command|getkeys") }
            guard let command = words.first.flatMap({ server.table[$0] }), command.accepts(count: words.count) else {
                throw ReplyError(.general, "Invalid command specified")
            }
            guard command.takesOrganization else {
                throw ReplyError(.general, "The command has no key arguments")
            }
            writer.array(1)
            writer.bulk(words[1])
        case "help":
            help(["COUNT", "DOCS [<name> ...]", "GETKEYS <command> [<arg> ...]", "INFO [<name> ...]", "LIST"])
        default: throw unknown(subcommand)
        }
    }

    private mutating func rest() throws -> [String] {
        var words: [String] = []
        while !arguments.isEmpty { words.append(try arguments.next()) }
        return words
    }

    private mutating func tellAll() {
        writer.array(server.table.commands.count)
        for command in server.table.commands { tell(command) }
    }

    /// The ten fields of Redis 7.
    private mutating func tell(_ command: Command) {
        let key = command.takesOrganization ? 1 : 0
        writer.array(10)
        writer.bulk(command.name)
        writer.integer(command.arity)
        writer.set(command.flags.names.count)
        for name in command.flags.names { writer.status(name) }
        for _ in 0..<3 { writer.integer(key) }
        writer.set(0)
        writer.array(0)
        writer.array(key)
        if key == 1 { tellKey(of: command) }
        writer.array(0)
    }

    private mutating func tellKey(of command: Command) {
        writer.value([
            "flags": [.string(command.flags.contains(.write) ? "RW" : "RO"), "access"],
            "begin_search": ["type": "index", "spec": ["index": 1]],
            "find_keys": ["type": "range", "spec": ["lastkey": 0, "keystep": 1, "limit": 0]],
        ])
    }
}
