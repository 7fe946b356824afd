internal import Glibc

/// The operating system's words for an `errno`.
func systemMessage(_ code: Int32) -> String {
    String(cString: strerror(code))
}

/// The next step after an `errno`.
func systemAdvice(_ code: Int32) -> String {
    switch code {
    case ENOENT, ENOTDIR: "check that the directory is there"
    case EISDIR: "name a file in it"
    case ELOOP: "name the file itself, and not a link that leads in a circle"
    case ENAMETOOLONG: "choose a shorter path"
    case EMFILE, ENFILE: "raise how many files may be open (ulimit -n)"
    case ENOMEM: "free some memory and try again"
    default: "try again; if it stays, look into the system's log for what ails the disk"
    }
}
