import VaultDB

// Identifiers as people read them.

extension HeldIdentifier {
    /// The identifier, and in brackets what is to be said of it.
    /// - Parameter isOnly: whether there is no other of its kind, so that nothing is said by its being the primary.
    func described(isOnly: Bool = false) -> String {
        var remarks: [String] = []
        if isPrimary, !isOnly, identifier.kind != .external { remarks.append("primary") }
        if state != .owned { remarks.append(state.description) }
        return identifier.text + (remarks.isEmpty ? "" : " (\(remarks.joined(separator: ", ")))")
    }
}
