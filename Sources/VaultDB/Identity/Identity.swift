public import Foundation

/// One real person within an organization.
public struct Identity: Equatable, Sendable {
    public let id: UUID
    public internal(set) var createdAt: Timestamp
    public internal(set) var updatedAt: Timestamp
    /// The sequence number of its last event in the audit trail.
    public internal(set) var lastSequence: UInt64
    /// The identity this one was merged into, if it was.
    public internal(set) var mergedWith: UUID?
    /// In the order in which they were added.
    public internal(set) var identifiers: [HeldIdentifier]
    public internal(set) var displayName: String?
    /// Other names it was given, in the order in which they came.
    public internal(set) var aliases: [String]

    public var isMerged: Bool { mergedWith != nil }
    public var primaryEmail: String? { primary(.email) }
    public var primaryPhone: String? { primary(.phone) }

    public func identifiers(of kind: IdentifierKind) -> [HeldIdentifier] {
        identifiers.filter { $0.identifier.kind == kind }
    }

    private func primary(_ kind: IdentifierKind) -> String? {
        identifiers.first { $0.isPrimary && $0.identifier.kind == kind }?.identifier.text
    }

    init(id: UUID, createdAt: Timestamp) {
        self.id = id
        self.createdAt = createdAt
        updatedAt = createdAt
        lastSequence = 0
        identifiers = []
        aliases = []
    }
}

/// An identifier as one identity holds it.
public struct HeldIdentifier: Equatable, Sendable {
    public let identifier: Identifier
    /// The one that stands for its kind. Exactly one of each kind that the identity holds.
    public internal(set) var isPrimary: Bool
    public internal(set) var state: IdentifierState
    /// Where it came from first.
    public let source: String?
    public let firstSeen: Timestamp
    public internal(set) var lastSeen: Timestamp
}

extension Identity {
    /// Adds an identifier that nobody owns: as primary where there is none of its kind.
    mutating func add(_ identifier: Identifier, source: String?, at time: Timestamp) {
        let isFirst = !identifiers.contains { $0.isPrimary && $0.identifier.kind == identifier.kind }
        identifiers.append(
            HeldIdentifier(
                identifier: identifier, isPrimary: isFirst, state: .owned, source: source, firstSeen: time,
                lastSeen: time))
    }

    /// Takes an identifier away. If it was primary, the oldest of its kind that is left takes its place, an owned one
    /// before one that is shared or blocked.
    mutating func remove(_ identifier: Identifier) {
        guard let index = identifiers.firstIndex(where: { $0.identifier == identifier }) else { return }
        let wasPrimary = identifiers.remove(at: index).isPrimary
        let left = identifiers.indices.filter { identifiers[$0].identifier.kind == identifier.kind }
        guard wasPrimary, let next = left.first(where: { identifiers[$0].state == .owned }) ?? left.first
        else { return }
        identifiers[next].isPrimary = true
    }

    /// Notes that identifiers it holds were given again.
    mutating func see(_ seen: [Identifier], at time: Timestamp) {
        for index in identifiers.indices where seen.contains(identifiers[index].identifier) {
            identifiers[index].lastSeen = max(identifiers[index].lastSeen, time)
        }
    }

    func knows(name: String) -> Bool { name == displayName || aliases.contains(name) }

    /// Fills an empty display name, keeps it as an alias otherwise. Answers whether anything changed.
    mutating func learn(name: String) -> Bool {
        if knows(name: name) { return false }
        if displayName == nil {
            displayName = name
        } else if aliases.count < Limits.aliasesMax {
            aliases.append(name)
        } else {
            return false
        }
        return true
    }
}
