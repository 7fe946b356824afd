internal import Foundation
internal import Glibc

/// How much of the machine's memory this process has.
struct ProcessMemory {
    let residentBytes: Int
    /// Of `residentBytes`, those of files that are mapped, such as the vault: the system takes them back when it needs them.
    let fileBytes: Int

    /// As it is now; nil where the system does not tell.
    static var current: ProcessMemory? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let pages = text.split(separator: " ").compactMap { Int($0) }
        guard pages.count > 2 else { return nil }
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        return ProcessMemory(residentBytes: pages[1] * pageBytes, fileBytes: pages[2] * pageBytes)
    }
}
