import Glibc

/// Ranks that come as Zipf's law has it: the n-th as often as the first divided by n to the power of the exponent.
///
/// Rejection-inversion after Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
/// distributions" (1996): no table, whatever the number of ranks.
struct ZipfRanks: Sendable {
    private let count: Int
    private let exponent: Double
    private let first: Double
    private let last: Double
    private let certain: Double

    /// - Parameter exponent: more than 0; all ranks are alike at 0, which needs no law.
    init(count: Int, exponent: Double) {
        self.count = count
        self.exponent = exponent
        first = Self.area(1.5, exponent) - 1
        last = Self.area(Double(count) + 0.5, exponent)
        certain = 2 - Self.place(Self.area(2.5, exponent) - Self.weight(2, exponent), exponent)
    }

    /// A rank from 0 on.
    func next(_ random: inout BenchRandom) -> Int {
        while true {
            let area = Double.random(in: first..<last, using: &random)
            let place = Self.place(area, exponent)
            let rank = min(max(place.rounded(), 1), Double(count))
            if rank - place <= certain || area >= Self.area(rank + 0.5, exponent) - Self.weight(rank, exponent) {
                return Int(rank) - 1
            }
        }
    }

    private static func weight(_ rank: Double, _ exponent: Double) -> Double { exp(-exponent * log(rank)) }

    /// The integral of the weight up to a rank, and its inverse; both are defined where the exponent is 1 too.
    private static func area(_ rank: Double, _ exponent: Double) -> Double {
        let bend = (1 - exponent) * log(rank)
        return (abs(bend) < 1e-9 ? 1 : expm1(bend) / bend) * log(rank)
    }

    private static func place(_ area: Double, _ exponent: Double) -> Double {
        let bend = max((1 - exponent) * area, -1)
        return exp((abs(bend) < 1e-9 ? 1 : log1p(bend) / bend) * area)
    }
}
