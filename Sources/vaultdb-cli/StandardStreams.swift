import Glibc

/// Descriptors 0 to 2, which whoever starts the program may have closed.
enum StandardStreams {
    /// Puts a stream that refuses in the place of each that is closed. Otherwise the next file to be opened, such as
    /// the vault, would have its number: it would be read as input, or printed into.
    static func fillGaps() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // It gets the lowest free number, which is this one. What is open for the other direction is EBADF to use.
            guard open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY) == descriptor else {
                exit(ExitStatus.failed.rawValue)
            }
        }
    }
}
