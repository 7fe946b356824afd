internal import Glibc

extension String {
    /// The path that it leads to, without symbolic links. The file need not be there.
    package var resolvedPath: String {
        if let whole = Self.realPath(self) { return whole }
        guard let directory = Self.realPath(directoryPath) else { return self }
        return "\(directory == "/" ? "" : directory)/\(self[nameStart...])"
    }

    /// The path of the directory that it lies in.
    package var directoryPath: String {
        switch self[..<nameStart] {
        case "": "."
        case "/": "/"
        case let directory: String(directory.dropLast())
        }
    }

    /// Behind the last slash.
    private var nameStart: Index { lastIndex(of: "/").map(index(after:)) ?? startIndex }

    /// Whether both lead to one file, by links of either kind too. It need not be there.
    package func leadsToSameFile(as other: String) -> Bool {
        if resolvedPath == other.resolvedPath { return true }
        var (mine, theirs) = (stat(), stat())
        return stat(self, &mine) == 0 && stat(other, &theirs) == 0
            && mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino
    }

    /// Nil where nothing is there.
    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
