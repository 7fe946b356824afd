public import Foundation

/// An identity as it was found by an id.
public struct FoundIdentity: Equatable, Sendable {
    public let identity: Identity
    /// The id that was asked for, where a merge has made this the answer to it.
    public let redirectedFrom: UUID?
}

extension Identity {
    /// Whether it is neither merged nor erased.
    var isLiving: Bool { !isMerged && !isErased }
}

extension VaultError {
    static func unknownIdentity(_ id: UUID) -> VaultError {
        VaultError(.notFound, "no identity has the id \(id.text)", advice: "check the id and the organization")
    }

    static func erased(_ id: UUID) -> VaultError {
        VaultError(.erased, "the identity \(id.text) was erased", advice: "nothing is left of it but its id")
    }
}
