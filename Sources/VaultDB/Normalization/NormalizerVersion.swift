// NormalizerVersion says by which rules the identifiers in a vault were normalised.

/// What decides how an identifier is normalised. A vault written under one version must not be written under another
/// until its keys are made anew.
package struct NormalizerVersion: Hashable, Sendable, CustomStringConvertible {
    /// The version in the file name of the loaded libphonenumber, such as `8.12`; `static` where it has no file.
    package let libphonenumber: String

    /// A fingerprint of libphonenumber's metadata, which packages renew without a new file name.
    package let metadataFingerprint: UInt64

    /// The version of the vault's own rules: those for emails, and what is asked of libphonenumber.
    package let rules: Int

    package init(libphonenumber: String, metadataFingerprint: UInt64, rules: Int) {
        self.libphonenumber = libphonenumber
        self.metadataFingerprint = metadataFingerprint
        self.rules = rules
    }

    /// One line that is equal exactly when the versions are.
    package var description: String {
        let hex = String(metadataFingerprint, radix: 16)
        let padding = String(repeating: "0", count: 16 - hex.count)
        return "rules \(rules), libphonenumber \(libphonenumber), metadata \(padding)\(hex)"
    }
}
