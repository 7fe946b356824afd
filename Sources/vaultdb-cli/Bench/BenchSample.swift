import Foundation
import VaultDB

/// The people that are asked for, picked evenly from all that a vault has, however many these are and whatever each is
/// known by.
struct BenchSample {
    /// Of people to pick from; more would measure this program's memory.
    static let peopleMax = 10_000_000

    private struct Pick {
        let rank: UInt64
        var person: BenchPerson
    }

    /// Identifiers that were seen.
    private(set) var seen = 0
    private let room: Int
    private let seed: UInt64
    /// Those with the lowest ranks, and up to a quarter as many more until they are told apart.
    private var picks: [UUID: Pick] = [:]
    /// What has a higher rank is none of them.
    private var rankMax = UInt64.max

    init(of count: Int, seed: UInt64) {
        room = count
        self.seed = seed
    }

    /// In the order of their ranks.
    var people: [BenchPerson] { picks.values.sorted { $0.rank < $1.rank }.prefix(room).map(\.person) }

    /// What is seen of a vault that has identifiers of one kind after the other: each once, with who holds it. Asked
    /// for is a person's first of each kind.
    mutating func see(email: String, of identity: UUID) {
        see(identity) { if $0.email == nil { $0.email = email } }
    }

    mutating func see(phone: String, of identity: UUID) {
        see(identity) { person in
            guard person.phone == nil else { return }
            (person.phone, person.spelling) = (phone, Self.spaced(phone))
        }
    }

    /// By rank, so that a person is one however often they are seen, and stays or goes as a whole.
    private mutating func see(_ identity: UUID, _ add: (inout BenchPerson) -> Void) {
        seen += 1
        let rank = rank(of: identity)
        guard rank <= rankMax else { return }
        add(&picks[identity, default: Pick(rank: rank, person: BenchPerson())].person)
        if picks.count > room + room / 4 { letHighestGo() }
    }

    private mutating func letHighestGo() {
        let highest = picks.values.map(\.rank).sorted()[room - 1]
        rankMax = highest
        picks = picks.filter { $0.value.rank <= highest }
    }

    /// By chance, and the same for the same seed.
    private func rank(of identity: UUID) -> UInt64 {
        var first = BenchRandom(seed: seed ^ identity.high)
        var second = BenchRandom(seed: first.next() ^ identity.low)
        return second.next()
    }

    /// `+34600123456` as `+34 600 123 456`: readable under every region.
    private static func spaced(_ phone: String) -> String { "+" + InventedPeople.grouped(String(phone.dropFirst())) }
}
