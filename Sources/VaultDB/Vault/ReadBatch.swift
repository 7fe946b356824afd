package import Foundation
internal import LMDB
internal import Storage

/// Lookups on bytes, many of them on one snapshot: the way of a server's hits. No `String` is made and nothing is
/// allocated for an identifier that is normalised already, or a phone spelling that is remembered.
///
/// It is one moment of the vault. While it lives nothing else may be asked of the vault by the same thread.
package struct ReadBatch: ~Copyable {
    private let core: Core<LMDB.Environment>
    private var held: HeldSnapshot

    fileprivate init(_ core: Core<LMDB.Environment>) throws(VaultError) {
        self.core = core
        do throws(StorageError) { held = try core.engine.hold() } catch { throw VaultError(storage: error) }
    }

    /// The number of the commit that this is the state of.
    package var commit: Int { held.snapshot.commit }

    // MARK: Looking ahead

    /// How many lookups can be expected at a time; a resolve is two for the snapshot.
    package static let expectedMax = HeldSnapshot.expectedMax / 2

    /// Forgets what was expected before.
    package mutating func expectNothing() { held.expectNothing() }

    /// Tells that an email is about to be asked for, so that it can be looked up together with others.
    /// - Parameter isResolved: whether its identity's record is asked for too.
    package mutating func expect(email utf8: Span<UInt8>, isResolved: Bool, in organization: Organization) {
        guard EmailAddress.isNormalized(utf8) else { return }
        expect(utf8, in: Tables.byEmail, isResolved, organization)
    }

    /// As for an email; a phone in E.164.
    package mutating func expect(phone utf8: Span<UInt8>, isResolved: Bool, in organization: Organization) {
        guard PhoneNumber.candidate(utf8: utf8) != nil else { return }
        expect(utf8, in: Tables.byPhone, isResolved, organization)
    }

    private mutating func expect(
        _ utf8: Span<UInt8>, in table: Table, _ isResolved: Bool, _ organization: Organization
    ) {
        guard let number = organization.tenant.number else { return }
        var key = Key(number)
        key.append(utf8.bytes)
        // No organization has the number 0.
        held.expect(key.bytes, in: table, tag: isResolved ? Int(number.rawValue) : 0)
    }

    /// Looks up all that is expected.
    package mutating func lookAhead() {
        held.lookAhead()
        for place in 0..<held.expectedCount where held.expectedTag(at: place) != 0 {
            guard let key = identityKey(at: place) else { continue }
            held.expect(key.bytes, in: Tables.identities)
        }
        held.lookAhead()
    }

    /// The identity that was found for what is expected at this place.
    private borrowing func identityKey(at place: Int) -> Key? {
        guard let value = held.expectedValue(at: place), let entry = try? IndexEntry(value), entry.state == .owned
        else {
            return nil
        }
        return Key.identity(entry.holder, in: OrganizationNumber(UInt32(held.expectedTag(at: place))))
    }

    // MARK: Find

    package borrowing func find(
        email utf8: Span<UInt8>, in organization: Organization
    ) throws(VaultError) -> UUID? {
        guard let number = try number(of: organization) else { return nil }
        if EmailAddress.isNormalized(utf8) { return try owner(ofEmail: utf8, in: number)?.holder }
        guard let email = EmailAddress(utf8: utf8) else { return nil }
        return try owner(of: .email(email), in: number)
    }

    package borrowing func find(
        phone utf8: Span<UInt8>, in organization: Organization
    ) throws(VaultError) -> UUID? {
        guard let number = try number(of: organization) else { return nil }
        return try core.find(phone: utf8, region: nil, organization.tenant) { (phone) throws(VaultError) in
            try owner(of: .phone(phone), in: number)
        }
    }

    package borrowing func find(
        external utf8: Span<UInt8>, in organization: Organization
    ) throws(VaultError) -> UUID? {
        guard let number = try number(of: organization), let valid = try? UTF8Span(validating: utf8),
            let external = ExternalID(String(copying: valid))
        else { return nil }
        return try held.snapshot.knownEntry(of: .external(external), in: number)?.entry.owner
    }

    // MARK: Resolve

    /// A resolve that would change nothing.
    package struct Match {
        package let identity: UUID
        package let kind: IdentifierKind
        package let phone: PhoneNumber?
        package let sequence: UInt64
    }

    /// Looks for the answer to a resolve by an email, a phone or both that changes nothing; an empty span stands for "not
    /// given". Where nobody has the email, it does not look at the phone.
    package borrowing func look(
        email: Span<UInt8>, phone spelling: Span<UInt8>, name: Span<UInt8>, in organization: Organization
    ) throws(VaultError) -> QuickLook<Match> {
        // Hits that are logged are told by the usual way.
        guard !core.logsHits, let number = try number(of: organization) else { return .undecided }
        guard email.isEmpty || EmailAddress.isNormalized(email), name.isEmpty || name.isPlainName else {
            return .undecided
        }
        var phone: PhoneNumber?
        if !spelling.isEmpty {
            phone = PhoneNumber.candidate(utf8: spelling)
            if phone == nil {
                phone = core.normalizer.phone(utf8: spelling, region: try core.region(of: organization.tenant))
            }
            if phone == nil { return .undecided }
        }
        let kind = email.isEmpty ? IdentifierKind.phone : .email
        var key = Key(number)
        if kind == .email { key.append(email.bytes) } else if let phone { key.append(.phone(phone)) }
        guard let entry = try entry(key, in: kind.table) else { return kind == .email ? .unknown : .undecided }
        guard entry.state == .owned else { return .undecided }
        let identityKey = Key.identity(entry.holder, in: number)
        let sequence = try held.withValue(of: identityKey.bytes, in: Tables.identities) {
            (bytes) throws(VaultError) -> UInt64? in
            let identity = try IdentityView(bytes)
            guard try identity.satisfies(email: email.bytes, phone: phone, name: name.bytes) else { return nil }
            return identity.lastSequence
        }
        guard case let sequence?? = sequence else { return .undecided }
        return .match(Match(identity: entry.holder, kind: kind, phone: phone, sequence: sequence))
    }

    // MARK: Entries

    @inline(__always)
    private borrowing func owner(
        ofEmail utf8: Span<UInt8>, in organization: OrganizationNumber
    ) throws(VaultError) -> IndexEntry? {
        var key = Key(organization)
        key.append(utf8.bytes)
        guard let entry = try entry(key, in: Tables.byEmail) else { return nil }
        return entry.state == .owned ? entry : nil
    }

    @inline(__always)
    private borrowing func entry(_ key: borrowing Key, in table: Table) throws(VaultError) -> IndexEntry? {
        try held.withValue(of: key.bytes, in: table) { (bytes) throws(VaultError) in try IndexEntry(bytes) }
    }

    private borrowing func owner(
        of identifier: Identifier, in organization: OrganizationNumber
    ) throws(VaultError) -> UUID? {
        let entry = try entry(Key.index(identifier, in: organization), in: identifier.kind.table)
        return entry?.owner
    }

    /// Nil while nothing was ever written for the organization.
    @inline(__always)
    private borrowing func number(of organization: Organization) throws(VaultError) -> OrganizationNumber? {
        if let number = organization.tenant.number { return number }
        guard let record = try held.snapshot.organization(organization.id) else { return nil }
        organization.tenant.learn(record)
        return record.number
    }
}

extension Vault {
    /// Opens a snapshot to answer from. It is closed when the value's life ends, which must be soon.
    package func readBatch() throws(VaultError) -> ReadBatch { try ReadBatch(core) }
}

extension IdentityView {
    /// As `satisfies(_:)`, by bytes: whether the identity owns what is given and knows the name. Empty is not given.
    fileprivate func satisfies(email: RawSpan, phone: PhoneNumber?, name: RawSpan) throws(VaultError) -> Bool {
        let wanted = (email.isEmpty ? 0 : 1) + (phone == nil ? 0 : 1)
        return try owns(wanted, andKnows: name) { (tag, text) in
            switch tag {
            case IdentityFormat.ownedTag(.email): !email.isEmpty && text.equals(email)
            case IdentityFormat.ownedTag(.phone): phone.map { $0.withASCII { text.equals($0.bytes) } } ?? false
            default: false
            }
        }
    }
}

extension Span<UInt8> {
    /// Whether a name is kept as it is.
    fileprivate var isPlainName: Bool { count <= Limits.nameBytesMax && isPlainLine }
}
