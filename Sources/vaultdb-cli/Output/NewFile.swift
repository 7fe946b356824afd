import Glibc
import LMDB
import VaultDB

/// A file that appears under its name when it is whole: written beside it under a temporary name, then renamed. What
/// has the name already and is no regular file, such as a pipe, is written to in place; so is a stream of this process,
/// such as /dev/stdout, wherever it leads. The name `-` is stdout too.
final class NewFile {
    private static let bufferBytes = 64 << 10

    private let path: String
    /// Where the name leads.
    private let target: String
    private let replaces: Bool
    /// Nil where it is written in place.
    private let temporaryPath: String?
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var isFinished = false

    /// Writes a file with `body` and gives it its name; a signal that ends the process meanwhile leaves nothing.
    /// - Parameter replaces: whether a file that has the name already gives way.
    static func write<Answer>(
        _ path: String, replaces: Bool, _ body: (NewFile) throws -> Answer
    ) throws -> Answer {
        try Interruption.removing([unfinished(path)]) {
            let file = try NewFile(path, replaces: replaces)
            let answer = try body(file)
            try file.finish()
            return answer
        }
    }

    /// - Parameter replaces: whether a file that has the name already gives way.
    init(_ path: String, replaces: Bool = true) throws(Failure) {
        let target = path.resolvedPath
        self.path = path
        self.target = target
        self.replaces = replaces
        let stream = Self.stream(path)
        if stream == nil, !replaces, access(path, F_OK) == 0 { throw Failure.existing(path) }
        if let stream {
            temporaryPath = nil
            // Shares the place in the file with everything else that is written to the stream.
            descriptor = fcntl(stream, F_DUPFD_CLOEXEC, 0)
        } else if path.isOtherThanFile {
            temporaryPath = nil
            descriptor = open(path, O_WRONLY | O_CLOEXEC)
        } else {
            let temporaryPath = Self.temporaryPath(of: target, by: getpid())
            self.temporaryPath = temporaryPath
            LMDB.NewFile.removeAbandoned(target) { [Self.temporaryPath(of: target, by: $0)] }
            descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            // Says that it is in use.
            if descriptor >= 0 { _ = flock(descriptor, LOCK_EX | LOCK_NB) }
        }
        if descriptor < 0 { throw Failure.unwritable(path) }
        buffer.reserveCapacity(Self.bufferBytes + 4_096)
    }

    deinit {
        close(descriptor)
        if let temporaryPath, !isFinished { unlink(temporaryPath) }
    }

    /// What the file of the process with this number is called until it is whole.
    private static func temporaryPath(of target: String, by process: Int32) -> String { "\(target).\(process).tmp" }

    /// What lies there until a file at `path` is whole.
    static func unfinished(_ path: String) -> String { temporaryPath(of: path.resolvedPath, by: getpid()) }

    /// Whether something has the name that a file must not take the place of.
    static func isWrittenInPlace(_ path: String) -> Bool { stream(path) != nil || path.isOtherThanFile }

    /// Whether a file there may be taken the place of: none is there, or one that is empty or begins so.
    static func mayReplace(_ path: String, beginningWith opening: String) -> Bool {
        guard !isWrittenInPlace(path), access(path, F_OK) == 0 else { return true }
        guard let start = path.firstBytes(opening.utf8.count) else { return false }
        return start.isEmpty || start.elementsEqual(opening.utf8)
    }

    /// The stream of this process that is meant: one by its name, or an output that leads to the file at `path`.
    private static func stream(_ path: String) -> Int32? {
        if let named = namedStream(path) { return named }
        return [STDOUT_FILENO, STDERR_FILENO].first { descriptor in
            var (mine, theirs) = (stat(), stat())
            return fstat(descriptor, &mine) == 0 && (mine.st_mode & S_IFMT) == S_IFREG
                && stat(path, &theirs) == 0 && mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino
        }
    }

    /// The descriptor that a path names, such as 3 for /dev/fd/3. It need not be open.
    static func namedStream(_ path: String) -> Int32? {
        switch path {
        case "-", "/dev/stdout": return STDOUT_FILENO
        case "/dev/stderr": return STDERR_FILENO
        default: break
        }
        let directory = ["/dev/fd/", "/proc/self/fd/"].first { path.hasPrefix($0) }
        return directory.flatMap { Int32(path.dropFirst($0.count)) }
    }

    /// Adds a line of text.
    func addLine(_ text: String) throws(Failure) {
        buffer.append(contentsOf: text.utf8)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    /// Adds a record as RFC 4180 has it.
    func addRecord(_ fields: [String]) throws(Failure) {
        for (position, field) in fields.enumerated() {
            if position > 0 { buffer.append(UInt8(ascii: ",")) }
            add(field)
        }
        buffer.append(contentsOf: [UInt8(ascii: "\r"), UInt8(ascii: "\n")])
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    private func add(_ field: String) {
        let quote = UInt8(ascii: "\"")
        let special = [quote, UInt8(ascii: ","), UInt8(ascii: "\r"), UInt8(ascii: "\n")]
        guard field.utf8.contains(where: special.contains) else {
            buffer.append(contentsOf: field.utf8)
            return
        }
        buffer.append(quote)
        for byte in field.utf8 {
            if byte == quote { buffer.append(quote) }
            buffer.append(byte)
        }
        buffer.append(quote)
    }

    /// Gives the file its name.
    func finish() throws(Failure) {
        try flush()
        guard let temporaryPath else { return }
        guard fsync(descriptor) == 0 else { throw Failure.unwritable(path) }
        let code = LMDB.NewFile.giveName(target, to: temporaryPath, replaces: replaces)
        guard code == 0 else {
            throw code == EEXIST && !replaces ? Failure.existing(path) : Failure.unwritable(path, code)
        }
        isFinished = true
    }

    private func flush() throws(Failure) {
        var written = 0
        while written < buffer.count {
            // Safe: `write` reads at most the buffer's length, within the closure that lends its memory.
            let count = buffer.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0 && errno != EINTR { throw Failure.unwritable(path) }
            written += max(count, 0)
        }
        buffer.removeAll(keepingCapacity: true)
    }
}

extension String {
    /// Whether something is there that is no regular file, such as a pipe.
    var isOtherThanFile: Bool {
        var status = stat()
        return stat(self, &status) == 0 && (status.st_mode & S_IFMT) != S_IFREG
    }

    var isDirectory: Bool {
        var status = stat()
        return stat(self, &status) == 0 && (status.st_mode & S_IFMT) == S_IFDIR
    }

    /// The first bytes of a file, fewer where it has no more; nil where it can't be read.
    func firstBytes(_ count: Int) -> [UInt8]? {
        let descriptor = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: count)
        // Safe: `pread` writes at most the buffer's length, within the closure that lends its memory.
        let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return got < 0 ? nil : Array(bytes.prefix(got))
    }
}
