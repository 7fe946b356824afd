import ArgumentParser
import Foundation
import VaultDB
import VaultServer

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
    static func mix(_ text: String) throws -> BenchMix {
        guard let mix = BenchMix(rawValue: text) else {
            throw ValidationError("the mixes are \(BenchMix.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return mix
    }

    @Sendable
    static func conflictState(_ text: String) throws -> Conflict.State {
        guard let state = Conflict.State.allCases.first(where: { $0.description == text }) else {
            throw ValidationError("the states are open, kept_apart and merged")
        }
        return state
    }

    @Sendable
    static func cursor(_ text: String) throws -> RecordCursor {
        do throws(VaultError) {
            return try RecordCursor(text)
        } catch {
            throw ValidationError(error.description)
        }
    }

    @Sendable
    static func conflictCursor(_ text: String) throws -> ConflictCursor {
        do throws(VaultError) {
            return try ConflictCursor(text)
        } catch {
            throw ValidationError(error.description)
        }
    }

    @Sendable
    static func time(_ text: String) throws -> Timestamp {
        guard let time = Timestamp(iso8601: text) else {
            throw ValidationError("give a time from 1970 to 9999, such as 2025-01-31 or 2025-01-31T09:30:00Z")
        }
        return time
    }

    /// A size of at least 1 MiB, with an optional unit of 1024s.
    @Sendable
    static func bytes(_ text: String) throws -> Int {
        guard let bytes = ByteSize.bytes(text) else {
            throw ValidationError("give a size from 1M to 16T, such as 500M or 20G")
        }
        return bytes
    }

    /// As `bytes`, or 0 for none.
    @Sendable
    static func memory(_ text: String) throws -> Int { try text == "0" ? 0 : bytes(text) }

    /// A number of things of which there is at least one.
    @Sendable
    static func count(_ text: String) throws -> Int {
        guard let count = Int(text), count > 0 else { throw ValidationError("give a whole number from 1 on") }
        return count
    }
}
