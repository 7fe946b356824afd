import VaultDB

// Where the people of a sample come from: the indexes of a vault, read page by page from one end to the other.

extension BenchMix {
    /// The kinds of identifiers that it asks for.
    fileprivate var kinds: [Organization.ScanKind] {
        switch self {
        case .findEmail: [.email]
        case .findPhone: [.phone]
        case .resolveHit, .mixed: [.email, .phone]
        case .resolveCreate: []
        }
    }
}

extension BenchSample {
    private static let pageEntries = Limits.scanEntriesMax

    /// People of a vault of this program's own.
    init(inventedPeople count: Int, seed: UInt64) {
        self.init(of: count, seed: seed)
        for number in 0..<count { see(InventedPeople.person(number)) }
    }

    /// People of somebody's vault.
    init(of organization: Organization, _ mix: BenchMix, count: Int, seed: UInt64) throws {
        self.init(of: count, seed: seed)
        var bar = ProgressBar("picking people")
        defer { bar.erase() }
        for kind in mix.kinds {
            var cursor: [UInt8]?
            repeat {
                let page = try organization.scan(kind, after: cursor, limit: Self.pageEntries)
                for case .some(let identifier) in page.entries.map({ $0.identity == nil ? nil : $0.identifier }) {
                    see(identifier, kind)
                }
                cursor = page.next
                try goOn(&bar)
            } while cursor != nil
        }
    }

    /// People of the vault that a server has.
    init(of server: ServerTarget, _ mix: BenchMix, count: Int, seed: UInt64) throws {
        self.init(of: count, seed: seed)
        var bar = ProgressBar("picking people")
        defer { bar.erase() }
        let connection = try server.address.connect()
        for kind in mix.kinds {
            var cursor = "0"
            repeat {
                let (reply, strings) = try connection.ask([
                    "SCAN", server.organization, cursor, "KIND", kind.rawValue.uppercased(), "COUNT",
                    "\(Self.pageEntries)",
                ])
                if case .error(let message) = reply {
                    throw Failure(.failed, "\(server.address.name) says \(message)", advice: "check --org and --token")
                }
                cursor = strings.first ?? "0"
                // Ids stand between the identifiers.
                let mark: Character = kind == .email ? "@" : "+"
                for identifier in strings.dropFirst() where identifier.contains(mark) { see(identifier, kind) }
                try goOn(&bar)
            } while cursor != "0"
        }
    }

    private mutating func see(_ identifier: String, _ kind: Organization.ScanKind) {
        if kind == .email { see(email: identifier) } else { see(phone: identifier) }
    }

    private func goOn(_ bar: inout ProgressBar) throws(Failure) {
        bar.update(seen, of: "identifiers", share: nil)
        if Interruption.isWished { throw Failure(.interrupted, "") }
    }
}
