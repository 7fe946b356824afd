/// Names that come in one piece, as rows and forms give them.
extension String {
    /// A full name without the last name at its end, where that is given too; nil where nothing else is left of it.
    func name(before lastName: String?) -> String? {
        guard let lastName = lastName?.trimmingWhiteSpace(), !lastName.isEmpty else { return self }
        let name = trimmingWhiteSpace()
        guard " \(name)".hasSuffix(" \(lastName)") else { return self }
        let rest = name.dropLast(lastName.count).trimmingWhiteSpace()
        return rest.isEmpty ? nil : rest
    }
}
