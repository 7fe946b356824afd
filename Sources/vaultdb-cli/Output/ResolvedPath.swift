import Glibc

extension String {
    /// The path that it leads to, without symbolic links. The file need not be there.
    var resolvedPath: String {
        if let whole = Self.realPath(self) { return whole }
        let start = lastIndex(of: "/").map(index(after:)) ?? startIndex
        guard let directory = Self.realPath(start == startIndex ? "." : String(self[..<start])) else { return self }
        return "\(directory == "/" ? "" : directory)/\(self[start...])"
    }

    /// Whether both lead to one file, by links of either kind too. It need not be there.
    func leadsToSameFile(as other: String) -> Bool {
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
