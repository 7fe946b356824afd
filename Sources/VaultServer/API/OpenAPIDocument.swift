internal import HTTPTypes
internal import VaultDB

/// The API's own description, made of the endpoints themselves, so that it can't say what they are not.
struct OpenAPIDocument {
    private let endpoints: [Endpoint]

    init(_ endpoints: [Endpoint]) { self.endpoints = endpoints }

    var json: JSONValue {
        [
            "openapi": "3.1.0",
            "info": [
                "title": "VaultDB", "version": .string(ServerVersion.text),
                "description": "One person, one id. Errors are problem details of RFC 9457.",
            ],
            "tags": .array(Endpoint.Tag.allCases.map { ["name": .string($0.rawValue)] }),
            "security": [["token": []], ["organization": []]],
            "paths": .object(paths),
            "components": [
                "schemas": .object(OpenAPISchemas.all),
                "securitySchemes": [
                    "token": ["type": "http", "scheme": "bearer", "description": "Made with `vaultdb token create`."],
                    "organization": [
                        "type": "apiKey", "in": "header", "name": "X-Organization-Id",
                        "description": "Where the server runs without tokens, on loopback.",
                    ],
                ],
            ],
        ]
    }

    private var paths: [JSONValue.Member] {
        var paths: [JSONValue.Member] = []
        for path in endpoints.map(\.path).distinct() {
            let operations = endpoints.filter { $0.path == path }.map { endpoint in
                JSONValue.Member(name: endpoint.method.rawValue.lowercased(), value: endpoint.operationJSON)
            }
            paths.append(.init(name: path, value: .object(operations)))
        }
        return paths
    }
}

extension Endpoint {
    fileprivate var operationJSON: JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "operationId", value: .string(operation)),
            .init(name: "tags", value: [.string(tag.rawValue)]),
            .init(name: "summary", value: .string(summary)),
        ]
        if let role {
            members.append(.init(name: "description", value: .string("Needs the role \(role).")))
        } else {
            members.append(.init(name: "security", value: []))
        }
        if !parameters.isEmpty {
            members.append(.init(name: "parameters", value: .array(parameters.map(\.json))))
        }
        if !bodies.isEmpty {
            members.append(.init(name: "requestBody", value: ["required": true, "content": content(bodies)]))
        }
        let answers = successes.map { success in
            JSONValue.Member(name: String(success.status.code), value: success.json)
        }
        let refusals = allProblems.map { status in
            JSONValue.Member(
                name: String(status.code),
                value: [
                    "description": .string(status.reasonPhrase),
                    "content": content([("application/problem+json", "Problem")]),
                ])
        }
        members.append(.init(name: "responses", value: .object(answers + refusals)))
        return .object(members)
    }

    /// Those of its own, and those that any request of its shape may meet.
    var allProblems: [HTTPResponse.Status] {
        var all: Set<Int> = [400, 403, 421, 431, 500, 503]
        all.formUnion(problems.map(\.code))
        if role != nil { all.formUnion([401, 429]) }
        if tag == .whatsapp { all.insert(401) }
        if !bodies.isEmpty { all.formUnion([408, 413, 415]) }
        if method != .get { all.formUnion([412, 507]) }
        if isIdempotent { all.insert(409) }
        return all.sorted().map { HTTPResponse.Status(code: $0) }
    }
}

private func content(_ bodies: [(type: String, schema: String)]) -> JSONValue {
    .object(
        bodies.map { .init(name: $0.type, value: ["schema": ["$ref": .string("#/components/schemas/\($0.schema)")]]) })
}

extension Endpoint.Success {
    fileprivate var json: JSONValue {
        let description: JSONValue = ["description": .string(summary)]
        guard let schema else { return description }
        return description.adding(["content": content([(type, schema)])])
    }
}

extension Endpoint.Parameter {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "in": .string(place.rawValue), "required": .bool(isRequired || place == .path),
            "description": .string(summary), "schema": schema,
        ]
    }
}
