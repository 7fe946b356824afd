internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import VaultDB

/// From a request to what it does.
extension ConnectionHandler {
    /// What has become of a command.
    enum Outcome {
        case answered
        /// It is answered, counted and timed when it is done.
        case handedOn
        /// It is to be begun again when the connection's own writes are done.
        case waits
    }

    /// Answers a command, or hands it on.
    /// - Parameter started: when it began; set to when it was done or handed on.
    /// - Returns: false where it has to wait and is to be begun again later.
    @inline(__always)
    func perform(
        _ request: borrowing Request, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter, _ started: inout UInt64
    ) -> Bool {
        guard request.count > 0 else { return true }
        guard let index = server.table.index(of: request[0]) else {
            reply(&writer) { $0.error(ReplyError(.general, "unknown command".naming(request.text(0)))) }
            return true
        }
        let facts = server.table.facts[index]
        let run = CommandRun(index: index, argumentCount: request.count, started: started)
        var (outcome, isError) = (Outcome.answered, false)
        do throws(ReplyError) {
            if facts.rank > session.rank { try refuse(index) }
            guard facts.accepts(count: request.count) else { throw .arity(server.table.commands[index].name) }
            switch facts.kind {
            case .find:
                if order.isEmpty { try find(request, &batch, &writer) } else { outcome = wait() }
            case .findMany:
                outcome = try order.isEmpty ? findMany(request, run, &batch, &writer) : wait()
            case .resolve:
                outcome = try resolve(request, run, &batch, &writer)
            case .other:
                // They look at the vault by themselves, each at a moment of its own.
                batch = nil
                outcome = try performOther(request, run, &writer)
            }
        } catch {
            isError = true
            reply(&writer) { $0.error(error, server.metrics) }
        }
        if outcome == .waits { return false }
        let now = NIODeadline.now().uptimeNanoseconds
        if outcome == .answered { note(run, doneAt: now, isError: isError) }
        started = now
        return true
    }

    /// The command is begun again when the connection's own writes are done.
    func wait() -> Outcome {
        pause = .writes
        return .waits
    }

    private func refuse(_ index: Int) throws(ReplyError) {
        if let refusal = session.refusal(of: server.table.commands[index].role) { throw refusal }
    }

    /// Counts and times a command that is done.
    @inline(__always)
    private func note(_ run: CommandRun, doneAt now: UInt64, isError: Bool) {
        let duration = now &- run.started
        metrics.commands[run.index].note(nanoseconds: duration, isError: isError)
        if duration >= server.slowLog.threshold { noteSlow(run, duration) }
    }

    private func noteSlow(_ run: CommandRun, _ nanoseconds: UInt64) {
        server.slowLog.add(
            server.table.commands[run.index].name, argumentCount: run.argumentCount - 1, nanoseconds: nanoseconds,
            client: client.address, clientName: session.name, organization: session.grant?.organization)
    }

    /// The organization that the first argument names.
    @inline(__always)
    func organization(_ request: borrowing Request) throws(ReplyError) -> Organization {
        if let known = organizations.recall(request[1]) { return known }
        return try organizations.find(request[1], in: server.vault, for: session.grant)
    }

    // MARK: Off the hot path

    private func performOther(
        _ request: borrowing Request, _ run: CommandRun, _ writer: inout ReplyWriter
    ) throws(ReplyError) -> Outcome {
        let (command, first) = try meant(server.table.commands[run.index], request)
        if case .submit(let submission) = command.action { return try submit(request, run, command, submission) }
        if !order.isEmpty { return wait() }
        switch command.action {
        case .echo:
            guard request.count <= 2 else { throw .arity(command.name) }
            if request.count == 2 { writer.bulk(request[1]) } else { writer.simple("PONG") }
        case .connection(let body):
            let arguments = Arguments(decoding: request, from: first, command: command.name, limits: server.limits)
            try performOnConnection(body, arguments, &writer)
        default: return try performOnVault(request, run, command, first, &writer)
        }
        return .answered
    }

