import ArgumentParser
import VaultDB

/// What a request may say beside whom it is about.
struct RequestOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The region of the phone, where it is not the organization's.", valueName: "code"),
        transform: Word.region)
    var region: Region?

    @Option(help: ArgumentHelp("A key under which a repeated call gives the first answer again.", valueName: "text"))
    var idempotencyKey: String?
}
