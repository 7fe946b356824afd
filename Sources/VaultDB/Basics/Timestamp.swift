// A point in time as the vault stores, compares and prints it: whole microseconds since 1970, in UTC.

import Glibc

/// A point in time between 1970-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z, to the microsecond.
///
/// The calendar is the proleptic Gregorian one without leap seconds, as in ISO 8601 and POSIX.
public struct Timestamp: Sendable, Hashable {
    /// Microseconds since 1970-01-01T00:00:00Z, never negative.
    public let microseconds: Int64

    /// The last point in time that can be told: 9999-12-31T23:59:59.999999Z.
    public static let max = Timestamp(checked: 253_402_300_799_999_999)

    /// Nil where the value is negative or after ``max``.
    public init?(microseconds: Int64) {
        guard 0...Self.max.microseconds ~= microseconds else { return nil }
        self.microseconds = microseconds
    }

    private init(checked microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// The system's clock, held within the range of the type.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
        return Timestamp(checked: Swift.min(Swift.max(0, microseconds), Self.max.microseconds))
    }
}

extension Timestamp: Comparable {
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }
}

// MARK: - Reading ISO 8601

extension Timestamp {
    /// Reads `2025-01-01T02:59:01Z` and its usual variants; nil for anything else or out of range.
    ///
    /// A space may stand for the `T`, the seconds may be absent, one to nine digits of a fraction may follow them (cut
    /// off, not rounded, to microseconds), and the offset may be `Z`, `+01:00`, `+0100` or absent, which means UTC. A
    /// date alone is its midnight in UTC. Days that do not exist, hour 24 and second 60 are refused, and so is any
    /// text before or after.
    public init?(iso8601 text: String) {
        var reader = DigitReader(text.utf8.span)
        guard let days = reader.date() else { return nil }
        guard !reader.isAtEnd else {
            self.init(microseconds: days * Self.microsecondsPerDay)
            return
        }
        guard reader.skip(anyOf: "T", "t", " "), let time = reader.timeOfDay(), let offset = reader.offset(),
            reader.isAtEnd
        else { return nil }
        self.init(microseconds: days * Self.microsecondsPerDay + time - offset)
    }

    fileprivate static let microsecondsPerDay: Int64 = 86_400_000_000
}

/// Reads the fixed-width parts of an ISO 8601 text, one after the other.
private struct DigitReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    /// Days since 1970-01-01 of a date that exists.
    mutating func date() -> Int64? {
        guard let year = number(digits: 4), skip("-"), let month = number(digits: 2), skip("-"),
            let day = number(digits: 2), 1...12 ~= month, day >= 1,
            day <= CivilDate.dayCount(ofMonth: month, year: year)
        else { return nil }
        return CivilDate(year: year, month: month, day: day).daysSince1970
    }

    /// Microseconds since midnight.
    mutating func timeOfDay() -> Int64? {
        guard let hour = number(digits: 2), hour < 24, skip(":"), let minute = number(digits: 2), minute < 60 else {
            return nil
        }
        let minutes = (hour * 60 + minute) * 60_000_000
        guard skip(":") else { return minutes }
        guard let second = number(digits: 2), second < 60, let fraction = fraction() else { return nil }
        return minutes + second * 1_000_000 + fraction
    }

    /// Microseconds that the local time is ahead of UTC.
    mutating func offset() -> Int64? {
        if isAtEnd || skip(anyOf: "Z", "z") { return 0 }
        let isAhead = skip("+")
        guard isAhead || skip("-"), let hour = number(digits: 2), hour < 24 else { return nil }
        _ = skip(":")
        guard let minute = number(digits: 2), minute < 60 else { return nil }
        let microseconds = (hour * 60 + minute) * 60_000_000
        return isAhead ? microseconds : -microseconds
    }

    /// The microseconds of a fraction such as `.25`; zero where there is none.
    private mutating func fraction() -> Int64? {
        guard skip(".") else { return 0 }
        let start = position
        var value: Int64 = 0
        while let digit = digit() {
            let place = position - start
            guard place <= 9 else { return nil }
            if place <= 6 { value = value * 10 + digit }
        }
        guard position > start else { return nil }
        for _ in Swift.min(position - start, 6)..<6 { value *= 10 }
        return value
    }

    private mutating func number(digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    private mutating func digit() -> Int64? {
        guard position < bytes.count, 0x30...0x39 ~= bytes[position] else { return nil }
        defer { position += 1 }
        return Int64(bytes[position] - 0x30)
    }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func skip(anyOf characters: Unicode.Scalar...) -> Bool {
        for character in characters where skip(character) { return true }
        return false
    }
}

// MARK: - Printing

extension Timestamp: CustomStringConvertible {
    /// ISO 8601 in UTC, such as `2025-01-01T02:59:01Z`; six digits of a fraction follow only where it is not zero.
    public var description: String {
        let (days, time) = microseconds.quotientAndRemainder(dividingBy: Self.microsecondsPerDay)
        let (seconds, fraction) = time.quotientAndRemainder(dividingBy: 1_000_000)
        let date = CivilDate(daysSince1970: days)
        // Safe: 27 bytes hold `YYYY-MM-DDTHH:MM:SS.ffffffZ`, the longest, and no number has more digits than its place.
        return String(unsafeUninitializedCapacity: 27) { bytes in
            var count = 0
            func append(_ number: Int64, digits: Int, then separator: Unicode.Scalar) {
                var rest = number
                for place in stride(from: count + digits - 1, through: count, by: -1) {
                    bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                bytes[count + digits] = UInt8(ascii: separator)
                count += digits + 1
            }
            append(date.year, digits: 4, then: "-")
            append(date.month, digits: 2, then: "-")
            append(date.day, digits: 2, then: "T")
            append(seconds / 3_600, digits: 2, then: ":")
            append(seconds / 60 % 60, digits: 2, then: ":")
            append(seconds % 60, digits: 2, then: fraction == 0 ? "Z" : ".")
            if fraction != 0 { append(fraction, digits: 6, then: "Z") }
            return count
        }
    }
}

// MARK: - Calendar

/// A day of the proleptic Gregorian calendar, after Howard Hinnant's "chrono-compatible low-level date algorithms".
///
/// The arithmetic counts years from March, so that the leap day comes last and months need no table.
private struct CivilDate {
    let year: Int64
    let month: Int64
    let day: Int64

    init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day that lies this many days, zero or more, after 1970-01-01.
    init(daysSince1970 days: Int64) {
        let (era, dayOfEra) = (days + Self.daysFromMarch0To1970).quotientAndRemainder(dividingBy: Self.daysPerEra)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int64 {
        // Year 0000 before March belongs to the era before it; four eras ahead keep every division positive.
        let yearFromMarch = year - (month <= 2 ? 1 : 0) + 4 * 400
        let (era, yearOfEra) = yearFromMarch.quotientAndRemainder(dividingBy: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (era - 4) * Self.daysPerEra + dayOfEra - Self.daysFromMarch0To1970
    }

    static func dayCount(ofMonth month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static let daysPerEra: Int64 = 146_097
    private static let daysFromMarch0To1970: Int64 = 719_468
}
