//! What an engine holds in memory, by part.
//!
//! Owns the parts and their names; knows nothing of how a part counts its own. Invariant: the parts do not overlap, and
//! none is counted at less than it has asked the allocator for in large pieces.

use crate::index::SizeBytes;
use serde::Serialize;

/// Bytes by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// The model file and the tables made from it.
    pub model: usize,
    /// Codes and scales of all indexes.
    pub vectors: usize,
    /// Links between vectors.
    pub graph: usize,
    /// Ids, records, and what has been read of index files.
    pub text: usize,
    /// What embedding and searching keep for the next time.
    pub buffers: usize,
}

impl Parts {
    /// Adds those of an index.
    pub fn add(&mut self, index: SizeBytes) {
        self.vectors += index.vectors;
        self.graph += index.graph;
        self.text += index.text;
    }
}

/// Bytes of the linear memory, which never shrinks; none on a target that has no such memory.
pub fn linear_bytes() -> Option<usize> {
    #[cfg(target_arch = "wasm32")]
    {
        const PAGE_BYTES: usize = 64 << 10;
        Some(core::arch::wasm32::memory_size::<0>() * PAGE_BYTES)
    }
    #[cfg(not(target_arch = "wasm32"))]
    None
}
