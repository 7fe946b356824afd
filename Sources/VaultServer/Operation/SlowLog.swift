internal import Foundation
internal import Synchronization

/// The last commands that took long. Their arguments are people's data, so only their number is kept.
final class SlowLog: Sendable {
    struct Entry: Sendable {
        let id: Int
        let unixSeconds: Int
        let microseconds: Int
        let command: String
        let argumentCount: Int
        let client: String
        let clientName: String
        /// Of the client's token; nil where it had none.
        let organization: UUID?
    }

    private struct State {
        var entries: [Entry] = []
        var nextID = 0
    }

    private static let entriesMax = 128
    private let state = Mutex(State())
    /// In nanoseconds; `.max` for none.
    let threshold: UInt64

    init(thresholdMicroseconds: Int) {
        threshold = thresholdMicroseconds < 0 ? .max : UInt64(thresholdMicroseconds) * 1_000
    }

    func add(
        _ command: String, argumentCount: Int, nanoseconds: UInt64, client: String, clientName: String,
        organization: UUID?
    ) {
        let now = Int(Date().timeIntervalSince1970)
        state.withLock { state in
            state.entries.insert(
                Entry(
                    id: state.nextID, unixSeconds: now, microseconds: Int(nanoseconds / 1_000), command: command,
                    argumentCount: argumentCount, client: client, clientName: clientName,
                    organization: organization), at: 0)
            state.nextID += 1
            if state.entries.count > Self.entriesMax { state.entries.removeLast() }
        }
    }

    /// Those of an organization, or all where it is nil; the newest first.
    func entries(of organization: UUID? = nil) -> [Entry] {
        state.withLock { state in state.entries.filter { $0.isOf(organization) } }
    }

    func clear(of organization: UUID?) { state.withLock { $0.entries.removeAll { $0.isOf(organization) } } }
}

extension SlowLog.Entry {
    fileprivate func isOf(_ asked: UUID?) -> Bool { asked == nil || organization == asked }
}
