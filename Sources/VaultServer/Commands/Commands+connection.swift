internal import Logging
internal import Synchronization
internal import VaultDB

/// What clients say about themselves when they connect.
extension CommandTable {
    static let connectionCommands: [Command] = [
        .echo("ping", -1, "[message]", "Answers PONG, or the message."),
        .echo("echo", 2, "message", "Answers the message."),
        .onConnection(
            "hello", -1, "[protover] [AUTH username token] [SETNAME clientname]", role: nil,
            flags: [.fast, .loading, .noAuthentication], "Sets the version of the protocol, and shows a token.",
            { try $0.hello() }),
        .onConnection(
            "auth", -2, "[username] token", role: nil, flags: [.fast, .loading, .noAuthentication],
            "Shows a token.", { try $0.authenticate() }),
        .onConnection(
            "client", -2, "subcommand [argument ...]", "Tells of connections, names this one, ends others.",
            { try $0.clientCommand() }),
        .onConnection("select", 2, "index", "Takes database 0, the only one.") { (call) throws in
            guard let index = Int(try call.arguments.next()) else {
                throw ReplyError(.general, "value is not an integer or out of range")
            }
            guard index == 0 else { throw ReplyError(.general, "DB index is out of range") }
            call.ok()
        },
        .onConnection(
            "multi", -1, "", role: nil, flags: [.fast, .loading, .noAuthentication],
            "Is refused, as there are no transactions, and so is what follows until EXEC or DISCARD."
        ) { (call) throws in
            guard call.session.isAuthenticated else { throw ReplyError.unauthenticated }
            // Clients send all of a transaction without waiting for what this is answered with.
            call.session.beginTransaction()
            throw ReplyError.noTransactions
        },
        .onConnection(
            "exec", 1, "", role: nil, flags: [.fast, .loading, .noAuthentication],
            "Ends what MULTI began, of which nothing was done."
        ) { (call) throws in
            try call.endTransaction()
            throw ReplyError.aborted
        },
        .onConnection(
            "discard", 1, "", role: nil, flags: [.fast, .loading, .noAuthentication],
            "Ends what MULTI began, of which nothing was done."
        ) { (call) throws in
            try call.endTransaction()
            call.ok()
        },
        .onConnection("watch", -2, "key [key ...]", "Is refused, as there are no transactions.") { (_) throws in
            throw ReplyError.noTransactions
        },
        .onConnection(
            "quit", -1, "", role: nil, flags: [.fast, .loading, .noAuthentication], "Ends the connection."
        ) { (call) throws in
            call.session.isEnding = true
            call.ok()
        },
        .onConnection(
            "reset", 1, "", role: nil, flags: [.fast, .loading, .noAuthentication],
            "Sets the connection back to how it began."
        ) { (call) throws in
            call.session.reset(grant: call.server.access.grantWithoutToken)
            call.writer.version = call.session.version
            call.writer.simple("RESET")
        },
    ]
}

extension ConnectionCommand {
    fileprivate mutating func endTransaction() throws {
        guard session.isAuthenticated else { throw ReplyError.unauthenticated }
        guard session.isInTransaction else {
            throw ReplyError(.general, "\(arguments.command.uppercased()) without MULTI")
        }
        session.endTransaction()
    }

    fileprivate mutating func hello() throws {
        var version = session.version
        if !arguments.isEmpty {
            guard let number = Int(try arguments.next()) else {
                throw ReplyError(.general, "Protocol version is not an integer or out of range")
            }
            guard let asked = ProtocolVersion(rawValue: number) else {
                throw ReplyError(.unknownProtocol, "unsupported protocol version")
            }
            version = asked
        }
        var (name, token): (String?, String?) = (nil, nil)
        while !arguments.isEmpty {
            if try arguments.flag("AUTH") {
                guard arguments.count >= 2 else { throw ReplyError.syntax }
                _ = try arguments.next()
                token = try arguments.next()
            } else if let given = try arguments.option("SETNAME") {
                guard Session.isName(given) else { throw Self.badName }
                name = given
            } else {
                throw ReplyError.syntax
            }
        }
        // What is malformed changes nothing.
        if let token { try showToken(token) }
        guard session.isAuthenticated else {
            throw ReplyError(
                .unauthenticated,
                "HELLO must be called with the client already authenticated, otherwise the HELLO "
                    + "<proto> AUTH <user> <token> option can be used to authenticate the client and select the RESP "
                    + "protocol version at the same time")
        }
        session.version = version
        writer.version = version
        if let name { session.name = name }
        writer.value([
            "server": "vaultdb", "version": .string(ServerVersion.text), "proto": JSONValue(version.rawValue),
            "id": JSONValue(session.id), "mode": "standalone", "role": "master", "modules": [],
        ])
    }

    fileprivate mutating func authenticate() throws {
        guard arguments.count <= 2 else { throw ReplyError.syntax }
        // Clients send a user name too; the token alone says who it is.
        if arguments.count == 2 { _ = try arguments.next() }
        try showToken(try arguments.next())
        ok()
    }

    private mutating func showToken(_ text: String) throws {
        // No token is longer than what may be sent without one.
        guard text.utf8.count <= RequestLimits.unauthenticated.argumentBytesMax,
            let grant = try server.access.grant(showing: text)
        else {
            session.noteFailedAttempt()
            server.metrics.failedLoginCount.add(1, ordering: .relaxed)
            server.tokenRefusals.note(["client": "\(client.address)"])
            throw ReplyError(.wrongPassword, "this is no token of this vault")
        }
        session.grant = grant
    }

    static var badName: ReplyError {
        ReplyError(.general, "Client names cannot contain spaces, newlines or special characters.")
    }
}
