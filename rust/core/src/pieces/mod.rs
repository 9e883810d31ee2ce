//! Query vectors without a transformer: one vector for each word piece, summed.
//!
//! Owns the piece table, the short space (the model's vectors, projected and rotated) and what is summed in it. Must not
//! know of indexes, postings or files. Invariant: every sum runs in an order that its arguments alone decide, so the same
//! text gives the same bytes on every target.
//!
//! A piece counts the less the more common it is: its weight a / (a + p), a = 1e-3, with p its share of all pieces (Arora,
//! Liang and Ma, "A simple but tough-to-beat baseline for sentence embeddings", 2017), is inside the scale of its code.

mod adapt;
pub mod short;
mod stored;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use adapt::adapt;
pub use table::{Pieces, direction, missing};
