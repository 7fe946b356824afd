internal import NIOCore
internal import VaultDB

/// Commands that came together have their lookups done together, before the first of them is answered: while one waits
/// for memory the others go on.
extension ConnectionHandler {
    // MARK: Of commands

    /// Tells a batch what the next commands are going to look up.
    /// - Parameter room: for how many lookups there is room; reduced by those of this connection.
    func expectCommands(_ batch: inout ReadBatch?, _ room: inout Int) {
        guard order.isEmpty, pause == .none, session.isAuthenticated else { return }
        let input = input
        var parser = RequestParser()
        swap(&parser, &self.parser)
        expectedCount = expectCommands(&parser, input.readableBytesUInt8Span, &batch, &room)
        swap(&parser, &self.parser)
    }

    /// Does the next commands' lookups together where there are several.
    /// - Returns: how many commands need no further look.
    func lookAheadOfCommands(_ parser: inout RequestParser, _ input: Span<UInt8>, _ batch: inout ReadBatch?) -> Int {
        guard session.isAuthenticated else { return 1 }
        batch?.expectNothing()
        var room = ReadBatch.expectedMax
        let seen = expectCommands(&parser, input, &batch, &room)
        if room < ReadBatch.expectedMax - 1 { batch?.lookAhead() }
        return seen
    }

    /// - Returns: how many commands were looked through.
    private func expectCommands(
        _ parser: inout RequestParser, _ input: Span<UInt8>, _ batch: inout ReadBatch?, _ room: inout Int
    ) -> Int {
        parser.readAhead(in: input, upTo: room, limits: requestLimits)
        guard parser.inlineBytes == nil else { return 0 }
        var seen = 0
        while seen < parser.readyCount, room > 0 {
            if expectCommand(parser.request(seen, in: input), &batch) { room -= 1 }
            seen += 1
        }
        return seen
    }

    /// Tells a batch what a command is going to look up first.
    /// - Returns: false where that is nothing, or is not known.
    private func expectCommand(_ request: borrowing Request, _ batch: inout ReadBatch?) -> Bool {
        guard request.count >= 4, let index = server.table.index(of: request[0]),
            server.table.facts[index].rank <= session.rank, let organization = organizations.recall(request[1])
        else { return false }
        switch server.table.facts[index].kind {
        case .find where request.count == 4:
            guard let kind = IdentifierKind(keyword: request[2]) else { return false }
            return expectIdentifier(kind, request[3], isResolved: false, organization, &batch)
        case .resolve:
            guard let places = try? ResolvePlaces(request), !places.needsAll else { return false }
            if places.email > 0 {
                return expectIdentifier(.email, request[places.email], isResolved: true, organization, &batch)
            }
            if places.phone > 0 {
                return expectIdentifier(.phone, request[places.phone], isResolved: true, organization, &batch)
            }
            return false
        default:
            return false
        }
    }

    // MARK: Of identifiers

    /// Does the next lookups of an `MFIND` together.
    /// - Parameter first: the place of the first one's kind.
    func lookAheadOfIdentifiers(
        _ request: borrowing Request, _ first: Int, _ organization: Organization, _ batch: inout ReadBatch?
    ) {
        guard (try? open(&batch)) != nil else { return }
        batch?.expectNothing()
        let end = min(first + 2 * ReadBatch.expectedMax, request.count)
        for place in stride(from: first, to: end, by: 2) {
            guard let kind = IdentifierKind(keyword: request[place]) else { continue }
            _ = expectIdentifier(kind, request[place + 1], isResolved: false, organization, &batch)
        }
        batch?.lookAhead()
    }

    private func expectIdentifier(
        _ kind: IdentifierKind, _ text: Span<UInt8>, isResolved: Bool, _ organization: Organization,
        _ batch: inout ReadBatch?
    ) -> Bool {
        guard (try? open(&batch)) != nil else { return false }
        switch kind {
        case .email: batch?.expect(email: text, isResolved: isResolved, in: organization)
        case .phone: batch?.expect(phone: text, isResolved: isResolved, in: organization)
        case .external: return false
        }
        return true
    }
}
