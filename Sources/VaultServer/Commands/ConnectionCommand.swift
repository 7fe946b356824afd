internal import VaultDB

/// What a command of the connection or the server works on.
struct ConnectionCommand {
    var session: Session
    var arguments: Arguments
    var writer: ReplyWriter
    let server: ServerState
    let client: ClientRecord

    mutating func ok() { writer.simple("OK") }
}
