internal import Storage

/// What `check` asks of the server's tokens: that each can be read.
extension ReadTransaction where Self: ~Copyable {
    borrowing func checkTokens(_ report: inout CheckReport) throws(VaultError) {
        var found = report
        try visit(Tables.tokens, prefix: Key()) { (key, value) throws(VaultError) in
            found.entries += 1
            do throws(VaultError) {
                let token = try AccessToken(key: key, sealed: value)
                guard TokenText.isID(token.id) else { throw .corrupted("its key is no id of a token") }
            } catch {
                guard error.isDamage else { throw error }
                found.note(Tables.tokens, [UInt8](copying: key).hex, error.message)
            }
            return .next
        }
        report = found
    }
}
