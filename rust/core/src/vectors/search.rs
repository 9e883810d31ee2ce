//! The nearest vectors to a query: by scan, by sketches and a rescore, or through the graph.
//!
//! Owns the way a search goes and how many candidates it looks at; must not know how rows are encoded or linked.
//! Invariant: never fewer hits than exist (up to the limit), the nearest first, of equally near ones the lower id.

use super::graph::Graph;
use super::rows::Probe;
use super::walk::Walk;
use super::{VectorIndex, Way, read_whole};
use crate::error::{Code, Error, Result};
use crate::plan;
use crate::rank::{Ranked, Top};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::Range;

/// Rows that are compared at a time, so that they stay in the first-level cache.
const BLOCK: usize = 64;
/// Filters that let through at most this many rows, or this fraction, are scanned: the graph would find little else.
const NARROW_ROWS: usize = 4_096;
const NARROW_SHARE: u64 = 10;
/// A walk that keeps more candidates than this takes longer than a scan: its list is kept in order.
const WIDTH_MAX: usize = 4_096;

/// The request of a search.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The most hits, 1 to 2^20.
    #[serde(default = "ten")]
    pub limit: usize,
    /// Candidates the graph keeps on its way, at least `limit`; more find more and take longer.
    #[serde(default = "hundred")]
    pub ef_search: usize,
    /// How many rows are rescored after the sketches; at least `limit`.
    #[serde(default = "four_hundred")]
    pub rescore: usize,
    /// Another way than that of the index: `flat` scans exactly, sketches or not.
    #[serde(default)]
    pub index: Option<Way>,
    /// Whether to say how the hits were found.
    #[serde(default)]
    pub explain: bool,
}

const fn ten() -> usize {
    10
}
const fn hundred() -> usize {
    100
}
const fn four_hundred() -> usize {
    400
}

/// A vector that was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hit {
    /// Its id.
    pub id: u32,
    /// Its score: higher is nearer, distances are negative.
    pub score: f32,
}

/// The way a search went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// Every vector was scored.
    Scan,
    /// Those that the sketches picked were scored.
    Sketches,
    /// The graph was walked.
    Graph,
}

/// How the hits were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Explain {
    /// The way.
    pub route: Route,
    /// How many vectors there are.
    pub vectors: usize,
    /// How many may be found.
    pub allowed: usize,
    /// How many rows are in the graph.
    pub linked: usize,
}

#[derive(Serialize)]
struct Reply {
    hits: Vec<Hit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explain>,
}

/// What a search needs room for, reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    probe: Probe,
    walk: Walk,
    top: Top,
    /// For each row whether it may be found; empty where every row may.
    allowed: Vec<bool>,
    differing: Vec<u32>,
    counts: Vec<u32>,
    picked: Vec<u32>,
}

impl Buffers {
    /// Bytes held.
    pub fn size_bytes(&self) -> usize {
        self.probe.size_bytes()
            + self.walk.size_bytes()
            + self.top.size_bytes()
            + self.allowed.capacity()
            + 4 * (self.differing.capacity() + self.counts.capacity() + self.picked.capacity())
    }
}

impl VectorIndex {
    /// `{"limit"?,"ef_search"?,"rescore"?,"index"?,"explain"?}` with the query's components (little-endian f32) and a
    /// filter (bit `id % 8` of byte `id / 8` is set for ids that may be found; no bytes: all may) ->
    /// `{"hits":[{"id","score"}],"explain"?}`, nearest first.
    ///
    /// # Errors
    /// `bad_request`, `wrong_dim`, or `bad_input` when the query is zero or not finite.
    pub fn search(&mut self, request: &[u8], vector: &[u8], filter: &[u8]) -> Result<Vec<u8>> {
        let search: Search = plan::read(request)?;
        let (hits, explain) = self.find(&search, &read_whole(vector)?, filter)?;
        let explain = search.explain.then_some(explain);
        plan::reply(&Reply { hits, explain })
    }

