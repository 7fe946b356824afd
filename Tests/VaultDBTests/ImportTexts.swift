// Reads texts for the tests of the import, whole and cut into chunks.

import Foundation
import VaultDB

/// Listens to an import and says nothing.
struct SilentListener: ImportListener {
    func rejected(_ fault: RowFault) {}
    func assigned(recordID: String?, to identity: UUID?) {}
    func progressed(rows: Int, bytesRead: Int, bytesTotal: Int?) -> Bool { true }
}

/// All items of a text that arrives in chunks which end at the given positions.
func importItems(
    _ bytes: [UInt8], cutAt cuts: [Int] = [], format: ImportFormat? = nil, mapping: ColumnMapping = ColumnMapping()
) throws(ImportError) -> [ImportItem] {
    var parser = ImportParser(format: format, mapping: mapping)
    var items: [ImportItem] = []
    var start = 0
    for end in cuts + [bytes.count] {
        try parser.feed(bytes.span.extracting(start..<end), into: &items)
        start = end
    }
    try parser.finish(into: &items)
    return items
}

func importItems(
    _ text: String, format: ImportFormat? = nil, mapping: ColumnMapping = ColumnMapping()
) throws(ImportError) -> [ImportItem] {
    try importItems(Array(text.utf8), format: format, mapping: mapping)
}

func importError(
    _ bytes: [UInt8], format: ImportFormat? = nil, mapping: ColumnMapping = ColumnMapping()
) -> ImportError? {
    do {
        _ = try importItems(bytes, format: format, mapping: mapping)
        return nil
    } catch {
        return error
    }
}

extension ImportItem {
    var row: ImportRow? {
        if case .row(let row) = self { row } else { nil }
    }

    var fault: RowFault? {
        if case .fault(let fault) = self { fault } else { nil }
    }

    /// `3 a` for a row with the id a on line 3, `3 !nul_byte` for a fault.
    var summary: String {
        switch self {
        case .row(let row): "\(row.line) \(row.id)"
        case .fault(let fault): "\(fault.line) !\(fault.code.rawValue)"
        }
    }
}
