import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb export`: gives out everything held about a person.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Export everything held about a person, as one JSON document.",
        discussion: """
            Identity, identifiers and who held them when, records, merges, conflicts and events, from one snapshot. \
            docs/EXPORT.md tells the fields. A file that is written is its owner's alone.

              vaultdb export 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e | jq .records
              vaultdb export 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e --output ana.json
            """)

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The identity.", valueName: "id"), transform: Word.id)
    var id: UUID

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Write to this new file instead of stdout (-).", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var output: String?

    @Flag(help: "Replace the file where it is there.")
    var force = false

    func run() throws {
        try global.requireApart(output)
        try global.withOrganization(.readOnly) { organization, _ in
            let document = try organization.export(id)
            guard let output, output != "-" else { return try Output.document(document) }
            try NewFile.write(output, replaces: force) { file in try file.addLine(document.prettyText) }
            Output.noteDone("the file is written")
            if global.json { return try Output.document(["file": .string(output), "identity_id": .string(id.text)]) }
            try Output.line("wrote \(DisplayText.oneLine(output))")
        }
    }
}
