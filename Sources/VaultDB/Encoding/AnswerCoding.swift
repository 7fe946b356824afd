internal import Foundation

/// The first answer to an idempotency key, byte by byte in docs/FORMAT.md ("idempotency").
extension StoredAnswer {
    private static let version: UInt8 = 1

    func encoded(at time: Timestamp, under key: borrowing Key) -> ByteWriter {
        var writer = ByteWriter(format: Self.version)
        writer.time(time)
        writer.id(identity)
        writer.optional(resolution) { $1.write(to: &$0) }
        writer.byte(put?.call.rawValue ?? 0)
        if let put {
            writer.record(put.record)
            writer.byte(put.change.code)
            writer.texts(put.converted)
        }
        return writer.sealed(under: key)
    }

    static func decoded(
        _ bytes: RawSpan, under key: RawSpan
    ) throws(VaultError) -> (time: Timestamp, answer: StoredAnswer) {
        var reader = try ByteReader(sealed: bytes, under: key, format: Self.version)
        let time = try reader.time()
        var answer = StoredAnswer(identity: try reader.id())
        if try reader.byte() != 0 { answer.resolution = try Resolution(of: answer.identity, &reader) }
        let call = try reader.byte()
        if call != 0 {
            guard let call = Put.Call(rawValue: call) else { throw .corrupted("an answer is of an unknown call") }
            answer.put = Put(
                call: call, record: try reader.record(), change: try .init(code: try reader.byte()),
                converted: try reader.texts())
        }
        return (time, answer)
    }
}

extension Resolution {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.long(sequence)
        writer.byte(outcome.code(matched))
        writer.optional(matched) { $0.identifier($1) }
        writer.list(enriched) { $0.identifier($1) }
        writer.list(conflicts) {
            $0.identifier($1.identifier)
            $0.id($1.owner)
        }
        writer.list(warnings) { $0.byte($1.code) }
    }

    @_lifetime(reader: copy reader)
    fileprivate init(of id: UUID, _ reader: inout ByteReader) throws(VaultError) {
        identity = .init(id: id)
        sequence = try reader.long()
        let code = try reader.byte()
        matched = try reader.byte() == 0 ? nil : try reader.identifier()
        outcome = try Outcome(code: code, matched)
        enriched = try reader.identifiers()
        conflicts = []
        warnings = []
        for _ in 0..<(try reader.count()) {
            conflicts.append(Conflict(identifier: try reader.identifier(), owner: try reader.id()))
        }
        for _ in 0..<(try reader.count()) { warnings.append(try Warning(code: try reader.byte())) }
    }
}

extension Resolution.Outcome {
    /// A match by an identifier that is not told any more has a code for each kind: that is not told with it.
    fileprivate func code(_ matched: Identifier?) -> UInt8 {
        switch (self, matched) {
        case (.created, _): 0
        case (.matched, _?): 1
        case (.linked, _): 2
        case (.matched(let kind), nil): 3 + kind.rawValue
        }
    }

    fileprivate init(code: UInt8, _ matched: Identifier?) throws(VaultError) {
        switch (code, matched) {
        case (0, nil): self = .created
        case (1, let matched?): self = .matched(by: matched.kind)
        case (2, nil): self = .linked
        case (3..., nil):
            guard let kind = IdentifierKind(rawValue: code - 3) else {
                throw .corrupted("an answer has an unknown outcome")
            }
            self = .matched(by: kind)
        default: throw .corrupted("an answer has an unknown outcome")
        }
    }
}

extension PutAnswer.Change {
    fileprivate var code: UInt8 { UInt8(truncatingIfNeeded: Self.allCases.firstIndex(of: self) ?? 0) }

    fileprivate init(code: UInt8) throws(VaultError) {
        guard Self.allCases.indices.contains(Int(code)) else { throw .corrupted("an answer tells an unknown change") }
        self = Self.allCases[Int(code)]
    }
}

extension Resolution.Warning {
    /// The kind, and above it what is the matter.
    fileprivate var code: UInt8 {
        switch self {
        case .invalid(let kind): 0x00 | kind.rawValue
        case .shared(let kind): 0x10 | kind.rawValue
        case .blocked(let kind): 0x20 | kind.rawValue
        case .tooManyIdentifiers: 0x30
        case .previouslyErased: 0x40
        }
    }

    fileprivate init(code: UInt8) throws(VaultError) {
        guard let kind = IdentifierKind(rawValue: code & 0x0F) else {
            throw .corrupted("an answer holds an unknown warning")
        }
        switch code & 0xF0 {
        case 0x00: self = .invalid(kind)
        case 0x10: self = .shared(kind)
        case 0x20: self = .blocked(kind)
        case 0x30: self = .tooManyIdentifiers
        case 0x40: self = .previouslyErased
        default: throw .corrupted("an answer holds an unknown warning")
        }
    }
}
