#!/usr/bin/env bash
# Plays the shared day with Swift phones against a real hub, and runs the tests of facade and sample app, wherever a
# Swift toolchain is: a Mac, or Linux with one.
#
#   bindings/ios/verify.sh
#
# Ends with 0 if every phone ended with the record of the Rust client, with 1 if something failed, and with 3 and a
# line that says so where a tool is missing: then nothing was verified.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
swift="$root/bindings/swift"

missing() {
    echo "MISSING: $1; nothing of Swift was built or run" >&2
    exit 3
}
failed() {
    echo "FAILED: $1" >&2
    exit 1
}

command -v swift >/dev/null || missing "a Swift toolchain (5.10 or newer); on a Mac: Xcode 16 or newer"
# On some systems `swift` is another program.
swift --version 2>/dev/null | grep -q 'Swift version' || missing "a Swift toolchain: the program swift here is another one"
for tool in cargo python3; do
    command -v "$tool" >/dev/null || missing "$tool"
done
case "$root" in
*' '*) missing "a checkout without spaces in its path: the runner takes a phone's command apart at spaces" ;;
esac

cd "$root"
target="$(cargo metadata --format-version=1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
echo "== library and generated sources"
"$swift/generate" || failed "generating"
cargo build --locked -p bienban-bindings || failed "building the library"
export BIENBAN_LIBRARY_DIR="$target/debug"

echo "== facade and phone"
swift build --package-path "$swift" || failed "building the facade"
swift test --package-path "$swift" || failed "the facade's tests"

echo "== the shared day with Swift phones"
phone="$(swift build --package-path "$swift" --show-bin-path)/bienban-phone"
[ -x "$phone" ] || failed "the phone was not built: $phone"
cargo run --locked -p bienban-tests --bin bindings-day -- --phone "*=$phone" || failed "the shared day"

if [ "$(uname -s)" = Darwin ]; then
    echo "== the sample app, for this Mac"
    swift build --package-path "$here" || failed "building the sample app"
    swift test --package-path "$here" || failed "the sample app's tests"
else
    echo "the sample app was not built: SwiftUI is there on Apple's systems alone"
fi
echo "verified: Swift phones hold the record of the Rust client"
