import ArgumentParser
import Foundation
import VaultDB

/// Words of the command line turned into the library's types, or refused with a reason.
enum Word {
    @Sendable
    static func id(_ text: String) throws -> UUID {
        guard let id = UUID(uuidString: text) else {
            throw ValidationError("it is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
        }
        return id
    }

    @Sendable
    static func region(_ text: String) throws -> Region {
        guard let region = Region(text) else {
            throw ValidationError("it is no region with phone numbers; give two letters of ISO 3166-1, such as ES")
        }
        return region
    }

    @Sendable
    static func kind(_ text: String) throws -> RecordKind {
        guard let kind = RecordKind(text) else {
            throw ValidationError("a kind is a lower-case word such as lead, patient or follower")
        }
        return kind
    }

    @Sendable
    static func mapping(_ text: String) throws -> ColumnMapping { try ColumnMapping(parsing: text) }

    @Sendable
    static func format(_ text: String) throws -> ImportFormat {
        guard let format = ImportFormat(rawValue: text) else { throw ValidationError("the formats are csv and jsonl") }
        return format
    }

    @Sendable
    static func conflictState(_ text: String) throws -> Conflict.State {
        guard let state = Conflict.State.allCases.first(where: { $0.description == text }) else {
            throw ValidationError("the states are open, kept_apart and merged")
        }
        return state
    }

    /// A number of things of which there is at least one.
    @Sendable
    static func count(_ text: String) throws -> Int {
        guard let count = Int(text), count > 0 else { throw ValidationError("give a whole number from 1 on") }
        return count
    }
}
