internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Synchronization
internal import VaultDB

/// Who asks, and about whose people.
struct Caller: Sendable {
    let grant: Grant
    let organization: Organization

    /// - Throws: 403 where the grant does not suffice.
    func require(_ role: AccessRole) throws(Problem) {
        guard grant.role < role else { return }
        throw Problem(
            .forbidden, "forbidden", "this needs the role \(role), and the token has the role \(grant.role)")
    }
}

/// Decides who may do what over HTTP: the same tokens and roles as over Redis' protocol.
struct HTTPAccess: Sendable {
    let state: ServerState
    let attempts: FailedAttempts

    init(_ state: ServerState) {
        self.state = state
        attempts = FailedAttempts(perMinuteMax: state.limits.failedAttemptsPerMinuteMax)
    }

    // MARK: Callers of the API

    /// From the bearer token, or from the header that names an organization where the server asks for no token.
    /// - Parameter needsOrganization: false where it is only asked what the caller may do.
    func caller(
        _ request: WebRequest, _ context: HTTPContext, needsOrganization: Bool = true
    ) throws -> Caller {
        if let header = request.headers[.authorization] {
            guard header.prefix(7).lowercased() == "bearer " else { throw Problem.unauthenticated }
            let grant = try grant(showing: String(header.dropFirst(7)), context)
            guard let organization = grant.organization else { throw Problem.unauthenticated }
            return Caller(grant: grant, organization: state.vault.organization(organization))
        }
        guard let grant = state.access.grantWithoutToken else { throw Problem.unauthenticated }
        guard let text = request.headers[.organization] else {
            if !needsOrganization { return Caller(grant: grant, organization: state.vault.organization(.nobody)) }
            throw Problem.invalid("no organization is named", advice: "send its UUID in X-Organization-Id")
        }
        guard let id = UUID(text: text) else {
            throw Problem.invalid("X-Organization-Id is no UUID such as 8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80")
        }
        return Caller(grant: grant, organization: state.vault.organization(id))
    }

    /// What a token is good for.
    /// - Throws: 401 where it is none, 429 where its address has shown too many of those. Good ones pass all the same:
    ///   others may be behind the same address.
    func grant(showing token: String, _ context: HTTPContext) throws -> Grant {
        if let grant = try state.access.grant(showing: token) { return grant }
        let peer = context.peer
        state.metrics.failedLoginCount.add(1, ordering: .relaxed)
        if let seconds = attempts.secondsToWait(peer) {
            var problem = Problem(.tooManyRequests, "too_many_attempts", "too many wrong tokens came from this address")
            problem.headers[.retryAfter] = String(seconds)
            throw problem
        }
        attempts.note(peer)
        throw Problem.unauthenticated
    }

    // MARK: Other sites

    /// Refuses what the scripts and forms of other sites make a browser send.
    ///
    /// Without tokens whoever is on the machine may do everything, so there the name that was asked for must be one of
    /// the machine's own: a foreign name that leads here is a trick (DNS rebinding).
    /// - Throws: 400 where no `Host` says what was asked for, or several do.
    func refuseOtherSites(_ request: WebRequest) throws(Problem) {
        // The first is the authority; further ones stay among the headers.
        guard let host = request.head.authority, !request.headers.contains(where: { $0.name.canonicalName == "host" })
        else {
            throw Problem.invalid(
                "the request does not name its host, or does so twice", advice: "send one Host header")
        }
        if !state.access.isProtected, !isOwn(host) {
            throw Problem(
                .misdirectedRequest, "misdirected", "this server has no tokens and answers to loopback names only",
                advice: "ask for it as 127.0.0.1 or localhost")
        }
        let isSafe = [.get, .head, .options].contains(request.method)
        guard !isSafe, request.headers[.authorization] == nil else { return }
        let origin = request.headers[.origin]
        if let origin, isAllowed(origin) { return }
        let site = request.headers[.fetchSite]
        let isForeign = origin.map { Self.host(of: $0) != host } ?? (site == "cross-site" || site == "same-site")
        if isForeign { throw Problem(.forbidden, "cross_site", "other sites may not write here") }
    }

    /// Whether scripts of this origin may call the API.
    func isAllowed(_ origin: String) -> Bool { state.configuration.corsOrigins.contains(origin) }

    private static func host(of origin: String) -> String? {
        guard let end = origin.range(of: "://") else { return nil }
        return String(origin[end.upperBound...])
    }

    private func isOwn(_ authority: String) -> Bool {
        if authority.hasPrefix("127.0.0.1:") || authority.isEmpty { return true }
        var name = authority[...]
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("]") { name = name[..<colon] }
        return ["localhost", "127.0.0.1", "[::1]", state.configuration.host].contains(String(name).lowercased())
    }
}
