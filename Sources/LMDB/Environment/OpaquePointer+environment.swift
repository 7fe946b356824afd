internal import CLMDB

/// What LMDB tells of an open environment, by its pointer.
extension OpaquePointer {
    var information: MDB_envinfo {
        var information = MDB_envinfo()
        mdb_env_info(self, &information)
        return information
    }

    var lastCommit: Int { information.me_last_txnid }

    var pageBytes: Int {
        var stat = MDB_stat()
        mdb_env_stat(self, &stat)
        return Int(stat.ms_psize)
    }

    /// The bytes of a file that has all pages the last commit knows of.
    var wholeBytes: Int { (information.me_last_pgno + 1) * pageBytes }
}
