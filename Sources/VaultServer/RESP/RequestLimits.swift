/// What one request may cost, checked before any of it is kept.
struct RequestLimits: Equatable, Sendable {
    /// Of one argument.
    var argumentBytesMax: Int
    /// Arguments of one command, its name among them.
    var argumentsMax: Int
    /// Of a line that is a command by itself.
    var inlineBytesMax: Int
    /// Of all of one command as it comes over the wire.
    var requestBytesMax: Int

    /// For those who have shown no token where one is needed: room for `HELLO` and `AUTH`.
    static let unauthenticated = RequestLimits(
        argumentBytesMax: 256, argumentsMax: 10, inlineBytesMax: 1_024, requestBytesMax: 2_048)
}
