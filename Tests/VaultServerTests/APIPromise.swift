// APIPromise is what the API's document says of an answer, so that no test can see one that it does not tell of.

import Foundation
import HTTPTypes
import Testing
import VaultDB

@testable import VaultServer

enum APIPromise {
    static let document = Result { try JSONElement(parsing: OpenAPIDocument(Endpoint.all).json.text.utf8.span) }

    /// Expects a documented status, type and body, where the address is the API's.
    static func expect(
        _ answer: WebAnswer, to method: String, _ target: String, sourceLocation: SourceLocation
    ) throws {
        let path = String(target.prefix { $0 != "?" })
        let template = HTTPRoutes.template(of: path, among: Endpoint.all.map(\.path))
        let endpoint = Endpoint.all.first { $0.path == template && $0.method.rawValue == method }
        guard let endpoint else { return }
        let operation = try document.get()["paths"]?[endpoint.path]?[method.lowercased()]
        guard let promised = operation?["responses"]?["\(answer.status)"] else {
            Issue.record("\(endpoint.operation) may not answer \(answer.status)", sourceLocation: sourceLocation)
            return
        }
        guard case .object(let types, _)? = promised["content"], let type = types.first else {
            #expect(answer.body.isEmpty, "\(endpoint.operation) \(answer.status)", sourceLocation: sourceLocation)
            return
        }
        let found = answer["content-type"]?.prefix { $0 != ";" }
        #expect(found.map { String($0) } == type.name, "\(endpoint.operation)", sourceLocation: sourceLocation)
        guard let schema = type.value["schema"], type.name != "text/plain", answer["content-encoding"] == nil else {
            return
        }
        let values = type.name == "application/x-ndjson" ? try answer.lines : [try answer.json]
        for value in values {
            let faults = try faults(of: value, schema, at: endpoint.operation)
            #expect(faults.isEmpty, "\(faults)", sourceLocation: sourceLocation)
        }
    }

    /// How a value is not what a schema says; empty where it is.
    static func faults(of value: JSONElement, _ schema: JSONElement, at place: String) throws -> [String] {
        if let name = schema["$ref"]?.string?.split(separator: "/").last {
            let target = try #require(try document.get()["components"]?["schemas"]?[String(name)], "no schema \(name)")
            return try faults(of: value, target, at: place)
        }
        if let choices = schema["oneOf"] {
            let fitting = try choices.array.filter { try faults(of: value, $0, at: place).isEmpty }
            return fitting.count == 1 ? [] : ["\(place): \(fitting.count) of the choices fit"]
        }
        let types = schema["type"]?.string.map { [$0] } ?? schema["type"]?.array.compactMap(\.string) ?? []
        guard types.isEmpty || types.contains(value.typeName) else {
            return ["\(place): \(value.typeName) instead of \(types)"]
        }
        switch value {
        case .object(let members, _): return try memberFaults(members, schema, at: place)
        case .array(let elements):
            guard let items = schema["items"] else { return [] }
            return try elements.flatMap { try faults(of: $0, items, at: "\(place)[]") }
        case .string(let text): return isFormatted(text, schema["format"]?.string) ? [] : ["\(place): '\(text)'"]
        case .null, .bool, .number: return []
        }
    }

    private static func memberFaults(
        _ members: [JSONElement.Member], _ schema: JSONElement, at place: String
    ) throws -> [String] {
        let required = schema["required"]?.array.compactMap(\.string) ?? []
        var faults = required.filter { name in !members.contains { $0.name == name } }.map { "\(place) lacks \($0)" }
        for member in members {
            if let inner = schema["properties"]?[member.name] {
                faults += try Self.faults(of: member.value, inner, at: "\(place).\(member.name)")
            } else if schema["additionalProperties"] == .bool(false) {
                faults.append("\(place) has \(member.name)")
            }
        }
        return faults
    }

    private static func isFormatted(_ text: String, _ format: String?) -> Bool {
        switch format {
        case "uuid": UUID(uuidString: text) != nil
        case "date-time": Timestamp(iso8601: text) != nil && text.hasSuffix("Z")
        default: true
        }
    }
}

extension JSONElement {
    fileprivate var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number(let text): text.contains { ".eE".contains($0) } ? "number" : "integer"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
