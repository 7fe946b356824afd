import NIOCore
import Testing
import VaultDB

@testable import VaultServer

@Suite("Writes that fail for what the operator has to mend are told to the log") struct FailedWritesTests {
    private let full = VaultError(.diskFull, "the disk is full", advice: "free some space")

    @Test("At once, and then now and again with how many there were")
    func bounded() {
        let lines = LogLines()
        let writes = FailedWrites(lines.logger)
        let start = NIODeadline.now()
        writes.tell(at: start)
        #expect(lines.take().isEmpty)
        writes.note(full)
        writes.tell(at: start)
        #expect(lines.take().map { $0.contains("warning") && $0.contains("the disk is full") } == [true])
        for _ in 0..<1_000 { writes.note(full) }
        writes.tell(at: start + .seconds(1))
        #expect(lines.take().isEmpty)
        writes.tell(at: start + FailedWrites.interval)
        #expect(lines.take().map { $0.contains("writes=1000 ") } == [true])
        writes.tell(at: .distantFuture)
        #expect(lines.take().isEmpty)
    }

    @Test(
        "What a client has to mend is not", arguments: [VaultError.Code.invalidArgument, .busy, .notFound, .readOnly])
    func clients(_ code: VaultError.Code) {
        let lines = LogLines()
        let writes = FailedWrites(lines.logger)
        writes.note(VaultError(code, "no"))
        writes.note(ReplyError.syntax)
        writes.tell(at: .distantFuture)
        #expect(lines.take().isEmpty)
    }
}
