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
        .target(name: "VaultServer", dependencies: ["VaultDB"], swiftSettings: strict),
        .executableTarget(
            name: "vaultdb-cli", dependencies: ["VaultDB", "VaultServer", argumentParser, logging],
            swiftSettings: strict),

        .target(name: "TestSupport", dependencies: ["Storage"], path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "Storage", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "VaultDBTests",
            dependencies: ["VaultDB", "LMDB", "Storage", "CPhoneNumber", "TestSupport", crypto, logging],
            swiftSettings: strict),
        .testTarget(name: "CLITests", dependencies: ["TestSupport", "vaultdb-cli"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
