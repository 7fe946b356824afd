public import Foundation

/// What the audit trail tells of one change: who changed what, when. It holds ids, kinds, sources and times, and no email, phone
/// or name, so that an erasure never has to edit it.
public struct Event: Equatable, Sendable {
    public enum Action: UInt8, Sendable, CaseIterable {
        case identityCreated = 1
        case identityEnriched = 2
        case nameAdded = 3
        case conflictSeen = 4
        case identifierShared = 5
        case identifierBlocked = 6
        case identifierReleased = 7
        case recordCreated = 8
        case recordUpdated = 9
        case organizationChanged = 10
        case identifierRekeyed = 11
        case recordDeleted = 12
        case recordDeactivated = 13
        case recordMoved = 14
        case leadConverted = 15
        case identityMerged = 16
        case identityUnmerged = 17
        case conflictKeptApart = 18
        case identityErased = 19
        case erasuresForgotten = 20

        /// As programs see it.
        public var name: String {
            switch self {
            case .identityCreated: "identity_created"
            case .identityEnriched: "identity_enriched"
            case .nameAdded: "name_added"
            case .conflictSeen: "conflict_seen"
            case .identifierShared: "identifier_shared"
            case .identifierBlocked: "identifier_blocked"
            case .identifierReleased: "identifier_released"
            case .recordCreated: "record_created"
            case .recordUpdated: "record_updated"
            case .organizationChanged: "organization_changed"
            case .identifierRekeyed: "identifier_rekeyed"
            case .recordDeleted: "record_deleted"
            case .recordDeactivated: "record_deactivated"
            case .recordMoved: "record_moved"
            case .leadConverted: "lead_converted"
            case .identityMerged: "identity_merged"
            case .identityUnmerged: "identity_unmerged"
            case .conflictKeptApart: "conflict_kept_apart"
            case .identityErased: "identity_erased"
            case .erasuresForgotten: "erasures_forgotten"
            }
        }
    }

    /// The record an event is about.
    public struct RecordReference: Equatable, Sendable {
        public let kind: String
        public let id: String
    }

    /// From 1, without gaps, per organization.
    public internal(set) var sequence: UInt64
    public let time: Timestamp
    public let action: Action
    /// The identity it happened to; nil where it concerns none.
    public let identity: UUID?
    /// The other identity: of a conflict, the survivor of a merge, the one a record was moved from.
    public let other: UUID?
    /// The merge that was done or undone.
    public let merge: UUID?
    /// The kinds of identifier that were added, seen or changed.
    public var kinds: [IdentifierKind] { IdentifierKind.allCases.filter { kindsMask & 1 << $0.rawValue != 0 } }
    /// A bit for each of them.
    let kindsMask: UInt8
    public let record: RecordReference?
    public let source: String?
    public let actor: String?
    /// The sequence of the event before this one of the same identity; 0 for its first.
    public internal(set) var previousOfIdentity: UInt64
    /// The same of the other identity, where the event belongs to its story too; else 0.
    public internal(set) var previousOfOther: UInt64
    /// SHA-256 of the organization's event before this one; 32 zero bytes for its first.
    public internal(set) var previousHash: [UInt8] {
        get { previous.array }
        set { previous = EventHash(newValue) }
    }
    var previous = EventHash()

    init(
        _ action: Action, at time: Timestamp, identity: UUID? = nil, other: UUID? = nil,
        merge: UUID? = nil, kinds: [IdentifierKind] = [], record: RecordReference? = nil, source: String? = nil,
        actor: String? = nil
    ) {
        self.init(
            action, at: time, identity: identity, other: other, merge: merge,
            kindsMask: kinds.reduce(0) { $0 | 1 << $1.rawValue }, record: record, source: source, actor: actor)
    }

    init(
        _ action: Action, at time: Timestamp, identity: UUID?, other: UUID?, merge: UUID?, kindsMask: UInt8,
        record: RecordReference?, source: String?, actor: String?
    ) {
        self.sequence = 0
        self.time = time
        self.action = action
        self.identity = identity
        self.other = other
        self.merge = merge
        self.kindsMask = kindsMask
        self.record = record
        self.source = source
        self.actor = actor
        self.previousOfIdentity = 0
        self.previousOfOther = 0
    }
}

extension Event {
    /// The event before this one in the story of an identity; 0 for its first.
    func previous(of identity: UUID) -> UInt64 {
        identity == self.identity ? previousOfIdentity : previousOfOther
    }
}
