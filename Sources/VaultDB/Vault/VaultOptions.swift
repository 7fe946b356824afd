package import Foundation
internal import LMDB
public import Logging

/// How a vault is opened.
public struct VaultOptions: Sendable {
    public enum Access: Sendable { case readOnly, readWrite }

    /// What an acknowledged write survives.
    public enum Durability: String, Sendable, CaseIterable {
        /// Process crash, system crash and power cut.
        case durable
        /// Process crash. After a system crash the last writes may be gone, and the file is intact.
        case relaxed
    }

    public var access = Access.readWrite
    public var durability = Durability.durable
    /// Makes the vault where there is none.
    public var creates = true
    /// For a new vault: the region of phones without a country code, for organizations that set none.
    public var region = Region.spain
    /// For a new vault: the largest size it may grow to, in bytes, within `bytesMaxRange`. Beyond it writes fail with
    /// `mapFull`.
    public var bytesMax = VaultOptions.bytesMaxRange.upperBound
    /// For a new vault: an organization that is made together with it, and its region.
    package var organization: (id: UUID, region: Region)?
    /// What a vault's largest size may be: 1 MiB to 16 TiB.
    public static let bytesMaxRange = (1 << 20)...(16 << 40)
    /// Raw phone spellings to remember, about 64 bytes each; 0 for none.
    public var spellingCacheSlots = Normalizer.spellingCacheSlotsDefault
    /// Memory for what was looked up lately, in bytes: about 65 for an email, 55 for a phone, 130 to 250 for a record. It is
    /// taken as it is needed, and no more than 32 GiB; 0 for none.
    public var cacheBytes = VaultOptions.cacheBytesDefault
    public static let cacheBytesDefault = 56 << 20
    /// By how many steps the writer's thread comes after others where processors are scarce: 0 for none, 19 at most. Where
    /// people are looked up all the time it keeps creates from delaying that; see `nice(2)`.
    public var writerNiceness = 0
    /// Who is named in the audit trail.
    public var actor: String?
    public var logger = Logger(label: "vaultdb")
    /// Opens the file even on a file system that several machines may share, where its locks don't hold.
    public var allowsNetworkFileSystem = false

    public init() {}

    /// To be called before a file is made by these.
    func validate() throws(VaultError) {
        _ = try boundedLine(actor, "actor", bytesMax: Limits.actorBytesMax)
        try Self.validate(bytesMax: bytesMax)
    }

    static func validate(bytesMax: Int) throws(VaultError) {
        guard bytesMaxRange.contains(bytesMax) else {
            throw .invalid("a largest size of \(bytesMax) bytes is out of bounds", advice: "give 1 MiB to 16 TiB")
        }
    }

    var environment: EnvironmentOptions {
        var options = EnvironmentOptions()
        options.access = access == .readOnly ? .readOnly : .readWrite
        options.durability = durability == .durable ? .durable : .relaxed
        options.cacheBytes = cacheBytes
        options.creates = creates && access == .readWrite
        options.allowsNetworkFileSystem = allowsNetworkFileSystem
        return options
    }
}
