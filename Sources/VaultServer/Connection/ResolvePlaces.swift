internal import VaultDB

/// Where the arguments of a `RESOLVE` lie, by their place in the request; 0 for one that is not given.
struct ResolvePlaces {
    private(set) var email = 0
    private(set) var phone = 0
    private(set) var name = 0
    private(set) var source = 0
    private var region = 0
    private var idempotency = 0
    private var dryRun = 0
    private var externals: [Int] = []

    /// - Throws: a word that is no option, an option without a value, or one that is given twice.
    init(_ request: borrowing Request) throws(ReplyError) {
        var index = 2
        while index < request.count {
            let word = request[index]
            if word.isWord("dryrun") {
                try Self.set(&dryRun, index, request)
                index += 1
                continue
            }
            guard index + 1 < request.count else { throw .syntax }
            if word.isWord("email") {
                try Self.set(&email, index, request)
            } else if word.isWord("phone") {
                try Self.set(&phone, index, request)
            } else if word.isWord("name") {
                try Self.set(&name, index, request)
            } else if word.isWord("source") {
                try Self.set(&source, index, request)
            } else if word.isWord("region") {
                try Self.set(&region, index, request)
            } else if word.isWord("idempotency") {
                try Self.set(&idempotency, index, request)
            } else if word.isWord("external") {
                externals.append(index + 1)
            } else {
                throw .syntax
            }
            index += 2
        }
    }

    @inline(__always)
    private static func set(_ place: inout Int, _ keyword: Int, _ request: borrowing Request) throws(ReplyError) {
        if place != 0 { throw .repeated(request.text(keyword).uppercased()) }
        place = keyword + 1
    }

    /// Whether there is something that the fast way does not look at.
    var needsAll: Bool { region | idempotency | dryRun != 0 || !externals.isEmpty }

    /// What is asked for in the request that this was made of.
    /// - Throws: an argument that is not UTF-8, or a region that is none.
    func resolveRequest(in request: borrowing Request) throws(ReplyError) -> ResolveRequest {
        var asked = ResolveRequest()
        // One that is not UTF-8 is none, which the answer warns of as it does of any other.
        if email > 0 { asked.email = request.identifierText(email) }
        if phone > 0 { asked.phone = request.identifierText(phone) }
        for place in externals { asked.externals.append(try request.validText(place)) }
        if name > 0 { asked.name = try request.validText(name) }
        if source > 0 { asked.source = try request.validText(source) }
        if region > 0 { asked.region = try Arguments.region(try request.validText(region)) }
        if idempotency > 0 { asked.idempotencyKey = try request.validText(idempotency) }
        asked.isDryRun = dryRun > 0
        return asked
    }
}
