// swift-tools-version: 6.0
import PackageDescription

// The tests of the Swift bindings and the programs that are run by them. `cargo xtask test --only swift` puts this beside
// the assembled package and adds CallEcho, the program of docs/swift.md.
let package = Package(
    name: "RingwireTests",
    platforms: [.macOS(.v13)],
    dependencies: [.package(path: "../package")],
    targets: [
        .target(name: "Laboratory", dependencies: [.product(name: "Ringwire", package: "package")]),
        .executableTarget(name: "CallEcho", dependencies: [.product(name: "Ringwire", package: "package")]),
        .executableTarget(name: "Between", dependencies: ["Laboratory"]),
        .executableTarget(name: "Bench", dependencies: ["Laboratory"]),
        .testTarget(name: "RingwireTests", dependencies: ["Laboratory"]),
    ]
)
