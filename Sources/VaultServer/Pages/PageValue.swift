internal import Mustache

/// What a template puts in where it names a key. A text is always escaped there, so nothing that came from outside can
/// be markup.
enum PageValue {
    case text(String)
    case flag(Bool)
    case list([PageValue])
    case object(PageContent)

    /// Nothing where the text is absent or shows nothing, so that a section of it is left out.
    static func optional(_ text: String?) -> PageValue? { text.flatMap { $0.isVisible ? .text($0) : nil } }

    fileprivate var rendered: Any {
        switch self {
        case .text(let text): PageText(text)
        case .flag(let flag): flag
        case .list(let values): values.map(\.rendered)
        case .object(let content): PageObject(content)
        }
    }
}

/// Values by their keys. A key without a value is looked for further out by the template.
typealias PageContent = [String: PageValue]

/// Values as the renderer looks them up. A type of its own: telling that a dictionary can be looked into takes the renderer
/// longer than looking.
final class PageObject: MustacheParent {
    private let values: [String: Any]

    init(_ content: PageContent) { values = content.mapValues(\.rendered) }

    func child(named name: String) -> Any? { values[name] }
}

extension PageValue: ExpressibleByStringInterpolation, ExpressibleByBooleanLiteral {
    init(stringLiteral value: String) { self = .text(value) }
    init(booleanLiteral value: Bool) { self = .flag(value) }
}

/// A text that the renderer escapes as it must.
///
/// The renderer looks at whole characters, and a quotation mark with an accent on it, or behind a sign that goes with what
/// follows, is another character than a quotation mark. To a browser it is the mark all the same, so it is parted here
/// from what stands around it.
///
/// Signs that turn round the direction of what follows, and controls, are shown as U+FFFD: a person must see that
/// somebody else's text holds them.
struct PageText: MustacheCustomRenderable, MustacheParent {
    private static let marks: Set<Unicode.Scalar> = ["<", ">", "&", "\"", "'"]
    private static let wordJoiner: Unicode.Scalar = "\u{2060}"
    private static let replacement: Unicode.Scalar = "\u{FFFD}"

    let renderText: String
    var isNull: Bool { false }

    /// A text has no parts; without saying so the renderer would look for them.
    func child(named name: String) -> Any? { nil }

    init(_ text: String) {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else {
            renderText = text
            return
        }
        let text = Self.honest(text)
        guard text.contains(where: Self.hidesMark) else {
            renderText = text
            return
        }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isMark = Self.marks.contains(scalar)
            if isMark { scalars.append(Self.wordJoiner) }
            scalars.append(scalar)
            if isMark { scalars.append(Self.wordJoiner) }
        }
        renderText = String(scalars)
    }

    /// The text as markup that shows it.
    static func markup(_ text: String) -> String {
        [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")].reduce(text) {
            $0.replacing($1.0, with: $1.1)
        }
    }

    private static func honest(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: misleads) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { misleads($0) ? replacement : $0 }))
    }

    /// Whether a scalar is a control, but for white space, or one of those that order text from right to left.
    private static func misleads(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\r": false
        case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}",
            "\u{2066}"..."\u{2069}":
            true
        default: false
        }
    }

    private static func hidesMark(_ character: Character) -> Bool {
        character.unicodeScalars.count > 1 && character.unicodeScalars.contains(where: marks.contains)
    }
}

extension String {
    /// Whether anything of it is to be seen.
    var isVisible: Bool {
        unicodeScalars.contains { scalar in
            let properties = scalar.properties
            return !properties.isWhitespace && !properties.isDefaultIgnorableCodePoint
                && properties.generalCategory != .control && properties.generalCategory != .format
        }
    }
}
