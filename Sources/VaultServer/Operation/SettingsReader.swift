internal import Configuration
internal import Foundation
internal import VaultDB

/// Settings as texts, numbers and truths, out of flags, environment and a file, in that order. What is there in another
/// form is an error, as null in the file, and so is a name of the file that nobody asks for: a setting that protects is
/// not to be lost by a slip. A text or number that is empty in the environment is not set there, unless it protects.
struct SettingsReader {
    private enum Form: String {
        case text = "no text"
        case number = "no whole number"
        case truth = "neither true nor false"
        case memory = "no size from 1M to 16T such as 512M, and not 0"
    }

    /// Names that the environment had before, each with what to do. Left unread, the first would open a port.
    private static let formerNames = [
        (name: "VAULTDB_HTTP", advice: "leave it out, or set VAULTDB_NO_HTTP to true to serve none"),
        (name: "VAULTDB_CACHE_BYTES", advice: "set VAULTDB_CACHE"),
    ]

    private let flags: [String: String]
    private let environment: EnvironmentVariablesProvider
    private let file: [String: JSONElement]
    private var asked: Set<String> = []

    /// - Parameters:
    ///   - flags: by the names that the file uses, such as `tlsKey`.
    ///   - environment: of it `VAULTDB_TLS_KEY` and the like.
    init(flags: [String: String], file: String?, environment: [String: String]) throws(ServerError) {
        if let former = Self.formerNames.first(where: { environment[$0.name] != nil }) {
            throw ServerError("there is no setting \(former.name)", advice: former.advice)
        }
        self.flags = flags
        self.environment = EnvironmentVariablesProvider(environmentVariables: Self.own(environment))
        self.file = try file.map(Self.read) ?? [:]
    }

    /// - Parameter protects: whether it is an error where the environment has it empty.
    mutating func text(_ name: String, protects: Bool = false) throws(ServerError) -> String? {
        if let text = flag(name) { return text }
        if case .string(let text) = try inEnvironment(name, .string, .text), protects || !text.isEmpty {
            guard !text.isEmpty else { throw ServerError("\(name) is empty", advice: "set it, or leave it out") }
            return text
        }
        switch file[name] {
        case nil: return nil
        case .string(let text): return text
        default: throw Self.wrong(name, .text)
        }
    }

    mutating func number(_ name: String) throws(ServerError) -> Int? {
        if let text = flag(name) { return try Self.number(text, name) }
        if try !isEmptyInEnvironment(name), case .int(let number) = try inEnvironment(name, .int, .number) {
            return number
        }
        switch file[name] {
        case nil: return nil
        case .number(let text): return try Self.number(text, name)
        default: throw Self.wrong(name, .number)
        }
    }

    mutating func truth(_ name: String) throws(ServerError) -> Bool? {
        if let text = flag(name) {
            guard let truth = Bool(text) else { throw Self.wrong(name, .truth) }
            return truth
        }
        if case .bool(let truth) = try inEnvironment(name, .bool, .truth) { return truth }
        switch file[name] {
        case nil: return nil
        case .bool(let truth): return truth
        default: throw Self.wrong(name, .truth)
        }
    }

    /// Bytes of memory: a number, or a text such as 512M.
    mutating func memory(_ name: String) throws(ServerError) -> Int? {
        if let text = flag(name) { return try Self.memory(text, name) }
        if case .string(let text) = try inEnvironment(name, .string, .text), !text.isEmpty {
            return try Self.memory(text, name)
        }
        switch file[name] {
        case nil: return nil
        case .string(let text), .number(let text): return try Self.memory(text, name)
        default: throw Self.wrong(name, .memory)
        }
    }

    /// To be called when everything was asked for.
    func end() throws(ServerError) {
        guard let unknown = file.keys.filter({ !asked.contains($0) }).min() else { return }
        let nearest = asked.min { unknown.difference(from: $0).count < unknown.difference(from: $1).count }
        throw ServerError("there is no setting '\(unknown)'", advice: "the nearest is \(nearest ?? "none")")
    }

    private mutating func flag(_ name: String) -> String? {
        asked.insert(name)
        return flags[name]
    }

    private func isEmptyInEnvironment(_ name: String) throws(ServerError) -> Bool {
        guard case .string(let text) = try inEnvironment(name, .string, .text) else { return false }
        return text.isEmpty
    }

    private func inEnvironment(_ name: String, _ type: ConfigType, _ form: Form) throws(ServerError) -> ConfigContent? {
        do {
            return try environment.value(forKey: AbsoluteConfigKey([name]), type: type).value?.content
        } catch {
            throw Self.wrong(name, form)
        }
    }

    private static func number(_ text: String, _ name: String) throws(ServerError) -> Int {
        guard let number = Int(text) else { throw wrong(name, .number) }
        return number
    }

    private static func memory(_ text: String, _ name: String) throws(ServerError) -> Int {
        guard let bytes = ByteSize.memory(text) else { throw wrong(name, .memory) }
        return bytes
    }

    /// What it says may be a secret, and is not told.
    private static func wrong(_ name: String, _ form: Form) -> ServerError {
        ServerError("\(name) is \(form.rawValue)")
    }

    private static func read(_ path: String) throws(ServerError) -> [String: JSONElement] {
        let unreadable = "the settings in \(path) can't be read"
        let element: JSONElement
        do {
            element = try JSONElement(parsing: try Data(contentsOf: URL(filePath: path)).span)
        } catch let error as VaultError {
            throw ServerError("\(unreadable): \(error.message)", advice: "give a JSON object")
        } catch {
            throw ServerError(
                "\(unreadable): \(error.localizedDescription)", advice: "check the path and who may read it")
        }
        guard case .object(let members, _) = element else {
            throw ServerError(unreadable, advice: "give a JSON object")
        }
        if let unset = members.first(where: { $0.value == .null }) {
            throw ServerError("\(unset.name) is null", advice: "set it, or leave it out")
        }
        // The text holds no name twice, but names are the same here that differ in their bytes.
        return Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
    }

    private static func own(_ environment: [String: String]) -> [String: String] {
        let prefix = "VAULTDB_"
        let own = environment.filter { $0.key.hasPrefix(prefix) }
        return Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }
}
