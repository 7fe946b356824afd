import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb erase`: forgets a person.
struct EraseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Erase a person: the right to be forgotten.",
        discussion: """
            Identifiers are free again, records become anonymous, patients inactive, and the id answers "erased" from \
            then on. It can't be undone. The bytes stay in free pages of the file until it is rewritten: --scrub does \
            that at once, also for an id that is erased already, and nobody else may have the vault open then. Backups \
            are yours to care for: erasures replay does it again in one that is restored.

              vaultdb erase 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e
              vaultdb erase 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e --scrub --yes --json
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The identity.", valueName: "id"), transform: Word.id)
    var id: UUID

    @Flag(help: "Rewrite the file, so that no byte of what was erased remains in it.")
    var scrub = false

    @Flag(help: "Don't ask.")
    var yes = false

    func run() throws {
        try Confirmation.require(unless: yes, "an erasure")
        let path = try global.path()
        var erased: ErasureAnswer?
        try global.withOrganization(.readWrite) { organization, _ in
            erased = try erase(in: organization)
            if scrub { Interruption.say("\(Self.unscrubbed); run vaultdb compact") }
            if !scrub, let erased { try print(erased) }
        }
        // The vault is closed by now.
        if scrub { try rewrite(path, after: erased) }
    }

    private static let unscrubbed = "the person is erased, but old bytes may still be in the file"

    /// - Returns: nil where that was done before, and only the file is left to be rewritten.
    private func erase(in organization: Organization) throws -> ErasureAnswer? {
        do {
            if !yes { try confirm(in: organization) }
            return try organization.eraseBlocking(id)
        } catch let error as VaultError where error.code == .erased && scrub {
            return nil
        }
    }

    private func confirm(in organization: Organization) throws {
        let contact = try organization.contact(id, limit: 1)
        let name = contact.identity.displayName ?? contact.identity.id.text
        let identifiers = contact.identity.identifiers.count
        try Confirmation.ask(
            "\(name) will be erased: \(identifiers.counted("identifier")), "
                + "\(contact.totalInteractions.counted("record")).")
    }

    private func rewrite(_ path: String, after answer: ErasureAnswer?) throws {
        let scrubbed: (before: Int, after: Int)
        do throws(VaultError) {
            scrubbed = try VaultFiles.compact(at: path)
        } catch {
            try print(answer, isScrubLeft: true)
            // The write that was not made would be taken for the erasure.
            let reason = error.code == .diskFull ? "the disk is full" : error.message
            let advice = [error.advice, "run vaultdb compact later"].filter { !$0.isEmpty }
            throw Failure(.failed, "\(Self.unscrubbed): \(reason)", advice: advice.joined(separator: ", or "))
        }
        Interruption.say(nil)
        try print(answer, scrubbed: scrubbed)
        try Output.flush()
    }

    /// - Parameter answer: nil for somebody who was erased before.
    private func print(
        _ answer: ErasureAnswer?, scrubbed: (before: Int, after: Int)? = nil, isScrubLeft: Bool = false
    ) throws {
        if global.json { return try Output.document(json(answer, scrubbed)) }
        var fields = TextFields()
        if let answer {
            fields.add("erased", answer.identity.text, style: .good)
            fields.add("with it", answer.absorbed.map { "\($0.text), merged into it" })
            fields.add("identifiers freed", answer.identifiers.grouped)
            if answer.unblocked > 0 { fields.add("no longer blocked", answer.unblocked.grouped) }
            fields.add("records anonymous", answer.records.grouped)
            fields.add("conflicts cleared", answer.conflicts.grouped)
        } else {
            fields.add("erased before", id.text)
        }
        if let scrubbed {
            fields.add("file rewritten", "\(scrubbed.before.grouped) bytes before, \(scrubbed.after.grouped) after")
        } else if !isScrubLeft {
            fields.add("left to do", "vaultdb compact, so that no old byte remains in the file")
        }
        try fields.print()
    }

    /// Of somebody who was erased before the id is told, and nothing of what that erasure did.
    private func json(_ answer: ErasureAnswer?, _ scrubbed: (before: Int, after: Int)?) -> JSONValue {
        let erasure = answer?.json ?? ["identity_id": .string(id.text)]
        guard scrub else { return erasure }
        return erasure.adding([
            "scrubbed": .bool(scrubbed != nil), "bytes_before": scrubbed.map { JSONValue($0.before) } ?? .null,
            "bytes_after": scrubbed.map { JSONValue($0.after) } ?? .null,
        ])
    }
}

extension BinaryInteger {
    /// With what is counted, as in `1 record` and `2 records`.
    func counted(_ thing: String) -> String { "\(grouped) \(thing)\(self == 1 ? "" : "s")" }
}
