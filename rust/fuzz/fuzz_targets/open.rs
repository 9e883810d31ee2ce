//! libFuzzer's entrance to the target `open`: `cargo +nightly fuzz run --fuzz-dir rust/fuzz open`.
//!
//! Owns nothing; what happens to the bytes stands in `rust/core/tests/suite/fuzz/open.rs`.
//! Invariant: no input is turned away.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    findling_fuzz::fuzz::open(data);
});
