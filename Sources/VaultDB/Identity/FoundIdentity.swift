public import Foundation

/// An identity as it was found by an id.
public struct FoundIdentity: Equatable, Sendable {
    public let identity: Identity
    /// The id that was asked for, where a merge has made this the answer to it.
    public let redirectedFrom: UUID?
}
