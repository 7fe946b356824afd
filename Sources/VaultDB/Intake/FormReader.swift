/// Finds out of the fields of a public form who sent it: by the fields' names, in English and Spanish, and where those
/// say nothing, by what their values look like.
package struct FormReader: Sendable {
    private let normalizer: Normalizer
    private let region: Region

    /// - Parameter region: where phones without a country code are dialled.
    package init(_ normalizer: Normalizer, region: Region) {
        self.normalizer = normalizer
        self.region = region
    }

    /// A field that has something to say, on its way to a role.
    private struct Candidate {
        let field: FormField
        let meaning: FieldMeaning
        var isTaken = false

        /// Whether it was to be an email, where nothing of it is one.
        var isNoAddress: Bool { meaning.role == .email || meaning.hint == .email && field.value.contains("@") }
    }

    /// Reads a form. What is not recognised, or not usable as what its name says, is left in `rest`.
    /// - Throws: `invalidArgument` where a bound of `Limits` is exceeded, or where what is left does not fit into a
    ///   record's attributes.
    package func read(_ fields: [FormField]) throws(VaultError) -> Form {
        try Self.checkBounds(fields)
        var candidates = fields.filter { !Self.isBlank($0.value) }.map {
            Candidate(field: $0, meaning: FieldMeaning(of: $0.name))
        }
        var form = Form()
        form.email = takeFirst(of: &candidates, as: .email, in: &form, [\.isNamed, \.isHinted, \.isAnyEmail], email)
        form.phone = takeFirst(of: &candidates, as: .phone, in: &form, [\.isNamed, \.isHinted, \.isAnyPhone], phone)
        takeNames(of: &candidates, in: &form)
        if form.email == nil, let found = emailInText(candidates.filter { !$0.isTaken }) {
            form.email = found.address
            form.taken.insert(.init(field: found.field, role: .email), at: 0)
        }
        let unused = candidates.filter { !$0.isTaken && !$0.meaning.isOtherPerson }
        if form.email == nil, unused.contains(where: { $0.isNoAddress }) { form.unusable.append(.email) }
        if form.phone == nil, unused.contains(where: { $0.meaning.role == .phone }) { form.unusable.append(.phone) }
        form.rest = candidates.filter { !$0.isTaken }.map(\.field)
        if let attributes = form.attributes, attributes.utf8.count > Limits.attributesBytesMax {
            throw .invalid("the form is longer than \(Limits.attributesBytesMax) bytes as JSON", advice: "shorten it")
        }
        return form
    }

    private static func checkBounds(_ fields: [FormField]) throws(VaultError) {
        guard fields.count <= Limits.formFieldsMax else {
            throw .invalid("the form has more than \(Limits.formFieldsMax) fields", advice: "send fewer")
        }
        guard fields.allSatisfy({ $0.name.utf8.count <= Limits.formFieldNameBytesMax }) else {
            throw .invalid("a field's name is longer than \(Limits.formFieldNameBytesMax) bytes", advice: "shorten it")
        }
        guard fields.reduce(0, { $0 + $1.value.utf8.count }) <= Limits.formBytesMax else {
            throw .invalid("the form's values are longer than \(Limits.formBytesMax) bytes", advice: "shorten them")
        }
    }

    private static func isBlank(_ text: String) -> Bool { text.onOneLine().isEmpty }
}

// MARK: - Email and phone

extension FormReader {
    /// How strongly a field speaks for a role; asked in this order over all fields.
    private struct Evidence {
        let role: FormRole
        let meaning: FieldMeaning
        let value: String

        var isNamed: Bool { meaning.role == role && !meaning.isOtherPerson }
        var isHinted: Bool { meaning.hint == role && !meaning.isOtherPerson }
        /// Only what is nothing but an address with a domain, whatever the field is called.
        var isAnyEmail: Bool { !meaning.isOtherPerson && FormReader.looksLikeAddress(value) }
        /// Only phone characters, and a name that does not say it is another number.
        var isAnyPhone: Bool {
            !meaning.isOtherPerson && !meaning.isOtherNumber && FormReader.looksLikePhone(value)
        }
    }

    /// The first usable value, the stronger evidence first.
    private func takeFirst(
        of candidates: inout [Candidate], as role: FormRole, in form: inout Form, _ evidence: [(Evidence) -> Bool],
        _ usable: (String) -> String?
    ) -> String? {
        for speaks in evidence {
            for index in candidates.indices where !candidates[index].isTaken {
                let (field, meaning) = (candidates[index].field, candidates[index].meaning)
                guard speaks(Evidence(role: role, meaning: meaning, value: field.value)),
                    let value = usable(field.value)
                else { continue }
                candidates[index].isTaken = true
                form.taken.append(.init(field: field.name, role: role))
                return value
            }
        }
        return nil
    }

