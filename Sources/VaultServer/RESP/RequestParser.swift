/// Finds the commands in a stream of bytes: arrays of bulk strings, as clients send them, and lines, as people type them.
///
/// It keeps its place between reads, so that a command that comes byte by byte costs no more than one that comes at
/// once, and it refuses what exceeds the limits as soon as its length is announced.
struct RequestParser {
    enum Step: Equatable {
        /// More bytes are needed.
        case incomplete
        /// A command is there; see `request`.
        case command
        case fault(ProtocolFault)
    }

    private enum State {
        case start
        /// Bulk strings that are still to come, and the length of the next where it is known.
        case bulks(left: Int, length: Int?)
    }

    /// A command that is there. Both count from where the first of `commands` began.
    private struct Command {
        let byteEnd: Int
        let placeEnd: Int
    }

    /// A length line is its mark, digits, a sign and CRLF; Redis allows 64 KiB of them.
    private static let lengthLineBytesMax = 32

    private var state = State.start
    /// Bytes that were looked at of the command that is not there yet.
    private var offset = 0
    /// Of the commands that are there, and then of the one that is not.
    private var places: [Request.Place] = []
    private var commands: [Command] = []
    /// The first of `commands` that is not finished.
    private var first = 0
    private var finishedByteCount = 0
    /// The arguments of a line, without quotes and escapes.
    private var line: [UInt8] = []
    private var isInline = false
    /// What was found behind the commands that are there.
    private var faultAhead: ProtocolFault?

    /// How many commands are there that are not finished.
    var readyCount: Int { commands.count - first }

    /// The bytes that the first command takes, once it is there.
    var byteCount: Int { commands[first].byteEnd - finishedByteCount }

    /// The first command that is there. `bytes` begin where they began for `next`.
    @_lifetime(copy bytes)
    @inline(__always)
    func request(in bytes: Span<UInt8>) -> Request { Request(bytes, places, placesOfCommand(first)) }

    /// A command behind it.
    /// - Parameter index: below `readyCount`; 0 is the first.
    @_lifetime(copy bytes)
    func request(_ index: Int, in bytes: Span<UInt8>) -> Request {
        let command = first + index
        let start = (command == 0 ? 0 : commands[command - 1].byteEnd) - finishedByteCount
        return Request(bytes.extracting(start..<bytes.count), places, placesOfCommand(command))
    }

    @inline(__always)
    private func placesOfCommand(_ command: Int) -> Range<Int> {
        (command == 0 ? 0 : commands[command - 1].placeEnd)..<commands[command].placeEnd
    }

    /// The arguments of a command that came as a line lie in the parser itself.
    var inlineBytes: [UInt8]? { isInline ? line : nil }

    /// Forgets the first command; its bytes are gone from the buffer.
    @inline(__always)
    mutating func finish() {
        finishedByteCount = commands[first].byteEnd
        first += 1
        isInline = false
        guard first == commands.count else { return }
        let placeEnd = commands[first - 1].placeEnd
        if placeEnd == places.count {
            places.removeAll(keepingCapacity: true)
        } else {
            places.removeSubrange(..<placeEnd)
        }
        commands.removeAll(keepingCapacity: true)
        (first, finishedByteCount) = (0, 0)
    }

    /// Looks for a command at the beginning of `bytes`, which begin where the last one ended.
    @inline(__always)
    mutating func next(in bytes: Span<UInt8>, limits: RequestLimits, isAuthenticated: Bool = true) -> Step {
        if readyCount > 0 { return .command }
        if let faultAhead { return .fault(faultAhead) }
        return parse(bytes, limits, isAuthenticated)
    }

    /// Looks for more commands behind the first, until so many are there. A fault is told once the commands before it are
    /// finished.
    mutating func readAhead(in bytes: Span<UInt8>, upTo count: Int, limits: RequestLimits) {
        while readyCount < count, faultAhead == nil {
            let start = (commands.last?.byteEnd ?? 0) - finishedByteCount
            let rest = bytes.extracting(start..<bytes.count)
            // There is room for one line only.
            if isInline || offset == 0 && (rest.isEmpty || rest[0] != UInt8(ascii: "*")) { return }
            let step = parse(rest, limits, true)
            if case .fault(let fault) = step { faultAhead = fault }
            if step != .command { return }
        }
    }

