// swift-tools-version: 6.0
import PackageDescription

// Stands in the assembled package: `cargo xtask test --only swift` adds what is generated, and the library in `lib`.
let lib = Context.packageDirectory + "/lib"

let package = Package(
    name: "Ringwire",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "Ringwire", targets: ["Ringwire"])],
    targets: [
        .systemLibrary(name: "RingwireFFI"),
        .target(
            name: "Ringwire",
            dependencies: ["RingwireFFI"],
            linkerSettings: [.unsafeFlags(["-L\(lib)", "-Xlinker", "-rpath", "-Xlinker", lib])]
        ),
    ]
)
