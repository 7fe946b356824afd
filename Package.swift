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

let package = Package(
    name: "VaultDB",
    products: [
        .library(name: "VaultDB", targets: ["VaultDB"])
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
            name: "VaultDB",
            dependencies: [
                "CPhoneNumber", "LMDB", "Storage",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(name: "TestSupport", dependencies: ["Storage"], path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB", "Storage", "TestSupport"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
