internal import CLMDB
internal import Storage

/// What LMDB tells of an open environment, by its pointer.
extension OpaquePointer {
    var information: MDB_envinfo {
        var information = MDB_envinfo()
        mdb_env_info(self, &information)
        return information
    }

    var lastCommit: Int { information.me_last_txnid }

    /// Of the table that has the names of the others, as the last commit left it.
    private var stat: MDB_stat {
        var stat = MDB_stat()
        mdb_env_stat(self, &stat)
        return stat
    }

    var pageBytes: Int { Int(stat.ms_psize) }

    /// Whether there is no table yet, nor anything else.
    var isEmpty: Bool { stat.ms_entries == 0 }

    /// The bytes of a file that has all pages the last commit knows of. Refuses more than can be.
    var wholeBytes: Int {
        get throws(StorageError) {
            let last = information.me_last_pgno
            let pageBytes = pageBytes
            guard (0..<StoreFile.bytesMax / pageBytes).contains(last) else {
                throw .corrupted("LMDB claims to have page \(UInt(bitPattern: last))")
            }
            return (last + 1) * pageBytes
        }
    }
}
