public import Foundation

/// A row of some domain that belongs to an identity: a lead, a patient, a follower, or any further kind.
public struct Record: Equatable, Sendable {
    public let kind: RecordKind
    public let id: String
    public internal(set) var identity: UUID
    public var createdAt: Timestamp
    public internal(set) var updatedAt: Timestamp
    public var isActive: Bool
    public var firstName: String?
    public var lastName: String?
    /// As it was given, whatever normalising makes of it.
    public var email: String?
    public var phone: String?
    public var source: String?
    public var status: String?
    /// Free attributes: a JSON object as text, nil where there are none.
    public var attributes: String?

    /// First and last name, or nil.
    public var name: String? {
        let name = [firstName, lastName].compactMap(\.self).joined(separator: " ").trimmingWhiteSpace()
        return name.isEmpty ? nil : name
    }
}

/// The kind of a record: 1 to 32 of `a`-`z`, `0`-`9` and `_`, starting with a letter.
public struct RecordKind: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String

    public static let lead = RecordKind(unchecked: "lead")
    public static let patient = RecordKind(unchecked: "patient")
    public static let follower = RecordKind(unchecked: "follower")

    public init?(_ raw: String) {
        let isWord = raw.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
        }
        guard isWord, (1...Limits.kindBytesMax).contains(raw.utf8.count), raw.first?.isLetter == true else {
            return nil
        }
        rawValue = raw
    }

    private init(unchecked raw: String) { rawValue = raw }

    public var description: String { rawValue }
}
