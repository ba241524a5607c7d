//! Fuzzes `undertone::fuzzing::question`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = undertone::fuzzing::question(input);
});
