internal import Foundation
internal import Storage

/// An entry of the trail: events that one transaction appended one after the other, byte by byte in docs/FORMAT.md
/// ("audit"). What they have in common is written once.
///
/// The chain hashes each event in a form of its own, `Event.encoded`, which follows from the entry's bytes. Vaults of
/// formats before 5 have an entry for each event, in that form; it is read from here too.
struct AuditEntry: ~Escapable {
    fileprivate static let version: UInt8 = 2
    /// Another event begins another entry where it would be longer. Four such fill a page.
    static let bytesMax = 980
    fileprivate static let sameIdentityFlag: UInt8 = 0x10
    fileprivate static let ownSourceFlag: UInt8 = 0x20
    fileprivate static let ownActorFlag: UInt8 = 0x40

    /// The hash of the event before its first.
    private let previous: EventHash
    /// Whether it is of the format that keeps each event by itself.
    private let isOfEventForm: Bool
    private let organization: OrganizationNumber
    private let bytes: RawSpan
    private var reader: ByteReader
    private var common = Common()
    private var sequence: UInt64
    private var before: EventPlace?

    @_lifetime(copy bytes)
    init(key: RawSpan, _ bytes: RawSpan) throws(VaultError) {
        sequence = try key.eventSequence()
        organization = key.organization
        isOfEventForm = bytes.byteCount > 0 && bytes.unsafeLoad(as: UInt8.self) == EventFormat.version
        self.bytes = bytes
        reader = try ByteReader(bytes, format: isOfEventForm ? EventFormat.version : Self.version)
        previous = try reader.hash()
        if !isOfEventForm { common = try Common(&reader) }
    }

    /// What most events of an entry have in common.
    fileprivate struct Common {
        var time: Int64 = 0
        var source = 0..<0
        var actor = 0..<0

        init() {}

        init(_ reader: inout ByteReader) throws(VaultError) {
            time = try reader.time().microseconds
            source = try reader.textPlace()
            actor = try reader.textPlace()
        }
    }

    /// What the next event says; nil after the last.
    @_lifetime(self: copy self)
    mutating func next() throws(VaultError) -> EventPlace? {
        if reader.isAtEnd {
            guard before != nil else { throw .corrupted("an entry of the audit trail has no event") }
            return nil
        }
        guard let action = Event.Action(rawValue: try reader.byte()) else {
            throw .corrupted("an event of the audit trail is of an unknown kind")
        }
        let flags = try reader.byte()
        let kinds = try reader.byte()
        let time =
            isOfEventForm
            ? try reader.time() : try Timestamp(stored: common.time &+ (try reader.difference()))
        var place = EventPlace(sequence: sequence, action: action, kinds: kinds, time: time)
        if !isOfEventForm, flags & Self.sameIdentityFlag != 0 {
            guard let before else { throw .corrupted("an entry of the audit trail names nobody") }
            place.identity = before.identity
            place.isOfSameIdentity = true
        } else {
            place.identity = try reader.id()
        }
        place.previousOfIdentity = try previousSequence()
        if flags & EventFormat.otherFlag != 0 { place.other = try reader.id() }
        if flags & EventFormat.sharedFlag != 0 { place.previousOfOther = try previousSequence() }
        if flags & EventFormat.mergeFlag != 0 { place.merge = try reader.id() }
        if flags & EventFormat.recordFlag != 0 {
            place.record = (try reader.textPlace(), try reader.textPlace())
        }
        place.source =
            isOfEventForm || flags & Self.ownSourceFlag != 0 ? try reader.textPlace() : common.source
        place.actor = isOfEventForm || flags & Self.ownActorFlag != 0 ? try reader.textPlace() : common.actor
        if isOfEventForm, !reader.isAtEnd { throw .corrupted("an event of the audit trail has bytes too many") }
        before = place
        sequence &+= 1
        return place
    }

    /// The sequence of an identity's event before: in an entry of several it is told by how far back it is.
    @_lifetime(self: copy self)
    private mutating func previousSequence() throws(VaultError) -> UInt64 {
        let number = try reader.varint()
        return isOfEventForm || number == 0 ? number : sequence &- number
    }

    /// The event at a place that `next` answered, without the hash of the one before.
    func event(_ place: EventPlace) -> Event {
        var event = Event(
            place.action, at: place.time, identity: place.identity == .nobody ? nil : place.identity,
            other: place.other, merge: place.merge,
            kindsMask: place.kinds,
            record: place.record.map { .init(kind: text($0.kind), id: text($0.id)) },
            source: place.source.isEmpty ? nil : text(place.source),
            actor: place.actor.isEmpty ? nil : text(place.actor))
        event.sequence = place.sequence
        event.previousOfIdentity = place.previousOfIdentity
        event.previousOfOther = place.previousOfOther
        return event
    }

    private func text(_ place: Range<Int>) -> String { String(copyingUTF8: bytes.extracting(place)) }
}

/// What an entry says of one event; texts are places in its bytes.
struct EventPlace {
    let sequence: UInt64
    fileprivate let action: Event.Action
    fileprivate let kinds: UInt8
    fileprivate let time: Timestamp
    fileprivate(set) var identity = UUID.nobody
    fileprivate var isOfSameIdentity = false
    fileprivate(set) var other: UUID?
    fileprivate var merge: UUID?
    fileprivate var previousOfIdentity: UInt64 = 0
    fileprivate var previousOfOther: UInt64 = 0
    fileprivate var record: (kind: Range<Int>, id: Range<Int>)?
    fileprivate var source = 0..<0
    fileprivate var actor = 0..<0
}

