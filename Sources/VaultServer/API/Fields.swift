internal import Foundation
internal import VaultDB

/// The members of a JSON object that came as a body, taken one after the other. Null is as good as absent.
struct Fields {
    private let what: String
    /// Those that were not taken yet.
    private var members: [JSONElement.Member]

    /// - Throws: 400 where it is no object.
    init(_ element: JSONElement, of what: String) throws(Problem) {
        guard case .object(let members, _) = element else { throw .invalid("\(what) is a JSON object") }
        self.what = what
        self.members = members
    }

    private mutating func take(_ name: String) -> JSONElement? {
        guard let index = members.firstIndex(where: { $0.name.hasSameBytes(as: name) }) else { return nil }
        return members.remove(at: index).value
    }

    mutating func text(_ name: String) throws(Problem) -> String? {
        switch take(name) {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw .invalid("\(name) is no text")
        }
    }

    mutating func flag(_ name: String) throws(Problem) -> Bool? {
        switch take(name) {
        case nil, .null: return nil
        case .bool(let flag): return flag
        default: throw .invalid("\(name) is neither true nor false")
        }
    }

    mutating func texts(_ name: String) throws(Problem) -> [String] {
        switch take(name) {
        case nil, .null: return []
        case .array(let elements):
            var texts: [String] = []
            for element in elements {
                guard case .string(let text) = element else { throw .invalid("\(name) is no list of texts") }
                texts.append(text)
            }
            return texts
        default: throw .invalid("\(name) is no list of texts")
        }
    }

    /// An object's JSON, as it came.
    mutating func object(_ name: String) throws(Problem) -> (members: [JSONElement.Member], text: String)? {
        switch take(name) {
        case nil, .null: return nil
        case .object(let members, let text): return (members, text)
        default: throw .invalid("\(name) is no JSON object")
        }
    }

    mutating func id(_ name: String) throws(Problem) -> UUID? {
        guard let text = try text(name) else { return nil }
        guard let id = UUID(text: text) else { throw .invalid("\(name) is no UUID") }
        return id
    }

    mutating func time(_ name: String) throws(Problem) -> Timestamp? {
        guard let text = try text(name) else { return nil }
        guard let time = Timestamp(iso8601: text) else {
            throw .invalid("\(name) is no time from 1970 to 9999, such as 2025-01-31T09:00:00Z")
        }
        return time
    }

    mutating func region(_ name: String) throws(Problem) -> Region? {
        guard let text = try text(name) else { return nil }
        guard let region = Region(text) else {
            throw .invalid("\(name) is no country with phone numbers, such as ES")
        }
        return region
    }

    /// To be called when everything is taken.
    /// - Throws: 400 for a member that is not known.
    func end() throws(Problem) {
        if let name = members.first?.name {
            throw .invalid("\(what) has no such field".naming(name))
        }
    }
}
