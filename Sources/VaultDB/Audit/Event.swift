public import Foundation

/// One entry of the audit trail: who changed what, when. It holds ids, kinds, sources and times, and no email, phone
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
    /// The other identity of a conflict.
    public let other: UUID?
    /// The kinds of identifier that were added, seen or changed.
    public let kinds: [IdentifierKind]
    public let record: RecordReference?
    public let source: String?
    public let actor: String?
    /// The sequence of the event before this one of the same identity; 0 for its first.
    public internal(set) var previousOfIdentity: UInt64
    /// SHA-256 of the organization's event before this one; 32 zero bytes for its first.
    public internal(set) var previousHash: [UInt8]

    init(
        _ action: Action, at time: Timestamp, identity: UUID? = nil, other: UUID? = nil,
        kinds: [IdentifierKind] = [], record: RecordReference? = nil, source: String? = nil, actor: String? = nil
    ) {
        self.sequence = 0
        self.time = time
        self.action = action
        self.identity = identity
        self.other = other
        self.kinds = kinds
        self.record = record
        self.source = source
        self.actor = actor
        self.previousOfIdentity = 0
        self.previousHash = []
    }
}
