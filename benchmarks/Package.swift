// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what it needs stays out of the product.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "VaultDB", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .executableTarget(name: "bare-lmdb", linkerSettings: [.linkedLibrary("lmdb")]),
        // Loops in C over the servers' own client libraries: what is measured is the server and its socket.
        .target(name: "CPeers", linkerSettings: [.linkedLibrary("hiredis"), .linkedLibrary("pq")]),
        .executableTarget(
            name: "hello-http", dependencies: [.product(name: "Hummingbird", package: "hummingbird")]),
        .executableTarget(
            name: "vault-benchmark",
            dependencies: [
                "CPeers",
                .product(name: "VaultDB", package: "VaultDB"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
