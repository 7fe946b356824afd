import ArgumentParser
import Foundation
import VaultDB

/// Exactly one identifier: what a person is looked up by, or what is to be marked.
struct IdentifierOptions: ParsableArguments {
    @Option(help: ArgumentHelp("An email address, however it is spelled.", valueName: "address"))
    var email: String?

    @Option(help: ArgumentHelp("A phone number, however it is spelled.", valueName: "number"))
    var phone: String?

    @Option(help: ArgumentHelp("An id of another system.", valueName: "namespace:value"))
    var external: String?

    /// What was given, kind by kind.
    var given: [(kind: IdentifierKind, raw: String)] {
        let all: [(IdentifierKind, String?)] = [(.email, email), (.phone, phone), (.external, external)]
        return all.compactMap { kind, raw in raw.map { (kind, $0) } }
    }

    /// The one identifier, normalised.
    /// - Parameter region: of a phone, where it is not the organization's.
    func identifier(in organization: Organization, region: Region? = nil) throws -> Identifier {
        guard let only = given.first else { throw Failure(.wrongUsage, "no identifier is given") }
        return try organization.identifier(only.raw, kind: only.kind, region: region)
    }

    /// The same to look somebody up by.
    /// - Throws: not found where it is not usable, for then nobody has it.
    func soughtIdentifier(in organization: Organization, region: Region? = nil) throws -> Identifier {
        do {
            return try identifier(in: organization, region: region)
        } catch let error as VaultError where error.code == .invalidArgument {
            throw Failure(.notFound, error.message, advice: error.advice)
        }
    }
}

/// The same for commands that take nothing else, and so need exactly one.
struct OneIdentifierOptions: ParsableArguments {
    @OptionGroup var identifier: IdentifierOptions

    func validate() throws {
        guard identifier.given.count == 1 else {
            throw ValidationError("Give exactly one of --email, --phone and --external")
        }
    }
}
