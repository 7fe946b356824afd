import Synchronization

/// What one connection asks next, and whom for: the same for the same seed.
struct BenchChoice {
    private let mix: BenchMix
    private let people: [BenchPerson]
    private let ranks: ZipfRanks?
    private let newcomers: NewPeople
    private var random: BenchRandom

    /// - Parameter people: in no order; the first are those who come most where the plan is skewed.
    init(_ plan: BenchPlan, _ people: [BenchPerson], _ newcomers: NewPeople, connection: Int) {
        mix = plan.mix
        self.people = people
        ranks = plan.skew > 0 && people.count > 1 ? ZipfRanks(count: people.count, exponent: plan.skew) : nil
        self.newcomers = newcomers
        random = BenchRandom(seed: plan.seed &+ UInt64(connection) &* 0xD1B5_4A32_D192_ED03)
    }

    mutating func next() -> BenchOperation {
        if mix.creates, Int.random(in: 0..<100, using: &random) < mix.createsPercent { return newcomers.next() }
        let person = people[ranks?.next(&random) ?? Int.random(in: 0..<people.count, using: &random)]
        switch mix {
        case .findEmail: return .findEmail(person.email ?? "")
        case .findPhone: return .findPhone(person.phone ?? "")
        case .resolveHit, .mixed, .resolveCreate:
            let isSpelled = Bool.random(using: &random)
            return .resolve(email: person.email, phone: isSpelled ? person.spelling : person.phone, name: nil)
        }
    }
}

/// People nobody has seen yet, each given out once.
final class NewPeople: Sendable {
    private let number: Atomic<Int>
    /// Nil in a vault of this program's own.
    private let run: String?

    /// - Parameters:
    ///   - first: the number of the first.
    ///   - run: where the vault is somebody's, what makes the emails this run's own; such people have no phone, which
    ///     might be a real person's.
    init(from first: Int, run: String?) {
        number = Atomic(first)
        self.run = run
    }

    func next() -> BenchOperation {
        let number = number.wrappingAdd(1, ordering: .relaxed).oldValue
        if let run {
            let email = "bench-\(run)-\(number)@vaultdb.invalid"
            return .resolve(email: email, phone: nil, name: InventedPeople.name(number))
        }
        let person = InventedPeople.person(number % InventedPeople.countMax)
        return .resolve(email: person.email, phone: person.phone, name: InventedPeople.name(number))
    }
}
