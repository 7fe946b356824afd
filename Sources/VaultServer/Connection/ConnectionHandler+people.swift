internal import Foundation
internal import NIOCore
internal import Synchronization
internal import VaultDB

/// The hot path: `FIND`, `MFIND` and `RESOLVE` on the bytes they came in.
extension ConnectionHandler {
    func find(
        _ request: borrowing Request, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter
    ) throws(ReplyError) {
        let organization = try organization(request)
        try findOne(request, 2, organization, &batch, &writer)
    }

    func findMany(
        _ request: borrowing Request, _ run: CommandRun, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter
    ) throws(ReplyError) -> Outcome {
        guard request.count % 2 == 0 else { throw .arity("mfind") }
        let organization = try organization(request)
        var longBytes = 0
        for place in stride(from: 2, to: request.count, by: 2) {
            guard let kind = IdentifierKind(keyword: request[place]) else { throw .unknownKind }
            let byteCount = request[place + 1].count
            if byteCount > (kind == .phone ? Self.shortPhoneBytesMax : Self.shortBytesMax) { longBytes += byteCount }
        }
        if longBytes > Self.longBytesMax { return try findBeside(request, run, organization) }
        // Collected first: an error in the middle must not leave half an array.
        var found = ReplyWriter(.init(), writer.version)
        for place in stride(from: 2, to: request.count, by: 2) {
            if (place - 2) % (2 * ReadBatch.expectedMax) == 0 {
                lookAheadOfIdentifiers(request, place, organization, &batch)
            }
            try findOne(request, place, organization, &batch, &found)
        }
        writer.array((request.count - 2) / 2)
        writer.append(found)
        return .answered
    }

    // What the tables are certain of takes 2 µs. Of the rest, libphonenumber takes 25 µs for a short phone and up to
    // 40 µs for each byte of a long one; folding takes up to 0.4 µs for each byte of an email or an external id. So the
    // bytes of long ones are bounded on the event loop, and short ones by how many arguments there may be.
    private static let shortPhoneBytesMax = 24
    private static let shortBytesMax = 64
    private static let longBytesMax = 512

    /// The same beside the event loops.
    private func findBeside(
        _ request: borrowing Request, _ run: CommandRun, _ organization: Organization
    ) throws(ReplyError) -> Outcome {
        var asked: [(kind: IdentifierKind, text: String)] = []
        for place in stride(from: 2, to: request.count, by: 2) {
            guard let kind = IdentifierKind(keyword: request[place]) else { throw .unknownKind }
            asked.append((kind, request.identifierText(place + 1)))
        }
        return try work(in: server.work, run) { [asked] in
            var found: [JSONValue] = []
            for (kind, text) in asked { found.append(JSONValue(try organization.find(text, kind)?.text)) }
            return .array(found)
        }
    }

    @inline(__always)
    private func findOne(
        _ request: borrowing Request, _ place: Int, _ organization: Organization, _ batch: inout ReadBatch?,
        _ writer: inout ReplyWriter
    ) throws(ReplyError) {
        guard let kind = IdentifierKind(keyword: request[place]) else { throw .unknownKind }
        let text = request[place + 1]
        let found: UUID?
        do throws(VaultError) {
            try open(&batch)
            switch kind {
            case .email: found = try batch?.find(email: text, in: organization) ?? nil
            case .phone: found = try batch?.find(phone: text, in: organization) ?? nil
            case .external: found = try batch?.find(external: text, in: organization) ?? nil
            }
        } catch {
            throw ReplyError(error)
        }
        if let found { writer.id(found) } else { writer.null() }
    }

    @inline(__always)
    func open(_ batch: inout ReadBatch?) throws(VaultError) {
        if batch == nil { batch = try server.vault.readBatch() }
    }

    // MARK: Resolve

    func resolve(
        _ request: borrowing Request, _ run: CommandRun, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter
    ) throws(ReplyError) -> Outcome {
        let organization = try organization(request)
        let places = try ResolvePlaces(request)
        var isForWriter = false
        if !places.needsAll, order.isEmpty, places.source == 0 || request[places.source].isShortLine {
            do throws(VaultError) {
                try open(&batch)
                let email = places.email == 0 ? Span() : request[places.email]
                let phone = places.phone == 0 ? Span() : request[places.phone]
                let name = places.name == 0 ? Span() : request[places.name]
                switch try batch?.look(email: email, phone: phone, name: name, in: organization) ?? .undecided {
                case .match(let match):
                    writer.match(match, email: email)
                    LoopMetrics.add(1, to: metrics.matched)
                    return .answered
                case .unknown: isForWriter = true
                case .undecided: break
                }
            } catch {
                throw ReplyError(error)
            }
        }
        // The rest looks at the vault by itself.
        if !isForWriter { batch = nil }
        return try resolveFully(
            places.resolveRequest(in: request), run, organization, &writer, isForWriter: isForWriter)
    }

    private func resolveFully(
        _ asked: ResolveRequest, _ run: CommandRun, _ organization: Organization, _ writer: inout ReplyWriter,
        isForWriter: Bool
    ) throws(ReplyError) -> Outcome {
        let isBehindWrites = !order.isEmpty
        if isBehindWrites, asked.isDryRun || isOrderFull { return wait() }
        let ticket = try reserve()
        do throws(VaultError) {
            let deliver = delivery(ticket, run) { (writer, answer: Resolution) in
                writer.resolution(answer)
            }
            guard
                let answer = try organization.submitResolve(asked, isForWriter: isBehindWrites || isForWriter, deliver)
            else { return .handedOn }
            withdraw(ticket)
            count(answer)
            reply(&writer) { $0.resolution(answer) }
            return .answered
        } catch {
            withdraw(ticket)
            throw ReplyError(error)
        }
    }
}

extension Organization {
    /// The id of the identity that owns an identifier, however it is spelled.
    fileprivate func find(_ text: String, _ kind: IdentifierKind) throws(VaultError) -> UUID? {
        switch kind {
        case .email: return try find(email: text)
        case .phone: return try find(phone: text)
        case .external: return try find(external: text)
        }
    }
}

extension Span<UInt8> {
    /// Printable ASCII within the bound of a source: a match has nothing to say against it.
    fileprivate var isShortLine: Bool {
        guard count <= Limits.sourceBytesMax else { return false }
        for index in indices where self[index] < 0x20 || self[index] >= 0x7F { return false }
        return true
    }
}
