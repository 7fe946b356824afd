internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import VaultDB

/// A request for a page, from a browser that may have it.
struct PageCall {
    let pages: Pages
    let request: WebRequest
    let context: HTTPContext
    let frame: PageFrame
    let session: PageSession
    let query: Query
    /// The body of a form; empty for a page.
    let form: Query
    /// Whether another organization may be chosen.
    let hasChoice: Bool

    var language: PageLanguage { frame.language }
    var organization: Organization { pages.state.vault.organization(session.organization) }
    var times: PageTimes { PageTimes(language, in: pages.state.configuration.timeZone) }

    func path(_ path: String) -> String { frame.path(path) }

    func identity(_ name: String = "id") throws(Problem) -> UUID {
        guard let id = context.part(name).flatMap(UUID.init(text:)) else {
            throw .notFound("there is no such contact")
        }
        return id
    }

    func id(inForm name: String) throws(Problem) -> UUID {
        guard let id = form[name].flatMap(UUID.init(text:)) else { throw .invalid("\(name) is no id") }
        return id
    }

    func requireReview() throws(Problem) {
        if !session.mayReview { throw Problem(.forbidden, "forbidden", "this needs the role admin") }
    }

    /// A page of this call. What the session is to be told on it is told once.
    func page(_ template: String, _ content: PageContent) throws(Problem) -> Response {
        var content = content
        content["has_choice"] = .flag(hasChoice)
        guard request.method == .get, let notice = session.notice, notice.page == path(frame.address),
            NIODeadline.now() - notice.made < PageNotice.lifetime
        else {
            return try pages.page(template, content, frame, session)
        }
        content["notice"] = message(notice)
        let response = try pages.page(template, content, frame, session)
        pages.sessions.tell(session.id, nil)
        return response
    }

    private func message(_ notice: PageNotice) -> PageValue {
        var content: PageContent = ["text": .text(language.text(notice.key))]
        if let merge = notice.merge {
            content["undo"] = .object([
                "action": .text(path("/merges/\(merge.text)/undo")), "label": .text(language.text("undo")),
            ])
        }
        if let link = notice.link {
            content["link"] = .object(["href": .text(link), "label": .text(language.text("review"))])
        }
        return .object(content)
    }

    /// Goes on to another page, with a message there.
    func redirect(to path: String, _ notice: PageNotice? = nil) -> Response {
        if var notice {
            notice.page = path
            pages.sessions.tell(session.id, notice)
        }
        return .redirect(to: path, type: .normal)
    }
}

/// Where a page lies: its language, and how its links begin.
struct PageFrame {
    let language: PageLanguage
    /// `/es`, `/en`, or empty where the browser's language counts.
    let prefix: String
    /// The address behind the prefix, with its query; for a form, of a page that can be asked for.
    var address: String
    /// Of the session, with the port: browsers keep one jar for all ports of a host.
    let cookieName: String

    func path(_ path: String) -> String { prefix + path }
}

extension Query {
    static var empty: Query { Query(pairs: []) }
}
