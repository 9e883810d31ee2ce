//! The Findling engine: text to vectors, vectors to hits.
//!
//! Owns everything that is computed; knows nothing of files, clocks, browsers or Python.
//! Invariant: the same arguments give the same bytes on every target, on one thread or many.

#![forbid(unsafe_code)]

pub mod analysis;
mod bands;
mod calls;
pub mod codes;
#[cfg(feature = "encoder")]
pub mod embedder;
#[cfg(feature = "encoder")]
pub mod encoder;
pub mod engine;
pub mod error;
mod explain;
pub mod facets;
pub mod file;
pub mod finder;
pub mod format;
pub mod index;
mod loading;
pub mod math;
pub mod memory;
#[cfg(feature = "encoder")]
pub mod model;
mod numbers;
mod packing;
pub mod pieces;
pub mod plan;
pub mod prefix;
pub mod published;
pub mod rank;
pub mod segment;
mod sentences;
pub mod snippet;
pub mod sorted;
mod stored;
pub mod tokenizer;
pub mod typos;
pub mod varint;
pub mod vectors;
#[cfg(not(feature = "encoder"))]
mod without_encoder;
pub mod words;

pub use analysis::answer as analyse;
pub use engine::Engine;
pub use error::{Code, Error, Result};
pub use findling_kernels::{self as kernels, digest};
pub use math::compute;
pub use packing::{inspect, pack};
pub use vectors::VectorIndex;
#[cfg(not(feature = "encoder"))]
pub use without_encoder::{embedder, model};
