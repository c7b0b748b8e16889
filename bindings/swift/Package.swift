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

/// Returns the library as a target, and what a program that uses it is linked with.
func coreLibrary() -> (target: Target, linking: [LinkerSetting]) {
    if let folder = libraryFolder {
        let flags = ["-L\(folder)", "-Xlinker", "-rpath", "-Xlinker", folder]
        return (
            .systemLibrary(name: "BienbanFFI", path: "Generated/BienbanFFI"),
            [.unsafeFlags(flags), .linkedLibrary("bienban_bindings")]
        )
    }
    // What Rust's standard library for Apple's systems asks for besides the system's own.
    let linking: [LinkerSetting] = [.linkedLibrary("iconv")]
    if FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + localFramework) {
        return (.binaryTarget(name: "BienbanFFI", path: localFramework), linking)
    }
    if let release = release {
        return (.binaryTarget(name: "BienbanFFI", url: release.url, checksum: release.checksum), linking)
    }
    fatalError("no library: run xcframework.sh on a Mac, or set BIENBAN_LIBRARY_DIR; see README.md")
}

let core = coreLibrary()

let package = Package(
    name: "Bienban",
    defaultLocalization: "vi",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [
        .library(name: "Bienban", targets: ["Bienban"]),
        .executable(name: "bienban-phone", targets: ["BienbanPhone"]),
    ],
    targets: [
        core.target,
        .target(
            name: "BienbanGenerated",
            dependencies: ["BienbanFFI"],
            path: "Generated/BienbanGenerated",
            linkerSettings: core.linking
        ),
        .target(name: "Bienban", dependencies: ["BienbanGenerated"]),
        .executableTarget(name: "BienbanPhone", dependencies: ["Bienban"]),
        .testTarget(name: "BienbanTests", dependencies: ["Bienban"]),
    ],
    swiftLanguageVersions: [.v5]
)
