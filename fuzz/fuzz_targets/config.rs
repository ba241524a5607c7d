//! Fuzzes `undertone::fuzzing::config`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = undertone::fuzzing::config(input);
});
