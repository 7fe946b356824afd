import VaultDB

/// What a merge would do, for people: the two side by side, and then what would come of it.
struct MergePreviewText {
    private let preview: MergePreview
    private let countsOfSurvivor: [Contact.Count]

    init(_ preview: MergePreview, countsOfSurvivor: [Contact.Count]) {
        self.preview = preview
        self.countsOfSurvivor = countsOfSurvivor
    }

    func print() throws(Failure) {
        var pair = TextFields()
        pair.add("merge", preview.from.id.text, style: .bold)
        pair.add("into", preview.into.id.text, style: .bold)
        try pair.print()
        try Output.line()
        try Output.table(sideBySide, empty: "")
        try Output.line()
        try outcome.print()
        try Output.line("dry run: nothing is written")
    }

    private var sideBySide: TextTable {
        var table = TextTable(["": .left, "becomes a redirect": .left, "stays": .left])
        let (from, into) = (preview.from, preview.into)
        add("name", [from.displayName].compactMap(\.self), [into.displayName].compactMap(\.self), to: &table)
        add("also", from.aliases, into.aliases, to: &table)
        for kind in IdentifierKind.allCases {
            add(kind.description, texts(from, kind), texts(into, kind), to: &table)
        }
        add("records", preview.records.map(text), countsOfSurvivor.map(text), to: &table)
        add("created", [from.createdAt.day], [into.createdAt.day], to: &table)
        return table
    }

    private func add(_ name: String, _ left: [String], _ right: [String], to table: inout TextTable) {
        for row in 0..<max(left.count, right.count) {
            table.add(
                .init(row == 0 ? name : "", style: .dim), .init(row < left.count ? left[row] : ""),
                .init(row < right.count ? right[row] : ""))
        }
    }

    private var outcome: TextFields {
        var fields = TextFields()
        fields.add("primary email", preview.survivor.primaryEmail, style: .good)
        fields.add("primary phone", preview.survivor.primaryPhone, style: .good)
        fields.add("identifiers moved", preview.from.identifiers.count.grouped)
        fields.add("records moved", preview.records.isEmpty ? "0" : list(preview.records.map(text)))
        fields.add("names learnt", preview.names)
        fields.add("leads converted", preview.convertedLeads)
        fields.add("conflicts settled", preview.conflictsSettled.grouped)
        fields.add("conflicts taken over", preview.conflictsMoved.grouped)
        return fields
    }

    private func texts(_ identity: Identity, _ kind: IdentifierKind) -> [String] {
        identity.identifiers(of: kind).sorted { $0.isPrimary && !$1.isPrimary }.map { $0.described() }
    }

    private func text(_ count: Contact.Count) -> String { "\(count.count.grouped) \(count.kind)" }

    private func list(_ texts: [String]) -> String { texts.joined(separator: ", ") }
}
