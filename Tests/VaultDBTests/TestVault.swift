import Foundation
import LMDB
import Logging
import Storage
import Synchronization
import TestSupport

@testable import VaultDB

/// The two engines that every promise is tested on.
enum EngineKind: CaseIterable, Sendable {
    case lmdb, memory

    func vault(logger: Logger = .silent, actor: String? = "tester") throws -> any TestVault {
        switch self {
        case .lmdb: try lmdbVault(in: TemporaryDirectory(), logger: logger, actor: actor)
        case .memory: try memoryVault(logger: logger, actor: actor)
        }
    }
}

func memoryVault(
    _ engine: MemoryEngine = MemoryEngine(), logger: Logger = .silent, actor: String? = "tester"
) throws -> EngineVault<MemoryEngine> {
    try EngineVault(engine, logger: logger, actor: actor)
}

/// The vault in a directory, made where there is none.
func lmdbVault(
    in directory: TemporaryDirectory, logger: Logger = .silent, actor: String? = "tester"
) throws -> EngineVault<Environment> {
    var options = EnvironmentOptions()
    options.creates = true
    options.durability = .relaxed
    let environment = try Environment(at: directory.file("vault"), tables: Tables.all, options: options)
    return try EngineVault(environment, in: directory, logger: logger, actor: actor) { environment.close() }
}

extension Logger {
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}

extension UUID {
    static let clinic = UUID(high: 0xC1, low: 1)
    static let studio = UUID(high: 0x57, low: 2)
}

/// A clock that stands still until a test moves it.
final class TestClock: Sendable {
    private let time = Mutex(Timestamp(microseconds: 1_750_000_000_000_000) ?? .max)

    var now: Timestamp { time.withLock { $0 } }

    func advance(seconds: Int64 = 1) {
        time.withLock { $0 = Timestamp(microseconds: $0.microseconds + seconds * 1_000_000) ?? $0 }
    }
}

/// The vault that tests work on, whichever engine it stands on: the library's core, with a clock of its own.
protocol TestVault: AnyObject, Sendable {
    associatedtype Engine: StorageEngine

    var engine: Engine { get }
    var core: Core<Engine> { get }
    var clock: TestClock { get }

    func close()
}

final class EngineVault<Engine: StorageEngine>: TestVault {
    let engine: Engine
    let core: Core<Engine>
    let clock = TestClock()
    private let directory: TemporaryDirectory?
    private let closeEngine: @Sendable () -> Void

    init(
        _ engine: Engine, in directory: TemporaryDirectory? = nil, logger: Logger, actor: String?,
        closeEngine: @escaping @Sendable () -> Void = {}
    ) throws {
        self.engine = engine
        self.directory = directory
        self.closeEngine = closeEngine
        core = try Core(
            engine: engine, region: .spain, normalizer: Normalizer(spellingCacheSlots: 1_024), logger: logger,
            actor: actor, isReadOnly: false, clock: { [clock] in clock.now })
    }

    deinit { close() }

    func close() {
        core.close()
        closeEngine()
    }
}

struct Missing: Error {}

/// The code of the error that `body` throws, nil where it throws none.
func code(of body: () throws -> some Any) -> VaultError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? VaultError)?.code
    }
}

/// The bytes of a value.
func bytes(_ value: consuming ByteWriter) -> [UInt8] { [UInt8](value) }

/// The bytes of a key.
func bytes(_ key: borrowing Key) -> [UInt8] {
    var bytes: [UInt8] = []
    for offset in 0..<key.count { bytes.append(key.bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)) }
    return bytes
}

/// The key with these bytes.
func key(_ bytes: [UInt8]) -> Key {
    var key = Key()
    for byte in bytes { key.append(byte) }
    return key
}

extension Resolution {
    var texts: (enriched: [String], conflicts: [String], warnings: [String]) {
        (enriched.map(\.text), conflicts.map(\.identifier.text), warnings.map(\.name))
    }
}

extension Identity {
    func texts(_ kind: IdentifierKind) -> [String] { identifiers(of: kind).map(\.identifier.text) }
}
