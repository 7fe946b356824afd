internal import Foundation
internal import VaultDB

/// A command of the protocol: what clients and tools are told of it, who may give it, and what it does.
struct Command: Sendable {
    struct Flags: OptionSet, Sendable {
        let rawValue: Int
        static let readOnly = Flags(rawValue: 1)
        static let write = Flags(rawValue: 2)
        static let fast = Flags(rawValue: 4)
        static let admin = Flags(rawValue: 8)
        static let noAuthentication = Flags(rawValue: 16)
        static let blocking = Flags(rawValue: 32)
        static let loading = Flags(rawValue: 64)

        /// As `COMMAND INFO` names them.
        var names: [String] {
            let names: [(Flags, String)] = [
                (.readOnly, "readonly"), (.write, "write"), (.fast, "fast"), (.admin, "admin"),
                (.noAuthentication, "no_auth"), (.blocking, "blocking"), (.loading, "loading"),
            ]
            return names.filter { contains($0.0) }.map(\.1)
        }
    }

    enum Group: String, Sendable { case connection, server, people, records, review, trail }

    typealias OnConnection = @Sendable (inout ConnectionCommand) throws -> Void
    typealias Answer = @Sendable (Organization, inout Arguments) throws -> JSONValue
    typealias Walk = @Sendable (Organization, inout Arguments, @escaping GoOn) throws -> JSONValue
    /// Throws where nobody waits for the answer any more.
    typealias GoOn = @Sendable () throws(VaultError) -> Void
    typealias Submission = @Sendable (Organization, inout Arguments, @escaping Deliver) throws -> Void
    typealias Deliver = @Sendable (Result<Written, VaultError>) -> Void

    /// What was written. The reply is made of it on the connection's event loop: the writer has better things to do.
    struct Written: Sendable {
        /// Whose primaries the reply tells.
        var identity: UUID?
        let json: @Sendable (Identity?) -> JSONValue

        func reply(in organization: Organization) throws(VaultError) -> JSONValue {
            guard let identity else { return json(nil) }
            return json(try organization.identity(answered: identity))
        }
    }

    /// What a command does, by how it runs.
    enum Action: Sendable {
        /// Answered on bytes from the batch's snapshot; `findMany` beside the event loops where it may take long.
        case find, findMany
        /// The same where nothing has to change; the writer's otherwise.
        case resolve
        /// Gives its argument back, byte for byte.
        case echo
        /// Of the connection or the server itself.
        case connection(OnConnection)
        /// A short read, done on the event loop.
        case answer(Answer)
        /// Handed to the writer; commands behind it that write are handed in without waiting for it.
        case submit(Submission)
        /// A long read or a rare write, done beside the event loops. What follows on the connection waits for it.
        case work(Answer)
        /// The same over all that an organization has, one at a time, so that other work does not wait for it.
        case walk(Walk)
        /// Waits for events where there are none yet.
        case changes
    }

    /// In lower case.
    let name: String
    /// As Redis counts: the words with the command's own, negative where more may follow.
    let arity: Int
    let flags: Flags
    let group: Group
    let summary: String
    /// The arguments, as `usage` words: `org`, `[COUNT n]`, `EMAIL|PHONE|EXTERNAL`, `[field value ...]`.
    let usage: String
    /// Nil for what anybody may do.
    let role: AccessRole?
    let action: Action
    /// Commands of their own, by a keyword behind the organization: `AUDIT org VERIFY`.
    private(set) var variants: [Command] = []

    /// Whether the first argument is an organization, by which a proxy may shard.
    var takesOrganization: Bool { usage.hasPrefix("org") }

    func accepts(count: Int) -> Bool { Self.accepts(count: count, arity: arity) }

    @inline(__always)
    static func accepts(count: Int, arity: Int) -> Bool { arity >= 0 ? count == arity : count >= -arity }
}

extension Command {
    /// A read that answers with a JSON value.
    static func read(
        _ name: String, _ arity: Int, _ usage: String, _ group: Group, role: AccessRole = .reader, _ summary: String,
        _ answer: @escaping Answer
    ) -> Command {
        Command(
            name: name, arity: arity, flags: .readOnly, group: group, summary: summary, usage: usage, role: role,
            action: .answer(answer))
    }

    /// A write that is handed to the writer, and may be pipelined.
    static func submission(
        _ name: String, _ arity: Int, _ usage: String, _ group: Group, _ summary: String, _ submit: @escaping Submission
    ) -> Command {
        Command(
            name: name, arity: arity, flags: .write, group: group, summary: summary, usage: usage, role: .resolver,
            action: .submit(submit))
    }

    /// A long read, or a write that need not be pipelined. It may block. It has to refuse words it does not know
    /// before it writes.
    static func work(
        _ name: String, _ arity: Int, _ usage: String, _ group: Group, role: AccessRole, flags: Flags = .write,
        _ summary: String, _ answer: @escaping Answer
    ) -> Command {
        Command(
            name: name, arity: arity, flags: flags, group: group, summary: summary, usage: usage, role: role,
            action: .work(answer))
    }

    /// A look at all that an organization has. It may take long, and ends early when nobody waits for it any more.
    static func walk(
        _ name: String, _ arity: Int, _ usage: String, _ group: Group, _ summary: String, _ walk: @escaping Walk
    ) -> Command {
        Command(
            name: name, arity: arity, flags: .readOnly, group: group, summary: summary, usage: usage, role: .admin,
            action: .walk(walk))
    }

    /// The same, and others behind keywords. Its usage tells of them.
    func or(_ variants: Command...) -> Command {
        var command = self
        command.variants = variants
        return command
    }

    static func echo(_ name: String, _ arity: Int, _ usage: String, _ summary: String) -> Command {
        Command(
            name: name, arity: arity, flags: [.fast, .loading], group: .connection, summary: summary, usage: usage,
            role: .reader, action: .echo)
    }

    static func onConnection(
        _ name: String, _ arity: Int, _ usage: String, group: Group = .connection, role: AccessRole? = .reader,
        flags: Flags = [.fast, .loading], _ summary: String, _ body: @escaping OnConnection
    ) -> Command {
        Command(
            name: name, arity: arity, flags: flags, group: group, summary: summary, usage: usage, role: role,
            action: .connection(body))
    }
}
