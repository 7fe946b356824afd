public import Foundation

/// One real person within an organization.
public struct Identity: Equatable, Sendable {
    public let id: UUID
    public internal(set) var createdAt: Timestamp
    public internal(set) var updatedAt: Timestamp
    /// The sequence number of its last event in the audit trail.
    public internal(set) var lastSequence: UInt64
    /// The identity this one was merged into, if it was: the survivor at the end of the chain.
    public internal(set) var mergedWith: UUID?
    /// The last merge into this one that was not undone.
    public internal(set) var lastMerge: UUID?
    /// Whether it was erased. Nothing but its id and times is left then.
    public internal(set) var isErased: Bool
    /// Whether it has a patient among its records.
    public internal(set) var isPatient: Bool
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
        isErased = false
        isPatient = false
        identifiers = []
        aliases = []
    }
}

/// An identifier as one identity holds it.
public struct HeldIdentifier: Equatable, Sendable {
    public let identifier: Identifier
    /// The one that stands for its kind. Exactly one of each kind that the identity holds.
    public internal(set) var isPrimary: Bool
    /// Whether a patient gave it.
    public internal(set) var isClinical = false
    public internal(set) var state: IdentifierState
    /// Where it came from first.
    public let source: String?
    public let firstSeen: Timestamp
    public internal(set) var lastSeen: Timestamp
}

extension Identity {
    /// Whether it is neither merged nor erased.
    var isLiving: Bool { !isMerged && !isErased }

    func holds(_ identifier: Identifier) -> Bool { identifiers.contains { $0.identifier == identifier } }

    /// Adds an identifier that nobody owns: as primary where there is none as good of its kind.
    mutating func add(_ identifier: Identifier, source: String?, at time: Timestamp) {
        let isFirst = !identifiers.contains { $0.identifier.kind == identifier.kind }
        identifiers.append(
            HeldIdentifier(
                identifier: identifier, isPrimary: isFirst, state: .owned, source: source, firstSeen: time,
                lastSeen: time))
        if !isFirst { choosePrimary(identifier.kind) }
    }

    /// Takes an identifier away. If it was primary, the best of its kind that is left takes its place.
    @discardableResult
    mutating func remove(_ identifier: Identifier) -> HeldIdentifier? {
        guard let index = identifiers.firstIndex(where: { $0.identifier == identifier }) else { return nil }
        defer { choosePrimary(identifier.kind) }
        return identifiers.remove(at: index)
    }

    /// Holds what it held under one spelling under another.
    mutating func replace(_ old: Identifier, with new: Identifier) {
        guard let index = identifiers.firstIndex(where: { $0.identifier == old }) else { return }
        let held = identifiers[index]
        identifiers[index] = HeldIdentifier(
            identifier: new, isPrimary: held.isPrimary, isClinical: held.isClinical, state: held.state,
            source: held.source, firstSeen: held.firstSeen, lastSeen: held.lastSeen)
    }

    /// Sees to it that the best identifier of a kind is primary: one that is owned before one that is shared or
    /// blocked, then one that a patient gave before others. Of several that are best, the first of `preferred` is taken,
    /// else the one that is primary already, else the oldest.
    mutating func choosePrimary(_ kind: IdentifierKind, preferring preferred: [Identifier] = []) {
        let ofKind = identifiers.indices.filter { identifiers[$0].identifier.kind == kind }
        if ofKind.count == 1 { return identifiers[ofKind[0]].isPrimary = true }
        guard let rank = ofKind.map({ identifiers[$0].rank }).max() else { return }
        let best = ofKind.filter { identifiers[$0].rank == rank }
        let wanted = preferred.lazy.compactMap { [identifiers] wanted in
            best.first { identifiers[$0].identifier == wanted }
        }.first
        let chosen = wanted ?? best.first { identifiers[$0].isPrimary } ?? best.first
        for index in ofKind { identifiers[index].isPrimary = index == chosen }
    }

    mutating func choosePrimaries(preferring preferred: [Identifier] = []) {
        for kind in IdentifierKind.allCases { choosePrimary(kind, preferring: preferred) }
    }

    /// Its primary identifiers.
    var primaries: [Identifier] { identifiers.filter(\.isPrimary).map(\.identifier) }

    /// Notes that identifiers it holds were given again.
    mutating func see(_ seen: [Identifier], at time: Timestamp) {
        for index in identifiers.indices where seen.contains(identifiers[index].identifier) {
            identifiers[index].lastSeen = max(identifiers[index].lastSeen, time)
        }
    }

    /// The display name and the aliases.
    var names: [String] { (displayName.map { [$0] } ?? []) + aliases }

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

extension HeldIdentifier {
    /// How well it may stand for its kind.
    fileprivate var rank: Int { (state == .owned ? 2 : 0) + (isClinical ? 1 : 0) }
}
