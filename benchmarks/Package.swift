// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what it needs stays out of the product.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "VaultDB", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .executableTarget(name: "bare-lmdb", linkerSettings: [.linkedLibrary("lmdb")]),
        .executableTarget(
            name: "vault-benchmark",
            dependencies: [
                .product(name: "VaultDB", package: "VaultDB"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
