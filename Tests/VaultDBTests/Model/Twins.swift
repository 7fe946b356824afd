import Foundation
import TestSupport

@testable import VaultDB

/// A vault and its models, one for each organization. Does the same to both, and keeps what they disagreed on.
final class Twins {
    var vault: any TestVault
    private(set) var differences: [String] = []
    /// How often each operation was done and refused.
    private(set) var tally: [String: Int] = [:]
    var models: [UUID: Model] = [.clinic: Model(), .studio: Model()]
    var regions: [UUID: Region] = [.clinic: .spain, .studio: .spain]
    var hasRegion: Set<UUID> = []
    /// The numbers that the model gave, by the ids that the vault gave.
    private(set) var people: [UUID: Model.Person] = [.nobody: -1, Twins.unknown: Twins.unknownPerson]
    private(set) var ids: [UUID: [Model.Person: UUID]] = [.clinic: [:], .studio: [:]]
    private(set) var mergeNumbers: [UUID: Int] = [:]
    private(set) var mergeIDs: [UUID: [Int: UUID]] = [.clinic: [:], .studio: [:]]
    private(set) var steps = 0
    /// Whom the model has just made and the vault has not named yet.
    private var newcomer: (person: Model.Person, organization: UUID)?
    private var random: SeededGenerator
    let clock: TestClock

    var agrees: Bool { differences.isEmpty }
    /// The first differences, empty where there is none.
    var report: String { differences.prefix(3).joined(separator: "\n") }

    init(_ vault: any TestVault, seed: UInt64) {
        self.vault = vault
        clock = vault.clock
        random = SeededGenerator(seed: seed)
    }

    func chance(_ percent: Int) -> Bool { number(below: 100) < percent }
    func number(below end: Int) -> Int { Int.random(in: 0..<end, using: &random) }
    func pick<Element>(_ list: [Element]) -> Element { list[number(below: list.count)] }
    func count(_ what: String) { tally[what, default: 0] += 1 }

    func expect<Value: Equatable>(_ real: Value, _ model: Value, _ what: @autoclosure () -> String) {
        guard real != model else { return }
        differences.append("step \(steps), \(what()): \("\(real)".prefix(2_000)) is not \("\(model)".prefix(2_000))")
    }

    /// Does an operation on both, and compares the answers or the refusals.
    /// - Parameter translated: the vault's answer in the model's words.
    func both<Real, Wanted: Equatable>(
        _ what: String, _ organization: UUID, vault: () throws(VaultError) -> Real,
        model operation: (inout Model) throws(Model.Refusal) -> Wanted, translated: (Real) -> Wanted
    ) {
        // Taken out, so that it is changed in place.
        var model = models.removeValue(forKey: organization) ?? Model()
        let next = model.nextPerson
        let wanted: Result<Wanted, Model.Refusal>
        do throws(Model.Refusal) {
            wanted = .success(try operation(&model))
        } catch {
            wanted = .failure(error)
        }
        newcomer = model.nextPerson > next ? (next, organization) : nil
        models[organization] = model
        do throws(VaultError) {
            expect(Result.success(translated(try vault())), wanted, what)
            count(what)
        } catch {
            guard case .failure(let refusal) = wanted else { return expect("\(error)", "\(wanted)", what) }
            expect(error.code, refusal.code, "\(what), refused")
            if !refusal.merges.isEmpty {
                let names = refusal.merges.compactMap { mergeIDs[organization]?[$0]?.text }
                expect(names.contains { error.message.contains($0) }, true, "\(what): the error names what to undo")
            }
            count("\(what): \(error.code.rawValue)")
        }
    }

    // MARK: Names

    /// The model's number of an id; one that is new is the person that the model has just made.
    func person(_ id: UUID) -> Model.Person {
        if let known = people[id] { return known }
        guard let newcomer else { return -2 }
        people[id] = newcomer.person
        ids[newcomer.organization]?[newcomer.person] = id
        self.newcomer = nil
        return newcomer.person
    }

    func id(_ person: Model.Person, _ organization: UUID) -> UUID { ids[organization]?[person] ?? Self.unknown }

    func bind(_ merge: UUID, _ number: Int, _ organization: UUID) {
        mergeNumbers[merge] = number
        mergeIDs[organization]?[number] = merge
    }

    /// An id that was never given out, and its number.
    static let unknown = UUID(high: 0x99, low: 0x99)
    static let unknownPerson: Model.Person = -99

    // MARK: Steps

    func step() throws {
        steps += 1
        clock.advance(seconds: chance(2) ? 86_400 : 1)
        let organization: UUID = chance(70) ? .clinic : .studio
        switch number(below: 100) {
        case 0..<36: try resolve(organization)
        case 36..<62: try put(organization)
        case 62..<67: try mark(organization)
        case 67..<73: try release(organization)
        case 73: try setRegion(organization)
        case 74..<78: delete(organization)
        case 78..<84: merge(organization)
        case 84..<87: try mergeAndBack(organization)
        case 87..<93: unmerge(organization)
        case 93..<96: keepApart(organization)
        case 96..<98: erase(organization)
        case 98: replay(organization)
        default: if chance(30) { forgetErasures(organization) }
        }
    }
}
