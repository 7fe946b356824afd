import Foundation
import VaultDB

/// The vault itself, on the same footing as its peers.
final class VaultPeer: Peer, Sendable {
    let name = VaultCache.usual
    private let clinic: Organization

    init(_ clinic: Organization) { self.clinic = clinic }

    var memoryMegabytes: Int? { nil }

    func latencies(_ column: Column, _ batch: Batch) throws -> [Double] {
        try batch.keys(column).map { key in
            try nanosecondsEach(1) {
                _ = try column == .email ? clinic.find(email: key) : clinic.find(phone: key)
            }
        }
    }

    func resolve(_ batches: [Batch]) throws -> (nanoseconds: Double, created: Int) {
        let shared = Shared(batches)
        let (nanoseconds, created) = try concurrently(batches.count) { [self] number in
            let batch = shared.value[number]
            return try (0..<batch.count).reduce(into: 0) { created, index in
                let request = ResolveRequest(
                    email: batch.emails[index], phone: batch.phones[index], name: batch.names[index], source: "web")
                if try clinic.resolveBlocking(request).outcome == .created { created += 1 }
            }
        }
        return (nanoseconds, created.reduce(0, +))
    }
}