// MARK: The chain

extension AuditEntry {
    /// Visits the entry's events, each with the hash of the one before.
    mutating func visit(_ body: (Event) -> ScanStep) throws(VaultError) {
        var before: Event?
        while let place = try next() {
            var event = event(place)
            event.previous = before?.hash(in: organization) ?? previous
            if body(event) == .stop { return }
            before = event
        }
    }

    /// All events of an entry.
    static func events(key: RawSpan, _ value: RawSpan) throws(VaultError) -> [Event] {
        var entry = try AuditEntry(key: key, value)
        var events: [Event] = []
        try entry.visit { event in
            events.append(event)
            return .next
        }
        return events
    }

    /// What the chain has of an entry.
    struct Links {
        let count: UInt64
        let previous: EventHash
        /// Of its last event.
        let hash: EventHash
    }

    /// - Throws: `corrupted` where it is not as its events would be written.
    static func links(key: RawSpan, _ bytes: RawSpan) throws(VaultError) -> Links {
        var entry = try AuditEntry(key: key, bytes)
        if entry.isOfEventForm {
            return Links(count: 1, previous: entry.previous, hash: EventFormat.hash(key: key, value: bytes))
        }
        var (count, hash) = (UInt64(0), entry.previous)
        let writer = try AuditEntryWriter(continuing: bytes)
        var written: [UInt8] = []
        while let place = try entry.next() {
            var event = entry.event(place)
            event.previous = hash
            hash = event.hash(in: entry.organization)
            written +=
                count == 0
                ? [UInt8](AuditEntryWriter.beginning(with: event))
                : [UInt8](writer.bytes(of: event, isOfSameIdentity: place.isOfSameIdentity))
            count += 1
        }
        guard written.span.bytes.equals(bytes) else { throw .corrupted("it is not as its events are written") }
        return Links(count: count, previous: entry.previous, hash: hash)
    }
}

extension RawSpan {
    /// The sequence number that ends a key of the trail.
    func eventSequence() throws(VaultError) -> UInt64 {
        guard byteCount == 12 else { throw .corrupted("an audit key has \(byteCount) bytes") }
        return UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }
}

// MARK: Writing

/// Writes an entry's events. An entry is its head and then, one after the other, what is said of each event.
struct AuditEntryWriter: ~Escapable {
    private let time: Timestamp
    private let source: RawSpan
    private let actor: RawSpan

    /// For more events of an entry.
    @_lifetime(copy entry)
    init(continuing entry: RawSpan) throws(VaultError) {
        var reader = try ByteReader(entry, format: AuditEntry.version)
        _ = try reader.hash()
        time = try reader.time()
        source = try reader.textSpan()
        actor = try reader.textSpan()
    }

    /// An entry with its first event, whose time, source and actor are those of the entry.
    static func beginning(with first: Event) -> ByteWriter {
        var writer = ByteWriter(format: AuditEntry.version, capacity: 256)
        writer.hash(first.previous)
        writer.time(first.time)
        writer.text(first.source)
        writer.text(first.actor)
        write(first, isOfSameIdentity: false, from: first.time, source: nil, actor: nil, to: &writer)
        return writer
    }

    /// - Parameter isOfSameIdentity: as the event before it in the entry.
    func bytes(of event: Event, isOfSameIdentity: Bool) -> ByteWriter {
        var writer = ByteWriter(capacity: 64)
        Self.write(
            event, isOfSameIdentity: isOfSameIdentity, from: time, source: Self.own(event.source, source),
            actor: Self.own(event.actor, actor), to: &writer)
        return writer
    }

    /// - Parameters:
    ///   - time: the entry's.
    ///   - source: the event's, where it is not the entry's.
    ///   - actor: likewise.
    private static func write(
        _ event: Event, isOfSameIdentity: Bool, from time: Timestamp, source: String?, actor: String?,
        to writer: inout ByteWriter
    ) {
        writer.byte(event.action.rawValue)
        writer.byte(
            event.flags | (isOfSameIdentity ? AuditEntry.sameIdentityFlag : 0)
                | (source == nil ? 0 : AuditEntry.ownSourceFlag) | (actor == nil ? 0 : AuditEntry.ownActorFlag))
        writer.byte(event.kindsMask)
        writer.difference(event.time.microseconds &- time.microseconds)
        if !isOfSameIdentity { writer.id(event.identity ?? .nobody) }
        writer.varint(event.previousOfIdentity == 0 ? 0 : event.sequence &- event.previousOfIdentity)
        if let other = event.other { writer.id(other) }
        if event.previousOfOther > 0 { writer.varint(event.sequence &- event.previousOfOther) }
        if let merge = event.merge { writer.id(merge) }
        if let record = event.record {
            writer.text(record.kind)
            writer.text(record.id)
        }
        if let source { writer.text(source) }
        if let actor { writer.text(actor) }
    }

    /// The text that has to be written where it is not the common one, byte by byte: strings that Unicode calls equal
    /// are hashed as they are.
    private static func own(_ text: String?, _ common: RawSpan) -> String? {
        let text = text ?? ""
        return text.utf8.span.bytes.equals(common) ? nil : text
    }
}
