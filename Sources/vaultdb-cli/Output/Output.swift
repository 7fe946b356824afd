import Glibc
import Synchronization
import VaultDB

/// What a command prints on stdout: documents for programs, text and tables for people.
enum Output {
    private static let bufferBytes = 64 << 10
    private static let buffer = Mutex<[UInt8]>([])
    /// Where it goes.
    private static let stream = Mutex(Terminal.output)
    /// What stays done where it can't be printed, and the next step then.
    private static let done = Mutex<(what: String, advice: String?)?>(nil)

    /// From now on it goes to stderr: stdout is that of a file that was asked for.
    static func giveWay() { stream.withLock { $0 = Terminal.errors } }

    /// From now on an error of writing says that this is done all the same.
    /// - Parameters:
    ///   - what: a clause, such as `the person is erased`.
    ///   - advice: nil where nothing is to be done about it.
    static func noteDone(_ what: String, advice: String? = nil) { done.withLock { $0 = (what: what, advice: advice) } }

    /// A line for people. What comes from outside has to be safe already.
    static func line(_ text: String = "") throws(Failure) {
        try write(text + "\n")
    }

    /// One JSON document: indented where a person looks, on one line otherwise.
    static func document(_ value: JSONValue) throws(Failure) {
        try write(terminalSafe(Terminal.output.isTerminal ? value.prettyText : value.text) + "\n")
    }

    /// One line of a JSON stream.
    static func streamed(_ value: JSONValue) throws(Failure) {
        try write(terminalSafe(value.text) + "\n")
    }

    /// A table, or `empty` where it has no rows.
    static func table(_ table: TextTable, empty: String) throws(Failure) {
        if table.isEmpty { return try line(empty) }
        try write(table.text(width: Terminal.output.width))
    }

    /// Sends everything on that was written so far.
    static func flush() throws(Failure) {
        let bytes = buffer.withLock { buffer in
            defer { buffer.removeAll(keepingCapacity: true) }
            return buffer
        }
        guard !stream.withLock(\.self).write(bytes) else { return }
        let reason = String(cString: strerror(errno))
        let done = Self.done.withLock(\.self)
        throw Failure(
            .failed, "the output can't be written: \(reason)\(done.map { ", but \($0.what)" } ?? "")",
            advice: done?.advice ?? "check where it goes")
    }

    /// Text that is fit for a terminal.
    static func write(_ text: String) throws(Failure) {
        let isFull = buffer.withLock { buffer in
            buffer.append(contentsOf: text.utf8)
            return buffer.count >= bufferBytes
        }
        if isFull { try flush() }
    }

    /// JSON escapes only the first 32 control characters; the others, and signs that turn the direction of text, would
    /// reach a terminal as they are. They can stand nowhere but in strings, so escaping them changes no value.
    private static func terminalSafe(_ json: String) -> String {
        guard json.unicodeScalars.contains(where: isEscaped) else { return json }
        var result = ""
        for scalar in json.unicodeScalars {
            if isEscaped(scalar) {
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Those below are escaped, or stand between tokens.
    private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x7F && scalar.isMisleading }
}
