/// The people that are asked for, picked evenly from all that a vault has, however many these are.
struct BenchSample {
    /// Of people to pick from; more would measure this program's memory.
    static let peopleMax = 10_000_000

    private(set) var people: [BenchPerson] = []
    private(set) var seen = 0
    private let room: Int
    private var random: BenchRandom

    init(of count: Int, seed: UInt64) {
        room = count
        random = BenchRandom(seed: seed)
    }

    /// Somebody else of the vault (reservoir sampling: each that was seen is kept with the same likelihood).
    mutating func see(_ person: @autoclosure () -> BenchPerson) {
        seen += 1
        if people.count < room { return people.append(person()) }
        let place = Int.random(in: 0..<seen, using: &random)
        if place < room { people[place] = person() }
    }

    /// What is seen of a vault that has identifiers of one kind after the other.
    mutating func see(email: String) { see(BenchPerson(email: email)) }
    mutating func see(phone: String) { see(BenchPerson(phone: phone, spelling: Self.spaced(phone))) }

    /// `+34600123456` as `+34 600 123 456`: readable under every region.
    private static func spaced(_ phone: String) -> String { "+" + InventedPeople.grouped(String(phone.dropFirst())) }
}
