import ArgumentParser
import VaultDB

/// `vaultdb token`: makes, lists and ends the credentials of the server.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke the server's tokens.",
        discussion: """
            A token is for one organization and one role: reader (looks up), resolver (resolves and puts records too) \
            or admin (everything). The vault keeps its hash only. What is made or revoked here counts for running \
            servers within a second.

              vaultdb token create --role resolver --label bookings
              vaultdb token list
              vaultdb token revoke k3jw6qzt
            """,
        subcommands: [Create.self, List.self, Revoke.self])
}

extension TokenCommand {
    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a token and print it, once.",
            discussion: """
                  vaultdb token create --role resolver --label bookings
                """)

        @OptionGroup var global: GlobalOptions

        @Option(
            help: ArgumentHelp("reader, resolver or admin (resolver).", valueName: "role"),
            completion: .list(AccessRole.allCases.map(\.description)), transform: TokenCommand.role)
        var role = AccessRole.resolver

        @Option(help: ArgumentHelp("What it is for.", valueName: "text"))
        var label: String?

        func run() throws {
            try global.withOrganization(.readWrite) { organization, vault in
                let made = try vault.createTokenBlocking(for: organization.id, role: role, label: label)
                Output.noteDone(
                    "the token \(made.token.id) is made, and can't be shown again",
                    advice: "end it with vaultdb token revoke \(made.token.id), and make another")
                if global.json {
                    return try Output.document(made.token.json.adding(["token": .string(made.text)]))
                }
                try Output.line(made.text)
                try Output.flush()
                Terminal.errors.write("vaultdb: keep it safe: it can't be shown again\n")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the tokens there are.",
            discussion: """
                  vaultdb token list --json | jq -r '.[].id'
                """)

        @OptionGroup var global: GlobalOptions

        func run() throws {
            try global.withVault(.readOnly) { vault in
                let tokens = try vault.tokens()
                if global.json { return try Output.document(.array(tokens.map(\.json))) }
                var table = TextTable([
                    "id": .whole, "role": .left, "organization": .whole, "created": .left, "label": .left,
                ])
                for token in tokens {
                    table.add(
                        .init(token.id), .init(token.role.description), .init(token.organization.text),
                        .init(token.createdAt.description), .init(token.label))
                }
                try Output.table(table, empty: "there are no tokens; the server needs none on loopback")
            }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "End a token for good.",
            discussion: """
                  vaultdb token revoke k3jw6qzt
                """)

        @OptionGroup var global: GlobalOptions

        @Argument(help: ArgumentHelp("The token's id, as `list` shows it.", valueName: "id"))
        var id: String

        func run() throws {
            try global.withVault(.readWrite) { vault in
                let token = try vault.revokeTokenBlocking(id)
                if global.json { return try Output.document(token.json) }
                try Output.line("revoked \(token.id)")
            }
        }
    }

    @Sendable
    fileprivate static func role(_ text: String) throws -> AccessRole {
        guard let role = AccessRole(name: text) else {
            throw ValidationError("the roles are reader, resolver and admin")
        }
        return role
    }
}
