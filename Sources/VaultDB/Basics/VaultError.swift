package import Foundation
public import Storage

/// The one error of the library, but for an import's source (`ImportError`). When an operation throws it, the vault is
/// as it was before; of an import the batches that were written stay.
public struct VaultError: Error, Equatable, Sendable {
    /// Stable names for programs.
    public enum Code: String, Sendable, CaseIterable {
        /// Nothing that was given can identify anybody.
        case noUsableIdentifier = "no_usable_identifier"
        /// An argument is malformed, too long or contradicts another.
        case invalidArgument = "invalid_argument"
        case notFound = "not_found"
        /// The identity was erased; its id stays known.
        case erased
        /// The request can't be met in the present state.
        case refused
        /// Too much work is waiting, or another writer came first: try again.
        case busy
        case readOnly = "read_only"
        /// The file was written under other normalisation rules; `rekey` first.
        case rekeyRequired = "rekey_required"
        case mapFull = "map_full"
        case diskFull = "disk_full"
        case readersFull = "readers_full"
        case corrupted
        case notAVault = "not_a_vault"
        case unknownFormat = "unknown_format"
        case accessDenied = "access_denied"
        case exists
        case inUse = "in_use"
        case misuse
        case unsupportedFileSystem = "unsupported_file_system"
        case cancelled
        case system
    }

    public let code: Code
    /// One line: what happened. Never holds an email, phone or name.
    public let message: String
    /// What to do about it, or empty.
    public let advice: String

    public init(_ code: Code, _ message: String, advice: String = "") {
        self.code = code
        self.message = message
        self.advice = advice
    }

    static func corrupted(_ what: String) -> VaultError {
        VaultError(.corrupted, what, advice: "run `vaultdb check`, and restore a backup if it confirms the damage")
    }

    static func invalid(_ what: String, advice: String = "") -> VaultError {
        VaultError(.invalidArgument, what, advice: advice)
    }

    package static func unknownIdentity(_ id: UUID) -> VaultError {
        VaultError(.notFound, "no identity has the id \(id.text)", advice: "check the id and the organization")
    }

    static func erased(_ id: UUID) -> VaultError {
        VaultError(.erased, "the identity \(id.text) was erased", advice: "nothing of it can be looked up but its id")
    }
}

extension VaultError: CustomStringConvertible {
    public var description: String { advice.isEmpty ? message : "\(message); \(advice)" }
}

extension VaultError: StorageFailure {
    public init(storage: StorageError) {
        switch storage {
        case .mapFull:
            self.init(
                .mapFull, "the vault has reached its largest size; this write was not made",
                advice: "make room with `vaultdb compact`, or raise it with `vaultdb compact --max-size`")
        case .mapHeld(let process):
            self.init(
                .mapFull,
                "the vault has reached its largest size, and process \(process), which reads an old state of it, keeps free"
                    + " pages from use; this write was not made",
                advice: "let that process go on, or end it")
        case .readersFull:
            self.init(.readersFull, "all reader slots are taken", advice: "end processes that hold the vault open")
        case .diskFull:
            self.init(.diskFull, "the disk is full; this write was not made", advice: "free some space and try again")
        case .corrupted(let what):
            self.init(.corrupted, what, advice: "restore a backup, and keep this file for a look")
        case .notAStore(let what):
            self.init(.notAVault, what, advice: "give the path of a vault, or make one with `vaultdb init`")
        case .unknownFormat(let what):
            self.init(.unknownFormat, what, advice: "open it with the program version that wrote it")
        case .missing(let path):
            self.init(.notFound, "there is no vault at \(path)", advice: "make one with `vaultdb init`")
        case .exists(let path):
            self.init(.exists, "\(path) exists already", advice: "choose another name or remove it")
        case .accessDenied(let path):
            self.init(
                .accessDenied, "access to \(path) is denied", advice: "check its owner, its mode and its directory's")
        case .readOnlyFileSystem(let path):
            self.init(
                .accessDenied, "\(path) lies on a read-only file system",
                advice: "have it mounted for writing, or choose another place")
        case .readOnly:
            self.init(.readOnly, "the vault is open for reading only", advice: "open or serve it without read-only")
        case .inUse(let path):
            self.init(.inUse, "\(path) is in use by another process", advice: "stop that process and try again")
        case .misuse(let what):
            self.init(.misuse, what)
        case .unsupportedFileSystem(let what):
            self.init(.unsupportedFileSystem, what, advice: "put the vault on a local disk")
        case .keyLength(let length):
            self.init(.invalidArgument, "a key of \(length) bytes is out of bounds")
        case .busy(let what):
            self.init(.busy, what, advice: "try again when it has ended")
        case .conflict:
            self.init(.busy, "another writer came first", advice: "try again")
        case .system(let code, let operation):
            self.init(.system, "\(operation) failed: \(systemMessage(code))", advice: systemAdvice(code))
        }
    }
}
