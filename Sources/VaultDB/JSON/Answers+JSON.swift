internal import Foundation

// The field names that every door of the vault prints, in one place.

extension JSONValue {
    /// A page of a list, and where the next one begins.
    package static func page(_ results: [JSONValue], next: String?) -> JSONValue {
        ["results": .array(results), "next": JSONValue(next)]
    }
}

extension Resolution {
    /// - Parameter identity: the identity as it is now, for its primaries; nil where a dry run would create it.
    public func json(_ identity: Identity?) -> JSONValue {
        [
            "identity_id": self.identity.id == .nobody ? nil : .string(self.identity.id.text),
            "outcome": .string(outcome.name),
            "matched": JSONValue(matched?.text),
            "primary_email": JSONValue(identity?.primaryEmail),
            "primary_phone": JSONValue(identity?.primaryPhone),
            "enriched": JSONValue(enriched.map(\.text)),
            "conflicts": .array(conflicts.map(\.json)),
            "warnings": JSONValue(warnings.map(\.name)),
            "sequence": JSONValue(sequence),
        ]
    }
}

extension Resolution.Conflict {
    public var json: JSONValue {
        [
            "identifier": .string(identifier.text), "kind": .string(identifier.kind.description),
            "identity_id": .string(owner.text),
        ]
    }
}

extension FoundIdentity {
    public var json: JSONValue {
        identity.json.adding(["redirected_from": JSONValue(redirectedFrom?.text)])
    }
}

extension Identity {
    public var json: JSONValue {
        [
            "identity_id": .string(id.text),
            "primary_email": JSONValue(primaryEmail),
            "primary_phone": JSONValue(primaryPhone),
            "emails": JSONValue(identifiers(of: .email).map(\.identifier.text)),
            "phones": JSONValue(identifiers(of: .phone).map(\.identifier.text)),
            "external": JSONValue(identifiers(of: .external).map(\.identifier.text)),
            "display_name": JSONValue(displayName),
            "aliases": JSONValue(aliases),
            "created_at": JSONValue(createdAt),
            "updated_at": JSONValue(updatedAt),
            "is_merged": .bool(isMerged),
            "merged_with": JSONValue(mergedWith?.text),
            "is_erased": .bool(isErased),
        ]
    }
}

extension HeldIdentifier {
    public var json: JSONValue {
        [
            "identifier": .string(identifier.text), "kind": .string(identifier.kind.description),
            "state": .string(state.description), "is_primary": .bool(isPrimary),
            "is_clinical": .bool(isClinical), "source": JSONValue(source),
            "first_seen": JSONValue(firstSeen), "last_seen": JSONValue(lastSeen),
        ]
    }
}

extension IdentifierStateChange {
    public var json: JSONValue {
        [
            "identifier": .string(identifier.text), "kind": .string(identifier.kind.description),
            "before": JSONValue(before?.description), "after": JSONValue(after?.description),
            "identity_id": JSONValue(holder?.text),
        ]
    }
}

extension Record {
    public var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "id": .string(id), "identity_id": .string(identity.text),
            "first_name": JSONValue(firstName), "last_name": JSONValue(lastName), "email": JSONValue(email),
            "phone": JSONValue(phone), "region": JSONValue(region?.code), "source": JSONValue(source),
            "status": JSONValue(status), "created_at": JSONValue(createdAt), "updated_at": JSONValue(updatedAt),
            "is_active": .bool(isActive),
            "attributes": .raw(attributes ?? "{}"),
        ]
    }
}

extension Conflict {
    public var json: JSONValue {
        [
            "first": .string(first.text), "second": .string(second.text), "identifier": .string(identifier.text),
            "kind": .string(identifier.kind.description), "state": .string(state.description),
            "source": JSONValue(source), "first_seen": JSONValue(firstSeen), "last_seen": JSONValue(lastSeen),
            "count": JSONValue(count),
        ]
    }
}

extension ConflictPage {
    public var json: JSONValue {
        .page(conflicts.map(\.json), next: next?.description)
    }
}

extension Event {
    public var json: JSONValue {
        [
            "sequence": JSONValue(sequence), "time": JSONValue(time), "event": .string(action.name),
            "identity_id": JSONValue(identity?.text), "other_identity_id": JSONValue(other?.text),
            "merge_id": JSONValue(merge?.text),
            "kinds": JSONValue(kinds.map(\.description)), "record_kind": JSONValue(record?.kind),
            "record_id": JSONValue(record?.id), "source": JSONValue(source), "actor": JSONValue(actor),
            "previous_hash": .string(previousHash.hex),
        ]
    }
}

extension ImportSummary {
    public var json: JSONValue {
        let reasons = rejected.sorted { $0.key < $1.key }
        return [
            "rows": JSONValue(rows), "created": JSONValue(created), "matched": JSONValue(matched),
            "enriched": JSONValue(enriched), "conflicts": JSONValue(conflicts), "updated": JSONValue(updated),
            "unchanged": JSONValue(unchanged), "rejected": JSONValue(rejectedTotal),
            "rejected_by_reason": .object(reasons.map { .init(name: $0.key, value: JSONValue($0.value)) }),
            "cancelled": .bool(isCancelled),
        ]
    }
}

extension Ledger {
    public var json: JSONValue {
        [
            "sequence": JSONValue(sequence), "identities": JSONValue(identities), "emails": JSONValue(emails),
            "phones": JSONValue(phones), "external": JSONValue(externals), "records": JSONValue(records),
            "open_conflicts": JSONValue(openConflicts),
        ]
    }
}

extension AuditVerification {
    public var json: JSONValue {
        ["intact": .bool(isIntact), "events": JSONValue(events), "faults": JSONValue(faults)]
    }
}

extension VaultError {
    public var json: JSONValue {
        ["error": .string(code.rawValue), "message": .string(message), "advice": .string(advice)]
    }
}
