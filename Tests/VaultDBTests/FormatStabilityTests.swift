// The bytes of one value of each sort, so that the format does not change by accident.

import Testing

@testable import VaultDB

@Suite("Format") struct FormatStabilityTests {
    /// Key and value of each sample.
    static let golden: [String: (key: String, value: String)] = [
        "identity": (
            "0000000701970000000070018000000000000001",
            "0100000000003b9aca0000000000ee6b2800000000000000012c0410106a6f686e406578616d706c652e636f6d010000"
                + "110c2b33343630303132333435360280a8d6b90780d0acf30e04106ac3b36e406578616d706c652e636f6d01ff887a00"
                + "120c7374726970653a6375735f310080d0acf30e0002037765620363726d044a6f686e02044ac3b36e024a2e2de2d5aa"
        ),
        "merged identity": (
            "0000000701970000000070018000000000000001",
            "0101000000003b9aca00000000003b9aca00000000000000000001970000000070028000000000000002000000001b6b"
                + "5044"
        ),
        "record": (
            "000000076c6561640034322f78",
            "01010197000000007001800000000000000100000000009896800000000001312d00044a6f686e00104a6f686e404578"
                + "616d706c652e636f6d0b363030203132332034353603776562034e4557077b2261223a317d7057db06"
        ),
        "conflict": (
            "000000070197000000007001800000000000000101970000000070028000000000000002006a6f686e406578616d706c"
                + "652e636f6d",
            "010100000000009896800000000001312d00ac0204666f726d350d6547"
        ),
        "ledger": (
            "00000007",
            "010000000000000001fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e000000000000000"
                + "0200000000000000030000000000000004000000000000000500000000000000060000010000000000f165a4e7"
        ),
        "answer": (
            "00000007008254c329a92850f6d539dd376f4816ee",
            "01000000000393870001970000000070018000000000000001000000000000012c0100106a6f686e406578616d706c65"
                + "2e636f6d01020c7374726970653a6375735f3101010c2b33343630303132333435360197000000007002800000000000"
                + "00020401102230d6df7ded"
        ),
        "meta": (
            "7661756c74",
            "0100000000000f424000000100000000000245530772756c65732031a9b4952f"
        ),
        "organization": (
            "01970000000070028000000000000002",
            "010000000700000000001e84800246523fb14afb"
        ),
        "event": (
            "000000070000000000000009",
            "01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0803050000000002faf08001970000"
                + "000070018000000000000001c80101970000000070028000000000000002046c6561640234320377656203616e61"
        ),
        "index entry": (
            "000000076a6f686e406578616d706c652e636f6d",
            "1101970000000070018000000000000001"
        ),
    ]

    @Test(arguments: Samples.sealed + Samples.unsealed)
    func `the bytes are those of format 1`(_ sample: Sample) throws {
        let golden = Self.golden[sample.testDescription] ?? ("", "")
        #expect(sample.key.hex == golden.key)
        #expect(sample.value.hex == golden.value)
    }

    /// Apart, for its value has no end that a cut would miss.
    @Test func `the bytes of a name are those of format 1`() {
        let key = Key.name("jon".utf8.span.bytes, of: Samples.a, in: Samples.number)
        #expect(bytes(key).hex == "000000076a6f6e0001970000000070018000000000000001")
        #expect(NameTokens(of: Samples.identity).encoded.hex == "016a6f686e206a6f6e206a")
    }
}
