/// What one of LMDB's two first pages says of a commit: a page's head, and then what LMDB 0.9 calls `MDB_meta`. Commits write
/// the two by turns, so the one with the greater number tells of the last. Readers see that once the lock file names it, too.
struct MetaPage {
    private static let magic: UInt32 = 0xBEEF_C0DE
    /// In words of eight bytes.
    private static let wordCount = 17
    /// LMDB's number of no page.
    static let nowhere = -1

    let commit: Int
    let pageBytes: Int
    /// The greatest number of a page.
    let lastPage: Int
    /// Where the list of free pages begins; nil where it is empty.
    let freeRoot: Int?
    /// Where the table that has the names of the others begins; nil where there are none.
    let mainRoot: Int?

    private init?(_ firstPages: UnsafeRawBufferPointer, at offset: Int) {
        let start = offset + Page.headBytes
        guard start + 8 * Self.wordCount <= firstPages.count else { return nil }
        func word(_ number: Int) -> Int {
            firstPages.loadUnaligned(fromByteOffset: start + 8 * number, as: Int.self)
        }
        func root(_ number: Int) -> Int? { number == Self.nowhere ? nil : number }
        guard UInt32(truncatingIfNeeded: word(0)) == Self.magic else { return nil }
        // A word of 32 bits of the free list's own tree.
        pageBytes = Int(UInt32(truncatingIfNeeded: word(3)))
        freeRoot = root(word(8))
        mainRoot = root(word(14))
        lastPage = word(15)
        commit = word(16)
    }

    /// What the two pages say, as far as they are LMDB's.
    static func all(in firstPages: [UInt8], pageBytes: Int) -> [MetaPage] {
        firstPages.withUnsafeBytes { all(in: $0, pageBytes: pageBytes) }
    }

    private static func all(in firstPages: UnsafeRawBufferPointer, pageBytes: Int) -> [MetaPage] {
        [0, pageBytes].compactMap { MetaPage(firstPages, at: $0) }
    }

    /// What they say of the last commit; nil where neither is LMDB's.
    static func newest(in firstPages: [UInt8], pageBytes: Int) -> MetaPage? {
        firstPages.withUnsafeBytes { newest(in: $0, pageBytes: pageBytes) }
    }

    /// The same of pages in the map.
    static func newest(in firstPages: UnsafeRawBufferPointer, pageBytes: Int) -> MetaPage? {
        all(in: firstPages, pageBytes: pageBytes).max { $0.commit < $1.commit }
    }
}
