import Dispatch
import Foundation
import Glibc
import Storage
import TestSupport
import Testing

@testable import LMDB

extension EngineTests {
    /// A file is opened once, by its own kind of engine, whole.
    @Suite struct Opening {
        @Test func aSecondOpeningIsRefused() throws {
            let store = try Store()
            expectThrows(misuse) { _ = try Environment(at: store.path, tables: tables) }
            try store.environment.put("a", "1")
        }

        @Test func aSecondOpeningThroughASymlinkIsRefused() throws {
            let store = try Store()
            let link = store.directory.file("link")
            try #require(symlink(store.path, link) == 0)
            expectThrows(misuse) { _ = try Environment(at: link, tables: tables) }
        }

        /// Each name would get a lock file of its own, and two processes would write at once.
        @Test func aFileWithTwoNamesIsRefused() throws {
            let store = try Store()
            store.environment.close()
            let second = store.directory.file("second")
            try #require(link(store.path, second) == 0)
            expectThrows(misuse) { _ = try Environment(at: second, tables: tables) }
            unlink(second)
            try Environment(at: store.path, tables: tables).close()
        }

        @Test func aSymlinkSharesTheLockFileOfItsTarget() throws {
            let store = try Store()
            store.environment.close()
            let link = store.directory.file("link")
            try #require(symlink(store.path, link) == 0)
            let environment = try Environment(at: link, tables: tables)
            try environment.put("a", "1")
            environment.close()
            #expect(access(store.path + "-lock", F_OK) == 0)
            #expect(access(link + "-lock", F_OK) != 0)
        }

        /// By another lock file, two would write at once.
        @Test func aStoreWhoseLockFileWasRemovedIsRefused() throws {
            let store = try Store()
            store.environment.close()
            let other = try Self.other(with: store.path)
            #expect(access(store.path + StoreFiles.logSuffixes[0], F_OK) == 0)
            unlink(store.path + "-lock")
            #expect {
                _ = try Environment(at: store.path, tables: tables)
            } throws: { error in
                if case StorageError.misuse(let what) = error { what.contains("-lock is gone") } else { false }
            }
            #expect(access(store.path + "-lock", F_OK) != 0)
            try Self.end(other, of: store.path)
        }

