//! Fuzzes `undertone::fuzzing::pickle`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = undertone::fuzzing::pickle(input);
});
