internal import Foundation

// The field names of the whole person: contacts, records, merges, erasures.

extension Contact {
    /// Leads, patients and followers under the names that front ends know; records of other kinds, and the timeline,
    /// beside them.
    public var json: JSONValue {
        var others: [JSONValue.Member] = []
        for kind in counts.map(\.kind) where !Self.named.contains(kind) {
            others.append(.init(name: kind.rawValue, value: .array(records(kind).map(\.json))))
        }
        return [
            "identity_id": .string(identity.id.text),
            "display_name": JSONValue(identity.displayName),
            "primary_email": JSONValue(identity.primaryEmail),
            "primary_phone": JSONValue(identity.primaryPhone),
            "created_at": JSONValue(identity.createdAt),
            "leads": .array(records(.lead).map(\.leadJSON)),
            "patients": .array(records(.patient).map(\.patientJSON)),
            "followers": .array(records(.follower).map(\.leadJSON)),
            "others": .object(others),
            "total_interactions": JSONValue(totalInteractions),
            "counts": .object(counts.map { .init(name: $0.kind.rawValue, value: JSONValue($0.count)) }),
            "first_contact": JSONValue(firstContact),
            "last_activity": JSONValue(lastActivity),
            "timeline": .array(timeline.records.map(\.timelineJSON)),
            "next": JSONValue(timeline.next?.description),
            "redirected_from": JSONValue(redirectedFrom?.text),
        ]
    }

    private static let named: [RecordKind] = [.lead, .patient, .follower]
}

extension Record {
    /// A lead or follower as the contact view lists it.
    var leadJSON: JSONValue {
        [
            "id": .string(id), "first_name": JSONValue(firstName), "last_name": JSONValue(lastName),
            "source": JSONValue(source), "status": JSONValue(status), "created_at": JSONValue(createdAt),
        ]
    }

    /// A patient as the contact view lists it.
    var patientJSON: JSONValue {
        [
            "id": .string(id), "first_name": JSONValue(firstName), "last_name": JSONValue(lastName),
            "email": JSONValue(email), "created_at": JSONValue(createdAt),
        ]
    }

    var timelineJSON: JSONValue {
        [
            "time": JSONValue(createdAt), "kind": .string(kind.rawValue), "id": .string(id), "name": JSONValue(name),
            "source": JSONValue(source), "status": JSONValue(status), "is_active": .bool(isActive),
        ]
    }
}

extension RecordPage {
    public var json: JSONValue {
        .page(records.map(\.json), next: next?.description)
    }
}

extension PutAnswer {
    /// - Parameter identity: as it is now, for its primaries.
    public func json(_ identity: Identity?) -> JSONValue {
        let record: JSONValue = [
            "kind": .string(kind.rawValue), "id": .string(id), "identity_id": .string(self.identity.text),
            "change": .string(change.rawValue), "converted_leads": JSONValue(converted),
            "warnings": JSONValue(warnings.map(\.name)),
        ]
        return record.adding(["resolution": resolution?.json(identity) ?? .null])
    }
}

extension IntakeAnswer {
    /// - Parameter identity: as it is now, for its primaries.
    public func json(_ identity: Identity?) -> JSONValue {
        [
            "identity_id": .string(put.identity.text),
            "outcome": .string(put.resolution?.outcome.name ?? put.change.rawValue),
            "record": ["kind": .string(put.kind.rawValue), "id": .string(put.id)],
            "primary_email": JSONValue(identity?.primaryEmail), "primary_phone": JSONValue(identity?.primaryPhone),
            "conflicts": .array(put.resolution?.conflicts.map(\.json) ?? []),
            "warnings": JSONValue(put.warnings.map(\.name)),
            "converted_leads": JSONValue(put.converted), "is_patient": .bool(isPatient),
        ]
    }
}

extension FormAnswer {
    public func json(_ identity: Identity?) -> JSONValue {
        intake.json(identity).adding([
            "taken": .object(taken.map { .init(name: $0.role.rawValue, value: .string($0.field)) })
        ])
    }
}

extension StoredAnswer {
    var json: JSONValue {
        let put = put.map { PutAnswer(self, $0) }
        return put?.json(nil) ?? resolution?.json(nil) ?? [:]
    }
}

extension DeleteAnswer {
    public var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "id": .string(id), "identity_id": .string(identity.text),
            "change": .string(change.rawValue),
        ]
    }
}

extension Merge {
    public var json: JSONValue {
        [
            "merge_id": .string(id.text), "from": .string(from.text), "into": .string(into.text),
            "time": JSONValue(time), "actor": JSONValue(actor), "records": JSONValue(records),
        ]
    }
}

extension MergeAnswer {
    public var json: JSONValue {
        [
            "merge_id": .string(merge.text), "identity_id": .string(identity.text), "records": JSONValue(records),
        ]
    }
}

extension MergePreview {
    public var json: JSONValue {
        [
            "from": from.json, "into": into.json, "survivor": survivor.json,
            "identifiers": JSONValue(from.identifiers.map(\.identifier.text)),
            "records": .object(records.map { .init(name: $0.kind.rawValue, value: JSONValue($0.count)) }),
            "names": JSONValue(names), "converted_leads": JSONValue(convertedLeads),
            "conflicts_settled": JSONValue(conflictsSettled), "conflicts_moved": JSONValue(conflictsMoved),
        ]
    }
}

extension ErasureAnswer {
    public var json: JSONValue {
        [
            "identity_id": .string(identity.text), "absorbed": JSONValue(absorbed.map(\.text)),
            "identifiers": JSONValue(identifiers), "unblocked": JSONValue(unblocked),
            "records": JSONValue(records), "conflicts": JSONValue(conflicts),
        ]
    }
}

extension Erasure {
    public var json: JSONValue {
        [
            "identity_id": .string(identity.text), "absorbed": JSONValue(absorbed.map(\.text)),
            "erased_at": JSONValue(time),
        ]
    }
}

extension Holding {
    public var json: JSONValue {
        [
            "identifier": .string(identifier.text), "kind": .string(identifier.kind.description),
            "identity_id": .string(identity.text), "state": .string(state.description), "from": JSONValue(from),
            "until": JSONValue(until),
        ]
    }
}
