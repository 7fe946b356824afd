internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import VaultDB

/// The server itself.
extension Endpoint {
    static let serverEndpoints: [Endpoint] = [
        Endpoint(
            method: .get, path: "/health", operation: "health", tag: .server,
            summary: "Whether the vault can be read. Asked for without a token.", role: nil,
            successes: [Success(status: .ok, summary: "It can.", schema: "Health")]
        ) { call in
            _ = try call.vault.lastCommit()
            return Response(["status": "ok", "version": .string(ServerVersion.text)])
        },
        Endpoint(
            method: .get, path: "/metrics", operation: "metrics", tag: .server,
            summary: "Counters and latencies as Prometheus reads them; needs a token where the server does.",
            role: .reader,
            successes: [
                Success(status: .ok, summary: "Prometheus text, version 0.0.4.", schema: "Text", type: "text/plain")
            ],
            needsOrganization: false
        ) { call in
            let text = try await call.work { try PrometheusText(call.state).text() }
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        },
        Endpoint(
            method: .get, path: "/openapi.json", operation: "openapi", tag: .server,
            summary: "This document.", role: nil,
            successes: [Success(status: .ok, summary: "OpenAPI 3.1.", schema: "Document")]
        ) { _ in
            Response(jsonBytes: document, headers: [.cacheControl: "public, max-age=300", .vary: "accept-encoding"])
        },
    ]

    private static let document = ByteBuffer(string: OpenAPIDocument(all).json.text)
}
