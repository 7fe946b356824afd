internal import CLMDB
internal import Glibc
internal import Storage

/// LMDB's return codes, read once and for all. Where something may be missing, "not found" is a nil at the call.
extension StorageError {
    /// Throws unless `code` says success.
    /// - Parameter operation: what was being done, as in "could not … ".
    static func check(_ code: Int32, during operation: String) throws(StorageError) {
        if code != MDB_SUCCESS { throw StorageError(code: code, during: operation) }
    }

    /// The same of a commit to a file: LMDB calls a write that the disk took only in part an I/O error.
    func ofCommit(to descriptor: Int32) -> StorageError {
        if case .system(EIO, _) = self, StoreFile.isOutOfRoom(descriptor) { return .diskFull }
        return self
    }

    init(code: Int32, during operation: String) {
        switch code {
        case MDB_MAP_FULL: self = .mapFull
        case MDB_READERS_FULL: self = .readersFull
        case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_PAGE_FULL, MDB_CURSOR_FULL:
            self = .corrupted("LMDB found a damaged page (\(operation))")
        case MDB_NOTFOUND: self = .corrupted("LMDB has not what must be there (\(operation))")
        case MDB_KEYEXIST: self = .corrupted("LMDB has what must not be there yet (\(operation))")
        case MDB_PANIC: self = .corrupted("LMDB gave up on this file after an earlier failure; open it again")
        case MDB_INVALID: self = .notAStore("the file is not an LMDB store (\(operation))")
        case MDB_VERSION_MISMATCH: self = .unknownFormat("the file has another LMDB format (\(operation))")
        case MDB_INCOMPATIBLE, MDB_DBS_FULL, MDB_BAD_DBI, MDB_BAD_TXN, MDB_BAD_RSLOT, MDB_TXN_FULL:
            self = .misuse("\(String(cString: mdb_strerror(code))) (\(operation))")
        case MDB_BAD_VALSIZE: self = .keyLength(0)
        case ENOSPC, EDQUOT, EFBIG: self = .diskFull
        case ENOENT, ENOTDIR: self = .missing(operation)
        case EISDIR: self = .notAStore("\(operation) is a directory")
        case ETXTBSY: self = .notAStore("\(operation) is a program that runs")
        case ELOOP:
            self = .misuse(
                "\(operation) lies behind a symbolic link that leads in a circle, or is one where none may be: remove that"
                    + " link")
        case EEXIST: self = .exists(operation)
        case EACCES, EPERM: self = .accessDenied(operation)
        case EROFS: self = .readOnlyFileSystem(operation)
        default: self = .system(code: code, during: operation)
        }
    }
}
