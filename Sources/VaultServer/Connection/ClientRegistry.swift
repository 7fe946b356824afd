internal import Synchronization

/// Every open connection, by id.
final class ClientRegistry: Sendable {
    private let clients = Mutex<[Int: ClientRecord]>([:])
    private let lastID = Atomic<Int>(0)
    /// Connections accepted, and those refused because there were too many.
    let acceptedCount = Atomic<Int>(0)
    let refusedCount = Atomic<Int>(0)

    func newID() -> Int { lastID.add(1, ordering: .relaxed).newValue }

    /// False where there are `max` already.
    func add(_ client: ClientRecord, max: Int) -> Bool {
        let isAdded = clients.withLock { clients in
            guard clients.count < max else { return false }
            clients[client.id] = client
            return true
        }
        if isAdded { acceptedCount.add(1, ordering: .relaxed) } else { refusedCount.add(1, ordering: .relaxed) }
        return isAdded
    }

    func remove(_ id: Int) { clients.withLock { _ = $0.removeValue(forKey: id) } }

    var count: Int { clients.withLock(\.count) }

    /// In the order in which they came.
    var all: [ClientRecord] { clients.withLock { $0.values.sorted { $0.id < $1.id } } }
}
