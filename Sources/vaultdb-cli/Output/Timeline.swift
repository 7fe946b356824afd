import VaultDB

/// Records in order of time, day by day, for people. Times are in UTC.
struct Timeline {
    private var table = TextTable(
        ["time": .left, "kind": .whole, "name": .left, "source": .left, "status": .left, "id": .left],
        showsHeader: false, indentColumns: 2)

    init(_ records: [Record]) {
        var day = ""
        for record in records {
            if record.createdAt.day != day {
                day = record.createdAt.day
                table.addHeading("\(day) \(record.createdAt.weekday)")
            }
            let style: Style = record.isActive ? .plain : .dim
            table.add(
                .init(record.createdAt.clock, style: .dim), Badge(record.kind).cell, .init(record.name, style: style),
                .init(record.source, style: style), .init(record.shownStatus, style: style),
                .init(record.id, style: .dim))
        }
    }

    func print() throws(Failure) { try Output.table(table, empty: "no interactions yet") }
}

extension Timestamp {
    private static let weekdays = [
        "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday",
    ]

    /// Such as `2025-01-31`.
    var day: String { String(description.prefix(10)) }

    /// Such as `09:30`.
    var clock: String { String(description.dropFirst(11).prefix(5)) }

    var weekday: String {
        // 1970 began on a Thursday.
        Self.weekdays[Int(microseconds / 86_400_000_000 % 7)]
    }
}
