// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Ringwire",
    platforms: [.iOS("@IOS@")],
    products: [.library(name: "Ringwire", targets: ["Ringwire"])],
    targets: [
        .binaryTarget(name: "RingwireFFI", path: "RingwireFFI.xcframework"),
        .target(
            name: "Ringwire",
            dependencies: ["RingwireFFI"],
            resources: [.copy("PrivacyInfo.xcprivacy")]
        ),
    ]
)
