import ArgumentParser
import VaultDB

/// `vaultdb changes`: streams what was committed, and what will be.
struct ChangesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "changes",
        abstract: "Stream every committed change once, in order, as JSON Lines.",
        discussion: """
            One event a line, from a sequence number on. --follow waits for more until it is interrupted (exit status \
            130) or nobody reads on. A reader that goes on from the number after the last one it has seen misses and \
            repeats nothing.

              vaultdb changes --from 1201 --limit 500
              vaultdb changes --follow \\
                | jq -r 'select(.event == "identity_created") | .identity_id'
            """)

    @OptionGroup var global: GlobalOptions

    @Option(help: ArgumentHelp("The first event's sequence number.", valueName: "n"))
    var from: UInt64 = 1

    @Option(help: ArgumentHelp("End after so many.", valueName: "n"), transform: Word.count)
    var limit: Int?

    @Flag(help: "Wait for changes to come.")
    var follow = false

    private static let pageEvents = 1_000
    private static let pollMilliseconds = 200

    func run() throws {
        Interruption.listen()
        try global.withOrganization(.readOnly) { organization, _ in
            var next = from
            var left = limit ?? .max
            while left > 0 {
                if Interruption.isWished { throw Failure(.interrupted, "") }
                let events = try organization.events(from: next, limit: min(left, Self.pageEvents))
                for event in events { try Output.streamed(event.json) }
                try Output.flush()
                left -= events.count
                if let last = events.last {
                    next = last.sequence + 1
                } else {
                    guard follow, Terminal.output.waitWhileRead(milliseconds: Self.pollMilliseconds) else { return }
                }
            }
        }
    }
}
