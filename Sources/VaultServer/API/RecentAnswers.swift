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
        /// Method, path and what else tells it apart from others: what the key was used for.
        let request: String
    }

    private struct Answer {
        let json: JSONValue
        let end: NIODeadline
    }

    private static let answersMax = 10_000
    private static let lifetime = TimeAmount.hours(24)

    /// Nil while the first request is under way.
    private let answers = Mutex<[Name: Answer?]>([:])

    enum Beginning {
        case first
        case again(JSONValue)
        case underWay
    }

    func begin(_ name: Name, at now: NIODeadline = .now()) -> Beginning {
        answers.withLock { answers in
            switch answers[name] {
            case .some(.some(let answer)) where answer.end > now: return .again(answer.json)
            case .some(.none): return .underWay
            default: break
            }
            if answers.count >= Self.answersMax { Self.makeRoom(&answers, now) }
            answers[name] = .some(nil)
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
            answers[name] = Answer(json: answer, end: now + Self.lifetime)
        }
    }

    private static func makeRoom(_ answers: inout [Name: Answer?], _ now: NIODeadline) {
        let ends = answers.values.compactMap { $0?.end }.sorted()
        let horizon = max(now, ends.isEmpty ? now : ends[ends.count / 4])
        answers = answers.filter { $0.value.map { $0.end > horizon } ?? true }
    }
}

extension APICall {
    /// What `body` answers, unless the request's idempotency key was answered before: then the first answer.
    /// - Parameter detail: what of the request's body makes it another one.
    func once(_ detail: String = "", _ body: () async throws -> JSONValue) async throws -> Response {
        guard let key = try idempotencyKey else { return Response(try await body()) }
        let name = RecentAnswers.Name(
            organization: try organization.id, key: key,
            request: "\(request.method.rawValue) \(request.uri.path) \(detail)")
        switch state.recentAnswers.begin(name) {
        case .again(let json): return Response(json)
        case .underWay:
            throw Problem(
                .conflict, "under_way", "the first request with this key is under way", advice: "try again later")
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
