internal import Foundation
internal import VaultDB

/// The answer of `RESOLVE`.
extension ReplyWriter {
    private static let fieldCount = 7

    /// A match that changed nothing: all but three of its parts are the same each time.
    /// - Parameter email: the email as it was given, which is normalised.
    mutating func match(_ match: ReadBatch.Match, email: Span<UInt8>) {
        map(Self.fieldCount)
        raw("$8\r\nidentity\r\n")
        id(match.identity)
        if match.kind == .email {
            raw("$7\r\noutcome\r\n$13\r\nmatched_email\r\n$7\r\nmatched\r\n")
            bulk(email)
        } else {
            raw("$7\r\noutcome\r\n$13\r\nmatched_phone\r\n$7\r\nmatched\r\n")
            if let phone = match.phone { phone.withASCII { bulk($0) } } else { null() }
        }
        raw("$8\r\nenriched\r\n*0\r\n$9\r\nconflicts\r\n*0\r\n$8\r\nwarnings\r\n*0\r\n$8\r\nsequence\r\n")
        integer(Int(clamping: match.sequence))
    }

    mutating func resolution(_ resolution: Resolution) {
        map(Self.fieldCount)
        bulk("identity")
        if resolution.identity.id == .nobody { null() } else { id(resolution.identity.id) }
        bulk("outcome")
        bulk(resolution.outcome.name)
        bulk("matched")
        if let matched = resolution.matched { bulk(matched.text) } else { null() }
        bulk("enriched")
        array(resolution.enriched.count)
        for identifier in resolution.enriched { bulk(identifier.text) }
        bulk("conflicts")
        array(resolution.conflicts.count)
        for conflict in resolution.conflicts { value(conflict.json) }
        bulk("warnings")
        array(resolution.warnings.count)
        for warning in resolution.warnings { bulk(warning.name) }
        bulk("sequence")
        integer(Int(clamping: resolution.sequence))
    }
}
