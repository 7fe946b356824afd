internal import VaultDB

/// What operators and their tools ask.
extension CommandTable {
    static let serverCommands: [Command] = [
        .onConnection(
            "info", -1, "[section ...]", group: .server, "Tells how the server and its vault are."
        ) { (call) throws in
            var sections: [String] = []
            while !call.arguments.isEmpty { sections.append(try call.arguments.next().word) }
            let information = ServerInformation(call.server, for: call.session.grant?.organization)
            call.writer.verbatim(try information.text(sections: sections))
        },
        .onConnection(
            "config", -2, "subcommand [parameter ...]", group: .server, flags: [.admin, .loading],
            "Tells the server's settings.", { try $0.config() }),
        .onConnection(
            "slowlog", -2, "subcommand [count]", group: .server, role: .admin, flags: [.admin, .loading],
            "Tells which commands took long, and clears that list.", { try $0.slowLog() }),
    ]
}

extension ConnectionCommand {
    fileprivate mutating func config() throws {
        let subcommand = try arguments.next()
        switch subcommand.word {
        case "get": break
        case "help": return help(["GET <pattern> [<pattern> ...]"])
        default:
            throw ReplyError(
                .general,
                "\("unknown subcommand".naming(subcommand)). Settings are changed by restarting the server.")
        }
        guard !arguments.isEmpty else { throw ReplyError.arity("config|get") }
        var patterns: [NamePattern] = []
        while !arguments.isEmpty { patterns.append(NamePattern(try arguments.next())) }
        let found = settings.filter { setting in
            let name = Array(setting.name.utf8)
            return patterns.contains { $0.matches(name) }
        }
        writer.map(found.count)
        for setting in found {
            writer.bulk(setting.name)
            writer.bulk(setting.value)
        }
    }

    private var settings: [(name: String, value: String)] {
        let configuration = server.configuration
        let durable = server.durability == .durable
        return [
            // By Redis' names, for the tools that ask for them.
            ("save", ""), ("appendonly", "yes"), ("appendfsync", durable ? "always" : "everysec"),
            ("databases", "1"), ("maxmemory", "0"), ("maxmemory-policy", "noeviction"),
            ("bind", configuration.host), ("port", server.port),
            ("io-threads", String(server.loopCount)), ("timeout", String(configuration.limits.idleSecondsMax)),
            ("maxclients", String(configuration.limits.connectionsMax)),
            ("slowlog-log-slower-than", String(configuration.slowLogMicroseconds)),
            ("tls", configuration.security == nil ? "no" : "yes"), ("durability", server.durability.rawValue),
        ] + ServerLimits.named.map { ($0.name, String(configuration.limits[keyPath: $0.path])) }
    }

    /// Bearers of tokens see and clear what was asked on connections of their organization.
    fileprivate mutating func slowLog() throws {
        let subcommand = try arguments.next()
        let organization = session.grant?.organization
        switch subcommand.word {
        case "get":
            let limit = arguments.isEmpty ? 10 : try Arguments.number(try arguments.next(), -1...128)
            try arguments.end()
            tell(server.slowLog.entries(of: organization).prefix(limit == -1 ? .max : limit))
        case "len": writer.integer(server.slowLog.entries(of: organization).count)
        case "reset":
            server.slowLog.clear(of: organization)
            ok()
        case "help": help(["GET [<count>]", "LEN", "RESET"])
        default: throw unknown(subcommand)
        }
    }

    private mutating func tell(_ entries: ArraySlice<SlowLog.Entry>) {
        writer.array(entries.count)
        for entry in entries {
            writer.value([
                JSONValue(entry.id), JSONValue(entry.unixSeconds), JSONValue(entry.microseconds),
                [.string(entry.command), .string("(\(entry.argumentCount) arguments)")], .string(entry.client),
                .string(entry.clientName),
            ])
        }
    }
}
