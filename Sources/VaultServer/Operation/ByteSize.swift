internal import VaultDB

/// A number of bytes as people write it, such as 512M or 20G.
package enum ByteSize {
    private static let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]

    /// - Parameter text: a whole number, with an optional unit of 1024s behind it.
    /// - Returns: nil for what is none, or not from 1 MiB to 16 TiB.
    package static func bytes(_ text: String) -> Int? {
        let unit = text.last.flatMap { units[Character($0.uppercased())] }
        guard let count = Int(unit == nil ? text[...] : text.dropLast()) else { return nil }
        let (bytes, overflows) = count.multipliedReportingOverflow(by: unit ?? 1)
        return !overflows && VaultOptions.bytesMaxRange.contains(bytes) ? bytes : nil
    }

    /// As `bytes`, or 0 for none.
    package static func memory(_ text: String) -> Int? { text == "0" ? 0 : bytes(text) }
}
