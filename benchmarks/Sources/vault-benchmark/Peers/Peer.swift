/// A store that somebody might take instead, with a million people in it.
protocol Peer: AnyObject {
    var name: String { get }

    /// The nanoseconds of every single one.
    func latencies(_ column: Column, _ batch: Batch) throws -> [Double]
    /// Finds or creates each person of each batch, durably, one thread a batch.
    /// - Returns: the nanoseconds until all were done, and how many were created.
    func resolve(_ batches: [Batch]) throws -> (nanoseconds: Double, created: Int)
    /// What its process holds for itself, in megabytes; nil for a library.
    var memoryMegabytes: Int? { get }
}

/// One whose lookups are measured in this process.
protocol LookupPeer: Peer {
    /// Nanoseconds of each operation.
    func find(_ column: Column, _ batch: Batch) throws -> Double
}

enum Column: String, CaseIterable { case email, phone }

extension Batch {
    func keys(_ column: Column) -> [String] { column == .email ? emails : phones }
    func keyTexts(_ column: Column) -> Texts { column == .email ? emailTexts : phoneTexts }
}
