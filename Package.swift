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
let filePaths: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let tls: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")

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
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CLMDB"),
        .target(
            name: "CPhoneNumber",
            // The protobuf runtime reads libphonenumber's embedded metadata.
            linkerSettings: [.linkedLibrary("phonenumber"), .linkedLibrary("protobuf")]),
        .target(name: "Storage", swiftSettings: strict),
        .target(name: "LMDB", dependencies: ["CLMDB", "Storage"], swiftSettings: strict),
        .target(
            name: "VaultDB", dependencies: ["CPhoneNumber", "LMDB", "Storage", crypto, logging], swiftSettings: strict),
        .target(
            name: "VaultServer",
            dependencies: ["VaultDB", configuration, filePaths, logging, tls] + lifecycle + sockets,
            swiftSettings: strict),
        .executableTarget(
            name: "vaultdb-cli", dependencies: ["VaultDB", "VaultServer", argumentParser, logging],
            swiftSettings: strict),

        .target(name: "TestSupport", dependencies: ["Storage"], path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "Storage", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "VaultDBTests",
            dependencies: ["VaultDB", "LMDB", "Storage", "CPhoneNumber", "TestSupport", crypto, logging],
            swiftSettings: strict),
        .testTarget(
            name: "VaultServerTests",
            dependencies: ["VaultServer", "VaultDB", "TestSupport", logging, "vaultdb-cli"] + lifecycle + sockets,
            swiftSettings: strict),
        .testTarget(
            name: "CLITests", dependencies: ["TestSupport", "vaultdb-cli"], exclude: ["Clients"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
