// The span forms of the normalisers, taking text or bytes: the macros of Swift Testing cannot take a span.

@testable import VaultDB

extension PhoneNumber {
    init?(stored text: String) {
        self.init(stored: text.utf8.span)
    }

    static func candidate(_ text: String) -> PhoneNumber? {
        candidate(utf8: text.utf8.span)
    }
}

extension PhoneSpelling {
    init?(_ text: String, region: Region) {
        self.init(text.utf8.span, region: region)
    }
}

extension EmailAddress {
    init?(utf8 bytes: [UInt8]) {
        self.init(utf8: bytes.span)
    }

    init?(stored bytes: [UInt8]) {
        self.init(stored: bytes.span)
    }

    static func isNormalized(_ text: String) -> Bool {
        isNormalized(text.utf8.span)
    }
}

extension Normalizer {
    func phone(utf8 bytes: [UInt8], region: Region) -> PhoneNumber? {
        phone(utf8: bytes.span, region: region)
    }
}
