// swift-tools-version:5.10
// The package that apps add. 5.10, because the generated code says `nonisolated(unsafe)`; language mode 5, because it is
// not written for mode 6.

import Foundation
import PackageDescription

/// Where a release has its archive. Filled in by whoever makes one, with what xcframework.sh printed.
let release: (url: String, checksum: String)? = nil

/// Made by xcframework.sh, for development on a Mac.
let localFramework = "Artifacts/BienbanFFI.xcframework"

/// A folder with the library that cargo built for this machine: for the shared day and the tests, on Linux too.
let libraryFolder = Context.environment["BIENBAN_LIBRARY_DIR"]

let core: Target
var linking: [LinkerSetting] = []
if let folder = libraryFolder {
    core = .systemLibrary(name: "BienbanFFI", path: "Generated/BienbanFFI")
    linking = [
        .unsafeFlags(["-L\(folder)", "-Xlinker", "-rpath", "-Xlinker", folder]),
        .linkedLibrary("bienban_bindings"),
    ]
} else if FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + localFramework) {
    core = .binaryTarget(name: "BienbanFFI", path: localFramework)
    // What Rust's standard library for Apple's systems asks for besides the system's own.
    linking = [.linkedLibrary("iconv")]
} else if let release = release {
    core = .binaryTarget(name: "BienbanFFI", url: release.url, checksum: release.checksum)
    linking = [.linkedLibrary("iconv")]
} else {
    fatalError("no library: run xcframework.sh on a Mac, or set BIENBAN_LIBRARY_DIR; see README.md")
}

let package = Package(
    name: "Bienban",
    defaultLocalization: "vi",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [
        .library(name: "Bienban", targets: ["Bienban"]),
        .executable(name: "bienban-phone", targets: ["BienbanPhone"]),
    ],
    targets: [
        core,
        .target(
            name: "BienbanGenerated",
            dependencies: ["BienbanFFI"],
            path: "Generated/BienbanGenerated",
            linkerSettings: linking
        ),
        .target(name: "Bienban", dependencies: ["BienbanGenerated"]),
        .executableTarget(name: "BienbanPhone", dependencies: ["Bienban"]),
        .testTarget(name: "BienbanTests", dependencies: ["Bienban"]),
    ],
    swiftLanguageVersions: [.v5]
)
