internal import Storage

/// What `check` asks of the server's tokens: that each can be read.
extension ReadTransaction where Self: ~Copyable {
    borrowing func checkTokens(_ report: inout CheckReport) throws(VaultError) {
        try checkEach(of: Tables.tokens, &report) { (key, value) throws(VaultError) in
            let token = try AccessToken(key: key, sealed: value)
            guard TokenText.isID(token.id) else { throw .corrupted("its key is no id of a token") }
        }
    }
}
