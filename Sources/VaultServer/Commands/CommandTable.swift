internal import VaultDB

/// Every command, and the way from the bytes of a name to it.
struct CommandTable: Sendable {
    static let standard = CommandTable(
        connectionCommands + introspectionCommands + serverCommands + peopleCommands + contactCommands
            + recordCommands + reviewCommands + mergeCommands + identifierCommands + careCommands)

    /// What is looked at for each command that comes, without the rest.
    struct Facts: BitwiseCopyable, Sendable {
        enum Kind: UInt8, BitwiseCopyable, Sendable { case find, findMany, resolve, other }

        let arity: Int32
        /// Of the role that is needed; 0 for none.
        let rank: UInt8
        let kind: Kind

        @inline(__always)
        func accepts(count: Int) -> Bool { Command.accepts(count: count, arity: Int(arity)) }
    }

    let commands: [Command]
    let facts: [Facts]
    /// Open addressing over the names; -1 is free. At most a quarter is taken.
    private let slots: [Int16]
    private let names: [PackedName]
    private let mask: Int

    init(_ commands: [Command]) {
        self.commands = commands
        facts = commands.map(Facts.init)
        names = commands.map { PackedName($0.name.utf8.span) ?? PackedName() }
        var size = 64
        while size < commands.count * 4 { size *= 2 }
        mask = size - 1
        var slots = [Int16](repeating: -1, count: size)
        for (index, name) in names.enumerated() {
            var place = name.hash & mask
            while slots[place] >= 0 { place = (place + 1) & mask }
            slots[place] = Int16(index)
        }
        self.slots = slots
    }

    /// The place of the command with this name, in whatever case.
    @inline(__always)
    func index(of name: Span<UInt8>) -> Int? {
        guard let packed = PackedName(name) else { return nil }
        var place = packed.hash & mask
        while slots[place] >= 0 {
            let index = Int(slots[place])
            if names[index] == packed { return index }
            place = (place + 1) & mask
        }
        return nil
    }

    subscript(name: String) -> Command? { index(of: name.utf8.span).map { commands[$0] } }
}

extension CommandTable.Facts {
    fileprivate init(_ command: Command) {
        arity = Int32(command.arity)
        rank = command.role?.rawValue ?? 0
        kind =
            switch command.action {
            case .find: .find
            case .findMany: .findMany
            case .resolve: .resolve
            case .echo, .connection, .answer, .submit, .work, .walk, .changes: .other
            }
    }
}

/// A name of up to 16 letters in two words, in lower case, for comparing it at once.
private struct PackedName: Equatable, Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init() {}

    @inline(__always)
    init?(_ name: Span<UInt8>) {
        guard name.count <= 16, !name.isEmpty else { return nil }
        for index in name.indices {
            let byte = name[index]
            let isUpper = byte &- UInt8(ascii: "A") < 26
            let lower = UInt64(isUpper ? byte | 0x20 : byte)
            if index < 8 { low |= lower << UInt64(index * 8) } else { high |= lower << UInt64((index - 8) * 8) }
        }
    }

    var hash: Int {
        let product = (low ^ high &* 0xE703_7ED1_A0B4_28DB) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: product >> 40)
    }
}
