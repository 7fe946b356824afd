internal import CPeers

/// Texts laid out for the loops in C.
final class Texts {
    private let bytes: UnsafeMutableBufferPointer<CChar>
    private let starts: UnsafeMutableBufferPointer<Int>
    let count: Int

    init(_ texts: [String]) {
        count = texts.count
        bytes = .allocate(capacity: max(texts.reduce(0) { $0 + $1.utf8.count }, 1))
        starts = .allocate(capacity: texts.count + 1)
        var offset = 0
        for (index, text) in texts.enumerated() {
            starts[index] = offset
            for byte in text.utf8 {
                bytes[offset] = CChar(bitPattern: byte)
                offset += 1
            }
        }
        starts[texts.count] = offset
    }

    deinit {
        bytes.deallocate()
        starts.deallocate()
    }

    /// Valid as long as this object is.
    var view: peer_texts { peer_texts(bytes: bytes.baseAddress, starts: starts.baseAddress, count: count) }
}

/// People as the peers take them: what is found, and what is created where it is not.
struct Batch {
    let ids: [String]
    let emails: [String]
    let phones: [String]
    let names: [String]
    let idTexts: Texts
    let emailTexts: Texts
    let phoneTexts: Texts
    let nameTexts: Texts

    var count: Int { emails.count }

    init(_ indices: some Collection<Int>, of people: People) {
        ids = indices.map(people.id)
        emails = indices.map(people.email)
        phones = indices.map(people.phone)
        names = indices.map(people.name)
        idTexts = Texts(ids)
        emailTexts = Texts(emails)
        phoneTexts = Texts(phones)
        nameTexts = Texts(names)
    }
}
