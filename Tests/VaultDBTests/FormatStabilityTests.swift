// The bytes of one value of each sort, so that the format does not change by accident.

import Testing

@testable import VaultDB

@Suite("Format") struct FormatStabilityTests {
    /// Key and value of each sample.
    static let golden: [String: (key: String, value: String)] = [
        "identity": (
            "0000000701970000000070018000000000000001",
            "0100000000003b9aca0000000000ee6b2800000000000000012c0410106a6f686e406578616d706c652e636f6d01"
                + "0000310c2b33343630303132333435360280a8d6b90780d0acf30e04106ac3b36e406578616d706c652e636f6d01"
                + "ff887a00120c7374726970653a6375735f310080d0acf30e0002037765620363726d044a6f686e02044ac3b36e02"
                + "4a2e5d2d6ecc"
        ),
        "merged identity": (
            "0000000701970000000070018000000000000001",
            "0103000000003b9aca00000000003b9aca0000000000000000000197000000007002800000000000000201970000"
                + "000070038000000000000003000000009e6035ad"
        ),
        "record": (
            "000000070197000000007001800000000000000100000000009896806c6561640034322f78",
            "01030000000001312d00044a6f686e00104a6f686e404578616d706c652e636f6d0b363030203132332034353603"
                + "776562034e4557077b2261223a317d9dab7e6d"
        ),
        "record with a region": (
            "000000070197000000007001800000000000000100000000009896806c6561640034322f78",
            "01070000000001312d00044a6f686e00104a6f686e404578616d706c652e636f6d0b363030203132332034353603"
                + "776562034e4557077b2261223a317d024d588631c0eb"
        ),
        "conflict": (
            "000000070197000000007001800000000000000101970000000070028000000000000002006a6f686e406578616d"
                + "706c652e636f6d",
            "010100000000009896800000000001312d00ac0204666f726d350d6547"
        ),
        "ledger": (
            "00000007",
            "010000000000000001fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e00000000000"
                + "00000200000000000000030000000000000004000000000000000500000000000000060000010000000000f165a4"
                + "e7"
        ),
        "answer": (
            "00000007008254c329a92850f6d539dd376f4816ee",
            "0100000000039387000197000000007001800000000000000101000000000000012c010100106a6f686e40657861"
                + "6d706c652e636f6d01020c7374726970653a6375735f3101010c2b33343630303132333435360197000000007002"
                + "8000000000000002050110223040010770617469656e74013700010234328bd81328"
        ),
        "merge": (
            "0000000701970000000070038000000000000003",
            "010197000000007002800000000000000200000000042c1d8003616e610197000000007001800000000000000190"
                + "010100000000003b9aca0000000000ee6b2800000000000000012c0410106a6f686e406578616d706c652e636f6d"
                + "010000310c2b33343630303132333435360280a8d6b90780d0acf30e04106ac3b36e406578616d706c652e636f6d"
                + "01ff887a00120c7374726970653a6375735f310080d0acf30e0002037765620363726d044a6f686e02044ac3b36e"
                + "024a2ec9568d6b019700000000700180000000000000010100106a616e65406578616d706c652e636f6d01044a6f"
                + "686e01010197000000007003800000000000000301046c6561640434322f7801046c6561640434322f7800000000"
                + "01312d000100106a6f686e406578616d706c652e636f6d0197000000007003800000000000000301000000000098"
                + "96800000000001312d00ac0204666f726d010100000000009896800000000001312d00ac0204666f726d334e5ae5"
        ),
        "former holder": (
            "0000000700012b3334363030313233343536000000000000000009",
            "01000197000000007001800000000000000100000000009896800000000001312d00cf95e9de"
        ),
        "erasure": (
            "000000070001970000000070018000000000000001",
            "010000000004c4b4000101970000000070028000000000000002aa5f80c6"
        ),
        "token": (
            "6162636465666768",
            "01019700000000700280000000000000020200000000055d4a80000102030405060708090a0b0c0d0e0f10111213"
                + "1415161718191a1b1c1d1e1f0363726de8d2e4fd"
        ),
        "meta": (
            "7661756c74",
            "0600000000000f424000000100000000000245530772756c65732031c9e8bfb0"
        ),
        "organization": (
            "01970000000070028000000000000002",
            "010000000700000000001e84800246523fb14afb"
        ),
        "place": (
            "000000076c6561640034322f78",
            "01019700000000700180000000000000010000000000989680"
        ),
        "event": (
            "000000070000000000000009",
            "01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f080f050000000002faf0800197"
                + "0000000070018000000000000001c801019700000000700280000000000000028201019700000000700380000000"
                + "00000003046c6561640234320377656203616e61"
        ),
        "events": (
            "000000070000000000000009",
            "02000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000000002faf0800377656203"
                + "616e61080f0500019700000000700180000000000000010401970000000070028000000000000002060197000000"
                + "0070038000000000000003046c656164023432093200809bee0201046c65616402343200"
        ),
        "index entry": (
            "000000076a6f686e406578616d706c652e636f6d",
            "1101970000000070018000000000000001"
        ),
    ]

