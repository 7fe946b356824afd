// Decides what each column of an imported file means: a field of the vault, an external identifier, or an attribute.

/// The meaning of columns: by the usual English and Spanish names, unless an explicit mapping says otherwise.
///
/// Names are compared by their letters and digits alone, without case and accents. Where two columns stand for one
/// field, the first has it and the other becomes an attribute; an explicit mapping always wins, and of the columns that
/// it may mean the one that it spells. A full name becomes an attribute where a row has a first name.
public struct ColumnMapping: Sendable, Hashable {
    /// What the values of a column become.
    public enum Target: Sendable, Hashable {
        case field(ImportField)
        /// An external identifier; without a namespace the value brings its own, as `namespace:value`.
        case external(namespace: String?)
        case attribute
    }

    /// A column of a file together with all that it feeds: usually one target, more where a mapping says so.
    struct Column: Sendable, Hashable {
        let name: String
        var targets: [Target]
    }

    fileprivate struct Override: Hashable {
        let target: Target
        let column: String
        let folded: String?

        /// Whether it spells the column just so.
        func spells(_ column: String) -> Bool { self.column.hasSameBytes(as: column) }

        /// Whether it spells it so, or but for case, accents and punctuation.
        func mayMean(_ column: String) -> Bool {
            spells(column) || folded != nil && FieldName.folded(column) == folded
        }
    }

    private var overrides: [Override] = []

    /// The usual names alone.
    public init() {}

    /// The usual names, and the mappings of a text such as `id=customer no,external:stripe=customer_id`.
    ///
    /// A column may feed several targets, a target has one column. A column's commas, like all its punctuation, may
    /// be left out. Throws ``ImportError`` with code `bad_mapping` and the names that are known.
    public init(parsing text: String) throws(ImportError) {
        for item in text.split(separator: ",") {
            try add(String(item))
        }
        guard !overrides.isEmpty else { throw Self.bad("the mapping is empty") }
    }

    private mutating func add(_ item: String) throws(ImportError) {
        guard let equals = item.firstIndex(of: "=") else {
            throw Self.bad("'\(item.trimmingWhiteSpace().printable)' has no '='")
        }
        let column = item[item.index(after: equals)...].trimmingWhiteSpace()
        guard !column.isEmpty else { throw Self.bad("'\(item.trimmingWhiteSpace().printable)' names no column") }
        let target = try Self.target(named: item[..<equals].trimmingWhiteSpace())
        guard !overrides.contains(where: { $0.target == target && target != .external(namespace: nil) }) else {
            throw Self.bad("'\(item.trimmingWhiteSpace().printable)' maps a field for the second time")
        }
        overrides.append(Override(target: target, column: column, folded: FieldName.folded(column)))
    }

    private static func target(named name: String) throws(ImportError) -> Target {
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, parts[0] == "external" {
            let namespace = parts[1]
            guard !namespace.isEmpty, !namespace.contains(where: { $0.isWhitespace || $0 == ":" }) else {
                throw bad("'\(name.printable)' has no usable namespace")
            }
            return .external(namespace: String(namespace))
        }
        guard let target = usualTarget(of: name) else { throw bad("unknown field '\(name.printable)'") }
        return target
    }

    private static func usualTarget(of name: String) -> Target? {
        if let field = ImportField(columnName: name) { return .field(field) }
        guard let folded = FieldName.folded(name), externalNames.contains(folded) else { return nil }
        return .external(namespace: nil)
    }

    private static let externalNames: Set<String> = ["external", "externals"]

    private static func bad(_ message: String) -> ImportError {
        let fields = ImportField.allCases.map(\.rawValue).joined(separator: ", ")
        return ImportError(
            .badMapping, message,
            advice: "write field=column, with a field of \(fields), external:NAMESPACE")
    }
}

// MARK: - Applying it to a file

extension ColumnMapping {
    /// The columns of a file with their targets, in order.
    ///
    /// Throws ``ImportError`` where a mapped column is missing (`unknown_column`) or where no column is the id
    /// (`no_id_column`); both name the columns that are there.
    func columns(named names: [String]) throws(ImportError) -> [Column] {
        var columns = names.map { Column(name: $0, targets: []) }
        for override in overrides {
            let exact = names.firstIndex(where: override.spells)
            guard let index = exact ?? names.firstIndex(where: override.mayMean) else {
                throw Self.unknownColumn(override.column, among: names)
            }
            columns[index].targets.append(override.target)
        }
        var taken = Set(overrides.map(\.target))
        for index in columns.indices where columns[index].targets.isEmpty {
            let target = Self.usualTarget(of: names[index]) ?? .attribute
            let isFree = target == .external(namespace: nil) || taken.insert(target).inserted
            columns[index].targets = [isFree ? target : .attribute]
        }
        guard taken.contains(.field(.id)) else { throw Self.noIDColumn(among: names) }
        return columns
    }

    /// A key of JSON objects, of which each may have others beside it. Behind a reference, as every row looks at it.
    final class Key: Sendable {
        private let name: String
        private let overrides: [Override]
        private let usual: Target
        /// What its values become where the object has no key that the mapping spells just so.
        let targets: [Target]
        /// Whether the mapping spells it otherwise: a key that is spelled so comes first where an object has both.
        let isLoose: Bool

        fileprivate init(_ name: String, _ overrides: [Override], usual: Target) {
            self.name = name
            self.overrides = overrides
            self.usual = usual
            targets = overrides.isEmpty ? [usual] : overrides.map(\.target)
            isLoose = overrides.contains { !$0.spells(name) }
        }

        /// What its values become.
        /// - Parameter exact: those keys of the object that the mapping spells just so.
        func targets(beside exact: Set<ExactText>) -> [Target] {
            let explicit = overrides.filter { $0.spells(name) || !exact.contains(ExactText($0.column)) }.map(\.target)
            return explicit.isEmpty ? [usual] : explicit
        }
    }

    func key(named name: String) -> Key {
        let usual = Self.usualTarget(of: name) ?? .attribute
        let isFree = usual == .external(namespace: nil) || !overrides.contains { $0.target == usual }
        return Key(name, overrides.filter { $0.mayMean(name) }, usual: isFree ? usual : .attribute)
    }

    /// Whether it names a column just so.
    func spells(_ column: String) -> Bool { overrides.contains { $0.spells(column) } }

    private static func unknownColumn(_ column: String, among names: [String]) -> ImportError {
        ImportError(
            .unknownColumn, "no column '\(column.printable)'", advice: "the columns are \(listed(names))")
    }

    private static func noIDColumn(among names: [String]) -> ImportError {
        ImportError(
            .noIDColumn, "no id column among \(listed(names))", advice: "name the one that is, as in --map id=COLUMN")
    }

    /// At most twenty names, so that the message stays a line.
    private static func listed(_ names: [String]) -> String {
        let shown = names.prefix(20).map(\.printable).joined(separator: ", ")
        return names.count > 20 ? "\(shown) and \(names.count - 20) more" : shown
    }
}

// MARK: - Filling a row

extension ImportRow {
    /// Puts a text, which is not blank, where it belongs. A field must have none yet.
    mutating func put(_ text: String, from column: String, as target: ColumnMapping.Target) {
        switch target {
        case .field(let field):
            self[field] = text
            if field == .name { nameColumn = column }
        case .external(let namespace?): externals.append("\(namespace):\(text)")
        case .external(nil): externals.append(text)
        case .attribute: attributes.append(Attribute(name: column, json: JSONText.quoted(text)))
        }
    }
}
