internal import NIOCore
internal import VaultDB

/// Commands that came together have their lookups done together, before the first of them is answered: while one waits
/// for memory the others go on.
extension ConnectionHandler {
    /// Does the next lookups together where there are several.
    /// - Returns: how many commands need no further look.
    func lookAhead(_ parser: inout RequestParser, _ input: Span<UInt8>, _ batch: inout ReadBatch?) -> Int {
        guard session.isAuthenticated else { return 1 }
        batch?.expectNothing()
        var room = ReadBatch.expectedMax
        let seen = expect(&parser, input, &batch, &room)
        if room < ReadBatch.expectedMax - 1 { batch?.lookAhead() }
        return seen
    }

    /// Tells a batch what the next commands are going to look up.
    /// - Parameter room: for how many lookups there is room; reduced by what is told.
    /// - Returns: how many commands were looked through.
    func expect(
        _ parser: inout RequestParser, _ input: Span<UInt8>, _ batch: inout ReadBatch?, _ room: inout Int
    ) -> Int {
        parser.readAhead(in: input, upTo: room, limits: requestLimits)
        guard parser.inlineBytes == nil else { return 0 }
        var seen = 0
        while seen < parser.readyCount, room > 0 {
            if expect(parser.request(seen, in: input), &batch) { room -= 1 }
            seen += 1
        }
        return seen
    }
}
