//! Writes Kotlin, Python or Swift from the metadata inside a built library of `bienban-bindings`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
