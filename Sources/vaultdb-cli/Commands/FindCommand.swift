import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb find`: looks one identity up, and says why where there is none.
struct FindCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find",
        abstract: "Look an identity up. Never writes.",
        discussion: """
            By one identifier, however it is spelled, or by the identity's id. The exit status is 3 where there is \
            none, also where the identifier is unusable, and 1 where the identity was erased.

              vaultdb find --phone '600 123 456'
              vaultdb find --email 'John@Example.com' --json | jq -r .identity_id
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var identifier: IdentifierOptions

    @Option(help: ArgumentHelp("An identity's id.", valueName: "uuid"), transform: Word.id)
    var id: UUID?

    @Option(
        help: ArgumentHelp("The region of the phone, where it is not the organization's.", valueName: "code"),
        transform: Word.region)
    var region: Region?

    func validate() throws {
        guard identifier.given.count + (id == nil ? 0 : 1) == 1 else {
            throw ValidationError("Give exactly one of --email, --phone, --external and --id")
        }
    }

    func run() throws {
        try global.withOrganization(.readOnly) { organization, vault in
            guard let id = try id ?? identifier.owner(in: organization, vault, region: region) else {
                throw Failure(.wrongUsage, "nobody is meant")
            }
            let found = try organization.person(id)
            if global.json { return try Output.document(found.json) }
            try FoundText(found).print()
        }
    }
}

/// An identity for people.
struct FoundText {
    private let found: FoundIdentity

    init(_ found: FoundIdentity) { self.found = found }

    func print() throws(Failure) {
        let identity = found.identity
        var fields = TextFields()
        fields.add("identity", identity.id.text, style: .bold)
        fields.add("redirected from", found.redirectedFrom?.text, style: .notable)
        fields.add("name", identity.displayName)
        fields.add("also called", identity.aliases)
        for kind in IdentifierKind.allCases {
            fields.add(kind.description, identity.identifiers(of: kind).map { $0.described() })
        }
        fields.add("created", identity.createdAt.description)
        fields.add("updated", identity.updatedAt.description)
        try fields.print()
    }
}
