import Foundation
import Glibc
import Storage
import TestSupport
import Testing

@testable import LMDB

/// What becomes of the log's files: with the store's own and with others, damaged, on a full disk and at rest.
extension EngineTests.WriteAhead {
    /// Whatever is put in the place of the file that was written to, a log that is left does nothing to it.
    @Test func aLogOfAnotherFileIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        let early = try Self.environment(path)
        for number in 0..<20 { try Self.change(early, number) }
        early.close()
        let closed = try readFile(path)
        let environment = try Self.environment(path)
        defer { environment.close() }
        for number in 20..<40 { try Self.change(environment, number) }
        try environment.copy(to: directory.file("backup"), compacting: false)
        try environment.copy(to: directory.file("compacted"), compacting: true)
        for number in 40..<50 { try Self.change(environment, number) }
        let whole = try readFile(path)
        let log = try readFile(path + LogFile.names[0])
        // A store whose commits have the same numbers.
        let twin = try Self.environment(directory.file("twin"))
        defer { twin.close() }
        for number in 0..<50 { try Self.change(twin, number) }
        let target = directory.file("target")
        var others = [closed, try readFile(twin.path), bytes("a note")]
        for name in ["backup", "compacted"] { others.append(try readFile(directory.file(name))) }
        for other in others {
            try writeFile(target, other)
            try writeFile(target + LogFile.names[0], log)
            #expect { try Self.environment(target) } throws: { error in
                if case StorageError.misuse = error { true } else { false }
            }
            #expect(try readFile(target) == other)
            #expect(try readFile(target + LogFile.names[0]) == log)
        }
        // Without it a backup is what it was.
        unlink(target + LogFile.names[0])
        try writeFile(target, try readFile(directory.file("backup")))
        let restored = try Self.environment(target)
        #expect(try dump(of: restored, tables: Self.tables) == Self.expected(40))
        restored.close()
        // And with its own file it has lost nothing.
        try writeFile(target, whole)
        try writeFile(target + LogFile.names[0], log)
        let again = try Self.environment(target)
        #expect(try dump(of: again, tables: Self.tables) == Self.expected(50))
        again.close()
    }

    /// The file has what the log has lost: that is no power cut's doing, and nothing is taken back.
    @Test func aLogThatHasLostCommitsIsRefused() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"), logBytes: 20_000)
        defer { environment.close() }
        var number = 0
        var ends: [(epoch: UInt64, end: Int)] = []
        // Until the second file has been begun and the first is not emptied yet.
        repeat {
            try Self.change(environment, number)
            number += 1
            // What is behind the end is of an earlier time.
            ends = try LogFile.names.compactMap { name in
                guard let file = try LogFile(at: environment.path + name), let header = try file.header()
                else { return nil }
                while try file.nextRecord(of: header.epoch) != nil {}
                return (header.epoch, file.end)
            }
        } while ends.count < 2
        let whole = try readFile(environment.path)
        let logs = try LogFile.names.map { try readFile(environment.path + $0) }
        let current = ends[0].epoch > ends[1].epoch ? 0 : 1
        let end = ends[current].end
        var torn = logs
        torn[current][end - 1] ^= 1
        var short = logs
        short[current].removeSubrange((end - 10)...)
        var gone = logs
        gone[current] = []
        for damaged in [torn, short, gone] {
            let target = directory.file("target")
            try writeFile(target, whole)
            for (name, log) in zip(LogFile.names, damaged) { try writeFile(target + name, log) }
            expectThrows(misuse) { _ = try Self.environment(target) }
            #expect(try readFile(target) == whole)
        }
        for (name, log) in zip(LogFile.names, logs) { try writeFile(directory.file("target") + name, log) }
        let again = try Self.environment(directory.file("target"))
        #expect(try dump(of: again, tables: Self.tables) == Self.expected(number))
        again.close()
    }

    /// A copy that was made while nobody wrote has the mark of the log that was begun next, but not all that it follows on.
    @Test func aLogThatHasGoneOnSinceTheFileWasCopiedIsRefused() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"), logBytes: 20_000)
        defer { environment.close() }
        for number in 0..<20 { try Self.change(environment, number) }
        while environment.hasDeferredWork { try environment.doDeferredWork() }
        let copy = try readFile(environment.path)
        for number in 20..<300 { try Self.change(environment, number) }
        let target = directory.file("target")
        try writeFile(target, copy)
        for name in LogFile.names { try writeFile(target + name, try readFile(environment.path + name)) }
        expectThrows(misuse) { _ = try Self.environment(target) }
        #expect(try readFile(target) == copy)
        for name in LogFile.names { unlink(target + name) }
        let restored = try Self.environment(target)
        #expect(try dump(of: restored, tables: Self.tables) == Self.expected(20))
        restored.close()
    }

    /// What commits no longer use is used again only by those that follow on another base.
    @Test func commitsOneByOneDoNotMakeTheFileGrowWithoutEnd() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"), logBytes: 1 << 30)
        defer { environment.close() }
        func change(_ numbers: Range<Int>) throws {
            for number in numbers {
                try environment.write { (transaction) throws(StorageError) in
                    try transaction.put(bytes("key"), bytes("\(number)"), in: Self.plain)
                }
            }
        }
        try change(0..<4_000)
        let before = try readFile(environment.path).count
        try change(4_000..<8_000)
        #expect(try readFile(environment.path).count <= before * 5 / 4)
    }

    /// Whoever makes a file meets others who make it as well: none takes away what another has begun.
    @Test func aLogOfAFileThatIsGoneIsNotThatOfTheNewOne() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        let environment = try Self.environment(path)
        for number in 0..<10 { try Self.change(environment, number) }
        let log = try readFile(path + LogFile.names[0])
        environment.close()
        unlink(path)
        try writeFile(path + LogFile.names[0], log)
        #expect(try StoreFile.create(path))
        #expect(try !StoreFile.create(path))
        let fresh = try Self.environment(path)
        #expect(try fresh.count(Self.plain) == 0)
        try Self.change(fresh, 0)
        #expect(try dump(of: fresh, tables: Self.tables) == Self.expected(1))
        fresh.close()
    }

    @Test func aLogThatCanNotBeReadIsNotTakenAway() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        let name = path + LogFile.names[0]
        try #require(symlink(directory.file("elsewhere"), name) == 0)
        WriteAheadLog.removeFilesIfEmpty(path)
        var status = stat()
        #expect(lstat(name, &status) == 0)
    }

    /// Who empties a log's file behind the back of its writer, with the shell, ends no process and loses it nothing.
    @Test func aLogThatIsCutWhileItIsWrittenToIsDoneWithout() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"))
        for number in 0..<20 { try Self.change(environment, number) }
        #expect(environment.logBytes > 0)
        #expect(truncate(environment.path + LogFile.names[0], 0) == 0)
        for number in 20..<40 { try Self.change(environment, number) }
        environment.close()
        let again = try Self.environment(environment.path)
        #expect(try dump(of: again, tables: Self.tables) == Self.expected(40))
        again.close()
    }

    /// Commits that take away what the file does not have, or whose keys are none.
    @Test func aLogThatContradictsItsFileIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        try Self.environment(path).close()
        let firstPages = Array(try readFile(path)[..<8192])
        let base = try #require(MetaPage.newest(in: firstPages, pageBytes: 4096)).commit
        let descriptor = open(path, O_RDWR)
        defer { close(descriptor) }
        let kinds: [(kind: LogRecord.Kind, keyBytes: Int)] = [
            (.delete, 3), (.delete, 0), (.put, 0), (.put, 512), (.sortIn, 0),
        ]
        for (kind, keyBytes) in kinds {
            let log = try LogFile(making: path + LogFile.names[0], likeOwnerOf: descriptor)
            try log.begin(
                LogFile.Header(epoch: 1, base: base, firstPages: firstPages, tables: Self.tables.map(\.name)))
            let key = [UInt8](repeating: 1, count: keyBytes)
            var record = LogRecord()
            record.add(kind, Self.plain.ordinal, key.span.bytes, RawSpan())
            record.seal(epoch: 1, commit: base + 1)
            try log.append(record.bytes)
            expectThrows(corrupted) { _ = try Self.environment(path) }
        }
    }

    /// They are put in the place of the file's, which is made as long as they say.
    @Test func aLogWhosePagesSayWhatCanNotBeIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        try Self.environment(path).close()
        let whole = try readFile(path)
        var firstPages = Array(whole[..<8192])
        let base = try #require(MetaPage.newest(in: firstPages, pageBytes: 4096)).commit
        // The number of the last page, in both.
        for place in [136, 4096 + 136] {
            firstPages.replaceSubrange(place..<place + 8, with: [UInt8](repeating: 0x7F, count: 8))
        }
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let log = try LogFile(making: path + LogFile.names[0], likeOwnerOf: descriptor)
        try log.begin(LogFile.Header(epoch: 1, base: base, firstPages: firstPages, tables: Self.tables.map(\.name)))
        expectThrows(corrupted) { _ = try Self.environment(path) }
        #expect(try readFile(path) == whole)
    }

    /// The first bytes are one write into one sector: what is neither a log's nor an empty file's is no power cut's doing.
    @Test func aLogThatBeginsLikeNoneIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        let name = path + LogFile.names[0]
        let environment = try Self.environment(path)
        try Self.change(environment, 0)
        environment.close()
        let whole = try readFile(path)
        func file(_ first: UInt8, _ rest: [UInt8]) -> [UInt8] {
            [first] + rest + [UInt8](repeating: 0, count: 4_095 - rest.count)
        }
        let sign = [0] + bytes("VDBWAL")
        for content in [
            file(0, [0, 1]), file(0, sign), file(1, sign), file(2, sign), file(0xFE, sign), file(0xFF, sign + [1]),
            file(0x4E, bytes("ote")),
        ] {
            try writeFile(name, content)
            expectThrows(corrupted) { _ = try Self.environment(path) }
            #expect(try readFile(name) == content)
            #expect(try readFile(path) == whole)
        }
        for content in [[], [0], file(0, []), file(0xFF, sign)] {
            try writeFile(name, content)
            let again = try Self.environment(path)
            #expect(try dump(of: again, tables: Self.tables) == Self.expected(1))
            again.close()
            #expect(access(name, F_OK) != 0)
        }
    }

    @Test func aDamagedHeaderOrRecordBeforeOthersIsRefused() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"))
        for number in 0..<50 { try Self.change(environment, number) }
        let target = directory.file("copy")
        for name in ["", LogFile.names[0]] { try writeFile(target + name, try readFile(environment.path + name)) }
        environment.close()
        let whole = try readFile(target + LogFile.names[0])
        let end = try #require(whole.lastIndex { $0 != 0 })
        // The first three are the header's own page and the two of LMDB; its magic, its epoch, its bytes of a page, its
        // checksum, a table's name.
        for place in [0, 3, 7, 16, 23, 12, 8, 40, 4_096 + 100, 12_288 + 8, (12_288 + end) / 2] {
            var damaged = whole
            damaged[place] ^= 1
            try writeFile(target + LogFile.names[0], damaged)
            expectThrows(corrupted) { _ = try Self.environment(target) }
            #expect(try readFile(target + LogFile.names[0]) == damaged)
        }
        // Nothing was put back meanwhile.
        try writeFile(target + LogFile.names[0], whole)
        let again = try Self.environment(target)
        #expect(try dump(of: again, tables: Self.tables) == Self.expected(50))
        again.close()
    }

    /// LMDB makes a commit when its record is on disk, and the header with that. So a power cut tears no header whose first
    /// commit the file has.
    @Test func aDamagedHeaderBeforeOneCommitIsRefusedWhereTheFileHasThat() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"))
        let before = try readFile(environment.path)
        try Self.change(environment, 0)
        let after = try readFile(environment.path)
        var log = try readFile(environment.path + LogFile.names[0])
        environment.close()
        let target = directory.file("target")
        log[4_096 + 100] ^= 1
        try writeFile(target + LogFile.names[0], log)
        try writeFile(target, after)
        expectThrows(corrupted) { _ = try Self.environment(target) }
        #expect(try readFile(target) == after)
        #expect(try readFile(target + LogFile.names[0]) == log)
        // Nobody was told of it.
        try writeFile(target, before)
        let again = try Self.environment(target)
        #expect(try dump(of: again, tables: Self.tables) == Self.expected(0))
        again.close()
    }

    /// Whoever has made such a header also made its checksum.
    @Test func anImpossibleHeaderIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        try Self.environment(path).close()
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let pages = Array(try readFile(path)[..<8192])
        let many = (0..<200).map { "table\($0)" }
        for (place, damage) in [(24, [UInt8](repeating: 0xFF, count: 8)), (32, [0xFF, 0xFF, 0, 0])] {
            let log = try LogFile(making: path + LogFile.names[0], likeOwnerOf: descriptor)
            try log.begin(LogFile.Header(epoch: 1, base: 1, firstPages: pages, tables: many))
            var header = Array(try readFile(path + LogFile.names[0])[..<(4_096 + 8_192)])
            header.replaceSubrange(place..<place + damage.count, with: damage)
            var checksum = Checksum()
            checksum.add(header.span.bytes.extracting(droppingFirst: 12))
            header.replaceSubrange(8..<12, with: withUnsafeBytes(of: checksum.value.littleEndian) { Array($0) })
            try overwrite(path + LogFile.names[0], at: 0, with: header)
            // As one that a power cut tore: it has no commit.
            try Self.environment(path).close()
        }
    }

    /// Where the process may make no file, or has no descriptor left for one, LMDB makes each commit durable.
    @Test(.enabled(if: geteuid() == 0)) func aLogThatCanNotBeMadeKeepsNobodyFromWriting() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        let environment = try Self.environment(path)
        defer { environment.close() }
        // As nobody, for this thread alone. The module of the C library leaves it out.
        typealias SetUser = @convention(c) (uid_t) -> Int32
        let setUser = unsafeBitCast(try #require(dlsym(nil, "setfsuid")), to: SetUser.self)
        _ = setUser(65_534)
        defer { _ = setUser(0) }
        for number in 0..<3 { try Self.change(environment, number) }
        #expect(access(path + LogFile.names[0], F_OK) != 0 && environment.logBytes == 0)
        _ = setUser(0)
        for number in 3..<6 { try Self.change(environment, number) }
        #expect(environment.logBytes > 0)
        #expect(try dump(of: environment, tables: Self.tables) == Self.expected(6))
    }

    @Test func aLogOfATableThatIsNotThereIsCorruption() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store")
        let environment = try Self.environment(path)
        let commit = try environment.statistics().lastCommit
        environment.close()
        let descriptor = open(path, O_RDONLY)
        defer { close(descriptor) }
        let log = try LogFile(making: path + LogFile.names[0], likeOwnerOf: descriptor)
        let pages = Array(try readFile(path)[..<8192])
        try log.begin(LogFile.Header(epoch: 1, base: commit, firstPages: pages, tables: ["absent"]))
        #expect { try Self.environment(path) } throws: { error in
            if case StorageError.corrupted(let what) = error { what.contains("recovering") } else { false }
        }
    }

    @Test func idleStoresHaveNothingInTheLog() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"), logBytes: 10_000)
        for number in 0..<200 { try Self.change(environment, number) }
        #expect(try modeOf(environment.path + LogFile.names[0]) == 0o600)
        var steps = 0
        while environment.hasDeferredWork, steps < 10_000 {
            try environment.doDeferredWork()
            steps += 1
        }
        #expect(!environment.hasDeferredWork)
        #expect(try environment.statistics().oldestReaderLag == 0)
        // LMDB's file alone is the store now.
        try writeFile(directory.file("copy"), try readFile(environment.path))
        let copy = try Self.environment(directory.file("copy"))
        #expect(try dump(of: copy, tables: Self.tables) == Self.expected(200))
        copy.close()
        environment.close()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted().prefix(2) == [
                "copy", "copy-lock",
            ])
        #expect(access(environment.path + LogFile.names[0], F_OK) != 0)
        #expect(access(environment.path + LogFile.names[1], F_OK) != 0)
    }

    /// The mark of the next log is made at rest.
    @Test func whoWritesAfterRestWaitsForNoFlushOfTheFile() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"))
        defer { environment.close() }
        let log = try #require(environment.log)
        var marks = [[UInt8](try readFile(environment.path)[4088..<4096])]
        for number in 0..<3 {
            try Self.change(environment, number)
            while environment.hasDeferredWork { try environment.doDeferredWork() }
            let flushFile = log.flushFile
            log.flushFile = { _ in EIO }
            try Self.change(environment, number + 1)
            log.flushFile = flushFile
            marks.append([UInt8](try readFile(environment.path)[4088..<4096]))
        }
        #expect(Set(marks).count == marks.count)
    }

    /// The log goes on in the one file it has.
    @Test func aSecondFileThatCanNotBeMadeIsDoneWithout() throws {
        let directory = try TemporaryDirectory()
        let environment = try Self.environment(directory.file("store"), logBytes: 12_000)
        try Self.change(environment, 0)
        let second = environment.path + LogFile.names[1]
        try #require(mkdir(second, 0o700) == 0)
        for number in 1..<100 { try Self.change(environment, number) }
        try #require(rmdir(second) == 0)
        environment.close()
        #expect(access(environment.path + LogFile.names[0], F_OK) != 0)
        let again = try Self.environment(environment.path)
        #expect(try dump(of: again, tables: Self.tables) == Self.expected(100))
        again.close()
    }

    /// One entry with each commit, in no order, until there is no room for more.
    /// - Returns: how many there are.
    private static func fill(_ environment: Environment) throws -> Int {
        var (number, logBytesMax) = (0, 0)
        do throws(StorageError) {
            while number < 10_007 {
                try put(number, environment)
                number += 1
                logBytesMax = max(logBytesMax, environment.logBytes)
            }
        } catch {
            guard error == .mapFull || error == .diskFull else { throw error }
        }
        #expect(logBytesMax > 0 && number < 10_007)
        let full = try environment.statistics()
        #expect(full.pagesFree * 8 < full.pagesUsed)
        return number
    }

    private static func key(_ number: Int) -> [UInt8] { bytes("fill \(number * 7_919 % 10_007 + 10_000)") }

    private static func put(_ number: Int, _ environment: Environment) throws(StorageError) {
        try environment.write { (transaction) throws(StorageError) in
            try transaction.put(key(number), [UInt8](repeating: 1, count: 1_900), in: Self.plain)
        }
    }

    /// What the pin keeps from use is given up before a write is refused.
    @Test(arguments: [0, 16])
    func aStoreThatReachesItsLargestSizeHasUsedItsPages(_ commitsBeforeLog: Int) throws {
        let directory = try TemporaryDirectory()
        var options = EnvironmentOptions()
        options.creates = true
        options.mapBytes = 4 << 20
        options.mapBytesMax = 4 << 20
        options.commitsBeforeLog = commitsBeforeLog
        let environment = try Environment(at: directory.file("store"), tables: Self.tables, options: options)
        defer { environment.close() }
        let entries = try Self.fill(environment)
        let full = try environment.statistics()
        #expect(full.pagesUsed * full.pageBytes <= 4 << 20)
        // What deletes finds room, however often, and makes some.
        let first = (0..<entries).sorted { Self.key($0).lexicographicallyPrecedes(Self.key($1)) }.prefix(200)
        for number in first {
            try environment.write { (transaction) throws(StorageError) in
                transaction.givesBack = true
                _ = try transaction.delete(Self.key(number).span.bytes, from: Self.plain)
            }
        }
        for number in first.prefix(20) { try Self.put(number, environment) }
        #expect(try environment.count(Self.plain) == entries - 180)
    }

    @Test(.enabled(if: mayMount, "skipped: this process may not mount"))
    func aStoreThatFillsTheDiskHasUsedItsPages() throws {
        let directory = try TemporaryDirectory()
        try #require(mount("tmpfs", directory.path, "tmpfs", 0, "size=4m") == 0)
        defer { umount(directory.path) }
        var options = EnvironmentOptions()
        options.creates = true
        let environment = try Environment(at: directory.file("store"), tables: Self.tables, options: options)
        defer { environment.close() }
        _ = try Self.fill(environment)
    }

    /// What can't be sorted in keeps the log from nothing.
    @Test func aFullStoreAtRestHasNothingInTheLog() throws {
        let directory = try TemporaryDirectory()
        let gathered = Table(ordinal: 0, name: "gathered", isBuffered: true)
        let plain = Table(ordinal: 1, name: "plain")
        var options = EnvironmentOptions()
        options.creates = true
        options.mapBytes = 1 << 20
        options.mapBytesMax = 1 << 20
        options.commitsBeforeLog = 0
        let environment = try Environment(at: directory.file("store"), tables: [gathered, plain], options: options)
        defer { environment.close() }
        func put(_ number: Int) throws(StorageError) {
            try environment.write { (transaction) throws(StorageError) in
                try transaction.put(bytes("\(number)"), [UInt8](repeating: 1, count: 600), in: gathered)
            }
        }
        var number = 0
        do throws(StorageError) {
            while number < 5_000 {
                try put(number)
                number += 1
            }
        } catch {}
        // Logged again, for it deletes.
        try environment.write { (transaction) throws(StorageError) in
            transaction.givesBack = true
            _ = try transaction.delete(bytes("0").span.bytes, from: gathered)
        }
        #expect(environment.logBytes > 0)
        for _ in 0..<1_000 where environment.logBytes > 0 {
            try? environment.doDeferredWork()
            usleep(1_000)
        }
        #expect(environment.logBytes == 0)
    }

    @Test(.enabled(if: mayMount, "skipped: this process may not mount"))
    func aFullDiskLosesNoLoggedCommit() throws {
        let directory = try TemporaryDirectory()
        try #require(mount("tmpfs", directory.path, "tmpfs", 0, "size=3m") == 0)
        defer { umount(directory.path) }
        let path = directory.file("store")
        let environment = try Self.environment(path, logBytes: 300_000)
        var number = 0
        var failures = 0
        while failures < 3, number < 100_000 {
            do {
                try Self.change(environment, number)
                try environment.write { (transaction) throws(StorageError) in
                    try transaction.put(
                        bytes("fill \(number)"), [UInt8](repeating: 1, count: 3_000), in: Self.plain)
                }
                number += 1
            } catch StorageError.diskFull {
                failures += 1
            }
        }
        #expect(failures == 3)
        let before = try dump(of: environment, tables: Self.tables)
        // As it is, for a machine that stops now.
        let other = try TemporaryDirectory()
        for name in [""] + LogFile.names where access(path + name, F_OK) == 0 {
            try writeFile(other.file("store") + name, try readFile(path + name))
        }
        environment.close()
        let again = try Self.environment(other.file("store"))
        #expect(try dump(of: again, tables: Self.tables) == before)
        again.close()
    }

    /// LMDB calls a write that was taken only in part an I/O error.
    @Test func aFullDiskIsNamedByWhoRecovers() throws {
        let directory = try TemporaryDirectory()
        let target = directory.file("cut")
        let environment = try Self.environment(directory.file("store"))
        try Self.change(environment, 0)
        try writeFile(target, try readFile(environment.path))
        for number in 1..<100 { try Self.change(environment, number) }
        try writeFile(target + LogFile.names[0], try readFile(environment.path + LogFile.names[0]))
        environment.close()
        let child = try ChildProcess { _ in
            signal(SIGXFSZ, SIG_IGN)
            // It ends within a page.
            var limit = rlimit(rlim_cur: 300_001, rlim_max: rlim_t.max)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            do {
                _ = try Self.environment(target)
                throw Unexpected(what: "it fitted")
            } catch StorageError.diskFull {}
        }
        #expect(child.end() == .exited(0))
        let again = try Self.environment(target)
        #expect(try dump(of: again, tables: Self.tables) == Self.expected(100))
        again.close()
    }
}
