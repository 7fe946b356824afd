import VaultDB

/// How much memory a vault may take for what was looked up lately.
struct VaultCache {
    /// Of the one that others are compared with.
    static let usual = "VaultDB"

    let name: String
    /// Nil for the vault's own default.
    let bytes: Int?

    /// What the tables show beside each other.
    /// - Parameter given: of the vault in the middle.
    static func all(_ given: Int?) -> [VaultCache] {
        [
            VaultCache(name: "VaultDB, no cache", bytes: 0), VaultCache(name: usual, bytes: given),
            VaultCache(name: "VaultDB, room for all", bytes: 1 << 30),
        ]
    }

    /// For a process of this program.
    var arguments: [String] { bytes.map { ["--cache", "\($0)"] } ?? [] }
}

extension VaultOptions {
    /// Of a vault that is measured.
    init(measured access: Access, cacheBytes: Int?) {
        self.init()
        self.access = access
        // As the `vaultdb` command has it: a line for each that is created would be most of the work.
        logger.logLevel = .warning
        if let cacheBytes { self.cacheBytes = cacheBytes }
    }
}