    private func performOnVault(
        _ request: borrowing Request, _ run: CommandRun, _ command: Command, _ first: Int, _ writer: inout ReplyWriter
    ) throws(ReplyError) -> Outcome {
        var arguments = try Arguments(request, from: first, command: command.name, limits: server.limits)
        switch command.action {
        case .answer(let answer):
            let organization = try organization(request)
            let value = try Self.caught { try answer(organization, &arguments) }
            try Self.caught { try arguments.end() }
            writer.value(value)
        case .work(let answer):
            let organization = try organization(request)
            return try work(in: server.work, run) { [arguments] in
                var arguments = arguments
                return try answer(organization, &arguments)
            }
        case .walk(let walk):
            let organization = try organization(request)
            return try work(in: server.walks, run) { [arguments, client] in
                var arguments = arguments
                return try walk(organization, &arguments) { () throws(VaultError) in
                    guard client.isGone.load(ordering: .relaxed) else { return }
                    throw VaultError(.cancelled, "nobody waits for it any more")
                }
            }
        case .changes:
            let asked = try ChangesRequest(&arguments)
            return try changes(asked, organization(request), run, &writer)
        case .find, .findMany, .resolve, .echo, .connection, .submit: break
        }
        return .answered
    }

    /// The command itself or the variant of it that is meant, and where its arguments begin.
    private func meant(
        _ command: Command, _ request: borrowing Request
    ) throws(ReplyError) -> (command: Command, first: Int) {
        let first = command.takesOrganization ? 2 : 1
        guard !command.variants.isEmpty, request.count > first else { return (command, first) }
        let word = request[first].word
        guard let variant = command.variants.first(where: { $0.name == word }) else { return (command, first) }
        if let refusal = session.refusal(of: variant.role) { throw refusal }
        guard variant.accepts(count: request.count) else { throw .arity("\(command.name)|\(variant.name)") }
        return (variant, first + 1)
    }

    /// Any error as the protocol has it.
    static func caught<Answer>(_ body: () throws -> Answer) throws(ReplyError) -> Answer {
        do { return try body() } catch { throw replyError(error) }
    }

    static func replyError(_ error: any Error) -> ReplyError {
        switch error {
        case let error as ReplyError: error
        case let error as VaultError: ReplyError(error)
        default: ReplyError(.general, "\(error)")
        }
    }

    private func performOnConnection(
        _ body: Command.OnConnection, _ arguments: Arguments, _ writer: inout ReplyWriter
    ) throws(ReplyError) {
        var call = ConnectionCommand(
            session: session, arguments: arguments, writer: ReplyWriter(ByteBuffer(), session.version), server: server,
            client: client)
        defer {
            if session.grant != call.session.grant { organizations.forget() }
            session = call.session
            publishDetails()
        }
        try Self.caught { try body(&call) }
        writer.version = call.session.version
        writer.append(call.writer)
    }

    /// Hands a write in and leaves a place for its reply.
    private func submit(
        _ request: borrowing Request, _ run: CommandRun, _ command: Command, _ submission: Command.Submission
    ) throws(ReplyError) -> Outcome {
        if isOrderFull { return wait() }
        let organization = try organization(request)
        var arguments = try Arguments(request, from: 2, command: command.name, limits: server.limits)
        let ticket = try reserve()
        do throws(ReplyError) {
            let deliver = delivery(ticket, run) { [server] (writer, written: Command.Written) in
                do throws(VaultError) {
                    writer.value(try written.reply(in: organization))
                } catch {
                    writer.error(ReplyError(error), server.metrics)
                }
            }
            try Self.caught { try submission(organization, &arguments, deliver) }
        } catch {
            withdraw(ticket)
            throw error
        }
        return .handedOn
    }

    /// A place for the reply of a write that is about to be handed in.
    func reserve() throws(ReplyError) -> ReplyOrder.Ticket {
        try reserve(server.pendingWrites, max: server.limits.writesPendingMax, "writes are waiting")
        return order.reserve()
    }