    private mutating func parse(_ bytes: Span<UInt8>, _ limits: RequestLimits, _ isAuthenticated: Bool) -> Step {
        while true {
            switch state {
            case .start:
                guard offset < bytes.count else { return .incomplete }
                if offset == 0, bytes[0] != UInt8(ascii: "*") {
                    return parseLine(bytes, limits, isAuthenticated)
                }
                switch length(in: bytes) {
                case .incomplete: return .incomplete
                case .tooLong: return .fault(.lengthLine)
                case .number(let count):
                    guard let count, count <= limits.argumentsMax else {
                        return .fault(isAuthenticated ? .multibulkLength : .unauthenticatedMultibulkLength)
                    }
                    // Nothing is reserved for what is only announced.
                    if count <= 0 { return complete() }
                    state = .bulks(left: count, length: nil)
                }
            case .bulks(let left, nil):
                guard offset < bytes.count else { return .incomplete }
                guard bytes[offset] == UInt8(ascii: "$") else { return .fault(.expectedBulk(bytes[offset])) }
                switch length(in: bytes) {
                case .incomplete: return .incomplete
                case .tooLong: return .fault(.lengthLine)
                case .number(let count):
                    guard let count, count >= 0, count <= limits.argumentBytesMax else {
                        return .fault(isAuthenticated ? .bulkLength : .unauthenticatedBulkLength)
                    }
                    guard offset + count + 2 <= limits.requestBytesMax else { return .fault(.requestLength) }
                    state = .bulks(left: left, length: count)
                }
            case .bulks(let left, .some(let count)):
                guard offset + count + 2 <= bytes.count else { return .incomplete }
                guard bytes[offset + count] == UInt8(ascii: "\r"), bytes[offset + count + 1] == UInt8(ascii: "\n")
                else { return .fault(.bulkEnd) }
                places.append(Request.Place(start: offset, count: count))
                offset += count + 2
                if left == 1 { return complete() }
                state = .bulks(left: left - 1, length: nil)
            }
        }
    }

    private mutating func complete() -> Step {
        commands.append(Command(byteEnd: (commands.last?.byteEnd ?? 0) + offset, placeEnd: places.count))
        state = .start
        offset = 0
        return .command
    }

    private enum Length {
        case incomplete, tooLong
        /// Nil where it is no number.
        case number(Int?)
    }

    /// Reads a line of a mark and a number, and passes over it.
    private mutating func length(in bytes: Span<UInt8>) -> Length {
        var index = offset + 1
        var (number, isNegative, isNumber) = (0, false, false)
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\r") {
                guard index + 1 < bytes.count else { return .incomplete }
                guard bytes[index + 1] == UInt8(ascii: "\n"), isNumber else { return .number(nil) }
                offset = index + 2
                return .number(isNegative ? -number : number)
            }
            guard index - offset < Self.lengthLineBytesMax else { return .tooLong }
            let digit = byte &- UInt8(ascii: "0")
            if digit < 10, number < 1 << 40 {
                number = number * 10 + Int(digit)
                isNumber = true
            } else if byte == UInt8(ascii: "-"), index == offset + 1 {
                isNegative = true
            } else {
                return .number(nil)
            }
            index += 1
        }
        return .incomplete
    }

    // MARK: Lines

    private mutating func parseLine(
        _ bytes: Span<UInt8>, _ limits: RequestLimits, _ isAuthenticated: Bool
    ) -> Step {
        var end = offset
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        guard end <= min(limits.inlineBytesMax, limits.requestBytesMax) else { return .fault(.inlineLength) }
        guard end < bytes.count else {
            // Looked at again from the start when more comes: at most `inlineBytesMax` of it.
            return .incomplete
        }
        offset = end + 1
        let last = end > 0 && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end
        let words: InlineWords
        do throws(ProtocolFault) {
            words = try InlineWords(bytes.extracting(0..<last), wordsMax: limits.argumentsMax)
        } catch {
            return .fault(error)
        }
        if let fault = words.otherProtocol { return .fault(fault) }
        guard words.places.allSatisfy({ $0.count <= limits.argumentBytesMax }) else {
            return .fault(isAuthenticated ? .bulkLength : .unauthenticatedBulkLength)
        }
        line = words.bytes
        places += words.places
        isInline = true
        return complete()
    }
}
