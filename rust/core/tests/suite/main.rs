//! The promises of the core, tested from outside: one binary, so that it links once.
//!
//! Owns the list of test modules and what they share; knows nothing private of the core.
//! Invariant: no files outside the repository, no clock, no randomness but seeded generators.

mod analysis;
mod bands;
mod broken;
mod buffers;
mod campaign;
mod collection;
mod commits;
mod container;
mod disk;
mod engine;
mod fuzz;
mod held;
mod hostile;
mod index;
mod lazy;
mod loading;
mod lookup;
mod memory;
mod pieces;
mod publish;
mod published;
mod ready;
mod remote;
mod replay;
mod segments;
mod snippet;
mod support;
#[cfg(feature = "threads")]
mod threads;
mod tokens;
mod vectors;
mod words;
