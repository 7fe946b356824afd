import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb put`: writes one record, and finds or creates whose it is.
struct PutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Write a record, linked to the identity it belongs to.",
        discussion: """
            Its own email, phone and external ids find or create the identity, in the same transaction; --identity \
            names one. Putting a record again replaces its fields, and --keep keeps those that are not given; its \
            identity and its created_at stay in either case. The first patient of an identity converts its open leads.

            Fields: \(RecordFields.names.joined(separator: ", ")). external may be given again, attributes is a JSON \
            object, and attr.NAME=text adds one attribute to it.

              vaultdb put lead 1042 first_name=Ana phone='600 123 456' attr.wish=implant
              vaultdb put patient p-7 email=ana@example.com created_at=2025-01-31T09:30:00Z
              vaultdb put lead 1042 --keep status=QUALIFIED
              vaultdb put lead 1042 --keep --move \\
                --identity 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("lead, patient, follower or another word.", valueName: "kind"), transform: Word.kind)
    var kind: RecordKind

    @Argument(help: ArgumentHelp("The record's id in its own system.", valueName: "record-id"))
    var id: String

    @Argument(help: ArgumentHelp("What the record says.", valueName: "field=value"))
    var fields: [String] = []

    @Option(help: ArgumentHelp("Whose it is, where that is known.", valueName: "id"), transform: Word.id)
    var identity: UUID?

    @Flag(help: "Let the record leave its identity for the one that --identity names.")
    var move = false

    @Flag(help: "Keep the fields that are not given.")
    var keep = false

    @OptionGroup var request: RequestOptions

    func validate() throws {
        guard !move || identity != nil else { throw ValidationError("--move needs --identity") }
    }

    func run() throws {
        let draft = try draft()
        try global.withOrganization(.readWrite) { organization, _ in
            let answer = try organization.putBlocking(draft)
            let identity = try organization.identity(answered: answer.identity)
            if global.json { return try Output.document(answer.json(identity)) }
            try print(answer, identity)
        }
    }

    private func draft() throws(Failure) -> RecordDraft {
        var draft = RecordDraft(kind: kind, id: id, identity: identity)
        draft.moves = move
        draft.keepsOthers = keep
        draft.region = request.region
        draft.idempotencyKey = request.idempotencyKey
        let given = try RecordFields(fields)
        guard !keep || !given.hasSingleAttributes else {
            throw Failure(
                .wrongUsage, "attributes are kept or replaced as a whole, so attr.NAME does not go with --keep",
                advice: "give attributes={…} with all of them")
        }
        try given.fill(&draft)
        return draft
    }

    private func print(_ answer: PutAnswer, _ identity: Identity?) throws(Failure) {
        var fields = TextFields()
        fields.add("\(answer.kind)", answer.id, style: .bold)
        fields.add("change", answer.change.rawValue, style: answer.change == .unchanged ? .plain : .good)
        fields.add("identity", answer.identity.text)
        fields.add("outcome", answer.resolution?.outcome.name)
        fields.add(identity)
        fields.add("converted lead", answer.converted, style: .good)
        if let resolution = answer.resolution { fields.add(resolution) }
        fields.add("warning", answer.warnings.map(\.name), style: .notable)
        try fields.print()
    }
}
