// A file or pipe that an import reads from front to back.

import Glibc

/// An open file descriptor, closed when the value ends; standard input stays open.
struct InputFile: ~Copyable {
    /// Nil where the size is not known, as for a pipe.
    let bytesTotal: Int?
    private static let patienceMilliseconds: CInt = 100
    private let descriptor: CInt
    private let path: String

    /// Opens a file, or standard input for `-`. A FIFO that nobody writes to yet is waited for when it is read, where
    /// the wait can be ended.
    init(path: String) throws(ImportError) {
        let descriptor = path == "-" ? STDIN_FILENO : Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(errno, path: path) }
        var status = stat()
        fstat(descriptor, &status)
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else {
            Glibc.close(descriptor)
            throw .system(EISDIR, path: path)
        }
        self.descriptor = descriptor
        self.path = path
        bytesTotal = kind == S_IFREG ? Int(status.st_size) : nil
    }

    deinit {
        if descriptor != STDIN_FILENO { Glibc.close(descriptor) }
    }

    /// Fills the front of the buffer with what is there next and says how many bytes that is: zero at the end.
    /// - Parameter goesOn: asked before it waits, and again and again meanwhile; where it says no, nothing is read.
    borrowing func read(into buffer: inout [UInt8], while goesOn: () -> Bool) throws(ImportError) -> Int? {
        while goesOn() {
            // A signal may come just before a call that waits, or to another thread, so no wait is long.
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, Self.patienceMilliseconds)
            if ready == 0 || ready < 0 && errno == EINTR { continue }
            // Safe: `read` writes at most the buffer's length, within the closure that lends its memory.
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            guard errno == EINTR || errno == EAGAIN else { throw .system(errno, path: path) }
        }
        return nil
    }
}

extension ImportError {
    /// The error that a failed system call on a file stands for.
    fileprivate static func system(_ number: CInt, path: String) -> ImportError {
        let error =
            switch number {
            case ENOENT, ENOTDIR:
                ImportError(.noSuchFile, "there is no such file", advice: "check the path")
            case EISDIR:
                ImportError(.isDirectory, "this is a directory", advice: "name a file in it")
            case EACCES, EPERM:
                ImportError(.permissionDenied, "permission denied", advice: "check who may read it with ls -l")
            default:
                ImportError(
                    .unreadable, "it cannot be read: \(String(cString: strerror(number)))",
                    advice: "check the disk and try again")
            }
        return error.inFile(path)
    }
}
