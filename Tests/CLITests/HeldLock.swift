import Dispatch

@testable import VaultDB

/// The lock of a vault's writer, as a process has it that was suspended while it writes.
final class HeldLock {
    private let mayEnd = DispatchSemaphore(value: 0)
    private let release: () throws -> Void

    init(_ path: String) throws {
        var options = VaultOptions()
        options.creates = false
        let vault = try Vault(at: path, options: options)
        let isHeld = DispatchSemaphore(value: 0)
        let write = vault.core.writes.submit { [mayEnd] (_) throws(VaultError) in
            isHeld.signal()
            mayEnd.wait()
        }
        isHeld.wait()
        release = {
            try write.wait()
            vault.close()
        }
    }

    /// Of a test that has thrown: the vault waits for its writer.
    deinit { mayEnd.signal() }

    /// To be called once.
    func end() throws {
        mayEnd.signal()
        try release()
    }
}