    /// The value, if it is one usable address. Two in one field are none: a local part may hold an `@`, but nobody's
    /// does.
    private func email(_ value: String) -> String? {
        guard let address = EmailAddress(value), address.rawValue.utf8.count(where: { $0 == 0x40 }) == 1 else {
            return nil
        }
        return value.trimmingWhiteSpace()
    }

    private func phone(_ value: String) -> String? {
        normalizer.phone(value, region: region) == nil ? nil : value.trimmingWhiteSpace()
    }

    private static func looksLikeAddress(_ value: String) -> Bool {
        let text = value.trimmingWhiteSpace()
        guard let at = text.unicodeScalars.lastIndex(of: "@") else { return false }
        let domain = text[at...].unicodeScalars.dropFirst()
        return !text.unicodeScalars.contains { $0.properties.isWhitespace || "<>()[],;:\"".unicodeScalars.contains($0) }
            && domain.dropFirst().dropLast().contains(".")
    }

    private static func looksLikePhone(_ value: String) -> Bool {
        let text = value.trimmingWhiteSpace()
        guard text.utf8.count <= 32, text.utf8.allSatisfy({ "0123456789+-.() ".utf8.contains($0) }) else {
            return false
        }
        let digits = text.utf8.count { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return digits >= 7 && (!text.contains("+") || text.prefix { !$0.isNumber }.contains("+"))
            && !looksLikeDate(text)
    }

    /// Three numbers, of which one may be a year: `1990-05-12`, `12.05.1990`.
    private static func looksLikeDate(_ text: String) -> Bool {
        let counts = text.split { $0 == "-" || $0 == "." }.map(\.utf8.count)
        return counts == [4, 2, 2] || counts == [2, 2, 4] || counts == [4, 1, 1] || counts == [1, 1, 4]
            || counts == [1, 2, 4] || counts == [2, 1, 4]
    }

    /// What may stand next to an address within a text.
    private static let separators = Set("<>()[]{},;:\"'!?¿¡".unicodeScalars)

    /// The one address that stands within longer texts; nil where there are several. In a field for an address it does not end
    /// at a space: of one with a space in it the rest would be somebody else's.
    private func emailInText(_ candidates: [Candidate]) -> (address: String, field: String)? {
        var found: (address: String, field: String)?
        for candidate in candidates where !candidate.meaning.isOtherPerson {
            let isForAddress = candidate.meaning.asks(for: .email)
            // By scalars: a character may be thousands of marks long, and hide the separator that they stand on.
            for word in candidate.field.value.unicodeScalars.split(whereSeparator: {
                !isForAddress && $0.properties.isWhitespace || Self.separators.contains($0)
            }) {
                let text = String(word).trimmingWhiteSpace().trimmingDots
                guard Self.looksLikeAddress(text), let address = EmailAddress(text)?.rawValue,
                    email(text) != nil, address != found?.address
                else { continue }
                if found != nil { return nil }
                found = (address, candidate.field.name)
            }
        }
        return found
    }
}

// MARK: - Names

extension FormReader {
    private func takeNames(of candidates: inout [Candidate], in form: inout Form) {
        // Joined by a space two names make a display name.
        let half = Limits.nameBytesMax / 2 - 1
        form.firstName = takeName(of: &candidates, as: .firstName, in: &form) { $0.utf8.count <= half }
        if form.firstName == nil {
            form.name = takeName(of: &candidates, as: .name, in: &form) { $0.utf8.count <= Limits.nameBytesMax }
        }
        let (first, whole) = (form.firstName, form.name)
        form.lastName = takeName(of: &candidates, as: .lastName, in: &form) { last in
            guard last.utf8.count <= half else { return false }
            let before = first ?? whole?.name(before: last) ?? ""
            return before.utf8.count + 1 + last.utf8.count <= Limits.nameBytesMax
        }
    }

    private func takeName(
        of candidates: inout [Candidate], as role: FormRole, in form: inout Form, _ fits: (String) -> Bool
    ) -> String? {
        takeFirst(of: &candidates, as: role, in: &form, [\.isNamed]) { value in
            let line = value.onOneLine()
            return fits(line) && line.contains(where: \.isLetter) && !line.contains("@") ? line : nil
        }
    }
}

extension String {
    fileprivate var trimmingDots: String {
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { $0 != "." }), let last = scalars.lastIndex(where: { $0 != "." })
        else { return "" }
        return String(scalars[first...last])
    }
}
