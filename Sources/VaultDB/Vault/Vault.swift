public import Foundation
internal import Dispatch
internal import LMDB
internal import Storage

/// An embedded identity store: one file, many organizations.
///
/// Reads are synchronous, see one consistent snapshot and never wait for writes. Writes are durable when they return;
/// those that wait at the same time share a commit. One `Vault` per file and process; other processes may have the
/// file open too. Safe to use from any thread and task.
///
/// It is closed when nobody holds it any more, and its organizations don't: keep it for as long as they are used.
public final class Vault: Sendable {
    let core: Core<Environment>
    /// Whether it was opened for reading, so that all writes are refused.
    public let isReadOnly: Bool

    /// Opens the vault at `path`, made where there is none (unless the options say otherwise).
    /// - Throws: `VaultError`; see its codes. `invalidArgument` where the options are out of bounds; no file is made
    ///   then.
    public init(at path: String, options: VaultOptions = .init()) throws(VaultError) {
        try options.validate()
        isReadOnly = options.access == .readOnly
        let environment: Environment
        do throws(StorageError) {
            environment = try Environment(at: path, tables: Tables.all, options: options.environment)
        } catch {
            throw VaultError(storage: error)
        }
        core = try Core(
            engine: environment, region: options.region, bytesMax: options.bytesMax,
            organization: options.organization,
            normalizer: Normalizer(spellingCacheSlots: options.spellingCacheSlots), logger: options.logger,
            actor: options.actor, isReadOnly: isReadOnly, creates: options.creates,
            writerNiceness: options.writerNiceness)
        let bytesMax = Int(clamping: core.meta.bytesMax)
        try VaultError.orStorage { () throws(StorageError) in try core.engine.limitMap(to: bytesMax) }
    }

    deinit { close() }

    /// Whether the vault was made by this opening: of several at once, one has made it.
    package var isNew: Bool { core.isNew }

    /// Finishes what is being written and closes the file. Later calls throw `misuse`.
    public func close() {
        core.close()
        core.engine.close()
    }

    /// As `close`, but not for ever where another process has the writer's lock.
    /// - Returns: false where that takes more seconds than these. Only the end of the process closes it then: what waits is
    ///   not written, and what was acknowledged is there when it is opened next.
    package func close(within seconds: Int) -> Bool {
        guard core.writes.close(within: seconds) else { return false }
        // It writes back what it has put off, for which it needs the lock again.
        let isDone = DispatchSemaphore(value: 0)
        let code = startThread(named: "vaultdb.close", stackBytes: 8 << 20) { [core] in
            core.engine.close()
            isDone.signal()
        }
        if code != 0 {
            core.engine.close()
            return true
        }
        return isDone.wait(timeout: .now() + .seconds(seconds)) == .success
    }

    /// The tenant with this id. It needs no registration: it is known to the vault from its first write on. It does not
    /// keep the vault open.
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

    /// Sets the largest size the file may grow to, in bytes, from now on and whenever it is opened. Blocks; where it is
    /// lowered, for as long as 10 seconds while somebody reads.
    /// - Throws: `invalidArgument` where it is not within `VaultOptions.bytesMaxRange`, and where the file's pages,
    ///   free ones included, leave no room to write; `busy` where somebody reads for longer. Nothing is changed by what
    ///   throws.
    public func setBytesMax(_ bytes: Int) throws(VaultError) {
        try VaultOptions.validate(bytesMax: bytes)
        let file = try statistics()
        let used = file.pagesUsed * file.pageBytes
        let (least, mebibyte) = (used + Self.roomBytesMin, 1 << 20)
        guard bytes >= least else {
            throw .invalid(
                "the vault takes \(used) bytes, so a largest size of \(bytes) leaves no room to write",
                advice: "give at least \((least + mebibyte - 1) / mebibyte)M, or run `vaultdb compact` first")
        }
        let before = Int(clamping: bytesMax)
        do throws(VaultError) {
            try VaultError.orStorage { () throws(StorageError) in try core.engine.limitMap(to: bytes) }
            try core.writes.writeBlocking { (transaction) throws(VaultError) in
                let meta = try transaction.knownMeta()
                try transaction.put(Meta.key, meta.limited(to: UInt64(bytes)).encoded(), in: Tables.meta)
            }
        } catch {
            // The limit at least is as before, whatever becomes of the map.
            try? core.engine.limitMap(to: before)
            throw error
        }
    }

    /// What normalised the identifiers in the file.
    public var normalizerVersion: String { core.normalizerVersion }
    public var path: String { core.engine.path }
}