    /// As [`VectorIndex::search`], with values for bytes.
    ///
    /// # Errors
    /// As [`VectorIndex::search`].
    pub fn find(
        &mut self,
        search: &Search,
        vector: &[f32],
        filter: &[u8],
    ) -> Result<(Vec<Hit>, Explain)> {
        if vector.len() != self.spec.dim {
            return Err(Error::new(
                Code::WrongDim,
                format!(
                    "the query has {} components, the index holds {}; use vectors of one model",
                    vector.len(),
                    self.spec.dim
                ),
            )
            .with(json!({"found": vector.len(), "wanted": self.spec.dim})));
        }
        for (name, value) in [
            ("limit", search.limit),
            ("ef_search", search.ef_search),
            ("rescore", search.rescore),
        ] {
            if !(1..=1 << 20).contains(&value) {
                return Err(Error::new(
                    Code::BadRequest,
                    format!("{name} is {value}; it must be 1 to 1048576"),
                )
                .with(json!({name: value})));
            }
        }
        let mut buffers = std::mem::take(&mut self.buffers);
        let found = self.find_with(search, vector, filter, &mut buffers);
        self.buffers = buffers;
        found
    }

    fn find_with(
        &self,
        search: &Search,
        vector: &[f32],
        filter: &[u8],
        buffers: &mut Buffers,
    ) -> Result<(Vec<Hit>, Explain)> {
        self.rows.probe(vector, &mut buffers.probe)?;
        buffers.allowed.clear();
        if !filter.is_empty() {
            let may = |id: &u32| {
                let byte = filter.get(*id as usize / 8).copied().unwrap_or(0);
                byte >> (id % 8) & 1 == 1
            };
            let rows = self.ids.iter().zip(&self.dead);
            buffers
                .allowed
                .extend(rows.map(|(id, dead)| !dead && may(id)));
        } else if self.dead_count > 0 {
            buffers.allowed.extend(self.dead.iter().map(|dead| !dead));
        }
        let count = if filter.is_empty() {
            self.len()
        } else {
            buffers.allowed.iter().filter(|allowed| **allowed).count()
        };
        let limit = search.limit.min(count);
        buffers.top.reset(limit);
        let mut asked = Asked {
            vectors: self,
            limit,
            filtered: !filter.is_empty(),
            buffers,
        };
        let route = asked.answer(search, count);
        let mut hits = Vec::with_capacity(limit);
        buffers.top.drain_sorted(|best| {
            hits.push(Hit {
                id: best.row as u32,
                score: best.score,
            });
        });
        let explain = Explain {
            route,
            vectors: self.len(),
            allowed: count,
            linked: self.graph.as_ref().map_or(0, Graph::len),
        };
        Ok((hits, explain))
    }
}

/// One search under way. What it finds is kept in the buffers: the heap takes ids for rows, so that of equally near rows
/// the lower id comes first, although rows are numbered in the order of insertion.
struct Asked<'a> {
    vectors: &'a VectorIndex,
    limit: usize,
    filtered: bool,
    buffers: &'a mut Buffers,
}

