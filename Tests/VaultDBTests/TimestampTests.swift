// The promises of the timestamp: every spelling it reads, what it refuses, and that printing reads back.

import TestSupport
import Testing

@testable import VaultDB

@Suite("Timestamp") struct TimestampTests {
    @Test(
        "reads ISO 8601 in its usual variants",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01", 0), ("1970-01-01T00:00:00.000001Z", 1),
            ("2025-01-01T02:59:01Z", 1_735_700_341_000_000), ("2025-01-01 02:59:01", 1_735_700_341_000_000),
            ("2025-01-01t02:59:01z", 1_735_700_341_000_000), ("2025-01-01T02:59:01+00:00", 1_735_700_341_000_000),
            ("2025-01-01T03:59:01+01:00", 1_735_700_341_000_000), ("2025-01-01T03:59:01+0100", 1_735_700_341_000_000),
            ("2024-12-31T21:29:01-05:30", 1_735_700_341_000_000), ("2025-01-01T02:59:01.5Z", 1_735_700_341_500_000),
            ("2025-01-01T02:59:01.123456789Z", 1_735_700_341_123_456), ("2025-01-01", 1_735_689_600_000_000),
            ("2000-02-29", 951_782_400_000_000), ("9999-12-31T23:59:59.999999999Z", 253_402_300_799_999_999),
            ("1969-12-31T23:30:00-00:30", 0), ("2025-01-01T02:59", 1_735_700_340_000_000),
            ("2025-01-01 03:59+01:00", 1_735_700_340_000_000), ("2025-01-01T02:59Z", 1_735_700_340_000_000),
        ] as [(String, Int64)])
    func reads(text: String, microseconds: Int64) {
        #expect(Timestamp(iso8601: text)?.microseconds == microseconds)
    }

    @Test(
        "refuses everything else",
        arguments: [
            "", " ", "x", "2025", "2025-01", "2025-1-1", "20250101", "2025-01-01T", "2025-01-01T02", "2025-01-01T02:",
            "2025-01-01T02:59:", "2025-01-01T02:59.5",
            "2025-01-01T02:59:01ZZ", " 2025-01-01", "2025-01-01 ", "2025-01-01T02:59:01 Z", "2025-01-01T02:59:01.Z",
            "2025-01-01T02:59:01.1234567890Z", "2025-01-01T24:00:00Z", "2025-01-01T23:60:00Z", "2025-01-01T23:59:60Z",
            "2025-00-01", "2025-13-01", "2025-01-00", "2025-01-32", "2025-04-31", "2025-02-29", "1900-02-29",
            "2100-02-29", "2025-01-01T02:59:01+1", "2025-01-01T02:59:01+24:00", "2025-01-01T02:59:01+01:60",
            "1969-12-31", "0000-01-01", "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "10000-01-01",
            "+2025-01-01", "-2025-01-01", "2025-01-01T02:59:01Ω", "２０２５-01-01", "2025-01-01\0", "2025/01/01",
        ])
    func refuses(text: String) {
        #expect(Timestamp(iso8601: text) == nil)
    }

    /// Counts days one by one, with the rule of leap years and nothing else.
    @Test("agrees with a calendar that is counted day by day, from 1970 to 9999")
    func calendar() throws {
        var day: Int64 = 0
        for year in 1970...9999 {
            let isLeap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0)
            for (month, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                // The first and last days of every month, and the two that follow it.
                for date in [1, 2, length - 1, length] {
                    let text = "\(year)-\(padded(month + 1))-\(padded(date))"
                    let microseconds = (day + Int64(date) - 1) * 86_400_000_000
                    guard Timestamp(iso8601: text)?.microseconds == microseconds,
                        Timestamp(microseconds: microseconds)?.description == "\(text)T00:00:00Z"
                    else {
                        Issue.record("\(text)")
                        return
                    }
                }
                if Timestamp(iso8601: "\(year)-\(padded(month + 1))-\(padded(length + 1))") != nil {
                    Issue.record("\(year)-\(month + 1) has no day \(length + 1)")
                }
                day += Int64(length)
            }
        }
        #expect(day * 86_400_000_000 == Timestamp.max.microseconds + 1)
    }

    private func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }

    @Test("what is printed reads back, and order of text is order of time", arguments: 0..<20 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            var value = Int64.random(in: 0...Timestamp.max.microseconds, using: &random)
            if Bool.random(using: &random) { value -= value % 1_000_000 }
            let time = try #require(Timestamp(microseconds: value))
            #expect(Timestamp(iso8601: time.description) == time, "seed \(seed): \(time)")
            #expect(time.description.count == (value % 1_000_000 == 0 ? 20 : 27))
        }
    }

    @Test("holds its range")
    func range() throws {
        #expect(Timestamp(microseconds: -1) == nil)
        #expect(Timestamp(microseconds: .max) == nil)
        #expect(Timestamp.max.description == "9999-12-31T23:59:59.999999Z")
        #expect(try #require(Timestamp(microseconds: 1)) < .max)
        #expect(try Timestamp.now() > #require(Timestamp(iso8601: "2024-01-01")))
    }
}
