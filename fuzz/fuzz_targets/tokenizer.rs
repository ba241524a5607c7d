//! Fuzzes `undertone::fuzzing::tokenizer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = undertone::fuzzing::tokenizer(input);
});
