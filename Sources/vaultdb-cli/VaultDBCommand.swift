import ArgumentParser
import Glibc
import VaultServer

/// The program: `vaultdb` and its subcommands.
@main
struct VaultDBCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vaultdb",
        abstract: "An embedded identity store: one person, one identity, however they wrote to you.",
        discussion: """
            A vault is one file. It keeps one identity per person and organization, found by any of their emails, \
            phone numbers and external ids, in whatever spelling.

              vaultdb init --db clinic.vault --org 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80
              vaultdb import --db clinic.vault --kind lead leads.csv
              vaultdb find --db clinic.vault --phone '600 123 456'

            With VAULTDB_PATH and VAULTDB_ORG set, --db and --org can be left out. Exit status: 0 done, 1 failed, \
            2 wrong usage, 3 not found, 130 interrupted. Completions for your shell: \
            vaultdb --generate-completion-script bash|zsh|fish
            """,
        version: ServerVersion.text,
        groupedSubcommands: [
            CommandGroup(
                name: "People",
                subcommands: [
                    ResolveCommand.self, FindCommand.self, SearchCommand.self, ContactCommand.self,
                    IdentifiersCommand.self,
                ]),
            CommandGroup(
                name: "Records",
                subcommands: [
                    PutCommand.self, RecordCommand.self, RecordsCommand.self, DeleteCommand.self, ImportCommand.self,
                    BackfillCommand.self,
                ]),
            CommandGroup(
                name: "Review",
                subcommands: [
                    ConflictsCommand.self, MergeCommand.self, KeepApartCommand.self, MergesCommand.self,
                    UnmergeCommand.self, ShareCommand.self, BlockCommand.self, ReleaseCommand.self,
                ]),
            CommandGroup(
                name: "People's rights, and the trail",
                subcommands: [
                    ExportCommand.self, EraseCommand.self, ErasuresCommand.self, AuditCommand.self, ChangesCommand.self,
                ]),
            CommandGroup(
                name: "The file",
                subcommands: [
                    InitCommand.self, StatCommand.self, KeysCommand.self, GetCommand.self, CheckCommand.self,
                    BackupCommand.self, RestoreCommand.self, CompactCommand.self, RekeyCommand.self,
                ]),
            CommandGroup(name: "The server", subcommands: [ServeCommand.self, TokenCommand.self]),
            CommandGroup(name: "Speed", subcommands: [BenchCommand.self]),
        ])

    static let commandNames = configuration.subcommands.compactMap { $0.configuration.commandName }

    static func main() {
        StandardStreams.fillGaps()
        // A file that may not grow is then an error like any other, not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        do {
            try CommandLineOrder.refuseOtherThanUTF8()
            let arguments = CommandLineOrder.subcommandFirst(Array(CommandLine.arguments.dropFirst()))
            try CommandLineOrder.refuseHelpOnNothing(arguments)
            var command = try parsed(arguments)
            try RepeatedOptions.refuse(arguments, of: command)
            try OpenFiles.require(free: OpenFiles.commandMin)
            try command.run()
        } catch {
            Ending(of: error).exit()
        }
    }

    private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
        do {
            return try parseAsRoot(arguments)
        } catch {
            throw UnknownOptions.error(in: arguments, refusedWith: error) ?? error
        }
    }
}
