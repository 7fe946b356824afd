/// What one of LMDB's two first pages says of a commit: a page's head, and then what LMDB 0.9 calls `MDB_meta`. Commits write
/// the two by turns, so the one with the greater number tells of the last.
struct MetaPage {
    private static let magic: UInt32 = 0xBEEF_C0DE
    /// In words of eight bytes.
    private static let wordCount = 17
    /// LMDB's number of no page.
    private static let nowhere = -1

    let commit: Int
    let pageBytes: Int
    /// The greatest number of a page.
    let lastPage: Int
    /// Where the list of free pages begins; nil where it is empty.
    let freeRoot: Int?
    /// Where the table that has the names of the others begins; nil where there are none.
    let mainRoot: Int?

    private init?(_ firstPages: [UInt8], at offset: Int) {
        let start = offset + Page.headBytes
        guard start + 8 * Self.wordCount <= firstPages.count else { return nil }
        let words = firstPages.withUnsafeBytes { bytes in
            (0..<Self.wordCount).map { bytes.loadUnaligned(fromByteOffset: start + 8 * $0, as: Int.self) }
        }
        guard UInt32(truncatingIfNeeded: words[0]) == Self.magic else { return nil }
        // A word of 32 bits of the free list's own tree.
        pageBytes = Int(UInt32(truncatingIfNeeded: words[3]))
        freeRoot = words[8] == Self.nowhere ? nil : words[8]
        mainRoot = words[14] == Self.nowhere ? nil : words[14]
        lastPage = words[15]
        commit = words[16]
    }

    /// What the two pages say, as far as they are LMDB's.
    static func all(in firstPages: [UInt8], pageBytes: Int) -> [MetaPage] {
        [0, pageBytes].compactMap { MetaPage(firstPages, at: $0) }
    }

    /// What they say of the last commit; nil where neither is LMDB's.
    static func newest(in firstPages: [UInt8], pageBytes: Int) -> MetaPage? {
        all(in: firstPages, pageBytes: pageBytes).max { $0.commit < $1.commit }
    }
}
