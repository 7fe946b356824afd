// What check finds below the entries: in the file's pages.

import Foundation
import TestSupport
import Testing

@testable import LMDB
@testable import VaultDB

extension CheckTests {
    /// LMDB would write over it, one day.
    @Test func `a page that is in use and on the list of free pages is a fault`() throws {
        let clinic = try Clinic()
        for number in 0..<20 { try clinic.person("\(number)@example.com") }
        #expect(try clinic.isClean())
        clinic.vault.close()
        var file = [UInt8](try Data(contentsOf: URL(filePath: clinic.path)))
        let last = try #require(MetaPage.newest(in: file, pageBytes: 4096))
        let (list, inUse) = (try #require(last.freeRoot) * 4096, try #require(last.mainRoot))
        let place: Int? = file.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return nil }
            let page = Page(start: start + list)
            let entry = (0..<page.count).map(page.node).first { $0.value.loadUnaligned(as: Int.self) > 0 }
            // Behind the count.
            return entry.map { $0.value - start + 8 }
        }
        let first = try #require(place)
        file.replaceSubrange(first..<first + 8, with: withUnsafeBytes(of: inUse.littleEndian) { [UInt8]($0) })
        try Data(file).write(to: URL(filePath: clinic.path))
        var options = VaultOptions()
        options.access = .readOnly
        options.logger = .silent
        let vault = try Vault(at: clinic.path, options: options)
        defer { withExtendedLifetime(clinic) { vault.close() } }
        let report = try vault.check()
        #expect(report.faults.map(\.table) == ["free pages"] && report.faults.map(\.key) == ["page \(inUse)"])
        #expect(report.faultCount == 1)
    }
}
