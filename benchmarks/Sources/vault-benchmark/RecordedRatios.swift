import Foundation

/// The ratios of an earlier run that was recorded, by the number of people; what has become worse is pointed out.
struct RecordedRatios {
    private static let worseFactor = 1.2

    private let path: String
    private var all: [String: [String: Double]]

    init(_ path: String) {
        self.path = path
        let data = (try? Data(contentsOf: URL(fileURLWithPath: path))) ?? Data()
        all = (try? JSONDecoder().decode([String: [String: Double]].self, from: data)) ?? [:]
    }

    /// Lines that tell what has become worse by more than a fifth, and what there was to compare with.
    func comparison(of ratios: [String: Double], people: Int) -> [String] {
        let recorded = (all["\(people)"] ?? [:]).filter { ratios[$0.key] != nil }
        guard !recorded.isEmpty else {
            return ["Nothing of this is recorded for \(people) people, so nothing is compared; --record records it."]
        }
        let worse: [String] = recorded.keys.sorted().compactMap { name in
            guard let before = recorded[name], let now = ratios[name], now > before * Self.worseFactor else {
                return nil
            }
            return "worse than recorded: \(name) is \(Report.format(now, 3)), was \(Report.format(before, 3))"
        }
        let compared = "\(worse.count) of \(recorded.count) recorded ratios are worse by more than a fifth"
        let missing = ratios.count - recorded.count
        return worse + [compared + (missing > 0 ? "; \(missing) have none recorded." : ".")]
    }

    /// What this run has not measured stays as it was.
    mutating func record(_ ratios: [String: Double], people: Int) throws {
        let rounded = ratios.mapValues { ($0 * 1_000).rounded() / 1_000 }
        all["\(people)", default: [:]].merge(rounded) { _, new in new }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(all).write(to: URL(fileURLWithPath: path))
    }
}
