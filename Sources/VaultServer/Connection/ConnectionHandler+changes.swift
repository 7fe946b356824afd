internal import Foundation
internal import NIOCore
internal import Synchronization
internal import VaultDB

/// A connection that waits for events.
struct WaitingForChanges {
    let request: ChangesRequest
    let organization: Organization
    /// Its place in the table of commands.
    let command: Int
    let timeout: Scheduled<Void>?
    /// Of the vault's `CommitSignal`.
    let waiter: Int
}

/// `CHANGES`: every committed event once, in order, as soon as it is there.
extension ConnectionHandler {
    /// So many events are answered on the event loop.
    private static let fewEventsMax = 100

    func changes(
        _ request: ChangesRequest, _ organization: Organization, _ run: CommandRun, _ writer: inout ReplyWriter
    ) throws(ReplyError) -> Outcome {
        let events = try readFew(request, organization)
        if events.count == Self.fewEventsMax, request.limit > Self.fewEventsMax {
            return try work(in: server.work, run) {
                .array(try organization.events(from: request.first, limit: request.limit).map(\.json))
            }
        }
        guard events.isEmpty, let milliseconds = request.blockMilliseconds, mayWait(milliseconds), let context else {
            writer.value(Self.answer(events))
            return .answered
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let loop = context.eventLoop
        try reserve(server.waiters, max: server.limits.waitersMax, "connections are waiting for changes")
        pause = .work
        let timeout =
            milliseconds == 0
            ? nil
            : loop.scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                bound.value.finishWaiting { $0.value([]) }
            }
        let waiter = server.vault.commits.add { loop.execute { bound.value.lookForChanges() } }
        waitingForChanges = WaitingForChanges(
            request: request, organization: organization, command: run.index, timeout: timeout, waiter: waiter)
        // What was committed since the look above woke nobody.
        loop.execute { bound.value.lookForChanges() }
        return .answered
    }

    /// Whether events may be waited for so long; 0 is for ever. Nothing else would end the wait of a client that sends
    /// nothing more, and a server that stops does not wait.
    private func mayWait(_ milliseconds: Int) -> Bool { !isDraining && (!isInputClosed || milliseconds > 0) }

    /// Answers at once what may not be waited for any more.
    func endWaitWithoutEnd() {
        guard let waiting = waitingForChanges, !mayWait(waiting.request.blockMilliseconds ?? 0) else { return }
        finishWaiting { $0.value([]) }
    }

    /// Answers a connection that waits, if there is something now: with the first of it where that is much, for many may
    /// wait.
    func lookForChanges() {
        guard let waiting = waitingForChanges else { return }
        renewGrant()
        guard session.isAuthenticated else { return failWaiting(.unauthenticated) }
        do throws(ReplyError) {
            let events = try readFew(waiting.request, waiting.organization)
            if !events.isEmpty { finishWaiting { $0.value(Self.answer(events)) } }
        } catch {
            failWaiting(error)
        }
    }

    /// The command was counted and timed when its wait began.
    private func failWaiting(_ error: ReplyError) {
        guard let waiting = waitingForChanges else { return }
        metrics.commands[waiting.command].noteError()
        finishWaiting { $0.error(error, server.metrics) }
    }

    private func finishWaiting(_ write: (inout ReplyWriter) -> Void) {
        guard waitingForChanges != nil else { return }
        stopWaitingForChanges()
        resume(with: encoded(write))
    }

    func stopWaitingForChanges() {
        guard let waiting = waitingForChanges else { return }
        waiting.timeout?.cancel()
        waitingForChanges = nil
        server.vault.commits.remove(waiting.waiter)
        server.waiters.subtract(1, ordering: .relaxed)
    }

    private func readFew(_ request: ChangesRequest, _ organization: Organization) throws(ReplyError) -> [Event] {
        do throws(VaultError) {
            return try organization.events(from: request.first, limit: min(request.limit, Self.fewEventsMax))
        } catch {
            throw ReplyError(error)
        }
    }

    private static func answer(_ events: [Event]) -> JSONValue { .array(events.map(\.json)) }
}

extension ChangesRequest {
    fileprivate var first: UInt64 { max(from, 1) }
}
