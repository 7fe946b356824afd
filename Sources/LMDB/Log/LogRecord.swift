internal import Glibc
internal import Storage

/// What one commit does, as the write-ahead log keeps it: a header, then one operation after the other.
///
/// The header: CRC-32C of all that follows it, bytes of operations, epoch of the log, number of the commit. An operation:
/// kind, table, bytes of the key, bytes of the value, key, value. Numbers are little-endian.
struct LogRecord {
    enum Kind: UInt8 {
        case put = 0
        case delete = 1
        /// All entries of the table go.
        case empty = 2
        /// The entry that the buffer's segment has under this key is put in its place.
        case sortIn = 3
    }

    static let headerBytes = 24
    private static let operationBytes = 8
    /// A commit that does more is not logged, but written back at once.
    static let bytesMax = 1 << 20

    private(set) var bytes: [UInt8]

    init() {
        bytes = [UInt8](repeating: 0, count: Self.headerBytes)
        bytes.reserveCapacity(4096)
    }

    var isTooLong: Bool { bytes.count > Self.bytesMax }

    mutating func add(_ kind: Kind, _ table: Int, _ key: RawSpan, _ value: RawSpan) {
        if isTooLong { return }
        let sizes =
            UInt64(kind.rawValue) | UInt64(table) << 8 | UInt64(key.byteCount) << 16
            | UInt64(value.byteCount) << 32
        withUnsafeBytes(of: sizes.littleEndian) { bytes.append(contentsOf: $0) }
        key.withUnsafeBytes { bytes.append(contentsOf: $0) }
        value.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    /// Completes the header.
    mutating func seal(epoch: UInt64, commit: Int) {
        let length = UInt32(bytes.count - Self.headerBytes)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: length.littleEndian, toByteOffset: 4, as: UInt32.self)
            bytes.storeBytes(of: epoch.littleEndian, toByteOffset: 8, as: UInt64.self)
            bytes.storeBytes(of: UInt64(commit).littleEndian, toByteOffset: 16, as: UInt64.self)
        }
        let checksum = Self.checksum(bytes)
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: checksum.littleEndian, as: UInt32.self) }
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var checksum = Checksum()
        checksum.add(bytes.span.bytes.extracting(droppingFirst: 4))
        return checksum.value
    }

    // MARK: Reading

    /// Where records of a log might begin among bytes, by its epoch in their headers.
    static func places(of epoch: UInt64, in bytes: [UInt8]) -> [Int] {
        let word = withUnsafeBytes(of: epoch.littleEndian) { [UInt8]($0) }
        guard bytes.count >= headerBytes else { return [] }
        return (0...bytes.count - headerBytes).filter { place in
            bytes[place + 8] == word[0] && bytes[(place + 8)..<(place + 16)] == word[...]
        }
    }

    /// How many bytes the operations of the record with this header take; nil where no record of the epoch begins.
    static func length(header: [UInt8], epoch: UInt64) -> Int? {
        let span = header.span.bytes
        guard span.byteCount == headerBytes, UInt64(littleEndian: span.load(8)) == epoch else { return nil }
        let length = Int(UInt32(littleEndian: span.load(4)))
        // The last operation may have gone beyond the bound.
        return length > 0 && length <= 2 * bytesMax ? length : nil
    }

    /// Reads a whole record; nil where it is torn.
    init?(_ bytes: [UInt8]) {
        guard UInt32(littleEndian: bytes.span.bytes.load(0)) == Self.checksum(bytes) else { return nil }
        self.bytes = bytes
    }

    var commit: Int { Int(clamping: UInt64(littleEndian: bytes.span.bytes.load(16))) }

    /// - Returns: false where an operation contradicts itself.
    func forEach(
        _ visit: (Kind, _ table: Int, _ key: RawSpan, _ value: RawSpan) throws(StorageError) -> Void
    ) throws(StorageError) -> Bool {
        let span = bytes.span.bytes
        var offset = Self.headerBytes
        while offset < span.byteCount {
            guard offset + Self.operationBytes <= span.byteCount else { return false }
            let sizes = UInt64(littleEndian: span.load(offset))
            let key = offset + Self.operationBytes
            let value = key + Int(sizes >> 16 & 0xFFFF)
            let end = value + Int(sizes >> 32)
            guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: sizes)), end <= span.byteCount else {
                return false
            }
            try visit(kind, Int(sizes >> 8 & 0xFF), span.extracting(key..<value), span.extracting(value..<end))
            offset = end
        }
        return true
    }
}

extension RawSpan {
    fileprivate func load<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Number {
        unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self)
    }
}
