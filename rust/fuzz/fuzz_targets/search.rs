//! libFuzzer's entrance to the target `search`: `cargo +nightly fuzz run --fuzz-dir rust/fuzz search`.
//!
//! Owns nothing; what happens to the bytes stands in `rust/core/tests/suite/fuzz/search.rs`.
//! Invariant: no input is turned away.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    findling_fuzz::fuzz::search(data);
});