    @Test(arguments: Samples.sealed + Samples.unsealed)
    func `the bytes are those of format 6`(_ sample: Sample) throws {
        let golden = Self.golden[sample.testDescription] ?? ("", "")
        #expect(sample.key.hex == golden.key)
        #expect(sample.value.hex == golden.value)
    }

    /// Apart, for older ones have no bytes.
    @Test func `the bytes of an answer's age are those of format 6`() throws {
        let (age, none) = (bytes(IdempotencyKey.ageValue(300)), [UInt8]())
        #expect(age.hex == "000000000000012c")
        #expect(try IdempotencyKey.sequence(ofAge: age.span.bytes) == 300)
        #expect(try IdempotencyKey.sequence(ofAge: none.span.bytes) == 0)
        #expect(code { try IdempotencyKey.sequence(ofAge: age.span.bytes.extracting(first: 7)) } == .corrupted)
    }

    @Test func `the bytes of keys that have no value are those of format 6`() {
        let ended = FormerHolderKey(identifier: Samples.holding.identifier, identity: Samples.a, sequence: 9)
        let answer = IdempotencyKey("k")
        #expect(
            bytes(Samples.pair.mirrored.key(in: Samples.number)).hex
                == "000000070197000000007002800000000000000201970000000070018000000000000001006a6f686e406578616d"
                + "706c652e636f6d")
        #expect(
            bytes(ended.mirrored(in: Samples.number)).hex
                == "0000000701019700000000700180000000000000010000000000000009012b3334363030313233343536")
        #expect(
            bytes(answer.ageKey(Samples.time(60), in: Samples.number)).hex
                == "000000070100000000039387008254c329a92850f6d539dd376f4816ee")
        #expect(
            bytes(answer.identityKey(Samples.a, in: Samples.number)).hex
                == "0000000702019700000000700180000000000000018254c329a92850f6d539dd376f4816ee")
    }

    /// Under a key of the register's that is no random one.
    @Test(arguments: EngineKind.allCases)
    func `the bytes of what an erasure is known by are those of format 6`(_ kind: EngineKind) throws {
        let vault = try kind.vault()
        let id = try vault.resolve("a@example.com", phone: "600123456").identity.id
        let secretKey: [UInt8] = [0, 0, 0, 1, 2]
        let secret = [UInt8](hex: "01000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa173fc1a")
        try vault.plant(Tables.erasures, secretKey, secret)
        try vault.erase(id)
        let entries = try vault.contents()["erasures", default: [:]]
        #expect(entries[secretKey] == secret)
        let hashes = entries.filter { $0.key[4] == 1 }
        #expect(
            Set(hashes.keys.map(\.hex)) == [
                "0000000101d3c86cc07c80cee7d29d797ee1b43f95", "0000000101e8ae03705e08411f04b8f0e9119b2277",
            ])
        #expect(hashes.values.allSatisfy(\.isEmpty) && entries.count == 4)
        #expect(try vault.check().isClean)
    }

    /// Apart, for its value has no end that a cut would miss.
    @Test func `the bytes of a name are those of format 2`() {
        let key = Key.name("jon".utf8.span.bytes, of: Samples.a, in: Samples.number)
        #expect(bytes(key).hex == "000000076a6f6e0001970000000070018000000000000001")
        #expect(NameTokens(of: Samples.identity).encoded.hex == "016a6f686e206a6f6e206a")
    }
}
