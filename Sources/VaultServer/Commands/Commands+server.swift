internal import VaultDB

/// What operators and their tools ask.
extension CommandTable {
    static let serverCommands: [Command] = [
        .onConnection(
            "info", -1, "[section ...]", group: .server, "Tells how the server and its vault are."
        ) { (call) throws in
            var sections: [String] = []
            while !call.arguments.isEmpty { sections.append(try call.arguments.next().lowercased()) }
            call.writer.verbatim(try ServerInformation(call.server).text(sections: sections))
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
        switch subcommand.uppercased() {
        case "GET": break
        case "HELP": return help(["GET <pattern> [<pattern> ...]"])
        default:
            throw ReplyError(
                .general,
                "unknown subcommand '\(subcommand.prefix(128))'. Settings are changed by restarting the server.")
        }
        guard !arguments.isEmpty else { throw ReplyError.arity("config|get") }
        var patterns: [String] = []
        while !arguments.isEmpty { patterns.append(try arguments.next().lowercased()) }
        let found = settings.filter { setting in patterns.contains { Self.matches(setting.name, $0) } }
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

    /// `*` stands for anything; nothing else is special.
    private static func matches(_ name: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1, let first = parts.first, let last = parts.last else { return name == pattern }
        guard name.hasPrefix(first), name.count >= first.count + last.count, name.hasSuffix(last) else { return false }
        var rest = name.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }

    /// Bearers of tokens see and clear what was asked on connections of their organization.
    fileprivate mutating func slowLog() throws {
        let subcommand = try arguments.next()
        let organization = session.grant?.organization
        switch subcommand.uppercased() {
        case "GET":
            let limit = arguments.isEmpty ? 10 : try Arguments.number(try arguments.next(), -1...128)
            try arguments.end()
            tell(server.slowLog.entries(of: organization).prefix(limit == -1 ? .max : limit))
        case "LEN": writer.integer(server.slowLog.entries(of: organization).count)
        case "RESET":
            server.slowLog.clear(of: organization)
            ok()
        case "HELP": help(["GET [<count>]", "LEN", "RESET"])
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
