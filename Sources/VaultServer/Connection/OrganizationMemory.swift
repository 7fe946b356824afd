internal import Foundation
internal import VaultDB

/// The organization that a connection named last, found again by the bytes of its id: most name one only.
struct OrganizationMemory {
    private static let textBytes = 36
    private var text = InlineArray<36, UInt8>(repeating: 0)
    private var organization: Organization?

    mutating func forget() { organization = nil }

    @inline(__always)
    func recall(_ text: Span<UInt8>) -> Organization? {
        guard text.count == Self.textBytes, let organization else { return nil }
        let (mine, given) = (self.text.span.bytes, text.bytes)
        for offset in stride(from: 0, to: 32, by: 8) {
            let word = given.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if word != mine.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) { return nil }
        }
        let last = given.unsafeLoadUnaligned(fromByteOffset: 32, as: UInt32.self)
        return last == mine.unsafeLoadUnaligned(fromByteOffset: 32, as: UInt32.self) ? organization : nil
    }

    /// The organization with this id.
    mutating func find(_ text: Span<UInt8>, in vault: Vault, for grant: Grant?) throws(ReplyError) -> Organization {
        guard text.count == Self.textBytes else { throw Self.noID }
        let id = try Arguments.id(String(decoding: text), "organization")
        guard let grant else { throw .unauthenticated }
        guard grant.covers(id) else {
            throw ReplyError(.notPermitted, "the token is for another organization")
        }
        let found = vault.organization(id)
        for index in text.indices { self.text[index] = text[index] }
        organization = found
        return found
    }

    private static let noID = ReplyError(
        .invalid, "the organization is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
}
