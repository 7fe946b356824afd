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
        case ready
    }

    /// A length line is its mark, digits, a sign and CRLF; Redis allows 64 KiB of them.
    private static let lengthLineBytesMax = 32

    private var state = State.start
    private var places: [Request.Place] = []
    /// Bytes of the command that were looked at.
    private var offset = 0
    /// The arguments of a line, without quotes and escapes.
    private var line: [UInt8] = []
    private var isInline = false

    /// The bytes that the command takes, once it is there.
    var byteCount: Int { offset }

    /// The command that is there. `bytes` begin where they began for `next`.
    @_lifetime(copy bytes)
    @inline(__always)
    func request(in bytes: Span<UInt8>) -> Request { Request(bytes, places) }

    /// The arguments of a command that came as a line lie in the parser itself.
    var inlineBytes: [UInt8]? { isInline ? line : nil }

    /// Forgets the command that was there; its bytes are gone from the buffer.
    @inline(__always)
    mutating func finish() {
        state = .start
        offset = 0
        places.removeAll(keepingCapacity: true)
    }

    /// Looks for a command at the beginning of `bytes`, which begin where the last one ended.
    mutating func next(in bytes: Span<UInt8>, limits: RequestLimits, isAuthenticated: Bool = true) -> Step {
        while true {
            switch state {
            case .ready: return .command
            case .start:
                guard offset < bytes.count else { return .incomplete }
                if offset == 0, bytes[0] != UInt8(ascii: "*") {
                    return parseLine(bytes, limits)
                }
                switch length(in: bytes) {
                case .incomplete: return .incomplete
                case .tooLong: return .fault(.lengthLine)
                case .number(let count):
                    guard let count, count <= limits.argumentsMax else {
                        return .fault(isAuthenticated ? .multibulkLength : .unauthenticatedMultibulkLength)
                    }
                    isInline = false
                    // Nothing is reserved for what is only announced.
                    if count <= 0 { state = .ready } else { state = .bulks(left: count, length: nil) }
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
                state = left == 1 ? .ready : .bulks(left: left - 1, length: nil)
            }
        }
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

    private mutating func parseLine(_ bytes: Span<UInt8>, _ limits: RequestLimits) -> Step {
        var end = offset
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        guard end <= limits.inlineBytesMax else { return .fault(.inlineLength) }
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
        if words.isHTTP { return .fault(.http) }
        (line, places) = (words.bytes, words.places)
        isInline = true
        state = .ready
        return .command
    }
}
