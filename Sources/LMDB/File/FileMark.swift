internal import Storage

/// By which a write-ahead log is known to belong to the file beside it: random bytes at the end of LMDB's first page, which
/// LMDB does not use. The file gets new ones when a log begins that follows on no other, and the log has them in its copy of
/// that page. So neither another file nor an earlier state of the same is taken for what the log follows on.
///
/// Zeros where no log was begun yet.
struct FileMark: Equatable {
    private static let byteCount = 8
    /// Of a file that no log belongs to.
    static let none = FileMark(bytes: [UInt8](repeating: 0, count: byteCount))

    private let bytes: [UInt8]

    private init(bytes: [UInt8]) { self.bytes = bytes }

    static func random() -> FileMark {
        FileMark(bytes: withUnsafeBytes(of: UInt64.random(in: 1...UInt64.max)) { [UInt8]($0) })
    }

    /// Of the file whose two first pages these are.
    init(firstPages: [UInt8]) { bytes = Array(firstPages[..<(firstPages.count / 2)].suffix(Self.byteCount)) }

    /// Of the file with this descriptor. One that ends before it has none, which equals no mark.
    init(of descriptor: Int32, pageBytes: Int, _ path: String) throws(StorageError) {
        bytes = try StoreFile.read(
            Self.byteCount, at: Self.offset(pageBytes), from: descriptor, during: "reading \(path)")
    }

    /// It is not on disk before the file is flushed.
    func write(to descriptor: Int32, pageBytes: Int, _ path: String) throws(StorageError) {
        try StoreFile.write(bytes, at: Self.offset(pageBytes), to: descriptor, during: "writing \(path)")
    }

    private static func offset(_ pageBytes: Int) -> Int { pageBytes - byteCount }
}
