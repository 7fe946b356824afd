// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Spans that depend on a transaction: `@_lifetime` on the engine's protocols.
    .enableExperimentalFeature("Lifetimes"),
    // An engine's transactions are non-copyable associated types.
    .enableExperimentalFeature("SuppressedAssociatedTypes"),
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let lifecycle: [Target.Dependency] = [
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    .product(name: "UnixSignals", package: "swift-service-lifecycle"),
]
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let sockets: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]
let tls: [Target.Dependency] = [
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
    .product(name: "NIOTLS", package: "swift-nio"),
]
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let http: [Target.Dependency] = [
    httpTypes,
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
    .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
    .product(name: "NIOHTTPCompression", package: "swift-nio-extras"),
    .product(name: "Mustache", package: "swift-mustache"),
]
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
    name: "VaultDB",
    products: [
        .library(name: "VaultDB", targets: ["VaultDB"]),
        .executable(name: "vaultdb", targets: ["vaultdb-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CChecksum"),
        .systemLibrary(name: "CLMDB"),
        .systemLibrary(name: "CMalloc"),
        .target(
            name: "CPhoneNumber",
            // The protobuf runtime reads libphonenumber's embedded metadata.
            linkerSettings: [.linkedLibrary("phonenumber"), .linkedLibrary("protobuf")]),
        .target(name: "Storage", dependencies: ["CChecksum"], swiftSettings: strict),
        .target(name: "LMDB", dependencies: ["CLMDB", "Storage"], swiftSettings: strict),
        .target(
            name: "VaultDB", dependencies: ["CPhoneNumber", "LMDB", "Storage", crypto, logging], swiftSettings: strict),
        .target(
            name: "VaultServer",
            dependencies: ["CMalloc", "VaultDB", configuration, crypto, logging] + http + lifecycle + sockets + tls,
            resources: [.embedInCode("Pages/Templates")],
            swiftSettings: strict),
        .executableTarget(
            name: "vaultdb-cli",
            dependencies: ["LMDB", "VaultDB", "VaultServer", argumentParser, histogram, logging],
            resources: [.embedInCode("Samples")],
            swiftSettings: strict),

        .target(name: "TestSupport", dependencies: ["Storage"], path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "Storage", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "VaultDBTests",
            dependencies: ["VaultDB", "LMDB", "Storage", "CPhoneNumber", "TestSupport", crypto, logging],
            swiftSettings: strict),
        .testTarget(
            name: "VaultServerTests",
            dependencies: ["VaultServer", "VaultDB", "TestSupport", crypto, httpTypes, logging, "vaultdb-cli"]
                + lifecycle
                + sockets,
            swiftSettings: strict),
        .testTarget(
            name: "CLITests", dependencies: ["TestSupport", "VaultDB", "vaultdb-cli"], exclude: ["Clients"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
