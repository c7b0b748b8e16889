#!/usr/bin/env bash
# Builds BienbanFFI.xcframework for iPhone, its simulator and the Mac, its archive and the archive's checksum. Needs a Mac.
#
#   bindings/swift/xcframework.sh             all targets, optimised
#   bindings/swift/xcframework.sh --quick     the simulator and the Mac of this processor alone
#
# Leaves bindings/swift/Artifacts/BienbanFFI.xcframework, which Package.swift takes, and BienbanFFI.xcframework.zip.
# Ends with 3 where a tool is missing.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"

missing() {
    echo "MISSING: $1" >&2
    exit 3
}

[ "$(uname -s)" = Darwin ] || missing "a Mac: an XCFramework is made by Xcode's tools (this is $(uname -s))"
for tool in xcodebuild lipo ditto swift rustup cargo python3; do
    command -v "$tool" >/dev/null || missing "$tool"
done

export IPHONEOS_DEPLOYMENT_TARGET=15.0
export MACOSX_DEPLOYMENT_TARGET=12.0

device=(aarch64-apple-ios)
simulator=(aarch64-apple-ios-sim x86_64-apple-ios)
mac=(aarch64-apple-darwin x86_64-apple-darwin)
if [ "${1:-}" = --quick ]; then
    device=()
    case "$(uname -m)" in
    arm64) simulator=(aarch64-apple-ios-sim) mac=(aarch64-apple-darwin) ;;
    *) simulator=(x86_64-apple-ios) mac=(x86_64-apple-darwin) ;;
    esac
elif [ $# -gt 0 ]; then
    echo "xcframework.sh [--quick]" >&2
    exit 2
fi

cd "$root"
target="$(cargo metadata --format-version=1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"

# Sources and header from a library of this Mac, before anything is stripped.
"$here/generate"

artifacts="$here/Artifacts"
work="$target/xcframework"
rm -rf "$artifacts" "$work"
mkdir -p "$artifacts" "$work"

# Header and map lie in a folder named after the module: two such libraries in one app would otherwise both bring a
# module.modulemap to the same place.
headers="$work/headers"
mkdir -p "$headers"
cp -R "$here/Generated/BienbanFFI" "$headers/BienbanFFI"

arguments=()
slice() {
    local name="$1"
    shift
    [ $# -gt 0 ] || return 0
    local archives=()
    for triple in "$@"; do
        rustup target add "$triple"
        cargo build --locked --release -p bienban-bindings --target "$triple"
        archives+=("$target/$triple/release/libbienban_bindings.a")
    done
    mkdir -p "$work/$name"
    lipo -create "${archives[@]}" -output "$work/$name/libbienban_bindings.a"
    arguments+=(-library "$work/$name/libbienban_bindings.a" -headers "$headers")
}
slice device ${device[@]+"${device[@]}"}
slice simulator "${simulator[@]}"
slice mac "${mac[@]}"

framework="$artifacts/BienbanFFI.xcframework"
xcodebuild -create-xcframework "${arguments[@]}" -output "$framework"
ditto -c -k --sequesterRsrc --keepParent "$framework" "$framework.zip"
echo "framework: $framework"
echo "checksum:  $(swift package --package-path "$here" compute-checksum "$framework.zip")"
echo "for a release: upload the archive, and put its address and checksum into Package.swift; Generated/ goes with it"
