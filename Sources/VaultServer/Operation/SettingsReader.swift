internal import Configuration
internal import Foundation
internal import Glibc
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

    /// Where settings come from, the first of them first.
    private enum Source: Int {
        case flags, environment, file

        /// What to do about one that is of a wrong form.
        var advice: String {
            switch self {
            case .flags: "give another"
            case .environment: "give another in the environment, or leave it out there"
            case .file: "give another in the settings file, or leave it out there"
            }
        }
    }

    /// Flags that are none of the settings.
    private static let flagsOnly: Set<String> = ["actor", "config", "db", "demo", "json", "verbose"]

    /// Names that the environment had before, each with what to do. Left unread, the first would open a port.
    private static let formerNames = [
        (name: "VAULTDB_HTTP", advice: "leave it out, or set VAULTDB_NO_HTTP to true to serve none"),
        (name: "VAULTDB_CACHE_BYTES", advice: "set VAULTDB_CACHE"),
    ]

    private static let fileBytesMax = 1 << 20

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

    // All that is there has to be of its form and in its range: what something above overrides today counts tomorrow.

    /// - Parameter protects: whether it is an error where it is empty.
    mutating func text(_ name: String, protects: Bool = false) throws(ServerError) -> String? {
        try texts(name, protects: protects).first
    }

    /// A text that stands for something else.
    /// - Parameter read: throws where it stands for nothing.
    mutating func value<Value>(
        _ name: String, _ read: (String) throws(ServerError) -> Value
    ) throws(ServerError) -> Value? {
        var found: Value?
        for text in try texts(name) {
            let value = try read(text)
            found = found ?? value
        }
        return found
    }

    /// In the order of what counts.
    private mutating func texts(_ name: String, protects: Bool = false) throws(ServerError) -> [String] {
        asked.insert(name)
        var found: [String] = []
        if let text = flags[name] { found.append(text) }
        if case .string(let text) = try inEnvironment(name, .string, .text), protects || !text.isEmpty {
            found.append(text)
        }
        switch file[name] {
        case nil: break
        case .string(let text): found.append(text)
        default: throw Self.wrong(name, .text, .file)
        }
        if protects, found.contains("") {
            throw ServerError("\(name) is empty", advice: "set it, or leave it out")
        }
        return found
    }

    /// - Parameter advice: what to do where it is out of range, unless the range says it.
    mutating func number(
        _ name: String, in range: ClosedRange<Int>, advice: String? = nil
    ) throws(ServerError) -> Int? {
        asked.insert(name)
        var found: [Int] = []
        if let text = flags[name] { found.append(try Self.number(text, name, .flags)) }
        if try !isEmptyInEnvironment(name), case .int(let number) = try inEnvironment(name, .int, .number) {
            found.append(number)
        }
        switch file[name] {
        case nil: break
        case .number(let text): found.append(try Self.number(text, name, .file))
        default: throw Self.wrong(name, .number, .file)
        }
        if let wrong = found.first(where: { !range.contains($0) }) {
            throw ServerError(
                "\(name) can't be \(wrong)", advice: advice ?? "give \(range.lowerBound) to \(range.upperBound)")
        }
        return found.first
    }

    mutating func truth(_ name: String) throws(ServerError) -> Bool? {
        asked.insert(name)
        var found: Bool?
        if let text = flags[name] {
            guard let truth = Bool(text) else { throw Self.wrong(name, .truth, .flags) }
            found = truth
        }
        if case .bool(let truth) = try inEnvironment(name, .bool, .truth) { found = found ?? truth }
        switch file[name] {
        case nil: break
        case .bool(let truth): found = found ?? truth
        default: throw Self.wrong(name, .truth, .file)
        }
        return found
    }

    /// Bytes of memory: a number, or a text such as 512M.
    mutating func memory(_ name: String) throws(ServerError) -> Int? {
        asked.insert(name)
        var found: Int?
        if let text = flags[name] { found = try Self.memory(text, name, .flags) }
        if case .string(let text) = try inEnvironment(name, .string, .text), !text.isEmpty {
            let bytes = try Self.memory(text, name, .environment)
            found = found ?? bytes
        }
        switch file[name] {
        case nil: break
        case .string(let text), .number(let text):
            let bytes = try Self.memory(text, name, .file)
            found = found ?? bytes
        default: throw Self.wrong(name, .memory, .file)
        }
        return found
    }

    /// Whether a setting is set above another: by a flag where the other is set by none, or in the environment where
    /// the other is in the file at most.
    func has(_ name: String, before other: String) throws(ServerError) -> Bool {
        guard let source = try self.source(of: name) else { return false }
        guard let otherSource = try self.source(of: other) else { return true }
        return source.rawValue < otherSource.rawValue
    }

    private func source(of name: String) throws(ServerError) -> Source? {
        if flags[name] != nil { return .flags }
        if case .string(let text) = try inEnvironment(name, .string, .text), !text.isEmpty { return .environment }
        return file[name] == nil ? nil : .file
    }

    /// To be called when everything was asked for.
    func end() throws(ServerError) {
        guard let unknown = file.keys.filter({ !asked.contains($0) }).min() else { return }
        throw ServerError("there is no setting '\(unknown.printable)'", advice: advice(insteadOf: unknown))
    }

    private func advice(insteadOf unknown: String) -> String {
        if Self.flagsOnly.contains(unknown) { return "it is there only as a flag, --\(unknown)" }
        if unknown == "limit" || unknown == "limits" {
            return "each limit is a setting by itself, such as connectionsMax"
        }
        guard let nearest = nearest(to: unknown) else { return "docs/RESP.md tells what there is" }
        return "the nearest is \(nearest)"
    }

    /// The setting that is meant where it is written otherwise, with a slip, or with more behind it.
    private func nearest(to unknown: String) -> String? {
        guard unknown.utf8.count <= Request.wordBytesMax else { return nil }
        let meant = Self.letters(of: unknown)
        let near = asked.sorted().map { name in
            (name: name, difference: meant.difference(from: Self.letters(of: name)).count)
        }.min { $0.difference < $1.difference }
        // One letter that is another counts twice, and so do two that have changed places.
        if let near, near.difference <= 2 { return near.name }
        return asked.filter { meant.starts(with: Self.letters(of: $0)) }.max { $0.utf8.count < $1.utf8.count }
    }

    private static func letters(of name: String) -> [Character] {
        Array(name.lowercased().filter { $0 != "-" && $0 != "_" })
    }

    private func isEmptyInEnvironment(_ name: String) throws(ServerError) -> Bool {
        guard case .string(let text) = try inEnvironment(name, .string, .text) else { return false }
        return text.isEmpty
    }

    private func inEnvironment(_ name: String, _ type: ConfigType, _ form: Form) throws(ServerError) -> ConfigContent? {
        do {
            return try environment.value(forKey: AbsoluteConfigKey([name]), type: type).value?.content
        } catch {
            throw Self.wrong(name, form, .environment)
        }
    }

    private static func number(_ text: String, _ name: String, _ source: Source) throws(ServerError) -> Int {
        guard let number = Int(text) else { throw wrong(name, .number, source) }
        return number
    }

    private static func memory(_ text: String, _ name: String, _ source: Source) throws(ServerError) -> Int {
        guard let bytes = ByteSize.memory(text) else { throw wrong(name, .memory, source) }
        return bytes
    }

    /// What it says may be a secret, and is not told.
    private static func wrong(_ name: String, _ form: Form, _ source: Source) -> ServerError {
        ServerError("\(name) is \(form.rawValue)", advice: source.advice)
    }

    private static func read(_ path: String) throws(ServerError) -> [String: JSONElement] {
        let unreadable = "the settings in \(path) can't be read"
        let element: JSONElement
        do {
            let data = try bytes(of: path)
            element = try JSONElement(parsing: data.span)
        } catch let error as VaultError {
            throw ServerError("\(unreadable): \(error.message)", advice: "give a JSON object")
        } catch {
            throw ServerError("\(unreadable): \(reason(path))", advice: "check the path and who may read it")
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

    /// All of a file, or of a pipe, which does not tell its length.
    private static func bytes(of path: String) throws -> Data {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        // One more than may be, so that it is seen. An answer of nil is the end before the first byte.
        let data = try file.read(upToCount: fileBytesMax + 1) ?? Data()
        guard data.count <= fileBytesMax else {
            throw VaultError(.invalidArgument, "it has more than \(fileBytesMax >> 20) MiB")
        }
        return data
    }

    /// Why a file can't be read. Foundation's words are sentences of their own, or a number.
    private static func reason(_ path: String) -> String {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
            return "it is a directory"
        }
        return String(cString: strerror(access(path, R_OK) == 0 ? EIO : errno))
    }

    private static func own(_ environment: [String: String]) -> [String: String] {
        let prefix = "VAULTDB_"
        let own = environment.filter { $0.key.hasPrefix(prefix) }
        return Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }
}
