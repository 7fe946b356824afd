internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import VaultDB

/// What every request passes: other sites, errors, headers that protect, the count of it.
struct HTTPFront: RouterMiddleware {
    typealias Context = HTTPContext

    let state: ServerState
    let access: HTTPAccess
    let routes: HTTPRoutes
    let isEncrypted: Bool

    func handle(
        _ request: WebRequest, context: HTTPContext, next: (WebRequest, HTTPContext) async throws -> Response
    ) async throws -> Response {
        let started = NIODeadline.now()
        var response: Response
        do {
            try access.refuseOtherSites(request)
            if HTTPRoutes.isTooLarge(request.headers[.contentLength], request.uri.path, state.limits) {
                throw Problem.tooLarge
            }
            if let allowed = preflight(request) {
                response = allowed
            } else {
                response = try await next(request, context)
            }
        } catch {
            response = refusal(error, request, context)
        }
        complete(&response.headers, for: request)
        count(&response, context.endpointPath, request.method, since: started)
        response.body = response.body.inPieces(on: context.loop)
        // The router makes heads only of what it finds.
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// Has a response be counted: one that streams at its end, which may be long after its beginning.
    private func count(
        _ response: inout Response, _ path: String?, _ method: HTTPRequest.Method, since started: NIODeadline
    ) {
        let (metrics, status) = (state.httpMetrics, response.status.code)
        guard response.body.contentLength == nil else {
            return metrics.note(path, method, status: status, since: started)
        }
        response.body = ResponseBody { [body = response.body] writer in
            defer { metrics.note(path, method, status: status, since: started) }
            try await body.write(writer)
        }
    }

    private func refusal(_ error: any Error, _ request: WebRequest, _ context: HTTPContext) -> Response {
        // The router itself says no more than that it knows no such address.
        let isUnknown = (error as? HTTPError)?.status == .notFound
        let problem = isUnknown ? routes.unknown(request) : Problem(error)
        state.metrics.note(problem)
        if problem.status == .internalServerError {
            state.logger.error(
                "Request failed",
                metadata: [
                    "path": "\(context.endpointPath ?? "?")",
                    "error": "\((error as? VaultError)?.description ?? "\(type(of: error))")",
                ])
        }
        return routes.response(to: problem, request)
    }

    private func preflight(_ request: WebRequest) -> Response? {
        guard request.method == .options, let origin = request.headers[.origin], access.isAllowed(origin) else {
            return nil
        }
        return Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: "GET, HEAD, POST, PUT, DELETE",
                .accessControlAllowHeaders:
                    "authorization, content-type, idempotency-key, if-match, if-none-match, x-organization-id",
                .accessControlMaxAge: "600",
            ])
    }

    private func complete(_ headers: inout HTTPFields, for request: WebRequest) {
        headers[.xContentTypeOptions] = "nosniff"
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        if isEncrypted { headers[.strictTransportSecurity] = "max-age=31536000" }
        if state.configuration.corsOrigins.isEmpty { return }
        headers.append(HTTPField(name: .vary, value: "origin"))
        guard let origin = request.headers[.origin], access.isAllowed(origin) else { return }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlExposeHeaders] = "etag, link, retry-after"
    }
}
