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
    /// - Parameter started: when it began; set to when it was done.
    /// - Returns: false where it has to wait and is to be begun again later.
    @inline(__always)
    func perform(
        _ request: borrowing Request, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter, _ started: inout UInt64
    ) -> Bool {
        guard request.count > 0 else { return true }
        guard let index = server.table.index(of: request[0]) else {
            reply(&writer) { $0.error(Self.unknown(request)) }
            return true
        }
        let facts = server.table.facts[index]
        var (outcome, isError) = (Outcome.answered, false)
        do throws(ReplyError) {
            if facts.rank > session.rank { try refuse(index) }
            guard facts.accepts(count: request.count) else { throw .arity(server.table.commands[index].name) }
            switch facts.kind {
            case .find:
                if order.isEmpty { try find(request, &batch, &writer) } else { outcome = wait() }
            case .findMany:
                if order.isEmpty { try findMany(request, &batch, &writer) } else { outcome = wait() }
            case .resolve:
                outcome = try resolve(request, index, &batch, &writer, started)
            case .other:
                // They look at the vault by themselves, each at a moment of its own.
                batch = nil
                outcome = try performOther(request, index, &writer, started)
            }
        } catch {
            isError = true
            reply(&writer) { $0.error(error, server.metrics) }
        }
        if outcome != .answered { return outcome == .handedOn }
        let now = NIODeadline.now().uptimeNanoseconds
        metrics.commands[index].note(nanoseconds: now &- started, isError: isError)
        if now &- started >= server.slowLog.threshold { noteSlow(index, request.count, now &- started) }
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

    func noteSlow(_ index: Int, _ argumentCount: Int, _ nanoseconds: UInt64) {
        server.slowLog.add(
            server.table.commands[index].name, argumentCount: argumentCount - 1, nanoseconds: nanoseconds,
            client: client.address, clientName: session.name, organization: session.grant?.organization)
    }

    /// In Redis' words.
    private static func unknown(_ request: borrowing Request) -> ReplyError {
        var text = "unknown command '\(request.text(0).prefix(128))', with args beginning with: "
        for index in 1..<max(request.count, 1) {
            guard text.utf8.count < 256 else { break }
            text += "'\(request.text(index).prefix(128))' "
        }
        return ReplyError(.general, text)
    }

    /// The organization that the first argument names.
    @inline(__always)
    func organization(_ request: borrowing Request) throws(ReplyError) -> Organization {
        if let known = organizations.recall(request[1]) { return known }
        return try organizations.find(request[1], in: server.vault, for: session.grant)
    }

    // MARK: Off the hot path

    private func performOther(
        _ request: borrowing Request, _ index: Int, _ writer: inout ReplyWriter, _ started: UInt64
    ) throws(ReplyError) -> Outcome {
        let (command, first) = try meant(server.table.commands[index], request)
        if case .submit(let submission) = command.action {
            return try submit(request, command, index, submission, started)
        }
        if !order.isEmpty { return wait() }
        switch command.action {
        case .echo:
            guard request.count <= 2 else { throw .arity(command.name) }
            if request.count == 2 { writer.bulk(request[1]) } else { writer.simple("PONG") }
        case .connection(let body):
            let arguments = Arguments(decoding: request, from: first, command: command.name, limits: server.limits)
            try performOnConnection(body, arguments, &writer)
        default: return try performOnVault(request, command, first, index, &writer, started)
        }
        return .answered
    }

    private func performOnVault(
        _ request: borrowing Request, _ command: Command, _ first: Int, _ index: Int, _ writer: inout ReplyWriter,
        _ started: UInt64
    ) throws(ReplyError) -> Outcome {
        var arguments = try Arguments(request, from: first, command: command.name, limits: server.limits)
        switch command.action {
        case .answer(let answer):
            let organization = try organization(request)
            let value = try Self.caught { try answer(organization, &arguments) }
            try Self.caught { try arguments.end() }
            writer.value(value)
        case .work(let answer):
            return try work(in: server.work, answer, organization(request), arguments, index, request.count, started)
        case .walk(let walk):
            let client = client
            let answer: Command.Answer = { organization, arguments in
                try walk(organization, &arguments) { () throws(VaultError) in
                    guard client.isGone.load(ordering: .relaxed) else { return }
                    throw VaultError(.cancelled, "nobody waits for it any more")
                }
            }
            return try work(in: server.walks, answer, organization(request), arguments, index, request.count, started)
        case .changes:
            let asked = try ChangesRequest(&arguments)
            try changes(asked, organization(request), &writer)
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
        let word = request.text(first).lowercased()
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
        _ request: borrowing Request, _ command: Command, _ index: Int, _ submission: Command.Submission,
        _ started: UInt64
    ) throws(ReplyError) -> Outcome {
        if isOrderFull { return wait() }
        let organization = try organization(request)
        var arguments = try Arguments(request, from: 2, command: command.name, limits: server.limits)
        let ticket = try reserve()
        do throws(ReplyError) {
            let deliver = delivery(ticket, index, request.count, started) {
                [server] (writer, written: Command.Written) in
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
        _ ticket: ReplyOrder.Ticket, _ index: Int, _ argumentCount: Int, _ started: UInt64,
        _ write: @escaping @Sendable (inout ReplyWriter, Answer) -> Void
    ) -> @Sendable (Result<Answer, VaultError>) -> Void {
        let server = server
        // Without a connection nobody waits for the reply; the loop outlives it.
        guard let loop = context?.eventLoop else {
            return { _ in server.pendingWrites.subtract(1, ordering: .relaxed) }
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        return { result in
            server.pendingWrites.subtract(1, ordering: .relaxed)
            loop.execute {
                bound.value.complete(ticket, index, argumentCount, started, result, write)
            }
        }
    }

    private func complete<Answer>(
        _ ticket: ReplyOrder.Ticket, _ index: Int, _ argumentCount: Int, _ started: UInt64,
        _ result: Result<Answer, VaultError>, _ write: (inout ReplyWriter, Answer) -> Void
    ) {
        if case .success(let answer) = result, let resolution = answer as? Resolution { count(resolution) }
        note(index, argumentCount, started, isError: (try? result.get()) == nil)
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

    private func note(_ index: Int, _ argumentCount: Int, _ started: UInt64, isError: Bool) {
        let duration = NIODeadline.now().uptimeNanoseconds &- started
        metrics.commands[index].note(nanoseconds: duration, isError: isError)
        if duration >= server.slowLog.threshold { noteSlow(index, argumentCount, duration) }
    }

    func count(_ resolution: Resolution) {
        // What was created is counted where it is: a dry run says so as well, and an answer that is given again.
        if resolution.outcome != .created { LoopMetrics.add(1, to: metrics.matched) }
        LoopMetrics.add(resolution.conflicts.count, to: metrics.conflicts)
    }

    /// Runs beside the event loops; the connection goes on when it is done.
    private func work(
        in queue: WorkQueue, _ answer: @escaping Command.Answer, _ organization: Organization, _ arguments: Arguments,
        _ index: Int, _ argumentCount: Int, _ started: UInt64
    ) throws(ReplyError) -> Outcome {
        guard let context else { return .handedOn }
        try reserve(queue.pending, max: queue.pendingMax, "such commands are under way")
        pause = .work
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let done = queue.threads.runIfActive(eventLoop: context.eventLoop) {
            var arguments = arguments
            return try answer(organization, &arguments)
        }
        done.whenComplete { result in
            queue.pending.subtract(1, ordering: .relaxed)
            let handler = bound.value
            handler.note(index, argumentCount, started, isError: (try? result.get()) == nil)
            let reply = handler.encoded { writer in
                switch result {
                case .success(let value): writer.value(value)
                case .failure(let error): writer.error(Self.replyError(error), handler.server.metrics)
                }
            }
            handler.resume(with: reply)
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
