//! The binding under Node: `wasm-pack test --node`. Owns nothing but the choice of host; the cases are in `binding`.

mod binding;
