/// What `COMMAND DOCS` says of a command: redis-cli makes its hints and completions of it.
struct CommandDocumentation {
    private let command: Command

    init(_ command: Command) { self.command = command }

    func write(to writer: inout ReplyWriter) {
        let arguments = Self.items(of: command.usage).map(Argument.init)
        writer.map(4)
        for (name, text) in [
            ("summary", command.summary), ("since", ServerVersion.text), ("group", command.group.rawValue),
        ] {
            writer.bulk(name)
            writer.bulk(text)
        }
        writer.bulk("arguments")
        writer.array(arguments.count)
        for argument in arguments { argument.write(to: &writer) }
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
}

extension CommandDocumentation {
    /// `[COUNT n]` is an optional value behind a keyword, `[name ...]` one that may be given again.
    private struct Argument {
        private var members: [(name: String, text: String)]
        private var flags: [String] = []

        init(_ item: String) {
            var text = item[...]
            if text.hasPrefix("["), text.hasSuffix("]") {
                text = text.dropFirst().dropLast()
                flags.append("optional")
            }
            if text.hasSuffix(" ...") {
                text = text.dropLast(4)
                flags.append("multiple")
            }
            var words = text.split(separator: " ")
            var token: String?
            if words.count > 1, words[0] == words[0].uppercased()[...] { token = String(words.removeFirst()) }
            let name = words.joined(separator: " ")
            let isToken = name == name.uppercased() && !name.contains("|")
            if isToken { token = name }
            members = [("name", name.lowercased()), ("type", isToken ? "pure-token" : "string")]
            // Older tools show the name, newer ones this.
            members.append(("display_text", name))
            if let token { members.append(("token", token)) }
        }

        func write(to writer: inout ReplyWriter) {
            writer.map(members.count + (flags.isEmpty ? 0 : 1))
            for (name, text) in members {
                writer.bulk(name)
                writer.bulk(text)
            }
            guard !flags.isEmpty else { return }
            writer.bulk("flags")
            writer.set(flags.count)
            // redis-cli insists on simple strings here.
            for flag in flags { writer.status(flag) }
        }
    }
}
