internal import VaultDB

/// The library's answers as replies: the same names and shapes at every door.
extension ReplyWriter {
    mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): boolean(value)
        case .integer(let value): integer(Int(value))
        case .string(let text): bulk(text)
        // JSON inside an answer stays text: its shape is its writer's own.
        case .raw(let text): bulk(text)
        case .array(let values):
            array(values.count)
            for element in values { self.value(element) }
        case .object(let members):
            map(members.count)
            for member in members {
                bulk(member.name)
                self.value(member.value)
            }
        }
    }
}
