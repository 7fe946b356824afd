internal import Foundation
internal import VaultDB

/// Points in time as a page shows them: in one language and time zone.
struct PageTimes {
    private let language: PageLanguage
    private let calendar: Calendar
    private let date: Date.FormatStyle
    private let time: Date.FormatStyle
    private let heading: Date.FormatStyle

    init(_ language: PageLanguage, in zone: TimeZone) {
        self.language = language
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        self.calendar = calendar
        func style(_ style: Date.FormatStyle) -> Date.FormatStyle {
            var style = style.locale(language.locale)
            style.timeZone = zone
            return style
        }
        date = style(Date.FormatStyle(date: .abbreviated, time: .omitted))
        time = style(Date.FormatStyle(date: .omitted, time: .shortened))
        heading = style(Date.FormatStyle(date: .complete, time: .omitted))
    }

    /// `3 feb 2025`, and the exact time for machines.
    func day(_ time: Timestamp) -> PageValue {
        .object(["text": .text(time.date.formatted(date)), "iso": .text(time.description)])
    }

    /// `10:30`.
    func clock(_ time: Timestamp) -> String { time.date.formatted(self.time) }

    /// `Monday, 3 February 2025`.
    func heading(_ time: Timestamp) -> String { time.date.formatted(heading) }

    func isSameDay(_ one: Timestamp, _ other: Timestamp) -> Bool {
        calendar.isDate(one.date, inSameDayAs: other.date)
    }

    /// The day alone, as machines read it.
    func isoDay(_ time: Timestamp) -> String {
        let parts = calendar.dateComponents([.year, .month, .day], from: time.date)
        func padded(_ number: Int?, _ digits: Int) -> String {
            let text = String(number ?? 0)
            return String(repeating: "0", count: max(digits - text.utf8.count, 0)) + text
        }
        return "\(padded(parts.year, 4))-\(padded(parts.month, 2))-\(padded(parts.day, 2))"
    }
}

extension Timestamp {
    /// Its second. With its microseconds a late time would be rounded up, into the next day.
    fileprivate var date: Date {
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Date(timeIntervalSince1970: Double(rest < 0 ? seconds - 1 : seconds))
    }
}
