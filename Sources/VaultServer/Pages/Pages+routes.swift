internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import VaultDB

/// The addresses of the pages, each under `/es`, under `/en` and under neither.
extension Pages {
    private typealias Answer = @Sendable (Pages, WebRequest, HTTPContext) async throws -> Response
    /// What answers a browser that has a session.
    private typealias SessionAnswer = @Sendable (PageCall) async throws -> Response

    private struct Route: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let answer: Answer
    }

    private static let routes: [Route] = {
        var routes = [Route(method: .get, path: "/assets/style.css") { pages, _, _ in pages.styleSheet }]
        for prefix in ["", "/es", "/en"] {
            routes.append(Route(method: .get, path: prefix.isEmpty ? "/" : prefix, answer: Self.toContacts))
            routes += Self.localized.map { Route(method: $0.method, path: prefix + $0.path, answer: $0.answer) }
        }
        return routes
    }()

    private static let toContacts: Answer = { _, request, _ in
        Response.redirect(to: PageFrame(of: request).path("/contacts"))
    }

    private static let localized: [Route] = [
        shown("/contacts") { try await $0.contacts() }, shown("/contacts/{id}") { try await $0.contact() },
        shown("/records/{kind}/{id}") { try await $0.record() }, shown("/records/{kind}") { try await $0.record() },
        shown("/conflicts") { try await $0.conflicts() },
        shown("/conflicts/{first}/{second}") { try await $0.conflict() },
        sent("/contacts/{id}/merge") { try await $0.merge() }, sent("/merges/{id}/undo") { try await $0.undo() },
        sent("/conflicts/keep-apart") { try await $0.keepApart() }, sent("/sign-out") { try await $0.signOut() },
        Route(method: .get, path: "/sign-in") { try await $0.showSignIn($1, $2) },
        Route(method: .post, path: "/sign-in") { try await $0.signIn($1, $2) },
    ]

    /// A page of a session.
    private static func shown(_ path: String, _ show: @escaping SessionAnswer) -> Route {
        Route(method: .get, path: path) { try await $0.answer($1, $2, show) }
    }

    /// What a form of a session does.
    private static func sent(_ path: String, _ act: @escaping SessionAnswer) -> Route {
        Route(method: .post, path: path) { try await $0.answer($1, $2, act) }
    }

    /// Every address of a page, for those who count and those who say what there is not.
    static var addresses: [(method: HTTPRequest.Method, path: String)] {
        routes.map { (method: $0.method, path: $0.path) }
    }

    func register(on router: Router<HTTPContext>) {
        for route in Self.routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                try await route.answer(self, request, context)
            }
        }
    }

    // MARK: Who asks

    /// Runs `body` for the browser's session, or leads to where one begins. What fails is shown as a page.
    private func answer(
        _ request: WebRequest, _ context: HTTPContext, _ body: SessionAnswer
    ) async throws -> Response {
        do {
            let isForm = request.method == .post
            // Before the session, which may end while a form comes.
            let form = try await isForm ? fields(of: request) : .empty
            guard let session = try session(of: request) else { return signInFirst(request) }
            if isForm { try requireOwn(form, session) }
            let call = PageCall(
                pages: self, request: request, context: context, frame: PageFrame(of: request), session: session,
                query: try Query(request.uri.query ?? ""), form: form,
                hasChoice: try session.isSignedIn ? false : onlyOrganization() == nil)
            return try await body(call)
        } catch {
            let problem = Problem(error)
            if problem.status == .internalServerError { throw error }
            state.metrics.note(problem)
            return self.problem(problem, request)
        }
    }

    /// The session of the browser, as far as its token is still good.
    func knownSession(of request: WebRequest) -> PageSession? {
        guard let session = cookie(of: request).flatMap({ sessions.resume($0) }) else { return nil }
        if state.access.renewed(session.grant) != nil { return session }
        sessions.end(session.id)
        return nil
    }

    /// The same, or a new one where no token is asked for.
    private func session(of request: WebRequest) throws -> PageSession? {
        if let session = knownSession(of: request) { return session }
        guard let grant = state.access.grantWithoutToken, let organization = try onlyOrganization() else { return nil }
        return sessions.begin(grant, organization)
    }

    /// The one of the configuration, or the vault's only one.
    private func onlyOrganization() throws -> UUID? {
        if let organization = state.configuration.organization { return organization }
        return try state.vault.onlyOrganization()
    }

    private func signInFirst(_ request: WebRequest) -> Response {
        let frame = PageFrame(of: request)
        guard request.method == .post else {
            return .redirect(to: frame.path(Self.signInAddress(next: frame.path(frame.address))))
        }
        let next = Self.next(formPage(of: request), frame)
        return .redirect(to: frame.path(Self.signInAddress(next: next) + "&ended=1"))
    }

    /// The address of the page whose form it is, where the browser tells and the page is this server's. What a form was sent to
    /// is none that can be asked for, though it may have answered with another form.
    private func formPage(of request: WebRequest) -> String? {
        guard let referer = request.headers[.referer], let scheme = referer.range(of: "://") else { return nil }
        let rest = referer[scheme.upperBound...]
        let host = rest.prefix { $0 != "/" }
        guard String(host) == request.head.authority else { return nil }
        let address = String(rest[host.endIndex...])
        let shown = Self.addresses.filter { $0.method == .get }.map(\.path)
        return HTTPRoutes.template(of: String(address.prefix { $0 != "?" }), among: shown) == nil ? nil : address
    }

    private static func signInAddress(next: String) -> String {
        "/sign-in?next=\(next.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
    }

    /// - Throws: 403 for a form that came from no page of this session.
    private func requireOwn(_ form: Query, _ session: PageSession) throws(Problem) {
        guard let shown = form["csrf"], SecretDigest(of: session.csrf).isDigest(of: shown) else {
            throw Problem(.forbidden, "expired", "the form is not of this session")
        }
    }

    private func fields(of request: WebRequest) async throws -> Query {
        let body = try await request.body.collect(upTo: min(64 << 10, state.limits.httpBodyBytesMax))
        return try Query(form: body)
    }

    // MARK: Signing in

    private func showSignIn(_ request: WebRequest, _ context: HTTPContext) async throws -> Response {
        let (frame, query) = (PageFrame(of: request), try Query(request.uri.query ?? ""))
        // Nothing is left to ask where there is one organization by now, or the server was told which.
        if !state.access.isProtected, try onlyOrganization() != nil {
            return .redirect(to: Self.next(query["next"], frame))
        }
        let notice = ["signed_out", "ended"].first { query[$0] != nil }
        return try signInPage(frame, next: query["next"], notice: notice)
    }

    private func signInPage(
        _ frame: PageFrame, next: String?, error: String? = nil, notice: String? = nil,
        status: HTTPResponse.Status = .ok
    ) throws -> Response {
        var content: PageContent = [
            "action": .text(frame.path("/sign-in")), "next": .text(Self.next(next, frame)),
            "needs_token": .flag(state.access.isProtected), "csrf": "",
        ]
        content["error"] = error.map { .text(frame.language.text($0)) }
        content["notice"] = notice.map { .object(["text": .text(frame.language.text("notice.\($0)"))]) }
        if !state.access.isProtected {
            let organizations = try state.vault.organizations()
            content["organizations"] = .list(organizations.prefix(100).map { .object(["id": .text($0.text)]) })
            content["has_organizations"] = .flag(!organizations.isEmpty)
        }
        return try page("sign_in", content, frame, nil, status: status)
    }

    private func signIn(_ request: WebRequest, _ context: HTTPContext) async throws -> Response {
        let form = try await fields(of: request)
        var frame = PageFrame(of: request)
        let next = Self.next(form["next"], frame)
        do {
            let (grant, organization) = try chosen(form, context)
            if let former = cookie(of: request) { sessions.end(former) }
            let session = sessions.begin(grant, organization)
            var response = Response.redirect(to: next)
            response.headers[.setCookie] = cookie(session.id, frame)
            return response
        } catch let problem as Problem {
            let error =
                switch problem.status {
                case .tooManyRequests: "token.limited"
                case .badRequest: "organization.wrong"
                default: "token.wrong"
                }
            frame.address = Self.signInAddress(next: next)
            var response = try signInPage(frame, next: next, error: error, status: problem.status)
            response.headers += problem.headers
            return response
        }
    }

    private func chosen(_ form: Query, _ context: HTTPContext) throws -> (Grant, UUID) {
        if let grant = state.access.grantWithoutToken {
            guard let id = form["organization"].flatMap(UUID.init(text:)) else {
                throw Problem.invalid("there is no such organization")
            }
            return (grant, id)
        }
        // Copied from a message, it comes with what stood around it.
        let token = form["token"]?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        let grant = try access.grant(showing: token, context)
        guard let organization = grant.organization else { throw Problem.unauthenticated }
        return (grant, organization)
    }

    /// Where signing in leads, in the language in which it is done.
    private static func next(_ address: String?, _ frame: PageFrame) -> String {
        local(address).map(frame.own) ?? frame.path("/contacts")
    }

    /// An address of this server, so that signing in leads nowhere else.
    private static func local(_ path: String?) -> String? {
        guard let path, path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            path.hasPrefix("/"), !path.hasPrefix("//"), !path.contains("\\")
        else { return nil }
        return path
    }
}

extension PageCall {
    func signOut() async throws -> Response {
        pages.sessions.end(session.id)
        var response = Response.redirect(to: path("/sign-in?signed_out=1"))
        response.headers[.setCookie] = pages.cookie("", frame, seconds: 0)
        return response
    }
}
