public import Foundation

/// A row of some domain that belongs to an identity: a lead, a patient, a follower, or any further kind.
public struct Record: Equatable, Sendable {
    public let kind: RecordKind
    public let id: String
    public internal(set) var identity: UUID
    public internal(set) var createdAt: Timestamp
    public internal(set) var updatedAt: Timestamp
    public internal(set) var isActive: Bool
    public internal(set) var firstName: String?
    public internal(set) var lastName: String?
    /// As it was given, whatever normalising makes of it.
    public internal(set) var email: String?
    public internal(set) var phone: String?
    /// Where its phone is dialled: as who gave it said, else the organization's region then. Nil for a phone that begins
    /// with its country code.
    public internal(set) var region: Region?
    public internal(set) var source: String?
    /// As its domain gave it, before any conversion.
    public internal(set) var givenStatus: String?
    /// Whether it is a lead whose person has become a patient.
    public internal(set) var isConverted: Bool
    /// Free attributes: a JSON object as text, nil where there are none.
    public internal(set) var attributes: String?

    /// First and last name, or nil.
    public var name: String? {
        let name = [firstName, lastName].compactMap(\.self).joined(separator: " ").trimmingWhiteSpace()
        return name.isEmpty ? nil : name
    }

    public var status: String? { isConverted ? Self.converted : givenStatus }

    /// Whether nothing in it says whose it is, as an erasure leaves it.
    var isAnonymous: Bool { [firstName, lastName, email, phone, attributes].allSatisfy { $0 == nil } }

    /// The status of a lead whose person has become a patient.
    public static let converted = "CONVERTED"

    /// Whether it is a lead that the first patient of its identity converts: active, and in no final status.
    var isOpenLead: Bool {
        kind == .lead && isActive && !isConverted
            && !Self.finalStatuses.contains(givenStatus?.uppercased() ?? "")
    }

    private static let finalStatuses: Set = [
        converted, "LOST", "CLOSED", "REJECTED", "DISCARDED", "DISQUALIFIED", "ARCHIVED", "CANCELLED", "CANCELED",
    ]
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

    /// As it lies in a key. The kinds that nearly all records have are told without making a text.
    init?(stored bytes: RawSpan) {
        for known in [Self.lead, .patient, .follower] where bytes.holds(known.rawValue) {
            self = known
            return
        }
        self.init(String(copyingUTF8: bytes))
    }

    private init(unchecked raw: String) { rawValue = raw }

    public var description: String { rawValue }

    /// Whether its records are kept for good: deleting one only sets it inactive.
    public var isRetained: Bool { self == .patient }
}
