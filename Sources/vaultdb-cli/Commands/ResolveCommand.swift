import ArgumentParser
import VaultDB

/// `vaultdb resolve`: finds or creates one identity, and explains how it came about.
struct ResolveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Find a person's identity, or create it.",
        discussion: """
            Looks the identifiers up, external ids first, then email, then phone; creates an identity where none is \
            known, and adds what nobody owns yet. The answer says how it came about. --dry-run writes nothing.

              vaultdb resolve --email ' John@Example.COM ' --phone '600 123 456' \\
                --name 'John Doe'
              vaultdb resolve --external whatsapp:34600123456 --source whatsapp --json
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("An email address.", valueName: "address"))
    var email: String?

    @Option(help: ArgumentHelp("A phone number.", valueName: "number"))
    var phone: String?

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp("An id of another system; may be given again.", valueName: "namespace:value"))
    var external: [String] = []

    @Option(help: ArgumentHelp("The person's name.", valueName: "text"))
    var name: String?

    @Option(help: ArgumentHelp("Where this comes from, such as public_booking.", valueName: "text"))
    var source: String?

    @OptionGroup var request: RequestOptions

    @Flag(help: "Say what would happen and write nothing.")
    var dryRun = false

    func validate() throws {
        guard email != nil || phone != nil || !external.isEmpty else {
            throw ValidationError("Give at least one of --email, --phone and --external")
        }
    }

    func run() throws {
        try global.withOrganization(dryRun ? .readOnly : .readWrite) { organization, _ in
            let resolution = try organization.resolveBlocking(resolveRequest)
            let identity = try organization.identity(answered: resolution.identity.id)
            if global.json { return try Output.document(resolution.json(identity)) }
            try print(resolution, identity)
        }
    }

    private var resolveRequest: ResolveRequest {
        ResolveRequest(
            email: email, phone: phone, externals: external, name: name, source: source, region: request.region,
            idempotencyKey: request.idempotencyKey, isDryRun: dryRun)
    }

    private func print(_ resolution: Resolution, _ identity: Identity?) throws(Failure) {
        var fields = TextFields()
        let outcome = resolution.outcome.name
        fields.add("outcome", dryRun ? "\(outcome) (dry run: nothing is written)" : outcome, style: .good)
        fields.add("identity", dryRun && identity == nil ? "a new one" : resolution.identity.id.text)
        fields.add("matched by", resolution.matched?.text)
        fields.add(identity)
        fields.add(resolution)
        fields.add("warning", resolution.warnings.map(\.name), style: .notable)
        if resolution.sequence > 0 { fields.add("sequence", String(resolution.sequence)) }
        try fields.print()
    }
}
