internal import Foundation
internal import VaultDB

/// A language that the pages speak.
enum PageLanguage: String, CaseIterable, Sendable {
    case spanish = "es"
    case english = "en"

    /// The one that a browser prefers, as `Accept-Language` says; English where it names neither.
    init(accepted header: String?) {
        let wishes = (header ?? "").split(separator: ",").prefix(32).compactMap(Self.wish)
        self = wishes.max { $0.weight < $1.weight }?.language ?? .english
    }

    private static func wish(_ part: Substring) -> (language: PageLanguage, weight: Double)? {
        let halves = part.split(separator: ";")
        let tag = halves.first?.trimmingCharacters(in: .whitespaces).lowercased() ?? ""
        guard let language = allCases.first(where: { tag == $0.rawValue || tag.hasPrefix("\($0.rawValue)-") }) else {
            return nil
        }
        let text = halves.dropFirst().first.flatMap {
            $0.trimmingCharacters(in: .whitespaces).split(separator: "=").last
        }
        let weight = text.flatMap { Double($0) } ?? 1
        // 0 is what the browser does not want at all.
        guard weight > 0 else { return nil }
        return (language, weight)
    }

    var locale: Locale { Locale(identifier: self == .spanish ? "es_ES" : "en_GB") }

    /// The text of a key; `%@` in it stands for what is put in.
    func text(_ key: String, _ value: String? = nil) -> String {
        let text = texts[key] ?? key
        guard let value else { return text }
        return text.replacing("%@", with: value)
    }

    /// The text of `key.one` or of `key.many`, with the count in it.
    func text(_ key: String, count: Int) -> String {
        text(count == 1 ? "\(key).one" : "\(key).many", count.formatted(.number.locale(locale)))
    }

    func kind(_ kind: RecordKind) -> String { texts["kind.\(kind.rawValue)"] ?? kind.rawValue }

    /// `2 leads`.
    func count(_ count: Int, of kind: RecordKind) -> String {
        "\(count.formatted(.number.locale(locale))) \(label(kind, count: count))"
    }

    func label(_ kind: RecordKind, count: Int) -> String {
        (texts[count == 1 ? "kind.\(kind.rawValue)" : "kinds.\(kind.rawValue)"] ?? kind.rawValue).lowercased()
    }

    func status(_ status: String) -> String { texts["status.\(status)"] ?? status }
}
