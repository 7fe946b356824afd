import ArgumentParser
import VaultDB

/// How files of rows are read and what is written beside the vault.
struct ImportOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which column is which field, as in id=customer no,phone=mobile 2,external:stripe=customer.",
            valueName: "field=column,…"),
        transform: Word.mapping)
    var map: ColumnMapping?

    @Option(
        help: ArgumentHelp(
            "csv or jsonl; told by the file's name or content where it is not given.", valueName: "format"),
        completion: .list(["csv", "jsonl"]), transform: Word.format)
    var format: ImportFormat?

    @Option(
        help: ArgumentHelp(
            "Write kind,id,identity_id of each row to this CSV file (- for stdout), over an older one.",
            valueName: "file"),
        completion: .file(extensions: ["csv"]))
    var assignments: String?

    @Option(
        help: ArgumentHelp(
            "Write file,line,code,message of each rejected row to this CSV file (- for stdout), over an older one.",
            valueName: "file"),
        completion: .file(extensions: ["csv"]))
    var rejects: String?

    @Option(
        help: ArgumentHelp(
            "Rows that share a transaction (\(Organization.importBatchRowsDefault)).", valueName: "rows"),
        transform: Word.count)
    var batch: Int = Organization.importBatchRowsDefault

    @Flag(
        help: "Leave the file as it is after the first large import. Otherwise it is rewritten with full pages then.")
    var noCompact = false

    func validate() throws {
        guard batch <= Limits.importBatchRowsMax else {
            throw ValidationError("--batch is at most \(Limits.importBatchRowsMax)")
        }
    }

    /// What the outputs are called until they are whole.
    var unfinished: [String] { [assignments, rejects].compactMap { $0.map(NewFile.unfinished) } }

    /// Refuses two outputs in one file. What is written in place, such as /dev/stdout, takes both.
    func requireApart() throws(Failure) {
        guard let assignments, let rejects, assignments.leadsToSameFile(as: rejects),
            !NewFile.isWrittenInPlace(rejects)
        else { return }
        throw Failure(.wrongUsage, "\(rejects) is named for both --assignments and --rejects", advice: "name two files")
    }
}
