internal import VaultDB

/// An error as clients see it: a word that programs act on, and a sentence for people.
struct ReplyError: Error, Equatable, Sendable {
    enum Code: String, Sendable {
        case general = "ERR"
        case unauthenticated = "NOAUTH"
        case wrongPassword = "WRONGPASS"
        case notPermitted = "NOPERM"
        case unknownProtocol = "NOPROTO"
        case invalid = "INVALID"
        case notFound = "NOTFOUND"
        case conflict = "CONFLICT"
        case busy = "BUSY"
        case readOnly = "READONLY"
        case aborted = "EXECABORT"
    }

    let code: Code
    let sentence: String

    init(_ code: Code, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    init(_ error: VaultError) { self.init(Code(error.code), error.description) }

    static let syntax = ReplyError(.general, "syntax error")
    static let unauthenticated = ReplyError(.unauthenticated, "Authentication required.")
    static let noTransactions = ReplyError(
        .general, "no transactions, so nothing is done from MULTI on until EXEC or DISCARD; \(withoutMulti)")
    /// What is told of a transaction's end: some clients show this one of all its errors, others the first.
    static let aborted = ReplyError(.aborted, "Transaction discarded, for there are none here; \(withoutMulti)")

    private static let withoutMulti = "pipeline without MULTI (redis-py: transaction=False)"

    static func arity(_ command: String) -> ReplyError {
        ReplyError(.general, "wrong number of arguments for '\(command)' command")
    }

    /// An option or a field that may be given once.
    static func repeated(_ name: String) -> ReplyError { ReplyError(.general, "\(name) is given twice") }
}

extension ReplyError.Code {
    /// The one place where the library's codes become the protocol's.
    init(_ code: VaultError.Code) {
        switch code {
        case .noUsableIdentifier, .invalidArgument: self = .invalid
        case .notFound, .erased: self = .notFound
        case .refused, .exists, .inUse: self = .conflict
        case .busy, .readersFull: self = .busy
        case .readOnly, .rekeyRequired: self = .readOnly
        case .mapFull, .diskFull, .corrupted, .notAVault, .unknownFormat, .accessDenied, .misuse,
            .unsupportedFileSystem, .cancelled, .system:
            self = .general
        }
    }
}
