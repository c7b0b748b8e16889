//! As `uniffi-bindgen`, with the module maps and headers apart, as an XCFramework wants them.

fn main() {
    uniffi::uniffi_bindgen_swift();
}
