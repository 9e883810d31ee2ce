//! A vector index: vectors under numbers of the caller's, and the nearest of them to a query.
//!
//! Owns ids, what was removed, and the choice between scan and graph; knows nothing of texts or documents. Invariant: every
//! row that was added and not removed is found by the next search, linked or not; ids are unique; a call that fails
//! changes nothing.

mod graph;
mod link;
mod repair;
mod rows;
mod search;
mod spec;
mod stored;
mod walk;

use crate::error::{Code, Error, Result};
use crate::numbers::{self, Number};
use crate::plan;
use graph::Graph;
use link::Workers;
use rows::Rows;
pub use search::{Explain, Hit, Route, Search};
use serde_json::json;
pub use spec::{Keep, Metric, Spec, Way};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use walk::ROWS_MAX;

/// Removed rows are taken out of the graph once they are this fraction of all.
const DEAD_SHARE: usize = 8;

/// Spreads ids over a table. They are the caller's own numbers, so nobody else can choose them to collide.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }
    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0 ^ u64::from(id))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
}

type RowOf = HashMap<u32, u32, BuildHasherDefault<IdHasher>>;

/// Vectors of one dimension, found by nearness.
#[derive(Clone)]
pub struct VectorIndex {
    spec: Spec,
    rows: Rows,
    /// The id of each row.
    ids: Vec<u32>,
    /// The row of each id that was not removed.
    row_of: RowOf,
    /// Rows that were removed and still take part in the graph.
    dead: Vec<bool>,
    dead_count: usize,
    /// The rows `0..graph.len()`; those after it wait for their round and are scanned.
    graph: Option<Graph>,
    /// Rows that were ever linked.
    serial: u64,
    workers: Workers,
    buffers: search::Buffers,
}

impl VectorIndex {
    /// An index without vectors, by a request of the keys of [`Spec`].
    ///
    /// # Errors
    /// `bad_request` or `unsupported`.
    pub fn create(request: &[u8]) -> Result<VectorIndex> {
        Ok(VectorIndex::new(Spec::read(request)?))
    }

    /// An index without vectors.
    pub fn new(spec: Spec) -> VectorIndex {
        VectorIndex {
            rows: Rows::new(&spec),
            spec,
            ids: Vec::new(),
            row_of: RowOf::default(),
            dead: Vec::new(),
            dead_count: 0,
            graph: None,
            serial: 0,
            workers: Workers::default(),
            buffers: search::Buffers::default(),
        }
    }

    /// What it was made for.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// How many vectors it holds.
    pub fn len(&self) -> usize {
        self.row_of.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.row_of.is_empty()
    }

