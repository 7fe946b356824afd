/// What the bearer of a token may do. Each role may do what those before it may.
public enum AccessRole: UInt8, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    /// Looks up and reads.
    case reader = 1
    /// Resolves and puts records as well.
    case resolver = 2
    /// Everything: merges, erasures, exports, the server's own commands.
    case admin = 3

    public init?(name: String) {
        guard let role = Self.allCases.first(where: { $0.description == name }) else { return nil }
        self = role
    }

    public var description: String {
        switch self {
        case .reader: "reader"
        case .resolver: "resolver"
        case .admin: "admin"
        }
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
