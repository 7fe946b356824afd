import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb erasures`: shows the register of erasures, writes it to a file, does it again, or forgets its hashes.
struct ErasuresCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erasures",
        abstract: "List erasures, keep them beside backups, do them again after a restore.",
        discussion: """
            The register names the ids that were erased, and when. --export writes it as JSON Lines. A backup from \
            before an erasure still holds the person: restore it, then replay the register in it. forget deletes the \
            key of the hashes by which the vault says previously_erased; the register stays.

              vaultdb erasures --limit 20
              vaultdb erasures --export erasures.jsonl
              vaultdb erasures replay erasures.jsonl --db restored.vault
              vaultdb erasures forget --yes
            """)

    enum Action: String, ExpressibleByArgument, CaseIterable { case replay, forget }

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("replay or forget; the register is listed without it.", valueName: "action"))
    var action: Action?

    @Argument(
        help: ArgumentHelp("The register to replay, as --export wrote it, or - for stdin.", valueName: "file"),
        completion: .file())
    var file: String?

    @Option(
        help: ArgumentHelp("Write the whole register to this new file, or - for stdout.", valueName: "file"),
        completion: .file())
    var export: String?

    @Flag(help: "Let the export replace a file that is there.")
    var force = false

    @OptionGroup var page: ListOptions

    @Option(help: ArgumentHelp("List those after this id.", valueName: "id"), transform: Word.id)
    var after: UUID?

    @Flag(help: "Don't ask before forgetting.")
    var yes = false

    func validate() throws {
        guard (action == .replay) == (file != nil) else {
            throw ValidationError("replay takes a file, and nothing else does")
        }
        guard action == nil || (export == nil && page.limit == nil && after == nil) else {
            throw ValidationError("--export, --limit and --after are for the register itself, without replay or forget")
        }
        guard export == nil || (page.limit == nil && after == nil) else {
            throw ValidationError("--export writes the whole register, without --limit and --after")
        }
    }

    func run() throws {
        switch action {
        case .replay: try replay()
        case .forget: try forget()
        case nil: if let export { try write(to: export) } else { try list() }
        }
    }

    // MARK: The register

    private func list() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            let erasures = try organization.erasures(after: after, limit: page.entries)
            var table = TextTable(["identity": .whole, "erased": .left, "with it": .left])
            for erasure in erasures {
                table.add(
                    .init(erasure.identity.text), .init(erasure.time.description),
                    .init(erasure.absorbed.map(\.text).joined(separator: ", ")))
            }
            try global.printPage(
                erasures.map(\.json), next: erasures.count < page.entries ? nil : erasures.last?.identity.text,
                by: "--after", table, empty: "nobody was erased")
        }
    }

    private func write(to path: String) throws {
        try global.requireApart(path)
        try global.withOrganization(.readOnly) { organization, _ in
            let count = try ErasureFile.write(of: organization, to: path, replaces: force)
            guard path != "-" else { return }
            Output.noteDone("the file is written")
            if global.json { return try Output.document(["file": .string(path), "erasures": JSONValue(count)]) }
            try Output.line("wrote \(DisplayText.oneLine(path)), \(count.counted("erasure"))")
        }
    }

    // MARK: Doing it again

    private func replay() throws {
        guard let file else { return }
        try global.withOrganization(.readWrite) { organization, _ in
            var outcomes: [Replay: Int] = [:]
            var unclear: [UUID] = []
            let erasures = try ErasureFile.read(file, for: organization.id)
            let named = Set(erasures.flatMap { [$0.identity] + $0.absorbed })
            for erasure in erasures {
                let outcome = try organization.replayBlocking(erasure, beside: named)
                outcomes[outcome, default: 0] += 1
                if outcome == .needsReview { unclear.append(erasure.identity) }
            }
            try print(outcomes, unclear)
            guard unclear.isEmpty else {
                throw Failure(
                    .failed,
                    "\(unclear.count.counted("erasure")) needs a decision: the id is one person with somebody else here",
                    advice: "look with vaultdb contact, and unmerge or erase")
            }
        }
    }

    private func print(_ outcomes: [Replay: Int], _ unclear: [UUID]) throws {
        if global.json {
            let counts = Replay.allCases.map { outcome in
                JSONValue.Member(name: outcome.rawValue, value: JSONValue(outcomes[outcome] ?? 0))
            }
            return try Output.document(.object(counts).adding(["review": JSONValue(unclear.map(\.text))]))
        }
        var fields = TextFields()
        fields.add("erased", (outcomes[.erased] ?? 0).grouped, style: .good)
        fields.add("nothing to do", (outcomes[.nothingToDo] ?? 0).grouped)
        fields.add("needs review", (outcomes[.needsReview] ?? 0).grouped)
        fields.add("to look at", unclear.map(\.text), style: .notable)
        try fields.print()
    }

    // MARK: Forgetting

    private func forget() throws {
        try Confirmation.require(unless: yes, "forgetting")
        try global.withOrganization(.readWrite) { organization, _ in
            if !yes { try Confirmation.ask("The vault will no longer know what was erased when it comes back.") }
            let count = try organization.forgetErasuresBlocking()
            if global.json { return try Output.document(["forgotten": JSONValue(count)]) }
            try Output.line("forgot the key and \(count.grouped) \(count == 1 ? "hash" : "hashes")")
        }
    }
}
