import Foundation
import TestSupport

@testable import VaultDB

/// One organization, written plainly after docs/SEMANTICS.md, of dictionaries and lists, to compare the real one with. It
/// is given identifiers that are normalised already and a clock; people and merges are named by numbers. An operation that
/// refuses has changed nothing.
struct Model {
    typealias Person = Int

    struct Name: Hashable, CustomStringConvertible {
        let kind: IdentifierKind
        let text: String
        var description: String { text }
    }

    struct Held: Equatable {
        let name: Name
        var isPrimary: Bool
        var isClinical = false
        var state: IdentifierState = .owned
        let source: String?
        let firstSeen: Timestamp
        var lastSeen: Timestamp
    }

    struct Human: Equatable {
        let createdAt: Timestamp
        var updatedAt: Timestamp
        var lastSequence: UInt64 = 0
        var held: [Held] = []
        var displayName: String?
        var aliases: [String] = []
        /// Whom the id redirects to.
        var survivor: Person?
        var isErased = false

        var isLiving: Bool { survivor == nil && !isErased }
        var names: [String] { [displayName].compactMap(\.self) + aliases }
    }

    struct Entry: Equatable {
        var state: IdentifierState
        var holder: Person?
    }

    /// A time during which somebody held an identifier.
    struct Tenure: Equatable {
        let name: Name
        let person: Person
        let state: IdentifierState
        var from: Timestamp
        var until: Timestamp?
        /// Who had claimed it: a merge may have given it to somebody else.
        var claimant: Person?

        /// What the vault tells of it.
        var told: Tenure {
            var told = self
            told.claimant = nil
            return told
        }
    }

    struct Quarrel: Hashable {
        let pair: Set<Person>
        let name: Name

        func other(than person: Person) -> Person? { pair.first { $0 != person } }
    }

    struct QuarrelState: Equatable {
        var state: Conflict.State = .open
        var source: String?
        var firstSeen: Timestamp
        var lastSeen: Timestamp
        var count: UInt64
    }

    struct Happening: Equatable {
        let action: Event.Action
        let time: Timestamp
        let person: Person?
        let other: Person?
        let merge: Int?
        let kinds: [IdentifierKind]
        let row: RowName?
        let source: String?
        let previous: UInt64
        /// Where it belongs to the other's story as well.
        let previousOfOther: UInt64
    }

    struct Refusal: Error, Equatable {
        let code: VaultError.Code
        /// Merges that have to be undone first; the error names one of them.
        var merges: Set<Int>

        init(_ code: VaultError.Code, merges: Set<Int> = []) {
            self.code = code
            self.merges = merges
        }
    }

    var people: [Person: Human] = [:]
    var index: [Name: Entry] = [:]
    var tenures: [Name: [Tenure]] = [:]
    var quarrels: [Quarrel: QuarrelState] = [:]
    var rows: [RowName: Row] = [:]
    var merges: [Undo] = []
    var erasures: [Erased] = []
    /// Identifiers whose erasure is remembered; nil while there is no key to remember them by.
    var erasedNames: Set<Name>?
    var happenings: [Happening] = []
    var answers: [String: FirstAnswer] = [:]
    /// What the next person is called, and the next merge.
    var nextPerson = 0
    var nextMerge = 0
}

extension Model {
    /// The person an id stands for today.
    func living(_ person: Person) throws(Refusal) -> Person {
        guard let asked = people[person] else { throw Refusal(.notFound) }
        let found = asked.survivor ?? person
        if people[found]?.isErased == true { throw Refusal(.erased) }
        return found
    }

    /// The ids that redirect to somebody.
    func absorbed(by person: Person) -> Set<Person> { Set(people.filter { $0.value.survivor == person }.keys) }

    mutating func changeRegion(at now: Timestamp) { tell(.organizationChanged, nil, at: now) }

    /// - Parameter other: for an event that is in both their stories.
    mutating func tell(
        _ action: Event.Action, _ person: Person?, about subject: Person? = nil, andOf other: Person? = nil,
        merge: Int? = nil, kinds: [IdentifierKind] = [], row: RowName? = nil, source: String? = nil, at now: Timestamp
    ) {
        happenings.append(
            Happening(
                action: action, time: now, person: person, other: other ?? subject, merge: merge, kinds: kinds,
                row: row, source: source, previous: person.flatMap { people[$0]?.lastSequence } ?? 0,
                previousOfOther: other.flatMap { people[$0]?.lastSequence } ?? 0))
        for told in [person, other].compactMap(\.self) {
            people[told]?.lastSequence = UInt64(happenings.count)
            people[told]?.updatedAt = now
        }
    }

    /// The sequence numbers of somebody's events, newest first.
    func story(of person: Person) -> [UInt64] {
        happenings.indices.reversed().filter { place in
            happenings[place].person == person
                || (happenings[place].other == person && happenings[place].previousOfOther > 0)
        }.map { UInt64($0 + 1) }
    }

    var ledger: [UInt64] {
        let kinds: [IdentifierKind] = [.email, .phone, .external]
        return [UInt64(happenings.count), UInt64(people.values.count(where: \.isLiving))]
            + kinds.map { kind in UInt64(index.keys.count { $0.kind == kind }) }
            + [UInt64(rows.count), UInt64(quarrels.values.count { $0.state == .open })]
    }
}
