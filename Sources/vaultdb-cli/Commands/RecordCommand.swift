import ArgumentParser
import VaultDB

/// `vaultdb record`: shows one record, whole.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Show one record, with its identity and its attributes.",
        discussion: """
            By its kind and its id in its own domain. The exit status is 3 where there is none.

              vaultdb record lead 66d3b332-298b-4ed2-b7cb-335a3759a4a0
              vaultdb record patient p-7 --json | jq -r .identity_id
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("lead, patient, follower or another kind.", valueName: "kind"), transform: Word.kind)
    var kind: RecordKind

    @Argument(help: ArgumentHelp("The record's id.", valueName: "id"))
    var id: String

    func run() throws {
        try global.withOrganization(.readOnly) { organization, _ in
            guard let record = try organization.record(kind, id) else {
                throw Failure(
                    .notFound, "there is no \(kind) with that id", advice: "check the kind, the id and the organization"
                )
            }
            if global.json { return try Output.document(record.json) }
            try print(record)
        }
    }

    private func print(_ record: Record) throws(Failure) {
        var fields = TextFields()
        fields.add(record.kind.rawValue, record.id, style: .bold)
        fields.add("identity", record.identity.text)
        fields.add("name", record.name)
        fields.add("email", record.email)
        fields.add("phone", record.phone)
        fields.add("source", record.source)
        fields.add("status", record.shownStatus, style: record.isActive ? .plain : .notable)
        fields.add("created", record.createdAt.description)
        fields.add("updated", record.updatedAt.description)
        fields.add("attributes", record.attributes)
        try fields.print()
    }
}
