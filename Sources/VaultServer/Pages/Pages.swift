internal import Crypto
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Mustache
internal import NIOCore
internal import VaultDB

/// The pages for a clinic's staff: rendered here, without a script.
struct Pages: Sendable {
    private static let templates: [(name: String, bytes: [UInt8])] = [
        ("layout", PackageResources.layout_mustache), ("contacts", PackageResources.contacts_mustache),
        ("contact", PackageResources.contact_mustache), ("record", PackageResources.record_mustache),
        ("conflicts", PackageResources.conflicts_mustache), ("conflict", PackageResources.conflict_mustache),
        ("sign_in", PackageResources.sign_in_mustache), ("problem", PackageResources.problem_mustache),
        ("badge", PackageResources.badge_mustache), ("counts", PackageResources.counts_mustache),
        ("entry", PackageResources.entry_mustache), ("identifiers", PackageResources.identifiers_mustache),
        ("pair_person", PackageResources.pair_person_mustache), ("side", PackageResources.side_mustache),
        ("misdirected", PackageResources.misdirected_mustache),
    ]
    private static let policy = [
        "default-src 'none'", "style-src 'self'", "img-src 'self' data:", "form-action 'self'", "base-uri 'none'",
        "frame-ancestors 'none'",
    ].joined(separator: "; ")

    let state: ServerState
    let access: HTTPAccess
    let sessions: Sessions
    let isEncrypted: Bool
    private let libraries: [PageLanguage: MustacheLibrary]
    private let style = ByteBuffer(bytes: PackageResources.style_css)
    private let stylePath: String

    init(_ state: ServerState, _ access: HTTPAccess, isEncrypted: Bool) throws {
        self.state = state
        self.access = access
        self.isEncrypted = isEncrypted
        sessions = Sessions(max: state.limits.sessionsMax)
        var libraries: [PageLanguage: MustacheLibrary] = [:]
        for language in PageLanguage.allCases { libraries[language] = try Self.library(in: language) }
        self.libraries = libraries
        // A new style has a new address, so a browser may keep the old one for ever.
        stylePath = "/assets/style.css?\(Array(SHA256.hash(data: PackageResources.style_css).prefix(6)).hex)"
    }

    /// The templates with the texts of a language in their places (`{{t.key}}`), once and not for each page.
    private static func library(in language: PageLanguage) throws -> MustacheLibrary {
        var library = MustacheLibrary()
        for (name, bytes) in templates {
            var source = String(decoding: bytes, as: UTF8.self)
            for (key, text) in language.texts {
                source = source.replacing("{{t.\(key)}}", with: PageText.markup(text))
            }
            try library.register(source, named: name)
        }
        return library
    }

    // MARK: Rendering

