import Dispatch
import Synchronization
import VaultDB

/// Looks after a vault's writes while another process has the writer's lock: says once that they wait, and has the first
/// signal end the process, for nothing is begun.
struct LockWatch {
    private static let interval = DispatchTimeInterval.milliseconds(100)
    /// From then on a signal does not wait for the lock.
    private static let patience = Duration.seconds(1)
    private static let silence = Duration.seconds(2)

    private let timer: any DispatchSourceTimer

    init(_ vault: Vault) {
        timer = DispatchSource.makeTimerSource(queue: .global())
        let isSaid = Atomic(false)
        timer.setEventHandler {
            let wait = vault.oldestWaitForOthers
            if wait >= Self.silence, !isSaid.exchange(true, ordering: .relaxed) {
                Terminal.errors.write("vaultdb: waiting for another process that writes to the vault\n")
            }
            if wait >= Self.patience {
                Interruption.endIfWished(
                    "interrupted while another process writes to the vault; run the same command again")
            }
        }
        timer.schedule(deadline: .now() + Self.interval, repeating: Self.interval)
        timer.resume()
    }

    func end() { timer.cancel() }
}
