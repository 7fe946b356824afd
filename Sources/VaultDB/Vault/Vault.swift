public import Foundation
internal import LMDB
internal import Storage
internal import Synchronization

/// An embedded identity store: one file, many organizations.
///
/// Reads are synchronous, see one consistent snapshot and never wait for writes. Writes are durable when they return;
/// those that wait at the same time share a commit. One `Vault` per file and process; other processes may have the
/// file open too. Safe to use from any thread and task.
public final class Vault: Sendable {
    let core: Core<Environment>
    /// Whether it was opened for reading, so that all writes are refused.
    public let isReadOnly: Bool

    /// Opens the vault at `path`, made where there is none (unless the options say otherwise).
    /// - Throws: `VaultError`; see its codes.
    public init(at path: String, options: VaultOptions = .init()) throws(VaultError) {
        isReadOnly = options.access == .readOnly
        let environment: Environment
        do throws(StorageError) {
            environment = try Environment(at: path, tables: Tables.all, options: options.environment)
        } catch {
            throw VaultError(storage: error)
        }
        core = try Core(
            engine: environment, region: options.region, bytesMax: options.bytesMax,
            normalizer: Normalizer(spellingCacheSlots: options.spellingCacheSlots), logger: options.logger,
            actor: options.actor, isReadOnly: isReadOnly, writerNiceness: options.writerNiceness)
        try limitMap(to: Int(clamping: core.meta.bytesMax))
    }

    deinit { close() }

    /// Finishes what is being written and closes the file. Later calls throw `misuse`.
    public func close() {
        core.close()
        core.engine.close()
    }

    /// The tenant with this id. It needs no registration: it is known to the vault from its first write on.
    public func organization(_ id: UUID) -> Organization {
        Organization(core: core, tenant: core.tenant(id))
    }

    /// The organizations that the vault knows, by id.
    public func organizations() throws(VaultError) -> [UUID] {
        try core.engine.read { (snapshot) throws(VaultError) in try snapshot.organizations().map(\.id) }
    }

    /// The organization that is the only one; nil where there are others, or none.
    package func onlyOrganization() throws(VaultError) -> UUID? {
        let found = try core.engine.read { (snapshot) throws(VaultError) in try snapshot.organizations(limit: 2) }
        return found.count == 1 ? found[0].id : nil
    }

    /// The region of phones without a country code, for organizations that set none.
    public var region: Region { core.region }
    public var createdAt: Timestamp { core.createdAt }
    /// The largest size the file may grow to, in bytes.
    public var bytesMax: UInt64 { core.meta.bytesMax }
    /// What a largest size leaves at least beside the file's pages: a commit takes some before it gives any back.
    private static let roomBytesMin = 512 << 10

    /// Sets the largest size the file may grow to, in bytes, from now on and whenever it is opened.
    /// - Throws: `invalidArgument` where the file's pages, free ones included, leave no room to write. Nothing is changed by
    ///   what throws.
    public func setBytesMax(_ bytes: Int) throws(VaultError) {
        let file = try statistics()
        let used = file.pagesUsed * file.pageBytes
        let (least, mebibyte) = (used + Self.roomBytesMin, 1 << 20)
        guard bytes >= least else {
            throw .invalid(
                "the vault takes \(used) bytes, so a largest size of \(bytes) leaves no room to write",
                advice: "give at least \((least + mebibyte - 1) / mebibyte)M, or run `vaultdb compact` first")
        }
        let before = Int(clamping: bytesMax)
        try limitMap(to: bytes)
        do throws(VaultError) {
            try core.writes.writeBlocking { (transaction) throws(VaultError) in
                let meta = try transaction.knownMeta()
                try transaction.put(Meta.key, meta.limited(to: UInt64(bytes)).encoded(), in: Tables.meta)
            }
        } catch {
            try limitMap(to: before)
            throw error
        }
    }

    private func limitMap(to bytes: Int) throws(VaultError) {
        do throws(StorageError) {
            try core.engine.limitMap(to: bytes)
        } catch {
            throw VaultError(storage: error)
        }
    }

    /// What normalised the identifiers in the file.
    public var normalizerVersion: String { core.normalizerVersion }
    public var path: String { core.engine.path }

    /// Resolves that found everything as it was, since opening.
    public var hitCount: Int { core.hits.load(ordering: .relaxed) }
}
