internal import Foundation
internal import NIOCore
internal import Synchronization
internal import VaultDB

/// The hot path: `FIND`, `MFIND` and `RESOLVE` on the bytes they came in.
extension ConnectionHandler {
    private enum Identifier { case email, phone, external }

    @inline(__always)
    private static func identifier(_ word: Span<UInt8>) -> Identifier? {
        if word.isWord("email") { return .email }
        if word.isWord("phone") { return .phone }
        return word.isWord("external") ? .external : nil
    }

    func find(
        _ request: borrowing Request, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter
    ) throws(ReplyError) {
        let organization = try organization(request)
        try findOne(request, 2, organization, &batch, &writer)
    }

    func findMany(
        _ request: borrowing Request, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter
    ) throws(ReplyError) {
        guard request.count % 2 == 0 else { throw .arity("mfind") }
        let organization = try organization(request)
        for place in stride(from: 2, to: request.count, by: 2) {
            guard Self.identifier(request[place]) != nil else { throw Self.unknownKind }
        }
        // Collected first: an error in the middle must not leave half an array.
        var found = ReplyWriter(.init(), writer.version)
        for place in stride(from: 2, to: request.count, by: 2) {
            if (place - 2) % (2 * ReadBatch.expectedMax) == 0 { lookAhead(request, place, organization, &batch) }
            try findOne(request, place, organization, &batch, &found)
        }
        writer.array((request.count - 2) / 2)
        writer.append(found)
    }

    @inline(__always)
    private func findOne(
        _ request: borrowing Request, _ place: Int, _ organization: Organization, _ batch: inout ReadBatch?,
        _ writer: inout ReplyWriter
    ) throws(ReplyError) {
        guard let kind = Self.identifier(request[place]) else { throw Self.unknownKind }
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

    /// Does the next lookups of an `MFIND` together.
    private func lookAhead(
        _ request: borrowing Request, _ first: Int, _ organization: Organization, _ batch: inout ReadBatch?
    ) {
        guard (try? open(&batch)) != nil else { return }
        batch?.expectNothing()
        let end = min(first + 2 * ReadBatch.expectedMax, request.count)
        for place in stride(from: first, to: end, by: 2) {
            guard let kind = Self.identifier(request[place]) else { continue }
            expect(kind, request[place + 1], isResolved: false, organization, &batch)
        }
        batch?.lookAhead()
    }

    /// Tells a batch what a command is going to look up first.
    /// - Returns: false where that is nothing, or is not known.
    func expect(_ request: borrowing Request, _ batch: inout ReadBatch?) -> Bool {
        guard request.count >= 4, let index = server.table.index(of: request[0]),
            server.table.facts[index].rank <= session.rank, let organization = organizations.recall(request[1])
        else { return false }
        switch server.table.facts[index].kind {
        case .find where request.count == 4:
            guard let kind = Self.identifier(request[2]) else { return false }
            return expect(kind, request[3], isResolved: false, organization, &batch)
        case .resolve:
            guard let places = try? Self.places(request), !places.needsAll else { return false }
            if places.email > 0 { return expect(.email, request[places.email], isResolved: true, organization, &batch) }
            if places.phone > 0 { return expect(.phone, request[places.phone], isResolved: true, organization, &batch) }
            return false
        default:
            return false
        }
    }

    @discardableResult
    private func expect(
        _ kind: Identifier, _ text: Span<UInt8>, isResolved: Bool, _ organization: Organization,
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

    @inline(__always)
    private func open(_ batch: inout ReadBatch?) throws(VaultError) {
        if batch == nil { batch = try server.vault.readBatch() }
    }

    private static let unknownKind = ReplyError(.general, "an identifier is an EMAIL, a PHONE or an EXTERNAL")

    // MARK: Resolve

    /// Where the arguments of a `RESOLVE` lie, by their place in the request; 0 for one that is not given.
    private struct ResolvePlaces {
        var email = 0
        var phone = 0
        var name = 0
        var source = 0
        var region = 0
        var idempotency = 0
        var dryRun = 0
        /// There is something that the fast way does not look at.
        var needsAll = false
    }

    private static func places(_ request: borrowing Request) throws(ReplyError) -> ResolvePlaces {
        var places = ResolvePlaces()
        var index = 2
        while index < request.count {
            let word = request[index]
            if word.isWord("dryrun") {
                try set(&places.dryRun, index, request)
                places.needsAll = true
                index += 1
                continue
            }
            guard index + 1 < request.count else { throw .syntax }
            if word.isWord("email") {
                try set(&places.email, index, request)
            } else if word.isWord("phone") {
                try set(&places.phone, index, request)
            } else if word.isWord("name") {
                try set(&places.name, index, request)
            } else if word.isWord("source") {
                try set(&places.source, index, request)
            } else {
                if word.isWord("region") {
                    try set(&places.region, index, request)
                } else if word.isWord("idempotency") {
                    try set(&places.idempotency, index, request)
                } else if !word.isWord("external") {
                    throw .syntax
                }
                places.needsAll = true
            }
            index += 2
        }
        return places
    }

    @inline(__always)
    private static func set(_ place: inout Int, _ keyword: Int, _ request: borrowing Request) throws(ReplyError) {
        if place != 0 { throw .repeated(request.text(keyword).uppercased()) }
        place = keyword + 1
    }

    func resolve(
        _ request: borrowing Request, _ index: Int, _ batch: inout ReadBatch?, _ writer: inout ReplyWriter,
        _ started: UInt64
    ) throws(ReplyError) -> Outcome {
        let organization = try organization(request)
        let places = try Self.places(request)
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
            Self.resolveRequest(request), organization, index, request.count, &writer, started, isForWriter: isForWriter
        )
    }

    private func resolveFully(
        _ asked: ResolveRequest, _ organization: Organization, _ index: Int, _ argumentCount: Int,
        _ writer: inout ReplyWriter, _ started: UInt64, isForWriter: Bool
    ) throws(ReplyError) -> Outcome {
        let isBehindWrites = !order.isEmpty
        if isBehindWrites, asked.isDryRun || isOrderFull { return wait() }
        let ticket = try reserve()
        do throws(VaultError) {
            let deliver = delivery(ticket, index, argumentCount, started) { (writer, answer: Resolution) in
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

    /// What is asked for in words that `places` found in order.
    private static func resolveRequest(_ request: borrowing Request) throws(ReplyError) -> ResolveRequest {
        var asked = ResolveRequest()
        var index = 2
        while index < request.count {
            let word = request[index]
            if word.isWord("dryrun") {
                asked.isDryRun = true
                index += 1
                continue
            }
            if word.isWord("email") {
                asked.email = identifierText(request, index + 1)
            } else if word.isWord("phone") {
                asked.phone = identifierText(request, index + 1)
            } else if word.isWord("external") {
                asked.externals.append(try request.validText(index + 1))
            } else if word.isWord("name") {
                asked.name = try request.validText(index + 1)
            } else if word.isWord("source") {
                asked.source = try request.validText(index + 1)
            } else if word.isWord("idempotency") {
                asked.idempotencyKey = try request.validText(index + 1)
            } else {
                asked.region = try Arguments.region(try request.validText(index + 1))
            }
            index += 2
        }
        return asked
    }

    /// Bytes that are not UTF-8 are no email and no phone, which the answer warns of as it does of any other.
    private static func identifierText(_ request: borrowing Request, _ place: Int) -> String {
        (try? request.validText(place)) ?? "\u{FFFD}"
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
