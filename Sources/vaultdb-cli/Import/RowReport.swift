import Foundation
import VaultDB

/// Hears of every row of an import: prints the rejected ones, draws the progress, and writes the files that were asked
/// for.
struct RowReport: ImportListener {
    /// Rejected rows of a file that are printed unless all are wanted.
    private static let printedMax = 20

    private static let assignmentsHeader = ["kind", "id", "identity_id"]
    private static let rejectsHeader = ["file", "line", "code", "message"]

    private let printsAll: Bool
    private var file: ImportFile?
    private var bar = ProgressBar("")
    private var rejectedCount = 0
    private let assignments: NewFile?
    private let rejects: NewFile?
    /// What went wrong in a call that can't throw. The import stops there.
    private(set) var failure: Failure?

    init(_ options: ImportOptions, printsAll: Bool) throws(Failure) {
        self.printsAll = printsAll
        assignments = try Self.file(options.assignments, Self.assignmentsHeader)
        rejects = try Self.file(options.rejects, Self.rejectsHeader)
    }

    /// Refuses to take the place of a file that no import has written.
    static func requireRoom(_ options: ImportOptions) throws(Failure) {
        try requireRoom(at: options.assignments, assignmentsHeader, "--assignments")
        try requireRoom(at: options.rejects, rejectsHeader, "--rejects")
    }

    private static func requireRoom(at path: String?, _ header: [String], _ option: String) throws(Failure) {
        guard let path, !NewFile.mayReplace(path, beginningWith: header.joined(separator: ",") + "\r\n") else { return }
        throw Failure(
            .failed, "\(path) is there, and not what \(option) writes", advice: "choose another name, or remove it")
    }

    private static func file(_ path: String?, _ header: [String]) throws(Failure) -> NewFile? {
        guard let path else { return nil }
        let file = try NewFile(path)
        try file.addRecord(header)
        return file
    }

    /// Gives the files their names; without it none appears.
    func finishFiles() throws(Failure) {
        try assignments?.finish()
        try rejects?.finish()
    }

    // MARK: One file of rows

    mutating func begin(_ file: ImportFile) {
        self.file = file
        bar = ProgressBar(file.name)
        rejectedCount = 0
    }

    mutating func end() {
        bar.erase()
        let hidden = rejectedCount - Self.printedMax
        guard !printsAll, hidden > 0, let file else { return }
        let next = rejects == nil ? "; --rejects FILE writes all" : ""
        let name = DisplayText.oneLine(file.name)
        Terminal.errors.write("\(name): \(DisplayText.ellipsis) and \(hidden.grouped) more\(next)\n")
    }

    mutating func rejected(_ fault: RowFault) {
        guard let file else { return }
        rejectedCount += 1
        add([file.name, String(fault.line), fault.code.rawValue, fault.message], to: rejects)
        guard printsAll || rejectedCount <= Self.printedMax else { return }
        bar.erase()
        let line = "\(file.name):\(fault.line): \(fault.message) (\(fault.code.rawValue))"
        Terminal.errors.write(DisplayText.oneLine(line) + "\n")
    }

    mutating func assigned(recordID: String?, to identity: UUID?) {
        guard let file else { return }
        add([file.kind.rawValue, recordID ?? "", identity?.text ?? ""], to: assignments)
    }

    mutating func progressed(rows: Int, bytesRead: Int, bytesTotal: Int?) -> Bool {
        let share = bytesTotal.flatMap { $0 > 0 ? Double(bytesRead) / Double($0) : nil }
        bar.update(rows, of: "rows", share: share)
        return failure == nil && !Interruption.isWished
    }

    private mutating func add(_ record: [String], to file: NewFile?) {
        guard failure == nil else { return }
        do throws(Failure) { try file?.addRecord(record) } catch { failure = error }
    }
}
