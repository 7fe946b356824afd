internal import CLMDB
internal import Glibc
internal import Storage
internal import Synchronization

/// A read transaction of LMDB's, and what it knows from one use to the next. One thread at a time has it.
struct PooledReader: ~Copyable {
    /// Nil where none was begun yet.
    private(set) var transaction: OpaquePointer?
    private(set) var trees: Trees?
    /// Of the buffer, kept until it is outdated so that beginning to read need not ask for it.
    private(set) var view: Unmanaged<ChangeBuffer.View>?
    /// What `ChangeBuffer.look` said of the view.
    private(set) var viewSerial = PooledReader.noSerial
    fileprivate let state: Atomic<State>

    fileprivate enum State: UInt8, AtomicRepresentable { case empty, resting, taken }

    static let noSerial = -1

    fileprivate init(_ state: State) { self.state = Atomic(state) }

    mutating func take(_ transaction: OpaquePointer, _ trees: Trees) {
        self.transaction = transaction
        self.trees = trees
    }

    /// - Parameter serial: `noSerial` for a view that is for one snapshot only.
    mutating func keep(_ view: ChangeBuffer.View, _ serial: Int) {
        dropView()
        self.view = Unmanaged.passRetained(view)
        viewSerial = serial
    }

    mutating func dropView() {
        view?.release()
        view = nil
        viewSerial = Self.noSerial
    }

    fileprivate mutating func forgetTrees() { trees?.forget() }

    /// - Parameter isEnded: LMDB has freed the transaction already.
    mutating func free(isEnded: Bool = false) {
        if let transaction, !isEnded { mdb_txn_abort(transaction) }
        trees?.free()
        (transaction, trees) = (nil, nil)
        dropView()
    }
}

/// Read transactions at rest, ready to be renewed, and the barrier that keeps new ones out while the map changes.
///
/// LMDB's pointers may be used by any thread in turn (`MDB_NOTLS`). A thread finds what it had before at the same place, most
/// of the time, and takes it without a lock: one that is held by a thread that the system has put aside would hold up all.
final class ReaderPool: @unchecked Sendable {
    typealias Place = UnsafeMutablePointer<PooledReader>

    private enum Barrier: UInt8, AtomicRepresentable { case open, raised, closed }

    /// So many can be at rest; who comes when all are taken has one of its own, which is freed when it leaves.
    private static let placesBits = 6
    private static let placesCount = 1 << placesBits
    /// Neighbours in a processor's memory would slow each other down.
    private static let placeBytes = 128

    private let memory: UnsafeMutableRawPointer
    private let further = Atomic<Int>(0)
    private let barrier = Atomic(Barrier.open)

    init() {
        precondition(MemoryLayout<PooledReader>.size <= Self.placeBytes)
        memory = .allocate(byteCount: Self.placesCount * Self.placeBytes, alignment: Self.placeBytes)
        for number in 0..<Self.placesCount { place(number).initialize(to: PooledReader(.empty)) }
    }

    deinit {
        for number in 0..<Self.placesCount { place(number).deinitialize(count: 1) }
        memory.deallocate()
    }

    private func place(_ number: Int) -> Place {
        (memory + number * Self.placeBytes).assumingMemoryBound(to: PooledReader.self)
    }

    /// Registers a reader, which has the place until it leaves.
    @inline(__always)
    func enter() throws(StorageError) -> Place {
        while true {
            let place = takePlace()
            // In this order, and the other way round in `drain`: whoever passes here is waited for there.
            let barrier = barrier.load(ordering: .sequentiallyConsistent)
            if barrier == .open { return place }
            leave(place)
            if barrier == .closed { throw .misuse("the vault is closed") }
            // Rare and short: the map is being replaced.
            usleep(200)
        }
    }

    @inline(__always)
    private func takePlace() -> Place {
        // The high bits of a product depend on all bits of the thread's number.
        let first = Int(truncatingIfNeeded: (UInt64(pthread_self()) &* 0x9E37_79B9_7F4A_7C15) >> (64 - Self.placesBits))
        let place = place(first)
        if take(place, .resting) { return place }
        return takeAnyPlace(from: first)
    }

