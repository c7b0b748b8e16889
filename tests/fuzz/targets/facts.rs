//! libFuzzer runs `facts` of `tests/src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| bienban_tests::fuzzing::run("facts", data));