impl Asked<'_> {
    fn answer(&mut self, search: &Search, count: usize) -> Route {
        let rows = self.vectors.rows.len();
        let way = search.index.unwrap_or(self.vectors.spec.index);
        if let Some(graph) = &self.vectors.graph
            && way != Way::Flat
            && let Some(ef) = self.width(search, count)
        {
            self.through_graph(graph, ef);
            if self.buffers.top.is_full() {
                return Route::Graph;
            }
            self.buffers.top.reset(self.limit);
        }
        let rescore = search.rescore.max(self.limit);
        let sketches = self.vectors.rows.has_sketches() && search.index != Some(Way::Flat);
        if sketches && count > rescore {
            self.by_sketches(rescore);
            return Route::Sketches;
        }
        self.scan(0..rows);
        Route::Scan
    }

    /// How many candidates a walk keeps; None where a scan is better.
    fn width(&self, search: &Search, count: usize) -> Option<usize> {
        let rows = self.vectors.rows.len();
        let ef = search.ef_search.max(self.limit);
        if !self.filtered {
            return (ef <= WIDTH_MAX).then_some(ef);
        }
        if count <= NARROW_ROWS || count as u64 * NARROW_SHARE <= rows as u64 {
            return None;
        }
        // The fewer may be found, the more have to be looked at.
        let wider = ef as u64 * rows as u64 / count as u64;
        (wider <= WIDTH_MAX as u64).then_some(wider as usize)
    }

    /// Offers every row of a range that may be found.
    fn scan(&mut self, range: Range<usize>) {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        for row in range {
            block[filled] = row as u32;
            filled += usize::from(may_be_found(&self.buffers.allowed, row));
            if filled == BLOCK {
                self.score(&block);
                filled = 0;
            }
        }
        self.score(&block[..filled]);
    }

    /// Offers the named rows.
    fn score(&mut self, rows: &[u32]) {
        let mut closeness = [0.0; BLOCK];
        let Buffers {
            probe, walk, top, ..
        } = &mut *self.buffers;
        for rows in rows.chunks(BLOCK) {
            let closeness = &mut closeness[..rows.len()];
            let all = &self.vectors.rows;
            all.closeness(probe, rows, closeness, &mut walk.scratch);
            for (row, score) in rows.iter().zip(closeness) {
                if *score >= top.bar() {
                    offer(self.vectors, top, *row, *score);
                }
            }
        }
    }

    /// Offers the rows whose signs differ least from the query's.
    fn by_sketches(&mut self, rescore: usize) {
        let Buffers {
            probe,
            allowed,
            differing,
            counts,
            picked,
            ..
        } = &mut *self.buffers;
        let rows = &self.vectors.rows;
        differing.resize(rows.len(), 0);
        rows.differing_signs(probe, differing);
        if !allowed.is_empty() {
            // More signs than there are: such a row is never picked.
            let none = self.vectors.spec.dim as u32 + 1;
            for (signs, allowed) in differing.iter_mut().zip(&*allowed) {
                *signs = if *allowed { *signs } else { none };
            }
        }
        // How many rows differ in so many signs: the threshold is read off without sorting.
        counts.clear();
        counts.resize(self.vectors.spec.dim + 2, 0);
        for signs in &*differing {
            counts[*signs as usize] += 1;
        }
        let (mut below, mut threshold) = (0, 0);
        while below + counts[threshold] as usize <= rescore {
            below += counts[threshold] as usize;
            threshold += 1;
        }
        // All below the threshold, and the first of those on it.
        let mut ties = rescore - below;
        picked.clear();
        for (row, signs) in (0..).zip(&*differing) {
            if *signs as usize <= threshold {
                let on_it = *signs as usize == threshold;
                if on_it && ties == 0 {
                    continue;
                }
                ties -= usize::from(on_it);
                picked.push(row);
            }
        }
        let picked = std::mem::take(picked);
        self.score(&picked);
        self.buffers.picked = picked;
    }

    /// Offers what a walk through the graph finds, and the rows that are not linked yet.
    fn through_graph(&mut self, graph: &Graph, ef: usize) {
        let rows = &self.vectors.rows;
        if graph.len() > 0 {
            let Buffers {
                probe,
                walk,
                top,
                allowed,
                ..
            } = &mut *self.buffers;
            let start = walk.descend(graph, rows, probe, 0);
            walk.search(graph, rows, probe, 0, ef, start);
            for near in walk.found() {
                if may_be_found(allowed, near.row() as usize) {
                    offer(self.vectors, top, near.row(), near.closeness());
                }
            }
        }
        self.scan(graph.len()..rows.len());
    }
}

fn may_be_found(allowed: &[bool], row: usize) -> bool {
    allowed.is_empty() || allowed[row]
}

fn offer(vectors: &VectorIndex, top: &mut Top, row: u32, score: f32) {
    let row = row as usize;
    top.offer(Ranked {
        score,
        turn: vectors.ids[row] as usize,
        row: vectors.ids[row] as usize,
        document: row,
    });
}
