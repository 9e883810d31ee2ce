//! The binding in a browser: `wasm-pack test --headless --chrome`. Owns nothing but the choice of host.
//!
//! Must not know the cases, which are in `binding`. Invariant: the same cases as in Node.

mod binding;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