    private func takeAnyPlace(from first: Int) -> Place {
        // The fewer transactions are begun the fewer of LMDB's places for readers are in use.
        for state in [PooledReader.State.resting, .empty] {
            for number in first..<first + Self.placesCount {
                let place = place(number % Self.placesCount)
                if take(place, state) { return place }
            }
        }
        further.add(1, ordering: .sequentiallyConsistent)
        let place = Place.allocate(capacity: 1)
        place.initialize(to: PooledReader(.taken))
        return place
    }

    @inline(__always)
    private func take(_ place: Place, _ state: PooledReader.State) -> Bool {
        place.pointee.state.load(ordering: .sequentiallyConsistent) == state
            && place.pointee.state.compareExchange(
                expected: state, desired: .taken, ordering: .sequentiallyConsistent
            ).exchanged
    }

    /// Ends a reader's use; its transaction has been reset and may be renewed by the next.
    @inline(__always)
    func leave(_ place: Place) {
        guard isPooled(place) else { return leaveFurther(place) }
        place.pointee.state.store(
            place.pointee.transaction == nil ? .empty : .resting, ordering: .sequentiallyConsistent)
    }

    private func isPooled(_ place: Place) -> Bool {
        let offset = UnsafeMutableRawPointer(place) - memory
        return offset >= 0 && offset < Self.placesCount * Self.placeBytes
    }

    private func leaveFurther(_ place: Place) {
        // Freed first: once this reader is no longer counted, the environment may close.
        place.pointee.free()
        place.deinitialize(count: 1)
        place.deallocate()
        further.subtract(1, ordering: .sequentiallyConsistent)
    }

    /// Ends the transactions at rest, where LMDB has no place for another.
    /// - Returns: how many.
    func freeResting() -> Int {
        var count = 0
        forEachResting { reader in
            reader.free()
            count += 1
        }
        return count
    }

    /// Takes those at rest in turn; readers that come meanwhile take another place.
    func forEachResting(_ body: (inout PooledReader) -> Void) {
        for number in 0..<Self.placesCount { ifResting(place(number), body) }
    }

    /// - Returns: false where the place is taken or empty.
    @discardableResult
    func ifResting(_ place: Place, _ body: (inout PooledReader) -> Void) -> Bool {
        guard isPooled(place), take(place, .resting) else { return false }
        body(&place.pointee)
        leave(place)
        return true
    }

    /// Runs `body` while no reader is active and none can start. One caller at a time.
    /// - Parameters:
    ///   - patience: how long to wait for the active ones.
    ///   - body: answers whether readers may start again afterwards.
    /// - Returns: false if they did not end in time; `body` has not run.
    func whileEmpty(patience: Duration, _ body: () -> Bool) -> Bool {
        guard drain(patience: patience, raising: .raised) else { return false }
        let reopens = body()
        // The map may lie elsewhere now.
        forEachOfThoseLeft { $0.forgetTrees() }
        barrier.store(reopens ? .open : .closed, ordering: .sequentiallyConsistent)
        return true
    }

    /// Keeps readers out for good, waits for the active ones, and frees those at rest.
    func close() {
        _ = drain(patience: nil, raising: .closed)
        forEachOfThoseLeft { $0.free() }
    }

    /// While the barrier is up: who comes then takes a place for a moment, until it sees that.
    private func forEachOfThoseLeft(_ body: (inout PooledReader) -> Void) {
        for number in 0..<Self.placesCount {
            let place = place(number)
            while !ifResting(place, body), place.pointee.state.load(ordering: .relaxed) != .empty { usleep(50) }
        }
    }

    private func drain(patience: Duration?, raising raised: Barrier) -> Bool {
        barrier.store(raised, ordering: .sequentiallyConsistent)
        let deadline = patience.map { ContinuousClock.now + $0 }
        while isActive {
            if let deadline, ContinuousClock.now > deadline {
                barrier.store(.open, ordering: .sequentiallyConsistent)
                return false
            }
            usleep(200)
        }
        return true
    }

    private var isActive: Bool {
        if further.load(ordering: .sequentiallyConsistent) > 0 { return true }
        return (0..<Self.placesCount).contains { number in
            place(number).pointee.state.load(ordering: .sequentiallyConsistent) == .taken
        }
    }
}
