//! libFuzzer runs the target of `tests/src/fuzzing` that `BIENBAN_FUZZ_TARGET` names.
#![no_main]

use std::sync::OnceLock;

static NAME: OnceLock<String> = OnceLock::new();

fn name() -> &'static str {
    NAME.get_or_init(|| std::env::var("BIENBAN_FUZZ_TARGET").expect("BIENBAN_FUZZ_TARGET names a target"))
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| bienban_tests::fuzzing::run(name(), data));
