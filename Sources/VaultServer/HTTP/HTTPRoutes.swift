internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import VaultDB

/// Every address of the server, and what answers it: the API's endpoints and the pages.
struct HTTPRoutes: Sendable {
    private static let importPath = "/api/v1/contacts/import"

    let state: ServerState
    let access: HTTPAccess
    let endpoints: [Endpoint]
    let pages: Pages

    init(_ state: ServerState, _ access: HTTPAccess, isEncrypted: Bool) throws {
        self.state = state
        self.access = access
        endpoints = Endpoint.all
        pages = try Pages(state, access, isEncrypted: isEncrypted)
    }

    /// Whether the body of a request to this address comes as a stream that may last.
    static func isStreaming(_ address: String) -> Bool { address.prefix { $0 != "?" } == importPath }

    func register(on router: Router<HTTPContext>) {
        for endpoint in endpoints {
            router.on(RouterPath(endpoint.path), method: endpoint.method) { [self] request, context in
                try await answer(endpoint, request, context)
            }
        }
        pages.register(on: router)
    }

    private func answer(_ endpoint: Endpoint, _ request: WebRequest, _ context: HTTPContext) async throws -> Response {
        let caller = try endpoint.role.map { role in
            let caller = try access.caller(request, context, needsOrganization: endpoint.needsOrganization)
            try caller.require(role)
            return caller
        }
        let call = APICall(
            state: state, caller: caller, request: request, context: context,
            query: try Query(request.uri.query ?? "", keepsPlus: true))
        if !call.query.pairs.isEmpty, !endpoint.takesFurtherParameters {
            try call.query.allow(endpoint.parameters.filter { $0.place == .query }.map(\.name))
        }
        if !endpoint.bodies.isEmpty { try call.requireKnownEncoding() }
        return try await endpoint.handle(call)
    }

    // MARK: What is not there

    /// For an address that nothing answers: 405 where it answers to other methods, else 404.
    func unknown(_ request: WebRequest) -> Problem {
        let addresses = endpoints.map { ($0.method, $0.path) } + Pages.addresses
        let methods = addresses.filter { Self.matches($0.1, request.uri.path) }.map(\.0.rawValue)
        guard !methods.isEmpty else { return .notFound("there is nothing at this address") }
        var problem = Problem(
            .methodNotAllowed, "method_not_allowed", "this address does not answer to \(request.method.rawValue)")
        problem.headers[.allow] = methods.joined(separator: ", ")
        return problem
    }

    /// A problem as who asked can read it: a page for browsers, problem details for programs.
    func response(to problem: Problem, _ request: WebRequest) -> Response {
        let path = request.uri.path
        let isPage = !path.hasPrefix("/api/") && !path.hasPrefix("/metrics") && !path.hasPrefix("/health")
        let wantsPage = request.headers[.accept]?.contains("text/html") == true
        return isPage && wantsPage ? pages.problem(problem, request) : problem.response
    }

    private static func matches(_ template: String, _ path: String) -> Bool {
        let (parts, given) = (template.split(separator: "/"), path.split(separator: "/"))
        return parts.count == given.count && zip(parts, given).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
