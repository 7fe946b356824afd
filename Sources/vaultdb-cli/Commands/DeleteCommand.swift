import ArgumentParser
import VaultDB

/// `vaultdb delete`: deletes one record.
struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a record: for good, or softly where its kind is retained.",
        discussion: """
            A patient stays and is no longer active; any other record is gone. --soft keeps those too, and --hard is \
            refused for a patient. The identity stays as it is; erase is what forgets a person.

              vaultdb delete lead 1042
              vaultdb delete follower ig-3089 --soft
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The record's kind.", valueName: "kind"), transform: Word.kind)
    var kind: RecordKind

    @Argument(help: ArgumentHelp("The record's id.", valueName: "record-id"))
    var id: String

    @Flag(help: "Delete it for good.")
    var hard = false

    @Flag(help: "Keep it, no longer active.")
    var soft = false

    func validate() throws {
        guard !(hard && soft) else { throw ValidationError("Give --hard or --soft, not both") }
    }

    func run() throws {
        try global.withOrganization(.readWrite) { organization, _ in
            let answer = try organization.deleteBlocking(kind, id, hard ? .hard : soft ? .soft : .byKind)
            if global.json { return try Output.document(answer.json) }
            var fields = TextFields()
            fields.add("\(answer.kind)", answer.id, style: .bold)
            fields.add("change", answer.change.rawValue, style: answer.change == .unchanged ? .plain : .good)
            fields.add("identity", answer.identity.text)
            try fields.print()
        }
    }
}
