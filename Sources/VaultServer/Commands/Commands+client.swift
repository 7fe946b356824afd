internal import NIOCore
internal import Synchronization
internal import VaultDB

/// `CLIENT` and its subcommands.
extension ConnectionCommand {
    mutating func clientCommand() throws {
        let subcommand = try arguments.next()
        switch subcommand.word {
        case "id": try alone { $0.writer.integer($0.session.id) }
        case "getname":
            try alone { if $0.session.name.isEmpty { $0.writer.null() } else { $0.writer.bulk($0.session.name) } }
        case "setname": try setName()
        case "setinfo": try setInformation()
        case "info": try alone { $0.writer.verbatim($0.client.line(at: .now()) + "\n") }
        case "list": try list()
        case "kill": try kill()
        // There is nothing to evict and nothing that is touched, so both are as asked for.
        case "no-evict", "no-touch": try setSwitch()
        case "help":
            help([
                "GETNAME", "ID", "INFO", "KILL <ip:port> | [ID <id>] [ADDR <ip:port>] [SKIPME yes|no]",
                "LIST [TYPE <type> | ID <id> ...]", "NO-EVICT on|off", "NO-TOUCH on|off",
                "SETINFO LIB-NAME|LIB-VER <value>", "SETNAME <name>",
            ])
        default: throw unknown(subcommand)
        }
    }

    private mutating func alone(_ body: (inout ConnectionCommand) -> Void) throws {
        guard arguments.isEmpty else { throw ReplyError.arity("client") }
        body(&self)
    }

    private mutating func setName() throws {
        let name = try arguments.next()
        try arguments.end()
        guard Session.isName(name) else { throw Self.badName }
        session.name = name
        ok()
    }

    private mutating func setInformation() throws {
        let (attribute, value) = (try arguments.next(), try arguments.next())
        try arguments.end()
        guard Session.isName(value) else {
            let name = attribute.isFitToRepeat ? attribute.uppercased() : "it"
            throw ReplyError(.general, "\(name) cannot contain spaces, newlines or special characters.")
        }
        switch attribute.word {
        case "lib-name": session.libraryName = value
        case "lib-ver": session.libraryVersion = value
        default: throw ReplyError(.general, "Unrecognized option".naming(attribute))
        }
        ok()
    }

    private mutating func setSwitch() throws {
        guard ["on", "off"].contains(try arguments.next().word), arguments.isEmpty else {
            throw ReplyError.syntax
        }
        ok()
    }

    /// Connections this one may know of: bearers of tokens see those of their organization.
    private var visible: [ClientRecord] {
        let organization = session.grant?.organization
        return server.clients.all.filter { record in
            organization == nil || record.id == session.id
                || record.details.withLock(\.organization) == organization
        }
    }

    private mutating func list() throws {
        if let type = try arguments.option("TYPE") {
            try arguments.end()
            return tell(try Self.isNormal(type) ? visible : [])
        }
        if arguments.skip("ID") {
            var ids: Set<Int> = []
            while !arguments.isEmpty { ids.insert(try Arguments.number(try arguments.next(), 1...Int.max)) }
            return tell(visible.filter { ids.contains($0.id) })
        }
        try arguments.end()
        tell(visible)
    }

    /// Whether it is the type that every connection here is of.
    /// - Throws: one that Redis knows no more than this server.
    private static func isNormal(_ type: String) throws(ReplyError) -> Bool {
        switch type.word {
        case "normal": return true
        case "master", "replica", "slave", "pubsub": return false
        default: throw ReplyError(.general, "Unknown client type".naming(type))
        }
    }

    private mutating func tell(_ clients: [ClientRecord]) {
        let now = NIODeadline.now()
        writer.verbatim(clients.map { $0.line(at: now) + "\n" }.joined())
    }

    private mutating func kill() throws {
        if let refusal = session.refusal(of: .admin) { throw refusal }
        if arguments.count == 1 {
            let address = try arguments.next()
            guard end({ $0.address.hasSameBytes(as: address) }, skipsMe: false) > 0 else {
                throw ReplyError(.general, "No such client")
            }
            return ok()
        }
        var (id, address, skipsMe): (Int?, String?, Bool) = (nil, nil, true)
        while !arguments.isEmpty {
            if let text = try arguments.option("ID") {
                id = try Arguments.number(text, 1...Int.max)
            } else if let text = try arguments.option("ADDR") {
                address = text
            } else if let text = try arguments.option("SKIPME") {
                guard ["yes", "no"].contains(text.word) else { throw ReplyError.syntax }
                skipsMe = text.isWord("yes")
            } else {
                throw ReplyError.syntax
            }
        }
        guard id != nil || address != nil else { throw ReplyError.syntax }
        let count = end(
            { ($0.id == id ?? $0.id) && $0.address.hasSameBytes(as: address ?? $0.address) }, skipsMe: skipsMe)
        writer.integer(count)
    }

    private mutating func end(_ isMeant: (ClientRecord) -> Bool, skipsMe: Bool) -> Int {
        let meant = visible.filter { isMeant($0) && !(skipsMe && $0.id == session.id) }
        for record in meant {
            // This one gets its reply first.
            if record.id == session.id { session.isEnding = true } else { record.end() }
        }
        return meant.count
    }
}
