internal import Foundation
internal import NIOCore
internal import Synchronization
internal import VaultDB

/// A browser that uses the pages.
struct PageSession: Sendable {
    /// What its cookie holds: 256 random bits in hexadecimal digits.
    let id: String
    let grant: Grant
    let organization: UUID
    /// What its forms must bring along, so that no other site can send them.
    let csrf: String
    /// To be shown on one page, once.
    var notice: PageNotice?
    fileprivate var end: NIODeadline

    var isSignedIn: Bool { grant.token != nil }
    /// Whether it may merge contacts, undo that, and keep contacts apart.
    var mayReview: Bool { grant.role >= .admin }
}

/// A message after an action.
struct PageNotice: Equatable, Sendable {
    /// A key of the texts.
    let key: String
    /// The merge that it offers to undo.
    var merge: UUID?
    /// The page that it offers to look at once more.
    var link: String?
    /// The address of the page that shows it, within `lifetime`.
    var page = ""
    let made = NIODeadline.now()
    static let lifetime = TimeAmount.minutes(10)
}

/// The browsers that use the pages, in memory: a restart signs everybody out.
final class Sessions: Sendable {
    /// A session that is not used for so long ends.
    static let idleSecondsMax = 12 * 60 * 60
    private static let lifetime = TimeAmount.seconds(Int64(idleSecondsMax))

    private let sessionsMax: Int
    /// By the cookies' texts, which are whatever a browser sends.
    private let sessions = Mutex<[ExactText: PageSession]>([:])

    init(max: Int) { sessionsMax = max }

    func begin(_ grant: Grant, _ organization: UUID, at now: NIODeadline = .now()) -> PageSession {
        let session = PageSession(
            id: Self.secret(), grant: grant, organization: organization, csrf: Self.secret(), end: now + Self.lifetime)
        sessions.withLock { sessions in
            if sessions.count >= sessionsMax { makeRoom(&sessions, now) }
            sessions[ExactText(session.id)] = session
        }
        return session
    }

    /// The session of a cookie, which lasts anew from now on.
    func resume(_ id: String, at now: NIODeadline = .now()) -> PageSession? {
        let key = ExactText(id)
        return sessions.withLock { sessions in
            guard var session = sessions[key] else { return nil }
            guard session.end > now else {
                sessions[key] = nil
                return nil
            }
            session.end = now + Self.lifetime
            sessions[key] = session
            return session
        }
    }

    func tell(_ id: String, _ notice: PageNotice?) { sessions.withLock { $0[ExactText(id)]?.notice = notice } }

    func end(_ id: String) { sessions.withLock { $0[ExactText(id)] = nil } }

    /// Lets go of what has ended; where that is nothing, of the tenth that ends first.
    private func makeRoom(_ sessions: inout [ExactText: PageSession], _ now: NIODeadline) {
        sessions = sessions.filter { $0.value.end > now }
        guard sessions.count >= sessionsMax else { return }
        for session in sessions.values.sorted(by: { $0.end < $1.end }).prefix(max(sessionsMax / 10, 1)) {
            sessions[ExactText(session.id)] = nil
        }
    }

    private static func secret() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }.hex
    }
}
