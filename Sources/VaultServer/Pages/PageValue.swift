internal import Mustache
internal import VaultDB

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
/// It also looks a character up, which takes the square of the marks on it: long runs of them are parted too.
///
/// Signs that turn round the direction of what follows, and controls, are shown as U+FFFD: a person must see that
/// somebody else's text holds them.
struct PageText: MustacheCustomRenderable, MustacheParent {
    private static let marks: Set<Unicode.Scalar> = ["<", ">", "&", "\"", "'"]
    private static let wordJoiner: Unicode.Scalar = "\u{2060}"
    private static let replacement: Unicode.Scalar = "\u{FFFD}"
    /// So many scalars that combine may follow each other before a grapheme joiner parts them: the stream-safe text of
    /// Unicode Standard Annex 15, which looks the same.
    private static let combiningMax = 30
    private static let graphemeJoiner: Unicode.Scalar = "\u{34F}"

    let renderText: String
    var isNull: Bool { false }

    /// A text has no parts; without saying so the renderer would look for them.
    func child(named name: String) -> Any? { nil }

    init(_ text: String) {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else {
            renderText = text
            return
        }
        let text = Self.streamSafe(Self.honest(text))
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

    /// White space is as good as any other to a browser.
    private static func misleads(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isMisleading && scalar != "\t" && scalar != "\n" && scalar != "\r"
    }

    private static func streamSafe(_ text: String) -> String {
        // Each of them takes two bytes at least.
        guard text.utf8.count > 2 * combiningMax else { return text }
        var (scalars, run) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            run = scalar.properties.canonicalCombiningClass == .notReordered ? 0 : run + 1
            if run > combiningMax {
                scalars.append(graphemeJoiner)
                run = 1
            }
            scalars.append(scalar)
        }
        return String(scalars)
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
