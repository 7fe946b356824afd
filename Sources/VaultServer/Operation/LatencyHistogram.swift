internal import Synchronization

/// How long things took, in buckets that grow by a quarter of a power of two. One thread adds; any may look.
final class LatencyHistogram: Sendable {
    private static let bucketCount = 128
    /// Up to 2^7 ns everything is one bucket.
    private static let lowestExponent = 7
    // Plain stores of one thread, atomic only for those who look meanwhile.
    private let buckets = InlineArray<128, Atomic<Int>> { _ in Atomic(0) }
    private let sum = Atomic<Int>(0)

    @inline(__always)
    func add(nanoseconds: UInt64) {
        let index = Self.bucket(of: nanoseconds)
        buckets[index].store(buckets[index].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        sum.store(sum.load(ordering: .relaxed) &+ Int(truncatingIfNeeded: nanoseconds), ordering: .relaxed)
    }

    /// As `add`, where several threads add.
    func addShared(nanoseconds: UInt64) {
        buckets[Self.bucket(of: nanoseconds)].add(1, ordering: .relaxed)
        sum.add(Int(truncatingIfNeeded: nanoseconds), ordering: .relaxed)
    }

    @inline(__always)
    private static func bucket(of nanoseconds: UInt64) -> Int {
        // Less one, so that the bound of a bucket is within it.
        let value = max(nanoseconds, 1 << lowestExponent + 1) &- 1
        let exponent = 63 - value.leadingZeroBitCount
        let quarter = Int(truncatingIfNeeded: value >> UInt64(exponent - 2)) & 3
        return min((exponent - lowestExponent) * 4 + quarter, bucketCount - 1)
    }

    /// The greatest time that a bucket holds, in nanoseconds.
    static func bound(of bucket: Int) -> Double {
        let (exponent, quarter) = (bucket / 4 + lowestExponent, bucket % 4)
        return Double(UInt64(1) << UInt64(exponent)) * (1 + Double(quarter + 1) / 4)
    }

    /// What several histograms hold together.
    struct Summary: Sendable {
        private(set) var counts = [Int](repeating: 0, count: LatencyHistogram.bucketCount)
        private(set) var sumNanoseconds = 0

        var count: Int { counts.reduce(0, +) }

        mutating func add(_ histogram: LatencyHistogram) {
            for index in counts.indices { counts[index] += histogram.buckets[index].load(ordering: .relaxed) }
            sumNanoseconds += histogram.sum.load(ordering: .relaxed)
        }

        /// The time, in microseconds, that this share of all took at most.
        func microseconds(atShare share: Double) -> Double {
            let wanted = max(Int((Double(count) * share).rounded(.up)), 1)
            var seen = 0
            for (index, amount) in counts.enumerated() {
                seen += amount
                if seen >= wanted { return LatencyHistogram.bound(of: index) / 1_000 }
            }
            return 0
        }

        /// How many took at most so many nanoseconds.
        /// - Parameter bound: of a bucket; for another, those between it and the bound below are left out.
        func count(within bound: Double) -> Int {
            counts.indices.reduce(0) { $0 + (LatencyHistogram.bound(of: $1) <= bound ? counts[$1] : 0) }
        }
    }
}
