internal import VaultDB

/// What `COMMAND DOCS` says of a command: redis-cli makes its hints and completions of it.
struct CommandDocumentation {
    private let command: Command

    init(_ command: Command) { self.command = command }

    var json: JSONValue {
        [
            "summary": .string(command.summary), "since": .string(ServerVersion.text),
            "group": .string(command.group.rawValue),
            "arguments": .array(Self.items(of: command.usage).map(Self.argument)),
        ]
    }

    /// The parts of a usage: words, and brackets with all that is in them.
    static func items(of usage: String) -> [String] {
        var items: [String] = []
        var (item, depth) = ("", 0)
        for character in usage + " " {
            if character == "[" { depth += 1 }
            if character == "]" { depth -= 1 }
            if character == " ", depth == 0 {
                if !item.isEmpty { items.append(item) }
                item = ""
            } else {
                item.append(character)
            }
        }
        return items
    }

    /// `[COUNT n]` is an optional value behind a keyword, `[name ...]` one that may be given again.
    private static func argument(_ item: String) -> JSONValue {
        var (text, flags): (Substring, [String]) = (item[...], [])
        if text.hasPrefix("["), text.hasSuffix("]") {
            text = text.dropFirst().dropLast()
            flags.append("optional")
        }
        if text.hasSuffix(" ...") {
            text = text.dropLast(4)
            flags.append("multiple")
        }
        var words = text.split(separator: " ")
        var members: [JSONValue.Member] = []
        if words.count > 1, words[0] == words[0].uppercased()[...] {
            members.append(.init(name: "token", value: .string(String(words.removeFirst()))))
        }
        let name = words.joined(separator: " ")
        let isToken = name == name.uppercased() && !name.contains("|")
        members.insert(.init(name: "name", value: .string(name.lowercased())), at: 0)
        members.insert(.init(name: "type", value: .string(isToken ? "pure-token" : "string")), at: 1)
        if isToken { members.append(.init(name: "token", value: .string(name))) }
        // Older tools show the name, newer ones this.
        members.append(.init(name: "display_text", value: .string(name)))
        if !flags.isEmpty { members.append(.init(name: "flags", value: JSONValue(flags))) }
        return .object(members)
    }
}
