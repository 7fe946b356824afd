internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import VaultDB

/// Every address of the server, and what answers it: the API's endpoints and the pages.
struct HTTPRoutes: Sendable {
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

    /// Whether the body of a request with this target, in whatever form, comes as a stream that may last.
    static func isStreaming(_ target: String) -> Bool { matches(Endpoint.importEndpoint.path, URI(target).path) }

    /// The most bytes that a body may have which comes to this path, announced or not. An import's comes as a stream.
    static func bodyBytesMax(_ path: String, _ limits: ServerLimits) -> Int {
        if matches(Endpoint.importEndpoint.path, path) { return .max }
        guard matches(Endpoint.webhookPath, path) else { return limits.httpBodyBytesMax }
        return max(limits.httpBodyBytesMax, Endpoint.deliveryBytesMax)
    }

    /// Whether a body is refused at its head.
    /// - Parameter length: what it announces.
    static func isTooLarge(_ length: String?, _ target: String, _ limits: ServerLimits) -> Bool {
        // No path takes less than the limit.
        guard let bytes = length.flatMap({ UInt64($0) }), bytes > UInt64(limits.httpBodyBytesMax) else { return false }
        return bytes > UInt64(bodyBytesMax(URI(target).path, limits))
    }

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
        if endpoint.method != .get { try refusePreconditions(request) }
        let call = APICall(
            state: state, caller: caller, request: request, context: context,
            query: try Query(request.uri.query ?? "", keepsPlus: true))
        if !call.query.pairs.isEmpty, !endpoint.takesFurtherParameters {
            try call.query.allow(endpoint.parameters.filter { $0.place == .query }.map(\.name))
        }
        if !endpoint.bodies.isEmpty { try call.requireKnownEncoding() }
        return try await endpoint.handle(call)
    }

    /// What would have to hold within the write itself is refused, and not passed over.
    private func refusePreconditions(_ request: WebRequest) throws(Problem) {
        let names: [HTTPField.Name] = [.ifMatch, .ifNoneMatch, .ifUnmodifiedSince]
        guard let name = names.first(where: { request.headers.contains($0) })?.rawName else { return }
        throw .preconditionFailed(
            "\(name) is a precondition, and writes take none; nothing was done", advice: "leave out \(name)")
    }

    // MARK: What is not there

    /// For an address that nothing answers: 405 where it answers to other methods, else 404.
    func unknown(_ request: WebRequest) -> Problem {
        let addresses = endpoints.map { (method: $0.method, path: $0.path) } + Pages.addresses
        let template = Self.template(of: request.uri.path, among: addresses.map { $0.path })
        let methods = addresses.filter { $0.path == template }.map { $0.method }
        guard !methods.isEmpty, !methods.contains(request.method) else {
            return .notFound("there is nothing at this address")
        }
        var problem = Problem(
            .methodNotAllowed, "method_not_allowed", "this address does not answer to \(request.method.rawValue)")
        problem.headers[.allow] = methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }.joined(
            separator: ", ")
        return problem
    }

    /// Of these templates the one that the router takes for a path; nil where none fits.
    static func template(of path: String, among templates: [String]) -> String? {
        // A fixed part goes before a variable one, and a brace comes behind all letters.
        templates.filter { matches($0, path) }.min()
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
