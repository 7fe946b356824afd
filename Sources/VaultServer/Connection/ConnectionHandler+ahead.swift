internal import NIOCore
internal import VaultDB

/// Commands that came together have their lookups done together, before the first of them is answered: while one waits
/// for memory the others go on.
extension ConnectionHandler {
    /// So many are looked through at most, for whoever has to wait looks through what follows once more.
    private static let commandsMax = 2 * ReadBatch.expectedMax

    /// Looks through the commands that are there for what they are going to look up.
    /// - Returns: how many commands need no further look.
    func lookAhead(_ input: Span<UInt8>, _ batch: inout ReadBatch?) -> Int {
        // Behind a write all wait, and begin with another snapshot.
        guard order.isEmpty, session.isAuthenticated else { return .max }
        batch?.expectNothing()
        var (seen, expected, offset) = (0, 0, 0)
        while expected < ReadBatch.expectedMax, seen < Self.commandsMax {
            let rest = input.extracting(offset..<input.count)
            guard scout.next(in: rest, limits: requestLimits) == .command, scout.inlineBytes == nil else { break }
            if expect(scout.request(in: rest), &batch) { expected += 1 }
            seen += 1
            offset += scout.byteCount
            scout.finish()
        }
        scout.finish()
        if expected > 1 { batch?.lookAhead() }
        return seen
    }
}
