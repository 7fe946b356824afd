import Foundation
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

    /// People of somebody's vault.
    init(of organization: Organization, _ mix: BenchMix, count: Int, seed: UInt64) throws {
        self.init(of: count, seed: seed)
        var bar = ProgressBar("picking people")
        defer { bar.erase() }
        for kind in mix.kinds {
            var cursor: [UInt8]?
            repeat {
                let page = try organization.scan(kind, after: cursor, limit: Self.pageEntries)
                for entry in page.entries {
                    if let identifier = entry.identifier, let identity = entry.identity {
                        see(identifier, kind, of: identity)
                    }
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
                // Each stands before the id of who holds it, where somebody does.
                for (identifier, holder) in zip(strings.dropFirst(), strings.dropFirst(2)) {
                    if let identity = UUID(uuidString: holder) { see(identifier, kind, of: identity) }
                }
                try goOn(&bar)
            } while cursor != "0"
        }
    }

    private mutating func see(_ identifier: String, _ kind: Organization.ScanKind, of identity: UUID) {
        if kind == .email { see(email: identifier, of: identity) } else { see(phone: identifier, of: identity) }
    }

    private func goOn(_ bar: inout ProgressBar) throws(Failure) {
        bar.update(seen, of: "identifiers", share: nil)
        if Interruption.isWished { throw Failure(.interrupted, "") }
    }
}
