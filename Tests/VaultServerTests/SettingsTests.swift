// Settings: which of them counts, and that none is passed over.

import Foundation
import TestSupport
import Testing

@testable import VaultServer

@Suite("Settings") struct SettingsTests {
    private static func settings(
        flags: [String: String] = [:], file: String = "{}", environment: [String: String] = [:]
    ) throws -> ServeSettings {
        let directory = try TemporaryDirectory()
        let path = directory.file("settings.json")
        try Data(file.utf8).write(to: URL(filePath: path))
        return try withExtendedLifetime(directory) {
            try ServeSettings(flags: flags, file: path, environment: environment)
        }
    }

    /// What is said of settings that are refused.
    private static func refusal(
        flags: [String: String] = [:], file: String = "{}", environment: [String: String] = [:]
    ) -> String {
        do {
            _ = try settings(flags: flags, file: file, environment: environment)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "What the file has in another form than it has to be, or nobody asks for, is refused",
        arguments: [
            (#"{"requireTokens": "true"}"#, "requireTokens is neither true nor false"),
            (#"{"requireTokens": null}"#, "requireTokens is null; set it, or leave it out"),
            (#"{"tlsClientAuthorities": null}"#, "tlsClientAuthorities is null; set it, or leave it out"),
            (#"{"requireTokens": 1}"#, "requireTokens is neither true nor false"),
            (#"{"noHttp": "nope"}"#, "noHttp is neither true nor false"),
            (#"{"threads": true}"#, "threads is no whole number"),
            (#"{"idleSecondsMax": 1.5}"#, "idleSecondsMax is no whole number"),
            (#"{"port": "7379"}"#, "port is no whole number"), (#"{"tlsCertificate": 1}"#, "tlsCertificate is no text"),
            (#"{"durability": 5}"#, "durability is no text"), (#"{"logLevel": 3}"#, "logLevel is no text"),
            (#"{"corsOrigins": ["https://a.example"]}"#, "corsOrigins is no text"),
            (#"{"requireToken": true}"#, "there is no setting 'requireToken'; the nearest is requireTokens"),
            (#"{"connections-max": 5}"#, "the nearest is connectionsMax"),
            (#"{"noHttp": true, "nonsense": 1}"#, "'nonsense'"), ("[]", "give a JSON object"), ("{", "can't be read"),
            (#"{"cacheBytes": 0}"#, "there is no setting 'cacheBytes'; the nearest is cache"),
            (#"{"http": false}"#, "there is no setting 'http'"),
            (#"{"prot": 1}"#, "there is no setting 'prot'; the nearest is port"),
            (#"{"organization": "x"}"#, "there is no setting 'organization'; the nearest is org"),
            (#"{"db": "x.vault"}"#, "there is no setting 'db'; it is there only as a flag, --db"),
            (#"{"limits": {}}"#, "there is no setting 'limits'; each limit is a setting by itself"),
            (#"{"nonsense": 1}"#, "there is no setting 'nonsense'; docs/RESP.md tells what there is"),
        ])
    func refusedInFile(_ file: String, _ part: String) { #expect(Self.refusal(file: file).contains(part)) }

    @Test(
        "What the environment has in another form than it has to be is refused",
        arguments: [
            ("VAULTDB_REQUIRE_TOKENS", "on", "requireTokens is neither true nor false"),
            ("VAULTDB_REQUIRE_TOKENS", "", "requireTokens is neither true nor false"),
            ("VAULTDB_TLS_CLIENT_AUTHORITIES", "", "tlsClientAuthorities is empty"),
            ("VAULTDB_READ_ONLY", "", "readOnly is neither true nor false"),
            ("VAULTDB_CACHE", "12", "cache is no size"),
            ("VAULTDB_NO_HTTP", "nope", "noHttp is neither true nor false"),
            ("VAULTDB_PORT", "tcp://x:1", "port is no whole"),
            ("VAULTDB_IDLE_SECONDS_MAX", "1.5", "idleSecondsMax is no whole number"),
            ("VAULTDB_TLS_KEY", "key.pem", "TLS needs a certificate and its key"),
            ("VAULTDB_HTTP", "false", "no setting VAULTDB_HTTP; leave it out, or set VAULTDB_NO_HTTP"),
            ("VAULTDB_CACHE_BYTES", "0", "no setting VAULTDB_CACHE_BYTES; set VAULTDB_CACHE"),
        ])
    func refusedInEnvironment(_ name: String, _ value: String, _ part: String) {
        #expect(Self.refusal(environment: [name: value]).contains(part))
    }

    @Test(
        "What is of a wrong form or out of range is refused though something above it counts",
        arguments: [
            (["port": "1"], #"{"port": "x"}"#, [:], "port is no whole number; give another in the settings file"),
            (["readOnly": "true"], #"{"readOnly": 1}"#, [:], "readOnly is neither"),
            (["cache": "0"], #"{"cache": true}"#, [:], "cache is no size"),
            ([:], #"{"host": 1}"#, ["VAULTDB_HOST": "127.0.0.1"], "host is no text"),
            ([:], #"{"threads": "2"}"#, ["VAULTDB_THREADS": "2"], "threads is no whole number"),
            (["port": "1"], "{}", ["VAULTDB_PORT": "x"], "port is no whole number; give another in the environment"),
            (["threads": "1"], #"{"threads": 0}"#, [:], "threads can't be 0"),
            (["port": "1"], "{}", ["VAULTDB_PORT": "65536"], "port can't be 65536"),
            (["noHttp": "true"], #"{"httpPort": 65536}"#, [:], "httpPort can't be 65536"),
            (["connectionsMax": "1"], #"{"connectionsMax": 0}"#, [:], "connectionsMax can't be 0"),
            ([:], #"{"writerNiceness": 20}"#, ["VAULTDB_WRITER_NICENESS": "0"], "writerNiceness can't be 20"),
            ([:], #"{"org": "x"}"#, ["VAULTDB_ORG": "8f14e45f-ceea-4e7a-9c3b-2d1c5a6b7e80"], "org is no UUID"),
            (["timeZone": "Europe/Madrid"], #"{"timeZone": "Mars/X"}"#, [:], "no time zone 'Mars/X'"),
            (["durability": "durable"], #"{"durability": "x"}"#, [:], "no durability 'x'"),
            (["logLevel": "notice"], "{}", ["VAULTDB_LOG_LEVEL": "x"], "no log level 'x'"),
            ([:], #"{"corsOrigins": "x"}"#, ["VAULTDB_CORS_ORIGINS": "https://a.example"], "'x' is no origin"),
            (["tlsKey": "a.pem"], "{}", ["VAULTDB_TLS_KEY": ""], "tlsKey is empty"),
        ] as [([String: String], String, [String: String], String)])
    func refusedBelow(_ flags: [String: String], _ file: String, _ environment: [String: String], _ part: String) {
        #expect(Self.refusal(flags: flags, file: file, environment: environment).contains(part))
    }

    @Test(
        "A port of HTTP that is set above what refuses HTTP counts",
        arguments: [
            (["httpPort": "7"], "{}", ["VAULTDB_NO_HTTP": "true"], 7),
            (["httpPort": "7"], #"{"noHttp": true}"#, [:], 7),
            ([:], #"{"noHttp": true}"#, ["VAULTDB_HTTP_PORT": "7"], 7),
            ([:], #"{"noHttp": true}"#, ["VAULTDB_HTTP_PORT": ""], nil),
            ([:], #"{"noHttp": true, "httpPort": 7}"#, [:], nil),
            (["httpPort": "7", "noHttp": "true"], "{}", [:], nil),
            (["noHttp": "true"], "{}", ["VAULTDB_HTTP_PORT": "7"], nil),
            ([:], #"{"httpPort": 7}"#, ["VAULTDB_NO_HTTP": "true"], nil),
        ] as [([String: String], String, [String: String], Int?)])
    func portOrNoHTTP(
        _ flags: [String: String], _ file: String, _ environment: [String: String], _ port: Int?
    ) throws {
        let settings = try Self.settings(flags: flags, file: file, environment: environment)
        #expect(settings.server.httpPort == port)
    }

    @Test(
        "What is out of range is refused, so that nothing that is accepted overflows",
        arguments: [
            ("idleSecondsMax", "10000000000"), ("unauthenticatedSecondsMax", "-1"), ("drainSecondsMax", "-1"),
            ("slowlogMicroseconds", "99999999999999999"), ("argumentBytesMax", "1099511627776"),
            ("connectionsMax", "0"), ("port", "65536"), ("httpPort", "65536"), ("threads", "0"), ("threads", "257"),
        ])
    func outOfRange(_ key: String, _ value: String) {
        #expect(Self.refusal(flags: [key: value]).contains(value))
    }

    @Test("Settings are read from a pipe as from a file, up to a bound")
    func pipe() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(#"{"port": 3}"#.utf8))
        try pipe.fileHandleForWriting.close()
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        let settings = try ServeSettings(flags: [:], file: path, environment: [:])
        #expect(settings.server.port == 3)
        #expect(Self.refusal(file: String(repeating: " ", count: (1 << 20) + 1)).contains("it has more than 1 MiB"))
    }

    @Test("Texts of flags stay texts, whatever they look like")
    func texts() throws {
        let settings = try Self.settings(flags: ["host": "0", "tlsCertificate": "1", "tlsKey": "true"])
        #expect(settings.server.host == "0")
        #expect(settings.server.security == TransportSecurity(certificatePath: "1", keyPath: "true"))
    }

    @Test("Flags come first, then the environment, then the file", arguments: ["true", "TRUE", "yes", "1"])
    func order(_ truth: String) throws {
        let settings = try Self.settings(
            flags: ["port": "1"],
            file: #"""
                {"port": 3, "httpPort": 3, "threads": 3, "requireTokens": false, "cache": "512M",
                "noHttp": true}
                """#,
            environment: [
                "VAULTDB_PORT": "2", "VAULTDB_HTTP_PORT": "2", "VAULTDB_REQUIRE_TOKENS": truth, "HOME": "/",
                "VAULTDB_CACHE": "0", "VAULTDB_NO_HTTP": "false",
            ])
        #expect(settings.server.port == 1 && settings.server.httpPort == 2 && settings.server.threads == 3)
        #expect(settings.server.requiresTokens && settings.server.host == "127.0.0.1" && settings.cacheBytes == 0)
    }

    @Test(
        "What a flag can say, the environment and the file can say as well",
        arguments: [
            (#"{"readOnly": true, "cache": "512M", "noHttp": true}"#, [:]),
            (#"{"readOnly": true, "cache": 536870912, "noHttp": true}"#, [:]),
            ("{}", ["VAULTDB_READ_ONLY": "1", "VAULTDB_CACHE": "512M", "VAULTDB_NO_HTTP": "yes"]),
        ] as [(String, [String: String])])
    func flagsOfTheFile(_ file: String, _ environment: [String: String]) throws {
        let settings = try Self.settings(file: file, environment: environment)
        #expect(settings.isReadOnly && settings.cacheBytes == 512 << 20 && settings.server.httpPort == nil)
        let flags = ["readOnly": "false", "cache": "0", "noHttp": "false"]
        let overruled = try Self.settings(flags: flags, file: file, environment: environment)
        #expect(!overruled.isReadOnly && overruled.cacheBytes == 0 && overruled.server.httpPort == 8080)
    }

    @Test("What is empty in the environment is not set there")
    func empty() throws {
        let names = ["PORT", "HTTP_PORT", "HOST", "ORG", "TIME_ZONE", "CACHE", "LOG_LEVEL", "CONNECTIONS_MAX"]
        let environment = Dictionary(uniqueKeysWithValues: names.map { ("VAULTDB_\($0)", "") })
        let settings = try Self.settings(file: #"{"port": 3, "cache": "1M"}"#, environment: environment)
        #expect(settings.server.port == 3 && settings.server.host == "127.0.0.1" && settings.cacheBytes == 1 << 20)
        #expect(settings.server.limits == ServerLimits() && settings.server.organization == nil)
    }

    @Test("Where few files may be open there are fewer connections, and at least one of each kind")
    func openFiles() {
        let limits = ServerLimits()
        #expect(limits.fitting(openFilesMax: 1 << 20, loopCount: 4, servesHTTP: true) == limits)
        let few = limits.fitting(openFilesMax: 1_024, loopCount: 4, servesHTTP: true)
        #expect(few.connectionsMax + few.httpConnectionsMax < 1_024)
        #expect(few.connectionsMax > 600 && few.httpConnectionsMax > 200)
        #expect(limits.fitting(openFilesMax: 1_024, loopCount: 4, servesHTTP: false).connectionsMax > 900)
        let fewest = limits.fitting(openFilesMax: 0, loopCount: 256, servesHTTP: true)
        #expect(fewest.connectionsMax == 1 && fewest.httpConnectionsMax == 1)
    }
}
