import Foundation
import Glibc
import VaultDB

/// A vault of invented people in a directory of its own.
struct TemporaryVault {
    private let path: String
    let organization: Organization

    /// Runs `body` on an empty one, which is gone at its end.
    /// - Parameter parent: where the directory is to lie; nil for the system's place for such.
    static func with(
        in parent: String?, options: VaultOptions, _ body: (TemporaryVault) throws -> Void
    ) throws {
        try TemporaryDirectory.with("bench", in: parent, advice: "name another place with --directory") { path in
            let vault = try Vault(at: path, options: options)
            defer { vault.close() }
            try body(TemporaryVault(path: path, organization: vault.organization(UUID())))
        }
    }

    /// Imports so many people as a user would.
    func fill(_ count: Int) throws {
        let rows = "\(path.directoryPath)/people.csv"
        try Interruption.removing([rows]) {
            try Self.write(count, to: rows)
            try load(rows, of: count)
        }
    }

    private static func write(_ count: Int, to path: String) throws {
        try NewFile.write(path, replaces: true) { file in
            try file.addRecord(["id", "name", "email", "phone"])
            for number in 0..<count {
                if number % 4_096 == 0, Interruption.isWished { throw Failure(.interrupted, "") }
                let person = InventedPeople.person(number)
                try file.addRecord(
                    ["\(number)", InventedPeople.name(number), person.email ?? "", person.phone ?? ""])
            }
        }
    }

    private func load(_ path: String, of count: Int) throws {
        var source = try ImportSource(path: path)
        var listener = Filling()
        let summary = try organization.importRows(of: .lead, from: &source, &listener)
        listener.bar.erase()
        if Interruption.isWished { throw Failure(.interrupted, "") }
        guard summary.created == count else {
            throw Failure(.failed, "\((count - summary.created).grouped) invented people could not be imported")
        }
        unlink(path)
    }

    private struct Filling: ImportListener {
        var bar = ProgressBar("filling")

        mutating func rejected(_ fault: RowFault) {}
        mutating func assigned(recordID: String?, to identity: UUID?) {}
        mutating func progressed(rows: Int, bytesRead: Int, bytesTotal: Int?) -> Bool {
            bar.update(rows, of: "people", share: bytesTotal.map { Double(bytesRead) / Double(max($0, 1)) })
            return !Interruption.isWished
        }
    }
}
