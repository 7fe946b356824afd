internal import Foundation
internal import Storage

/// The rules of the index of names: it has an entry for each word of each identity's names, and no others.
extension Check {
    /// - Parameter identity: one that is living.
    func names(
        of identity: Identity, _ snapshot: borrowing some ReadTransaction & ~Copyable
    ) throws(VaultError) {
        let tokens = NameTokens(of: identity)
        var reader = NameTokenReader(words: tokens.words)
        while let word = reader.next() {
            let value = try snapshot.value(Key.name(word, of: identity.id, in: organization), in: Tables.byName)
            guard value?.equals(tokens.encoded.span.bytes) == true else {
                throw .corrupted("a word of its name is not in the index")
            }
        }
    }

    func name(
        _ snapshot: borrowing some ReadTransaction & ~Copyable, _ key: RawSpan, _ value: RawSpan
    ) throws(VaultError) {
        _ = try NameTokenReader(value: value)
        let name = try NameKey(key)
        guard let identity = try snapshot.identity(name.id, in: organization) else {
            throw .corrupted("its identity is not there")
        }
        guard identity.isLiving else { throw .corrupted("its identity was merged or erased") }
        let tokens = NameTokens(of: identity)
        guard tokens.contains(name.word), tokens.encoded.span.bytes.equals(value) else {
            throw .corrupted("its identity has other names")
        }
    }
}
