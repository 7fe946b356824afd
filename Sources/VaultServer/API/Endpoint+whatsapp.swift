internal import Crypto
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import VaultDB

/// Messages of WhatsApp's Cloud API, as its webhook brings them.
extension Endpoint {
    static let webhookPath = "/api/v1/whatsapp/webhook"

    static let whatsAppEndpoints: [Endpoint] = [
        Endpoint(
            method: .get, path: webhookPath, operation: "verifyWebhook", tag: .whatsapp,
            summary: "The handshake by which Meta verifies the webhook's address.", role: nil,
            parameters: [
                .query("hub.mode", "subscribe", isRequired: true),
                .query("hub.verify_token", "The word that both sides know.", isRequired: true),
                .query("hub.challenge", "What is to be sent back."),
            ],
            successes: [Success(status: .ok, summary: "The challenge.", schema: "Text", type: "text/plain")],
            problems: [.notFound], takesFurtherParameters: true, handle: verify),
        Endpoint(
            method: .post, path: webhookPath, operation: "receiveMessages", tag: .whatsapp,
            summary: """
                Resolves who wrote each message, once a message, and answers with their contacts for the inbox. Signed \
                with the app's secret.
                """,
            role: nil,
            parameters: [
                Parameter(
                    name: "X-Hub-Signature-256", place: .header,
                    summary: "sha256= and the HMAC of the body, in hexadecimal digits.", isRequired: true)
            ],
            bodies: [("application/json", "WebhookPayload")],
            successes: [Success(status: .ok, summary: "Who wrote, message by message.", schema: "WebhookAnswer")],
            problems: [.notFound], takesFurtherParameters: true, handle: receive),
    ]

    private static func settings(_ call: APICall) throws(Problem) -> WhatsAppSettings {
        guard let settings = call.state.configuration.whatsApp else {
            throw .notFound("this server takes no WhatsApp messages")
        }
        return settings
    }

    private static func verify(_ call: APICall) async throws -> Response {
        let settings = try settings(call)
        let shown = call.query["hub.verify_token"] ?? ""
        guard call.query["hub.mode"] == "subscribe", SecretDigest(of: settings.verifyToken).isDigest(of: shown) else {
            throw Problem(.forbidden, "forbidden", "the verify token is another")
        }
        let challenge = call.query["hub.challenge"] ?? ""
        guard challenge.utf8.count <= 256, challenge.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Problem.invalid("the challenge is no word")
        }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: challenge)))
    }

    /// What Meta says that a delivery has at most.
    static let deliveryBytesMax = 3 << 20

    private static func receive(_ call: APICall) async throws -> Response {
        let settings = try settings(call)
        let bytes = try await call.bytes()
        try requireSignature(of: bytes, call, settings)
        // What people write holds anything, and Meta sends a refused delivery again and again.
        let payload = try JSONElement(parsing: bytes.readableBytesUInt8Span, isLenient: true)
        guard payload["object"]?.string == "whatsapp_business_account" else {
            throw Problem.invalid("the payload is none of a WhatsApp business account")
        }
        let organization = call.vault.organization(settings.organization)
        var results: [JSONValue] = []
        for message in WhatsAppMessage.all(in: payload) {
            results.append(try await answer(message, organization, call))
        }
        return Response(["results": .array(results)])
    }

    private static func requireSignature(
        of bytes: ByteBuffer, _ call: APICall, _ settings: WhatsAppSettings
    ) throws(Problem) {
        let refusal = Problem(.unauthorized, "unsigned", "X-Hub-Signature-256 is not the signature of this body")
        guard let header = call.request.headers[.hubSignature], header.hasPrefix("sha256="),
            let code = [UInt8](hex: header.dropFirst(7))
        else { throw refusal }
        let key = SymmetricKey(data: Data(settings.appSecret.utf8))
        let isValid = HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: Data(bytes.readableBytesView), using: key)
        guard isValid else { throw refusal }
    }

    /// What a message itself is refused for, however often it comes. Of anything else WhatsApp is to hear, and sends all
    /// again.
    private static let refusals: [VaultError.Code] = [.noUsableIdentifier, .invalidArgument, .erased, .refused]

    /// A message whose sender can't be resolved is told and does not keep the others.
    private static func answer(
        _ message: WhatsAppMessage, _ organization: Organization, _ call: APICall
    ) async throws -> JSONValue {
        do {
            let answer = try await call.writing { try await organization.resolve(message.request) }
            let contact = try organization.contact(answer.identity.id, order: .newestFirst, limit: 20)
            return [
                "message_id": .string(message.id), "identity_id": .string(contact.identity.id.text),
                "outcome": .string(answer.outcome.name), "conflicts": .array(answer.conflicts.map(\.json)),
                "warnings": JSONValue(answer.warnings.map(\.name)), "contact": contact.json,
            ]
        } catch let error as VaultError where refusals.contains(error.code) {
            let problem = Problem(error)
            return [
                "message_id": .string(message.id), "error": .string(problem.code), "message": .string(problem.detail),
            ]
        }
    }
}

/// Who wrote a message, as far as its payload tells.
struct WhatsAppMessage: Equatable, Sendable {
    let id: String
    /// Digits with the country code; absent for people who hide their number.
    let number: String?
    /// The id that WhatsApp gives a person for one business.
    let userID: String?
    let name: String?

    /// Every message of a payload that has an id and a sender. Other news of the webhook has none.
    static func all(in payload: JSONElement) -> [WhatsAppMessage] {
        (payload["entry"]?.array ?? []).flatMap { $0["changes"]?.array ?? [] }.compactMap { $0["value"] }.flatMap(
            messages)
    }

    private static func messages(of value: JSONElement) -> [WhatsAppMessage] {
        let contacts = value["contacts"]?.array ?? []
        return (value["messages"]?.array ?? []).compactMap { message in
            guard let id = message["id"]?.string, !id.isEmpty else { return nil }
            let (from, user) = (message["from"]?.string, message["from_user_id"]?.string)
            let sender = contacts.first { contact in
                (from != nil && contact["wa_id"]?.string == from)
                    || (user != nil && contact["user_id"]?.string == user)
            }
            let number = sender?["wa_id"]?.string ?? from
            let userID = sender?["user_id"]?.string ?? user
            guard number != nil || userID != nil else { return nil }
            return WhatsAppMessage(
                id: id, number: number, userID: userID, name: sender?["profile"]?["name"]?.string)
        }
    }

    /// Once a message: its id is the idempotency key.
    var request: ResolveRequest {
        let ids = [number, userID].compactMap(\.self)
        return ResolveRequest(
            phone: number.map { "+\($0)" }, externals: ids.map { "whatsapp:\($0)" },
            name: name.map { $0.cut(bytesMax: Limits.nameBytesMax) }, source: "whatsapp",
            idempotencyKey: "whatsapp:\(SHA256.hash(data: Data(id.utf8)).hex)")
    }
}

extension String {
    /// The characters from its start that fit, whole.
    fileprivate func cut(bytesMax: Int) -> String {
        var bytes = 0
        return String(
            prefix { character in
                bytes += character.utf8.count
                return bytes <= bytesMax
            })
    }
}
