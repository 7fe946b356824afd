import ArgumentParser
import Foundation
import VaultDB

/// `vaultdb contact`: shows one person whole, with the timeline.
struct ContactCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contact",
        abstract: "Show a person: who it is, how to reach them, and all that happened.",
        discussion: """
            A card and a page of the timeline, from one snapshot; times are in UTC. The person is named by an \
            identity's id or by one identifier, however it is spelled.

              vaultdb contact 0198c2f0-7b1e-7c3a-9d55-3f1a2b4c5d6e
              vaultdb contact --phone '600 123 456' --newest-first --limit 20
              vaultdb contact --email ana@example.com --json | jq .total_interactions
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var person: PersonOptions
    @OptionGroup var page: PageOptions

    func run() throws {
        try global.withOrganization(.readOnly) { organization, vault in
            let id = try person.id(in: organization, vault)
            let contact = try organization.contact(id, from: page.from, order: page.order, limit: page.records)
            if global.json { return try Output.document(contact.json) }
            try ContactCard(contact).print()
            try Output.line()
            try Timeline(contact.timeline.records).print()
            try page.printNext(contact.timeline.next, of: "contact \(id.text)")
        }
    }
}
