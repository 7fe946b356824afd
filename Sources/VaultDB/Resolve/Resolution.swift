public import Foundation

/// The explained answer of a resolve.
public struct Resolution: Equatable, Sendable {
    public enum Outcome: Equatable, Sendable {
        case created
        case matched(by: IdentifierKind)
        /// The identity was given: by its id, or by a record that belongs to it already.
        case linked

        /// As programs see it.
        public var name: String {
            switch self {
            case .created: "created"
            case .matched(let kind): "matched_\(kind)"
            case .linked: "linked"
            }
        }
    }

    /// The identity that was found or made.
    public struct IdentityReference: Equatable, Sendable {
        /// All zero where a dry run would create one.
        public let id: UUID
    }

    /// An identifier that another identity owns. It stays there.
    public struct Conflict: Equatable, Sendable {
        public let identifier: Identifier
        public let owner: UUID
    }

    /// Something that was given and not used.
    public enum Warning: Equatable, Sendable {
        case invalid(IdentifierKind)
        case shared(IdentifierKind)
        case blocked(IdentifierKind)
        /// The identity holds as many identifiers as it may.
        case tooManyIdentifiers
        /// An identifier that was newly claimed had belonged to somebody who was erased.
        case previouslyErased

        /// As programs see it.
        public var name: String {
            switch self {
            case .invalid(let kind): "invalid_\(kind)"
            case .shared(let kind): "shared_\(kind)"
            case .blocked(let kind): "blocked_\(kind)"
            case .tooManyIdentifiers: "too_many_identifiers"
            case .previouslyErased: "previously_erased"
            }
        }
    }

    public internal(set) var identity: IdentityReference
    public internal(set) var outcome: Outcome
    /// The identifier that matched; nil where the identity was created or given, and in a first answer that is given
    /// again where the identifier was released or went to somebody else since.
    public internal(set) var matched: Identifier?
    /// Identifiers that the identity gained.
    public internal(set) var enriched: [Identifier]
    public internal(set) var conflicts: [Conflict]
    public internal(set) var warnings: [Warning]
    /// The sequence number of the identity's last event; 0 where a dry run would create it.
    public internal(set) var sequence: UInt64
}
