import Logging
import Testing

@testable import VaultServer

@Suite("What clients can bring into the log at will is bounded") struct FrequentNoticeTests {
    @Test("A few lines are written each second, and then how many more there were")
    func bounded() {
        let lines = LogLines()
        let notice = FrequentNotice("Token refused", lines.logger)
        for _ in 0..<2 {
            for index in 0..<1_000 { notice.note(["client": "\(index)"]) }
            let written = lines.take()
            #expect(written.count == FrequentNotice.linesPerSecondMax)
            #expect(written.last?.contains("client=9 ") == true)
            notice.tellRest()
            #expect(lines.take().map { $0.contains("more=990 ") && $0.hasSuffix("Token refused") } == [true])
        }
        notice.note(["client": "last"])
        notice.tellRest()
        notice.tellRest()
        #expect(lines.take().map { $0.contains("client=last ") } == [true])
    }
}