        /// LMDB numbers commits in the lock file, which it finds by the store's name.
        @Test func aStoreThatTookTheNameOfOneInUseIsRefused() throws {
            let store = try Store()
            store.environment.close()
            let other = try Self.other(with: store.path)
            let moved = store.directory.file("moved")
            try #require(rename(store.path, moved) == 0)
            func refused(_ path: String, _ why: String) {
                var options = EnvironmentOptions()
                options.creates = true
                #expect {
                    _ = try Environment(at: path, tables: tables, options: options)
                } throws: { error in
                    if case StorageError.misuse(let what) = error { what.contains(why) } else { false }
                }
            }
            // One that would be made, one that is copied there, and the one in use by its new name.
            refused(store.path, "-lock is in use by another store")
            #expect(access(store.path, F_OK) != 0 && access(store.path + StoreFiles.logSuffixes[0], F_OK) == 0)
            try writeFile(store.path, try readFile(moved))
            refused(store.path, "-lock is in use by another store")
            try writeFile(moved + "-lock", [])
            refused(moved, "-lock is gone or another one")
            try #require(rename(moved, store.path) == 0)
            try Self.end(other, of: store.path)
        }

        /// A process that has the store open, and puts one entry when it ends.
        private static func other(with path: String) throws -> ChildProcess {
            let child = try ChildProcess { link in
                var options = EnvironmentOptions()
                options.commitsBeforeLog = 0
                let environment = try Environment(at: path, tables: tables, options: options)
                try environment.put("a", "1")
                link.signal()
                try link.await()
                try environment.put("b", "2")
                environment.close()
            }
            try child.awaitSignal()
            return child
        }

        private static func end(_ child: ChildProcess, of path: String) throws {
            child.signal()
            #expect(child.end() == .exited(0))
            let environment = try Environment(at: path, tables: tables)
            #expect(try environment.value("b") == bytes("2"))
            environment.close()
        }

        /// The child of a fork keeps the store's lock, as this descriptor does, and nothing keeps that of the lock file.
        @Test func aStoreThatTheChildOfADeadProcessHasOpenIsRefused() throws {
            let store = try Store()
            store.environment.close()
            let held = try StoreFile.open(store.path, writable: true, sharing: .shared)
            #expect {
                _ = try Environment(at: store.path, tables: tables)
            } throws: { error in
                if case StorageError.misuse(let what) = error { what.contains("`fuser ") } else { false }
            }
            _ = consume held
            try Environment(at: store.path, tables: tables).close()
        }

        /// LMDB maps it, so a disk that is full later must not matter.
        @Test func theLockFileHasAllOfItsBlocks() throws {
            let store = try Store()
            var status = stat()
            try #require(stat(store.path + "-lock", &status) == 0)
            #expect(status.st_size > 0 && status.st_blocks * 512 >= status.st_size)
        }

        /// Where there is no lock file and none can be made nobody writes, and readers do without.
        @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
        func whoMayNotMakeALockFileReadsAllTheSame() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            unlink(store.path + "-lock")
            for (path, mode) in [(store.directory.path, mode_t(0o755)), (store.path, 0o644)] {
                try #require(chmod(path, mode) == 0)
            }
            let child = try ChildProcess { link in
                guard seteuid(65_534) == 0 else { return }
                var options = EnvironmentOptions()
                options.access = .readOnly
                let environment = try Environment(at: store.path, tables: tables, options: options)
                if try environment.value("a") == bytes("1") { link.signal() }
            }
            try child.awaitSignal()
            child.kill()
        }

        /// Whoever rewrites a file has it alone for some seconds.
        @Test func whoOpensAFileWhileItIsRewrittenWaits() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            try writeFile(StoreFiles.rewrite(of: store.path), [])
            let alone = try StoreFile.open(store.path, writable: true, sharing: .alone)
            let opened = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                try? Environment(at: store.path, tables: tables).close()
                opened.signal()
            }
            // Longer than it waits for who takes away a log.
            #expect(opened.wait(timeout: .now() + .milliseconds(300)) == .timedOut)
            _ = consume alone
            #expect(opened.wait(timeout: .now() + 60) == .success)
            let again = try Environment(at: store.path, tables: tables)
            #expect(try again.value("a") == bytes("1"))
            again.close()
        }

        @Test func aLockFileThatIsNoneIsNamed() throws {
            let store = try Store()
            store.environment.close()
            unlink(store.path + "-lock")
            try #require(symlink(store.directory.file("nowhere"), store.path + "-lock") == 0)
            expectMisuse("store-lock lies behind a symbolic link") {
                _ = try Environment(at: store.path, tables: tables)
            }
        }

        @Test(arguments: ["loop", "loop/store"])
        func linksThatLeadInACircleAreNamed(_ name: String) throws {
            let directory = try TemporaryDirectory()
            try #require(symlink(directory.file("loop"), directory.file("loop")) == 0)
            var options = EnvironmentOptions()
            options.creates = true
            expectMisuse("\(name) lies behind a symbolic link") {
                _ = try Environment(at: directory.file(name), tables: tables, options: options)
            }
        }

        /// Whoever writes to the store by another path sees only those who have the lock file.
        @Test(.enabled(if: mayMount, "skipped: this process may not mount"))
        func aReadOnlyFileSystemIsReadWithoutTheLockFileThatIsThereWhileNobodyHasIt() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            let place = try TemporaryDirectory()
            try #require(mount(store.directory.path, place.path, "", Self.boundMount, nil) == 0)
            defer { umount(place.path) }
            try #require(mount("", place.path, "", Self.boundMount | Self.readOnlyAnew, nil) == 0)
            let path = place.file("store")
            try #require(access(path + "-lock", F_OK) == 0 && access(path + "-lock", W_OK) != 0)
            var options = EnvironmentOptions()
            options.access = .readOnly
            let child = try ChildProcess { link in
                let reader = try Environment(at: path, tables: tables, options: options)
                link.signal()
                try link.await()
                try expectInChild(try reader.value("a") == bytes("1"), "value")
                reader.close()
            }
            try child.awaitSignal()
            let reader = try Environment(at: path, tables: tables, options: options)
            #expect(try reader.value("a") == bytes("1"))
            reader.close()
            child.signal()
            #expect(child.end() == .exited(0))
            let other = try Self.other(with: store.path)
            expectMisuse("store lies on a read-only file system, and is in use") {
                _ = try Environment(at: path, tables: tables, options: options)
            }
            try Self.end(other, of: store.path)
        }

        /// What `mount` calls MS_BIND, and MS_REMOUNT with MS_RDONLY.
        private static let boundMount: UInt = 0x1000
        private static let readOnlyAnew: UInt = 0x21

        @Test func aClosedStoreOpensAgain() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            store.environment.close()
            let again = try Environment(at: store.path, tables: tables)
            #expect(try again.value("a") == bytes("1"))
            again.close()
        }

        @Test func aClosedStoreRefusesEverything() throws {
            let store = try Store()
            store.environment.close()
            expectThrows(misuse) { _ = try store.environment.value("a") }
            expectThrows(misuse) { try store.environment.put("a", "1") }
            expectThrows(misuse) { try store.environment.maintain() }
            expectThrows(misuse) { _ = try store.environment.statistics() }
            expectThrows(misuse) { try store.environment.copy(to: store.directory.file("b"), compacting: false) }
        }

        @Test func aFailedOpeningLeavesThePathFree() throws {
            let store = try Store()
            store.environment.close()
            var options = EnvironmentOptions()
            options.access = .readOnly
            let unknown = tables + [Table(ordinal: 2, name: "unknown")]
            for _ in 0..<3 {
                expectThrows(format) { _ = try Environment(at: store.path, tables: unknown, options: options) }
            }
            try Environment(at: store.path, tables: unknown).close()
        }

        @Test func filesBelongToTheirOwnerAlone() throws {
            let mask = umask(0)
            defer { umask(mask) }
            let store = try Store()
            #expect(try modeOf(store.path) == 0o600)
            #expect(try modeOf(store.path + "-lock") == 0o600)
        }

        @Test func nothingIsMadeUnlessAskedFor() throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("none")
            #expect(throws: StorageError.missing(path)) { try Environment(at: path, tables: tables) }
            #expect(access(path, F_OK) != 0)
        }

        @Test(arguments: [false, true])
        func aLinkThatLeadsNowhereIsNamed(_ creates: Bool) throws {
            let directory = try TemporaryDirectory()
            let link = directory.file("link")
            try #require(symlink(directory.file("gone"), link) == 0)
            var options = EnvironmentOptions()
            options.creates = creates
            #expect {
                _ = try Environment(at: link, tables: tables, options: options)
            } throws: { error in
                if case StorageError.misuse(let what) = error { what.contains("leads nowhere") } else { false }
            }
            #expect(access(directory.file("gone"), F_OK) != 0)
        }

        /// Whoever made it was ended before it had a table.
        @Test func aFileWithoutATableIsNoStoreYet() throws {
            let store = try Store(tables: [])
            store.environment.close()
            var options = EnvironmentOptions()
            options.access = .readOnly
            expectThrows(notAStore) { _ = try Environment(at: store.path, tables: tables, options: options) }
            options = EnvironmentOptions()
            options.creates = true
            let environment = try Environment(at: store.path, tables: tables, options: options)
            try environment.put("a", "1")
            #expect(try environment.value("a") == bytes("1"))
            environment.close()
        }

        @Test func aDirectoryIsNoStore() throws {
            let directory = try TemporaryDirectory()
            for access in [EnvironmentOptions.Access.readOnly, .readWrite] {
                var options = EnvironmentOptions()
                options.access = access
                expectThrows(notAStore) { _ = try Environment(at: directory.path, tables: tables, options: options) }
            }
        }

        @Test func aPipeIsNoStore() throws {
            let directory = try TemporaryDirectory()
            try #require(mkfifo(directory.file("pipe"), 0o600) == 0)
            var options = EnvironmentOptions()
            options.access = .readOnly
            expectThrows(notAStore) {
                _ = try Environment(at: directory.file("pipe"), tables: tables, options: options)
            }
        }

        @Test(arguments: [0, 1, 23, 44, 100, 5000, 100_000])
        func aForeignFileIsNoStoreAndStaysAsItIs(_ size: Int) throws {
            let directory = try TemporaryDirectory()
            let path = directory.file("foreign")
            let content = [UInt8](repeating: UInt8(ascii: "x"), count: size)
            try writeFile(path, content)
            expectThrows(notAStore) { _ = try Environment(at: path, tables: tables) }
            #expect(try readFile(path) == content)
        }

        @Test func aNewerFormatIsNamedAsSuch() throws {
            let store = try Store()
            store.environment.close()
            try overwrite(store.path, at: 20, with: [2])
            expectThrows(format) { _ = try Environment(at: store.path, tables: tables) }
        }

        /// Both of the first pages say it, and LMDB takes what the newer says.
        @Test(arguments: [0, 4096], [0, 3, 100, 1 << 20] as [UInt32])
        func anImpossiblePageSizeIsCorruption(_ page: Int, _ size: UInt32) throws {
            let store = try Store()
            store.environment.close()
            try overwrite(store.path, at: page + 40, with: withUnsafeBytes(of: size.littleEndian) { Array($0) })
            expectThrows(corrupted) { _ = try Environment(at: store.path, tables: tables) }
        }

        @Test(arguments: [0, 4096], [1 << 62, UInt64(Int.max), 1 << 63] as [UInt64])
        func anImpossibleCommitIsCorruption(_ page: Int, _ commit: UInt64) throws {
            let store = try Store()
            store.environment.close()
            try overwrite(store.path, at: page + 144, with: withUnsafeBytes(of: commit.littleEndian) { Array($0) })
            expectThrows(corrupted) { _ = try Environment(at: store.path, tables: tables) }
        }

        /// LMDB multiplies it with the size of a page.
        @Test(arguments: [1 << 36, 1 << 60, UInt64.max] as [UInt64])
        func anImpossibleNumberOfPagesIsCorruption(_ last: UInt64) throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            let meta = try Self.newestMeta(of: store.path)
            let place = (meta.commit & 1) * 4096 + 136
            try overwrite(store.path, at: place, with: withUnsafeBytes(of: last.littleEndian) { Array($0) })
            expectThrows(corrupted) { _ = try Environment(at: store.path, tables: tables) }
        }

        /// The page on which the tables' names or the free pages begin is read by LMDB, which would follow whatever it says.
        /// At these places are its number, its kind, how many nodes it has, where they begin, and where the first does.
        @Test(arguments: [false, true], [0, 10, 12, 14, 16])
        func aDamagedFirstPageOfATreeIsCorruption(_ isOfFreePages: Bool, _ place: Int) throws {
            let store = try Store()
            for number in 0..<4 { try store.environment.put("a", "\(number)") }
            store.environment.close()
            let whole = try readFile(store.path)
            let meta = try Self.newestMeta(of: store.path)
            let root = try #require(isOfFreePages ? meta.freeRoot : meta.mainRoot)
            try overwrite(store.path, at: root * 4096 + place, with: [0xFF, 0xFF])
            for access in [EnvironmentOptions.Access.readOnly, .readWrite] {
                var options = EnvironmentOptions()
                options.access = access
                expectThrows(corrupted) { _ = try Environment(at: store.path, tables: tables, options: options) }
            }
            try writeFile(store.path, whole)
            let again = try Environment(at: store.path, tables: tables)
            #expect(try again.value("a") == bytes("3"))
            again.close()
        }

        /// Sums are made of what LMDB's description of a table says.
        @Test(arguments: [8, 16, 24, 32])
        func anImpossibleDescriptionOfATableIsCorruption(_ place: Int) throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            let root = try #require(try Self.newestMeta(of: store.path).mainRoot) * 4096
            let page = try readFile(store.path)[root..<root + 4096]
            let name = try #require(page.firstRange(of: bytes(letters.name)))
            try overwrite(store.path, at: name.upperBound + place, with: [UInt8](repeating: 0x7F, count: 8))
            let environment = try Environment(at: store.path, tables: tables)
            defer { environment.close() }
            expectThrows(corrupted) {
                _ = try environment.read { (snapshot) throws(StorageError) in try snapshot.statistics(of: letters) }
            }
        }

        private static func newestMeta(of path: String) throws -> MetaPage {
            try #require(MetaPage.newest(in: try readFile(path), pageBytes: 4096))
        }

        /// A page that is missing kills the process that touches it, so a file is opened whole or not at all.
        @Test(arguments: [EnvironmentOptions.Access.readOnly, .readWrite])
        func aTruncatedFileIsRefusedAtEverySize(_ access: EnvironmentOptions.Access) throws {
            let store = try Store()
            try store.environment.fill(0..<300)
            let whole = try dump(of: store.environment, tables: tables)
            store.environment.close()
            let content = try readFile(store.path)
            var sizes = [1, 16, 43, 44, 4095, 4096, 4097, 8191, 8192, 8193, 12288, content.count - 1]
            sizes += stride(from: 12288, to: content.count, by: 4096 * 7)
            sizes += (1...4).map { content.count - $0 * 4096 }
            var options = EnvironmentOptions()
            options.access = access
            var refused = 0
            for size in sizes {
                let path = store.directory.file("truncated")
                unlink(path + "-lock")
                try writeFile(path, Array(content.prefix(size)))
                do {
                    let environment = try Environment(at: path, tables: tables, options: options)
                    #expect(try dump(of: environment, tables: tables) == whole, "\(size) bytes")
                    environment.close()
                } catch {
                    refused += 1
                    #expect(notAStore(error) || corrupted(error), "\(size) bytes: \(error)")
                    #expect(try sizeOf(path) == size)
                }
            }
            #expect(refused >= sizes.count - 4)
        }

        @Test func aReaderMayNotWrite() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            var options = EnvironmentOptions()
            options.access = .readOnly
            let reader = try Environment(at: store.path, tables: tables, options: options)
            defer { reader.close() }
            #expect(try reader.value("a") == bytes("1"))
            #expect(throws: StorageError.readOnly) { try reader.put("a", "2") }
            try reader.maintain()
        }

        /// Permissions don't bind root, so a child gives that up first.
        @Test func aReadOnlyDirectoryRefusesANewFile() throws {
            let directory = try TemporaryDirectory()
            chmod(directory.path, 0o555)
            let child = try ChildProcess { _ in
                if geteuid() == 0 { try expectInChild(setuid(65534) == 0, "setuid") }
                var options = EnvironmentOptions()
                options.creates = true
                do {
                    _ = try Environment(at: directory.file("store"), tables: tables, options: options)
                    throw Unexpected(what: "opened")
                } catch StorageError.accessDenied {}
            }
            #expect(child.end() == .exited(0))
            chmod(directory.path, 0o755)
        }

        @Test func aStoreInAReadOnlyDirectoryIsReadByItsLockFile() throws {
            let store = try Store()
            try store.environment.put("a", "1")
            store.environment.close()
            chmod(store.directory.path, 0o555)
            if geteuid() == 0 { for name in [store.path, store.path + "-lock"] { chown(name, 65534, 65534) } }
            let path = store.path
            let child = try ChildProcess { _ in
                if geteuid() == 0 { try expectInChild(setuid(65534) == 0, "setuid") }
                var options = EnvironmentOptions()
                options.access = .readOnly
                let environment = try Environment(at: path, tables: tables, options: options)
                try expectInChild(try environment.value("a") == bytes("1"), "value")
                environment.close()
                unlink(path + "-lock")
            }
            #expect(child.end() == .exited(0))
            chmod(store.directory.path, 0o755)
        }

        @Test func ordinalsMustBePositions() throws {
            let directory = try TemporaryDirectory()
            var options = EnvironmentOptions()
            options.creates = true
            expectThrows(misuse) {
                _ = try Environment(at: directory.file("store"), tables: [numbers], options: options)
            }
        }

        @Test(arguments: [(0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0x6573_5546, "FUSE"), (0x0102_1997, "9p")])
        func networkFileSystemsAreKnown(_ magic: Int, _ name: String) {
            #expect(FileSystem.networkedName(magic: magic) == name)
            #expect(FileSystem.networkedName(magic: Int(Int32(truncatingIfNeeded: magic))) == name)
        }

        @Test(arguments: [0xEF53, 0x5846_5342, 0x0102_1994, 0x9123_683E, 0x794C_7630])
        func localFileSystemsAreAllowed(_ magic: Int) {
            #expect(FileSystem.networkedName(magic: magic) == nil)
        }
    }
}

func misuse(_ error: any Error) -> Bool { if case StorageError.misuse = error { true } else { false } }
func notAStore(_ error: any Error) -> Bool { if case StorageError.notAStore = error { true } else { false } }
func corrupted(_ error: any Error) -> Bool { if case StorageError.corrupted = error { true } else { false } }
func format(_ error: any Error) -> Bool { if case StorageError.unknownFormat = error { true } else { false } }
func inUse(_ error: any Error) -> Bool { if case StorageError.inUse = error { true } else { false } }
func exists(_ error: any Error) -> Bool { if case StorageError.exists = error { true } else { false } }

func expectThrows(
    _ matches: (any Error) -> Bool, at location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: location)
    } catch {
        #expect(matches(error), "\(error)", sourceLocation: location)
    }
}

/// One that says so many words.
func expectMisuse(
    _ words: String, at location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    func matches(_ error: any Error) -> Bool {
        if case StorageError.misuse(let what) = error { what.contains(words) } else { false }
    }
    expectThrows(matches, at: location, body)
}
