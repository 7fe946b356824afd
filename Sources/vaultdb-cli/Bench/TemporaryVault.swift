import Foundation
import Glibc
import VaultDB

/// A vault of invented people in a directory of its own, which is gone when this is.
final class TemporaryVault {
    private let directory: String
    private let vault: Vault
    let organization: Organization

    /// - Parameter parent: where the directory is to lie; nil for the system's place for such.
    init(in parent: String?, options: VaultOptions) throws {
        let base = parent ?? Environment["TMPDIR"] ?? "/tmp"
        directory = "\(base)/vaultdb-bench-\(UUID().text)"
        guard mkdir(directory, 0o700) == 0 else {
            throw Failure(
                .failed, "\(base) can't be written to: \(String(cString: strerror(errno)))",
                advice: "name another place with --directory")
        }
        do {
            vault = try Vault(at: "\(directory)/bench.vault", options: options)
        } catch {
            try? FileManager.default.removeItem(atPath: directory)
            throw error
        }
        organization = vault.organization(UUID())
    }

    deinit {
        vault.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Imports so many people as a user would.
    func fill(_ count: Int) throws {
        let path = "\(directory)/people.csv"
        let file = try NewFile(path)
        try file.addRecord(["id", "name", "email", "phone"])
        for number in 0..<count {
            if number % 4_096 == 0, Interruption.isWished { throw Failure(.interrupted, "") }
            let person = InventedPeople.person(number)
            try file.addRecord(
                ["\(number)", InventedPeople.name(number), person.email ?? "", person.phone ?? ""])
        }
        try file.finish()
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
        mutating func assigned(recordID: String, to identity: UUID?) {}
        mutating func progressed(rows: Int, bytesRead: Int, bytesTotal: Int?) -> Bool {
            bar.update(rows, of: "people", share: bytesTotal.map { Double(bytesRead) / Double(max($0, 1)) })
            return !Interruption.isWished
        }
    }
}
