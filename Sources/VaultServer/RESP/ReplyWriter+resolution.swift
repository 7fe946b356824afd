internal import Foundation
internal import VaultDB

/// The answer of `RESOLVE`.
extension ReplyWriter {
    private static let fieldCount = 7

    /// A match that changed nothing: all but three of its parts are the same each time. Written in one piece, for this
    /// is the reply that a busy server writes most.
    /// - Parameter email: the email as it was given, which is normalised.
    mutating func match(_ match: ReadBatch.Match, email: Span<UInt8>) {
        let head: StaticString =
            version == .resp3 ? "%7\r\n$8\r\nidentity\r\n$36\r\n" : "*14\r\n$8\r\nidentity\r\n$36\r\n"
        compose(bytesMax: 512) { pen in
            pen.put(head)
            pen.put(match.identity)
            if match.kind == .email {
                pen.put("\r\n$7\r\noutcome\r\n$13\r\nmatched_email\r\n$7\r\nmatched\r\n$")
                pen.put(email.count)
                pen.put("\r\n")
                pen.put(email)
            } else if let phone = match.phone {
                pen.put("\r\n$7\r\noutcome\r\n$13\r\nmatched_phone\r\n$7\r\nmatched\r\n$")
                pen.put(phone.asciiBytes)
                pen.put("\r\n")
                phone.withASCII { pen.put($0) }
            }
            pen.put("\r\n$8\r\nenriched\r\n*0\r\n$9\r\nconflicts\r\n*0\r\n")
            pen.put("$8\r\nwarnings\r\n*0\r\n$8\r\nsequence\r\n:")
            pen.put(Int(clamping: match.sequence))
            pen.put("\r\n")
        }
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