    /// Adds vectors (ids x dim, both little-endian, u32 and f32); one whose id is taken replaces the old one. They are
    /// found at once; [`VectorIndex::link`] makes finding them fast. Reply: `{"added","replaced"}`.
    ///
    /// # Errors
    /// `bad_request` when an id occurs twice or bytes are missing, `wrong_dim` when the vectors have another length,
    /// `bad_input` when a component is not finite, a vector is zero, or there would be more than 2^31. Nothing is added then.
    pub fn add(&mut self, ids: &[u8], vectors: &[u8]) -> Result<Vec<u8>> {
        let ids: Vec<u32> = read_whole(ids)?;
        let vectors: Vec<f32> = read_whole(vectors)?;
        // Counts are multiplied as 64 bits: on a 32-bit target they could come round to what was given.
        let wanted = ids.len() as u64 * self.spec.dim as u64;
        if vectors.len() as u64 != wanted {
            return Err(Error::new(
                Code::WrongDim,
                format!(
                    "{} ids of {} components each need {} numbers, found {}; give one vector of the index's dimension for each id",
                    ids.len(),
                    self.spec.dim,
                    wanted,
                    vectors.len()
                ),
            )
            .with(json!({"dim": self.spec.dim, "ids": ids.len(), "numbers": vectors.len()})));
        }
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::new(
                Code::BadRequest,
                "an id occurs twice in one call; give each vector its own",
            )
            .with(json!({"id": pair[0]})));
        }
        if self.ids.len() + ids.len() > ROWS_MAX {
            return Err(Error::new(
                Code::BadInput,
                "an index holds at most 2^31 vectors; begin another",
            ));
        }
        let encoded = self.rows.encode(&vectors)?;
        let first = self.rows.len() as u32;
        self.rows.append(encoded);
        let mut replaced = 0;
        for (row, id) in (first..).zip(&ids) {
            if let Some(old) = self.row_of.insert(*id, row) {
                self.bury(old);
                replaced += 1;
            }
        }
        self.ids.extend_from_slice(&ids);
        self.dead.resize(self.ids.len(), false);
        self.clear_dead_rows();
        plan::reply(&json!({"added": ids.len() - replaced, "replaced": replaced}))
    }

    /// Removes vectors by id (little-endian u32); ids that are not there are ignored. Reply: `{"removed"}`.
    ///
    /// # Errors
    /// `bad_request` when bytes are missing.
    pub fn remove(&mut self, ids: &[u8]) -> Result<Vec<u8>> {
        let mut removed = 0;
        for id in read_whole::<u32>(ids)? {
            if let Some(row) = self.row_of.remove(&id) {
                self.bury(row);
                removed += 1;
            }
        }
        self.clear_dead_rows();
        plan::reply(&json!({ "removed": removed }))
    }

    /// Without a graph to mend, removed rows go at once when they are many: nobody may ever call [`VectorIndex::link`].
    fn clear_dead_rows(&mut self) {
        if self.graph.is_none() && self.too_many_dead() {
            self.clear_dead();
        }
    }

    fn bury(&mut self, row: u32) {
        self.dead[row as usize] = true;
        self.dead_count += 1;
    }

    /// The vectors of ids as they are kept (ids x dim, little-endian f32).
    ///
    /// # Errors
    /// `not_found` when an id is not there, `bad_request` when bytes are missing.
    pub fn get(&self, ids: &[u8]) -> Result<Vec<u8>> {
        let mut vectors = Vec::new();
        for id in read_whole::<u32>(ids)? {
            let row = self.row_of.get(&id).ok_or_else(|| {
                Error::new(
                    Code::NotFound,
                    format!("there is no vector {id}; add it first"),
                )
                .with(json!({"id": id}))
            })?;
            self.rows.decode(*row as usize, &mut vectors);
        }
        Ok(numbers::write(&vectors))
    }

    /// Does at most `rounds` steps of the work that makes searches fast: taking out what was removed, linking what was
    /// added. Reply: `{"linked","waiting","done"}`; rows still wait when they are too few for a round. Whatever the
    /// slices, the same graph results.
    ///
    /// # Errors
    /// `bug` when the reply cannot be written.
    pub fn link(&mut self, rounds: usize) -> Result<Vec<u8>> {
        let mut left = rounds;
        let mut more = self.needs_work();
        while more && left > 0 {
            self.step();
            left -= 1;
            more = self.needs_work();
        }
        let linked = self.graph.as_ref().map_or(0, Graph::len);
        plan::reply(&json!({"linked": linked, "waiting": self.rows.len() - linked, "done": !more}))
    }

    fn wants_graph(&self) -> bool {
        match self.spec.index {
            Way::Flat => false,
            Way::Graph => true,
            Way::Auto => self.graph.is_some() || self.rows.len() >= self.spec.graph_from,
        }
    }

    fn too_many_dead(&self) -> bool {
        self.dead_count * DEAD_SHARE > self.rows.len()
    }

    fn needs_work(&self) -> bool {
        let linked = self.graph.as_ref().map_or(0, Graph::len);
        self.too_many_dead()
            || self.wants_graph() && linked + link::round(linked) <= self.rows.len()
    }

    fn step(&mut self) {
        if self.too_many_dead() {
            self.clear_dead();
            return;
        }
        let graph = self.graph.get_or_insert_with(|| Graph::new(self.spec.m));
        let count = link::round(graph.len());
        let ef = self.spec.ef_construction;
        link::link_round(graph, &self.rows, count, self.serial, ef, &self.workers);
        self.serial = self.serial.wrapping_add(count as u64);
    }

    /// Takes removed rows out of everything.
    fn clear_dead(&mut self) {
        if self.dead_count == 0 {
            return;
        }
        let stays: Vec<bool> = self.dead.iter().map(|dead| !dead).collect();
        match &mut self.graph {
            Some(graph) => repair::remove_rows(graph, &mut self.rows, &stays, &self.workers),
            None => self.rows.retain(&stays),
        }
        let mut row = 0;
        self.ids.retain(|_| {
            row += 1;
            stays[row - 1]
        });
        self.dead = vec![false; self.ids.len()];
        self.dead_count = 0;
        self.row_of = (0..).zip(&self.ids).map(|(row, id)| (*id, row)).collect();
    }

    /// `{"vectors","linked","waiting","removed","graph","size_bytes":{"vectors","graph","text","buffers"},"spec"}`: how many vectors
    /// there are, are linked, wait for it, and are removed but not yet taken out; bytes of memory.
    ///
    /// # Errors
    /// `bug` when the reply cannot be written.
    pub fn status(&self) -> Result<Vec<u8>> {
        let linked = self.graph.as_ref().map_or(0, Graph::len);
        plan::reply(&json!({
            "vectors": self.len(),
            "linked": linked,
            "waiting": self.rows.len() - linked,
            "removed": self.dead_count,
            "graph": self.graph.is_some(),
            "size_bytes": {
                "vectors": self.rows.size_bytes(),
                "graph": self.graph.as_ref().map_or(0, Graph::size_bytes),
                "buffers": self.buffers.size_bytes() + self.workers.size_bytes(),
                // Ids and what finds them; a table has a seventh more places than it tells.
                "text": 5 * self.ids.capacity() + 9 * self.row_of.capacity() * 8 / 7,
            },
            "spec": self.spec,
        }))
    }
}

impl std::fmt::Debug for VectorIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorIndex")
            .field("spec", &self.spec)
            .field("len", &self.len())
            .finish()
    }
}

fn read_whole<N: Number>(bytes: &[u8]) -> Result<Vec<N>> {
    if !bytes.len().is_multiple_of(4) {
        return Err(Error::new(
            Code::BadRequest,
            "numbers of four bytes each were expected; the bytes end inside one",
        )
        .with(json!({"bytes": bytes.len()})));
    }
    Ok(numbers::read(bytes))
}