    func page(
        _ template: String, _ content: PageContent, _ frame: PageFrame, _ session: PageSession?,
        status: HTTPResponse.Status = .ok
    ) throws(Problem) -> Response {
        let values = PageObject(content.merging(common(frame, session)) { own, _ in own })
        guard let html = libraries[frame.language]?.render(values, withTemplate: template) else {
            throw Problem(.internalServerError, "system", "there is no template \(template)")
        }
        var response = Response(
            status: status, headers: Self.headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
        response.headers[.contentLanguage] = frame.language.rawValue
        if let session { response.headers[.setCookie] = cookie(session.id, frame) }
        return response
    }

    private static let headers: HTTPFields = [
        .contentType: "text/html; charset=utf-8", .contentSecurityPolicy: policy, .vary: "cookie, accept-language",
        .referrerPolicy: "same-origin", .frameOptions: "DENY", .openerPolicy: "same-origin",
        .resourcePolicy: "same-origin", .permissionsPolicy: "camera=(), geolocation=(), microphone=()",
    ]

    private func common(_ frame: PageFrame, _ session: PageSession?) -> PageContent {
        let language = frame.language
        let others = PageLanguage.allCases.filter { $0 != language }.map { other in
            PageValue.object([
                "href": .text("/\(other.rawValue)\(frame.address)"), "lang": .text(other.rawValue),
                "label": .text(other.text("language")),
            ])
        }
        let paths = [
            "home": "/contacts", "contacts": "/contacts", "conflicts": "/conflicts", "sign_in": "/sign-in",
            "sign_out": "/sign-out",
        ]
        var content: PageContent = [
            "lang": .text(language.rawValue), "css": .text(stylePath), "other_languages": .list(others),
            "paths": .object(paths.mapValues { .text(frame.path($0)) }),
            "on_contacts": .flag(frame.address.hasPrefix("/contacts") || frame.address.hasPrefix("/records")),
            "on_conflicts": .flag(frame.address.hasPrefix("/conflicts")), "has_navigation": .flag(session != nil),
        ]
        guard let session else { return content }
        content["signed_in"] = .flag(session.isSignedIn)
        let isReadOnly = state.vault.isReadOnly
        content["can_review"] = .flag(session.mayReview && !isReadOnly)
        content["no_review"] = .text(language.text(isReadOnly ? "no_review.vault" : "no_review.role"))
        content["organization"] = .text(session.organization.text)
        content["csrf"] = .text(session.csrf)
        if session.isSignedIn { content["role"] = .text(language.text("role.\(session.grant.role)")) }
        content["time_zone"] = .text(state.configuration.timeZone.identifier)
        return content
    }

    func cookie(_ id: String, _ frame: PageFrame, seconds: Int = Sessions.idleSecondsMax) -> String {
        "\(frame.cookieName)=\(id); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(seconds)\(isEncrypted ? "; Secure" : "")"
    }

    var styleSheet: Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/css; charset=utf-8", .cacheControl: "public, max-age=31536000, immutable",
                .vary: "accept-encoding",
            ], body: ResponseBody(byteBuffer: style))
    }

    // MARK: Problems

    /// A page that says what went wrong.
    func problem(_ problem: Problem, _ request: WebRequest) -> Response {
        let frame = PageFrame(of: request)
        let code = problem.status.code
        let isOwn = [400, 403, 404, 405, 410, 413, 421, 429, 503].contains(code)
        let key = isOwn ? code : code < 500 ? 400 : 500
        // Under a name that is not the server's every link is refused as well, and so is the style sheet.
        let isMisdirected = problem.status == .misdirectedRequest
        let session = isMisdirected ? nil : knownSession(of: request)
        let content: PageContent = [
            "status": .text(String(code)), "heading": .text(frame.language.text("problem.\(key).heading")),
            "text": .text(frame.language.text("problem.\(key).text")),
            "back": .object([
                "href": .text(frame.path("/contacts")), "label": .text(frame.language.text("back.contacts")),
            ]),
        ]
        do throws(Problem) {
            var response = try page(
                isMisdirected ? "misdirected" : "problem", content, frame, session, status: problem.status)
            for field in problem.headers { response.headers[field.name] = field.value }
            return response
        } catch {
            return error.response
        }
    }

    func cookie(of request: WebRequest) -> String? {
        Cookies(from: request.headers[values: .cookie])[PageFrame(of: request).cookieName]?.value
    }
}

extension PageFrame {
    /// From the address and what the browser prefers.
    init(of request: WebRequest) {
        let path = request.uri.path
        let query = request.uri.query.map { $0.isEmpty ? "" : "?\($0)" } ?? ""
        let named = Self.language(of: path)
        prefix = named.map { "/\($0.rawValue)" } ?? ""
        cookieName = Self.cookieName(at: request.head.authority ?? "")
        language = named ?? PageLanguage(accepted: request.headers[.acceptLanguage])
        let unprefixed = String(path.dropFirst(prefix.utf8.count))
        // Links to the other languages lead there, and only signing in has a page where its form goes.
        if request.method == .post {
            address = unprefixed == "/sign-in" ? unprefixed : "/contacts"
        } else {
            address = unprefixed + query
        }
    }

    private static func language(of path: String) -> PageLanguage? {
        PageLanguage.allCases.first { path == "/\($0.rawValue)" || path.hasPrefix("/\($0.rawValue)/") }
    }

    /// An address of the server under this prefix, where there is one, in place of its own.
    func own(_ address: String) -> String {
        guard !prefix.isEmpty else { return address }
        let former = Self.language(of: address).map { $0.rawValue.utf8.count + 1 } ?? 0
        return path(String(address.dropFirst(former)))
    }

    private static func cookieName(at authority: String) -> String {
        let port = authority.split(separator: ":").dropFirst().last ?? ""
        return "vaultdb_session" + (port.utf8.allSatisfy { 0x30...0x39 ~= $0 } && !port.isEmpty ? "_\(port)" : "")
    }
}
