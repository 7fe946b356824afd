/// A command that is under way, as it is counted and timed when it is done.
struct CommandRun: BitwiseCopyable, Sendable {
    /// Its place in the table.
    let index: Int
    /// Its name counts too.
    let argumentCount: Int
    /// In nanoseconds of the system's uptime.
    let started: UInt64
}
