//! Fuzzes `undertone::fuzzing::rows`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = undertone::fuzzing::rows(input);
});
