// swift-tools-version:5.10
// The sample app: its logic, which knows no screen, and its screens.

import PackageDescription

let package = Package(
    name: "Inspect",
    defaultLocalization: "vi",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [
        .library(name: "InspectLogic", targets: ["InspectLogic"]),
        .executable(name: "InspectApp", targets: ["InspectApp"]),
    ],
    dependencies: [.package(path: "../swift")],
    targets: [
        .target(name: "InspectLogic", dependencies: [.product(name: "Bienban", package: "swift")]),
        .executableTarget(
            name: "InspectApp",
            dependencies: ["InspectLogic", .product(name: "Bienban", package: "swift")]
        ),
        .testTarget(name: "InspectLogicTests", dependencies: ["InspectLogic"]),
    ],
    swiftLanguageVersions: [.v5]
)
