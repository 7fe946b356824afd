internal import Foundation
internal import Storage

/// A search for people by the beginnings of words of their names.
///
/// Somebody matches who has, for each word of the search, a word that starts with it: so everybody who matches stands in
/// the range of each word. The ranges are walked by turns, a chunk at a time, and each entry's value tells whether the
/// other words match too. The first range to end settles the search: if one word is rare, its range ends early, and if
/// all are common, those who match are found soon.
struct NameSearch {
    /// What a search may cost, in entries it looks at.
    struct Budget {
        /// Where enough people are found.
        var soft = Limits.searchEntriesSoftMax
        /// Whatever is found.
        var hard = Limits.searchEntriesHardMax
        /// Of one range, before it is the next one's turn.
        var chunk = 256
    }

    private let text: [UInt8]
    /// The places of the words in `text`.
    private let words: [Range<Int>]
    private let limit: Int
    private let budget: Budget

    /// Entries looked at.
    private(set) var visited = 0
    /// Whether the range of a word came to its end.
    private(set) var isComplete = false
    /// The best, in order, at most `limit`.
    private(set) var best: [Candidate] = []
    /// Everybody who matched so far. Its size is bounded by the budget: no search goes on with `limit` of them beyond
    /// the soft one.
    private var found: Set<UUID> = []

    /// - Throws: `invalidArgument` where the text is too long, has too many words or none, or the limit is out of bounds.
    init(_ text: String, limit: Int, budget: Budget = Budget()) throws(VaultError) {
        guard 1...Limits.searchLimitMax ~= limit else {
            throw .invalid(
                "a search lists 1 to \(Limits.searchLimitMax) people",
                advice: "ask for so many, and find others with a longer text")
        }
        guard text.utf8.count <= Limits.searchTextBytesMax else {
            throw .invalid("the text is longer than \(Limits.searchTextBytesMax) bytes", advice: "shorten it")
        }
        let tokens = NameTokens(CollectionOfOne(text))
        guard !tokens.isEmpty else { throw .invalid("there is no word to search for", advice: "give a name") }
        guard tokens.count <= Limits.searchWordsMax else {
            throw .invalid("a search has at most \(Limits.searchWordsMax) words", advice: "leave some out")
        }
        self.text = tokens.encoded
        words = tokens.places
        self.limit = limit
        self.budget = budget
    }

    mutating func run(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, in organization: OrganizationNumber
    ) throws(VaultError) {
        // Where each word's range goes on.
        var starts = words.map { _ in [UInt8]() }
        while true {
            for index in words.indices {
                let isEnough = found.count >= limit && visited >= budget.soft
                guard !isEnough, visited < budget.hard else { return }
                let room = (visited < budget.soft ? min(budget.soft, budget.hard) : budget.hard) - visited
                guard
                    let next = try walk(
                        words[index], from: starts[index], atMost: min(budget.chunk, room), snapshot, organization)
                else {
                    isComplete = true
                    return
                }
                starts[index] = next
            }
        }
    }

    /// Looks at the next entries of a word's range.
    /// - Returns: where it goes on; nil where it has come to its end.
    private mutating func walk(
        _ word: Range<Int>, from start: [UInt8], atMost count: Int,
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ organization: OrganizationNumber
    ) throws(VaultError) -> [UInt8]? {
        var prefix = Key(organization)
        prefix.append(text.span.bytes.extracting(word))
        var from = Key()
        from.append(start.span.bytes)
        var left = count
        var next: [UInt8]?
        try snapshot.visit(Tables.byName, prefix: prefix, from: from) { (key, value) throws(VaultError) in
            try consider(key, value)
            left -= 1
            if left > 0 { return .next }
            // The first key that could follow this one.
            next = [UInt8](copying: key) + [0]
            return .stop
        }
        visited += count - left
        return next
    }

    private mutating func consider(_ key: RawSpan, _ value: RawSpan) throws(VaultError) {
        guard let rank = try rank(of: value) else { return }
        let id = try NameKey(key).id
        guard found.insert(id).inserted else { return }
        if best.count == limit, let last = best.last {
            guard last.follows(rank, value, id) else { return }
            best.removeLast()
        }
        let candidate = Candidate(rank: rank, value: [UInt8](copying: value), id: id)
        var (low, high) = (0, best.count)
        while low < high {
            let middle = (low + high) / 2
            if best[middle].follows(rank, value, id) { high = middle } else { low = middle + 1 }
        }
        best.insert(candidate, at: low)
    }

    /// How well an entry's words match, less is better; nil where they don't.
    private func rank(of value: RawSpan) throws(VaultError) -> Int? {
        var reader = try NameTokenReader(value: value)
        var (matching, whole, count) = (0, 0, 0)
        let text = text.span.bytes
        while let token = reader.next() {
            count += 1
            for index in words.indices {
                let word = words[index]
                guard word.count <= token.byteCount, token.extracting(first: word.count).equals(text.extracting(word))
                else { continue }
                matching |= 1 << index
                if word.count == token.byteCount { whole |= 1 << index }
            }
        }
        guard matching == (1 << words.count) - 1 else { return nil }
        return (words.count - whole.nonzeroBitCount) * (Limits.nameTokensBytesMax + 1) + count
    }
}

extension NameSearch {
    /// Somebody who matches.
    struct Candidate {
        /// Less is better.
        let rank: Int
        /// The entry's value, which is the name's words.
        let value: [UInt8]
        let id: UUID

        /// Whether it comes after another.
        func follows(_ rank: Int, _ value: RawSpan, _ id: UUID) -> Bool {
            if self.rank != rank { return self.rank > rank }
            let order = self.value.span.bytes.compare(value)
            if order != 0 { return order > 0 }
            return (self.id.high, self.id.low) > (id.high, id.low)
        }
    }
}

extension ReadTransaction where Self: ~Copyable {
    /// Runs a search and reads the people it found.
    borrowing func people(
        found search: NameSearch, in organization: OrganizationNumber
    ) throws(VaultError) -> NameSearchResult {
        var search = search
        try search.run(self, in: organization)
        var matches: [Identity] = []
        matches.reserveCapacity(search.best.count)
        for candidate in search.best { matches.append(try holder(candidate.id, in: organization)) }
        return NameSearchResult(matches: matches, isComplete: search.isComplete)
    }
}

extension RawSpan {
    /// Below, at or above zero as these bytes sort before, like or after `other`.
    fileprivate func compare(_ other: RawSpan) -> Int {
        for offset in 0..<min(byteCount, other.byteCount) {
            let mine = unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            let theirs = other.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            if mine != theirs { return Int(mine) - Int(theirs) }
        }
        return byteCount - other.byteCount
    }
}
