import Dispatch
import Foundation
import Glibc
import LMDB
import Storage
import TestSupport
import Testing

/// Everything here forks, or looks at what the whole process holds: one test at a time, in a process of its own.
@Suite(.serialized, .timeLimit(.minutes(10))) enum EngineTests {}

let letters = Table(ordinal: 0, name: "letters")
let numbers = Table(ordinal: 1, name: "numbers")
let tables = [letters, numbers]

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Root of a container may not either.
let mayMount: Bool = {
    guard geteuid() == 0, let disk = try? TemporaryDirectory(),
        mount("tmpfs", disk.path, "tmpfs", 0, "size=1m") == 0
    else { return false }
    umount(disk.path)
    return true
}()

/// Runs a body on so many threads at once, however few processors there are, and waits for all of them.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let ended = DispatchSemaphore(value: 0)
    for index in 0..<count {
        Thread.detachNewThread {
            body(index)
            ended.signal()
        }
    }
    for _ in 0..<count { #expect(ended.wait(timeout: .now() + 300) == .success, "a thread has no end") }
}

/// A new store in a directory of its own.
final class Store: Sendable {
    let directory: TemporaryDirectory
    let environment: Environment
    var path: String { environment.path }

    init(tables: [Table] = tables, _ adjust: (inout EnvironmentOptions) -> Void = { _ in }) throws {
        var options = EnvironmentOptions()
        options.creates = true
        adjust(&options)
        directory = try TemporaryDirectory()
        environment = try Environment(at: directory.file("store"), tables: tables, options: options)
    }

    deinit { environment.close() }
}

/// The two engines that every promise of the seam is tested on.
enum EngineKind: CaseIterable, Sendable {
    case lmdb, memory

    func make() throws -> Subject {
        switch self {
        case .memory: return Subject(engine: MemoryEngine(), store: nil)
        case .lmdb:
            let store = try Store()
            return Subject(engine: store.environment, store: store)
        }
    }
}

/// An engine under test, and the directory it may live in.
struct Subject: Sendable {
    let engine: any StorageEngine
    let store: Store?
}

/// One step of a write transaction.
enum Step {
    case put([UInt8], [UInt8])
    case delete([UInt8])
    case fail(StorageError)

    var key: [UInt8]? {
        switch self {
        case .put(let key, _), .delete(let key): key
        case .fail: nil
        }
    }
}

struct Entry: Equatable {
    let key: [UInt8]
    let value: [UInt8]
}

extension ReadTransaction where Self: ~Copyable {
    func value(_ key: [UInt8], in table: Table = letters) throws(StorageError) -> [UInt8]? {
        guard let span = try get(key.span.bytes, from: table) else { return nil }
        return [UInt8](copying: span)
    }

    func entries(
        _ table: Table = letters, prefix: [UInt8] = [], from start: [UInt8] = [], order: ScanOrder = .ascending,
        limit: Int = .max
    ) throws(StorageError) -> [Entry] {
        var entries: [Entry] = []
        try scan(table, prefix: prefix.span.bytes, from: start.span.bytes, order: order) {
            (key, value) throws(StorageError) in
            entries.append(Entry(key: [UInt8](copying: key), value: [UInt8](copying: value)))
            return entries.count < limit ? .next : .stop
        }
        return entries
    }
}

extension Storage.WriteTransaction where Self: ~Copyable {
    mutating func put(_ key: [UInt8], _ value: [UInt8], in table: Table = letters) throws(StorageError) {
        try put(key.span.bytes, value.span.bytes, in: table)
    }

    mutating func apply(_ step: Step, in table: Table = letters) throws(StorageError) {
        switch step {
        case .put(let key, let value): try put(key, value, in: table)
        case .delete(let key): try delete(key.span.bytes, from: table)
        case .fail(let error): throw error
        }
    }
}

extension StorageEngine {
    func apply(_ steps: [Step], in table: Table = letters) throws(StorageError) {
        try write { (transaction) throws(StorageError) in
            for step in steps { try transaction.apply(step, in: table) }
        }
    }

    func put(_ key: String, _ value: String) throws(StorageError) {
        try apply([.put(bytes(key), bytes(value))])
    }

    func value(_ key: String) throws(StorageError) -> [UInt8]? {
        try read { (snapshot) throws(StorageError) in try snapshot.value(bytes(key)) }
    }

    /// Writes `count` entries of `size` bytes each under numbered keys.
    func fill(_ range: Range<Int>, size: Int = 1000) throws(StorageError) {
        try apply(range.map { .put(bytes("key \($0 + 1_000_000)"), [UInt8](repeating: UInt8($0 & 0xFF), count: size)) })
    }

    func count(_ table: Table = letters) throws(StorageError) -> Int {
        try read { (snapshot) throws(StorageError) in try snapshot.statistics(of: table).entries }
    }
}

func sizeOf(_ path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw StorageError.missing(path) }
    return Int(status.st_size)
}

func modeOf(_ path: String) throws -> UInt32 {
    var status = stat()
    guard stat(path, &status) == 0 else { throw StorageError.missing(path) }
    return status.st_mode & 0o777
}

func readFile(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

func writeFile(_ path: String, _ content: [UInt8]) throws { try Data(content).write(to: URL(filePath: path)) }

func overwrite(_ path: String, at offset: Int, with content: [UInt8]) throws {
    var whole = try readFile(path)
    whole.replaceSubrange(offset..<offset + content.count, with: content)
    try writeFile(path, whole)
}
