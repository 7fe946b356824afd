import Foundation

/// Names as unevenly spread as people's: the n-th most common is borne by one n-th as many.
struct Names {
    private let names: [String]

    static let given = Names(
        [
            "maria", "juan", "jose", "ana", "carmen", "antonio", "lucia", "manuel", "laura", "javier", "marta", "david",
            "paula", "daniel", "elena", "carlos", "sofia", "miguel", "julia", "pablo", "sara", "pedro", "irene", "luis",
        ], total: 300, seed: 1)
    static let family = Names(
        [
            "garcia", "rodriguez", "gonzalez", "fernandez", "lopez", "martinez", "sanchez", "perez", "gomez", "martin",
            "jimenez", "ruiz", "hernandez", "diaz", "moreno", "alvarez", "munoz", "romero", "alonso", "gutierrez",
            "navarro", "torres", "dominguez", "vazquez", "ramos", "gil", "ramirez", "serrano", "blanco", "molina",
        ], total: 1_000, seed: 2)

    /// Common names first, then invented ones of two to four syllables.
    private init(_ common: [String], total: Int, seed: UInt64) {
        let syllables = [
            "ba", "be", "ca", "co", "da", "do", "es", "fa", "go", "ar", "la", "li", "ma", "mon", "na", "or", "pe",
            "qui",
            "ra", "ri", "sa", "sal", "te", "ur", "va", "vi", "za", "zu",
        ]
        var names = common
        var known = Set(common)
        var state = seed
        while names.count < total {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let count = 2 + Int(state >> 60) % 3
            let name = (0..<count).map { syllables[Int(state >> (10 * UInt64($0) + 8)) % syllables.count] }.joined()
            if known.insert(name).inserted { names.append(name) }
        }
        self.names = names
    }

    /// - Parameter value: any number; equal ones give equal names.
    func name(_ value: Int) -> String {
        let share = Double(value & 0xFF_FFFF) / Double(1 << 24)
        return names[min(Int(exp(share * log(Double(names.count + 1)))) - 1, names.count - 1)]
    }
}
