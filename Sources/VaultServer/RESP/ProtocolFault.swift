/// How a stream of bytes can fail to be requests. The connection ends with it, for what follows can't be told apart.
enum ProtocolFault: Error, Equatable, Sendable {
    case multibulkLength
    case bulkLength
    case lengthLine
    case expectedBulk(UInt8)
    case bulkEnd
    case quotes
    case inlineLength
    case requestLength
    case unauthenticatedMultibulkLength
    case unauthenticatedBulkLength
    /// A browser, or another program, that speaks HTTP.
    case http
    /// A load balancer that tells in whose place it speaks.
    case proxy

    /// As Redis words it, where Redis has it.
    var sentence: String {
        switch self {
        case .multibulkLength: "invalid multibulk length"
        case .bulkLength: "invalid bulk length"
        case .lengthLine: "too big count string"
        case .expectedBulk(let byte): "expected '$', got '\(Self.printable(byte))'"
        case .bulkEnd: "expected CRLF after a bulk string"
        case .quotes: "unbalanced quotes in request"
        case .inlineLength: "too big inline request"
        case .requestLength: "too big request"
        case .unauthenticatedMultibulkLength: "unauthenticated multibulk length"
        case .unauthenticatedBulkLength: "unauthenticated bulk length"
        case .http: "this port speaks RESP, not HTTP"
        case .proxy: "this port speaks RESP, without the PROXY protocol before it"
        }
    }

    private static func printable(_ byte: UInt8) -> Character {
        (0x20..<0x7F).contains(byte) ? Character(Unicode.Scalar(byte)) : "?"
    }
}