    /// Takes room for one more in a counter that is bounded.
    func reserve(_ counter: borrowing Atomic<Int>, max: Int, _ what: StaticString) throws(ReplyError) {
        if ServerState.reserve(counter, max: max) { return }
        throw ReplyError(.busy, "\(max) \(what); try again later")
    }

    func withdraw(_ ticket: ReplyOrder.Ticket) {
        order.withdraw(ticket)
        server.pendingWrites.subtract(1, ordering: .relaxed)
    }

    /// What the writer calls when a write is done, from its own thread.
    func delivery<Answer: Sendable>(
        _ ticket: ReplyOrder.Ticket, _ run: CommandRun, _ write: @escaping @Sendable (inout ReplyWriter, Answer) -> Void
    ) -> @Sendable (Result<Answer, VaultError>) -> Void {
        let (server, inbox) = (server, turn.inbox)
        // Without a connection nobody waits for the reply; the loop outlives it.
        guard let loop = context?.eventLoop else {
            return { _ in server.pendingWrites.subtract(1, ordering: .relaxed) }
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        return { result in
            server.pendingWrites.subtract(1, ordering: .relaxed)
            if case .failure(let error) = result { server.failedWrites.note(error) }
            inbox.put { bound.value.complete(ticket, run, result, write) }
        }
    }

    private func complete<Answer>(
        _ ticket: ReplyOrder.Ticket, _ run: CommandRun, _ result: Result<Answer, VaultError>,
        _ write: (inout ReplyWriter, Answer) -> Void
    ) {
        if case .success(let answer) = result, let resolution = answer as? Resolution { count(resolution) }
        note(run, doneAt: NIODeadline.now().uptimeNanoseconds, isError: (try? result.get()) == nil)
        guard context != nil else { return }
        fulfil(
            ticket,
            encoded { writer in
                switch result {
                case .success(let answer): write(&writer, answer)
                case .failure(let error): writer.error(ReplyError(error), server.metrics)
                }
            })
    }

    func count(_ resolution: Resolution) {
        // What was created is counted where it is: a dry run says so as well, and an answer that is given again.
        if resolution.outcome != .created { LoopMetrics.add(1, to: metrics.matched) }
        LoopMetrics.add(resolution.conflicts.count, to: metrics.conflicts)
    }

    /// Runs beside the event loops, and makes the reply there; the connection goes on when it is done.
    func work(
        in queue: WorkQueue, _ run: CommandRun, _ answer: @escaping @Sendable () throws -> JSONValue
    ) throws(ReplyError) -> Outcome {
        guard let context else { return .handedOn }
        try reserve(queue.pending, max: queue.pendingMax, "such commands are under way")
        pause = .work
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let (version, held) = (session.version, server.heldReplies)
        // What is done has to be told.
        let mayBeRefused = server.table.commands[run.index].flags.contains(.readOnly)
        let done = queue.threads.runIfActive(eventLoop: context.eventLoop) {
            let value = try answer()
            let reply = ConnectionHandler.encoded(version) { $0.value(value) }
            if mayBeRefused { try held.refuseWhereFull(reply.readableBytes) }
            return (reply: reply, part: held.hold(reply.readableBytes))
        }
        done.whenComplete { result in
            queue.pending.subtract(1, ordering: .relaxed)
            let handler = bound.value
            let isError = (try? result.get()) == nil
            handler.note(run, doneAt: NIODeadline.now().uptimeNanoseconds, isError: isError)
            switch result {
            case .success(let made): handler.resume(with: made.reply, made.part)
            case .failure(let error):
                if !mayBeRefused { handler.server.failedWrites.note(error) }
                handler.resume(with: handler.encoded { $0.error(Self.replyError(error), handler.server.metrics) })
            }
        }
        return .handedOn
    }
}

extension ReplyWriter {
    /// Writes an error, which counts where it says busy.
    mutating func error(_ error: ReplyError, _ metrics: ServerMetrics) {
        metrics.note(error)
        self.error(error)
    }
}
