//! Query vectors without a transformer: one vector for each word piece, summed.
//!
//! Owns the short space (the model's vectors, projected and rotated), its 2-bit codes, and what is summed in it. Must not
//! know of indexes, postings or files. Invariant: every sum runs in an order that its arguments alone decide, so the same
//! text gives the same bytes on every target.

pub mod short;
