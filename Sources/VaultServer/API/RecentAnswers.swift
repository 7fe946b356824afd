internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import Synchronization
internal import VaultDB

/// First answers to the idempotency keys of requests that the vault itself lets happen only once: merging, undoing,
/// keeping apart, deleting, erasing. What creates something keeps its first answer in the vault.
///
/// They hold ids and counts and nothing of a person. They are kept in memory for a day. After a restart a repeated
/// request is refused by the vault (409, 404 or 410), and never done twice.
final class RecentAnswers: Sendable {
    struct Name: Hashable, Sendable {
        let organization: UUID
        let key: String
    }

    private struct Answer {
        /// What the key was used for.
        let request: String
        /// Nil while the request is under way.
        var json: JSONValue?
        var end = NIODeadline.distantFuture
    }

    private static let answersMax = 10_000
    private static let lifetime = TimeAmount.hours(24)

    private let answers = Mutex<[Name: Answer]>([:])

    enum Beginning {
        case first
        case again(JSONValue)
        case underWay
        /// The key was used for another request.
        case taken
    }

    /// - Parameter request: method, path and what else tells it apart from others.
    func begin(_ name: Name, _ request: String, at now: NIODeadline = .now()) -> Beginning {
        answers.withLock { answers in
            if let known = answers[name], known.end > now {
                guard known.request == request else { return .taken }
                return known.json.map(Beginning.again) ?? .underWay
            }
            if answers.count >= Self.answersMax { Self.makeRoom(&answers, now) }
            answers[name] = Answer(request: request)
            return .first
        }
    }

    /// A request that failed is as if it had not come.
    func end(_ name: Name, _ answer: JSONValue?, at now: NIODeadline = .now()) {
        answers.withLock { answers in
            guard let answer else {
                answers[name] = nil
                return
            }
            answers[name]?.json = answer
            answers[name]?.end = now + Self.lifetime
        }
    }

    private static func makeRoom(_ answers: inout [Name: Answer], _ now: NIODeadline) {
        let ends = answers.values.filter { $0.json != nil }.map(\.end).sorted()
        let horizon = max(now, ends.isEmpty ? now : ends[ends.count / 4])
        answers = answers.filter { $0.value.end > horizon }
    }
}

extension APICall {
    /// What `body` answers, unless the request's idempotency key was answered before: then the first answer.
    /// - Parameter detail: what beside its method and path makes the request another one.
    /// - Throws: 409 where the key was used for another one, or the first is under way.
    func once(_ detail: String = "", _ body: () async throws -> JSONValue) async throws -> Response {
        guard let key = try idempotencyKey else { return Response(try await body()) }
        let name = RecentAnswers.Name(organization: try organization.id, key: key)
        switch state.recentAnswers.begin(name, "\(request.method.rawValue) \(request.uri.path) \(detail)") {
        case .again(let json): return Response(json)
        case .underWay: throw Problem.underWay
        case .taken:
            throw Problem(
                .conflict, VaultError.Code.refused.rawValue, "the idempotency key was used for another request",
                advice: "use a new key for each request")
        case .first: break
        }
        do {
            let json = try await body()
            state.recentAnswers.end(name, json)
            return Response(json)
        } catch {
            state.recentAnswers.end(name, nil)
            throw error
        }
    }
}
