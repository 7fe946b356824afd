import Glibc

/// A person's word before what can't be undone.
enum Confirmation {
    /// Refuses early where nobody can be asked.
    static func require(unless isGiven: Bool, _ what: String) throws(Failure) {
        guard !isGiven, isatty(STDIN_FILENO) != 1 || !Terminal.errors.isTerminal else { return }
        throw Failure(
            .wrongUsage, "\(what) can't be undone, and nobody is there to be asked", advice: "give --yes to do it")
    }

    /// Asks on the terminal.
    /// - Parameter question: says what will be lost.
    /// - Throws: where the answer is anything but yes.
    static func ask(_ question: String) throws(Failure) {
        try Output.flush()
        Terminal.errors.write("\(DisplayText.oneLine(question)) This can't be undone. Type yes to go on: ")
        guard readLine()?.lowercased() == "yes" else {
            throw Failure(.failed, "nothing was done", advice: "type yes, or give --yes, to do it")
        }
    }
}
