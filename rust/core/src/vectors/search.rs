//! The nearest vectors to a query: by scan, by sketches and a rescore, or through the graph.
//!
//! Owns the way a search goes and how many candidates it looks at; must not know how rows are encoded or linked.
//! Invariant: never fewer hits than exist (up to the limit), the nearest first, of equally near ones the lower id.

use super::graph::{Graph, Near};
use super::{VectorIndex, Way, read_floats};
use crate::error::{Code, Error, Result};
use crate::plan;
use crate::rank::{Ranked, Top};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Rows that are compared at a time, so that they stay in the first-level cache.
const BLOCK: usize = 64;
/// Filters that let through at most this many rows, or this fraction, are scanned: the graph would find little else.
const NARROW_ROWS: usize = 4_096;
const NARROW_SHARE: usize = 10;

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

/// How the hits were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Scan,
    Sketches,
    Graph,
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
        let (hits, explain) = self.find(&search, &read_floats(vector)?, filter)?;
        let mut reply = json!({ "hits": hits });
        if search.explain {
            reply["explain"] = explain;
        }
        plan::reply(&reply)
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
    ) -> Result<(Vec<Hit>, Value)> {
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
        let probe = self.rows.probe(vector)?;
        let allowed = (!filter.is_empty()).then(|| self.allowed(filter));
        let count = match &allowed {
            None => self.len(),
            Some(allowed) => allowed.iter().filter(|allowed| **allowed).count(),
        };
        let limit = search.limit.min(count);
        let mut walk = std::mem::take(&mut self.walk);
        let mut asked = Asked {
            vectors: self,
            probe: &probe,
            allowed: allowed.as_deref(),
            limit,
            walk: &mut walk,
        };
        let (mut found, route) = asked.answer(search, count);
        self.walk = walk;
        // Rows are numbered in the order of insertion, ids are not: of equally near ones the lower id comes first.
        let ids = &self.ids;
        found.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then(ids[a.row].cmp(&ids[b.row]))
        });
        let hits = found.iter().map(|best| Hit {
            id: self.ids[best.row],
            score: best.score,
        });
        let explain = json!({
            "route": match route { Route::Scan => "scan", Route::Sketches => "sketches", Route::Graph => "graph" },
            "vectors": self.len(),
            "allowed": count,
            "linked": self.graph.as_ref().map_or(0, Graph::len),
        });
        Ok((hits.collect(), explain))
    }

    /// For each row whether it may be found.
    fn allowed(&self, filter: &[u8]) -> Vec<bool> {
        let rows = self.ids.iter().zip(&self.dead);
        rows.map(|(id, dead)| {
            let byte = filter.get(*id as usize / 8).copied().unwrap_or(0);
            !dead && byte >> (id % 8) & 1 == 1
        })
        .collect()
    }
}

/// One search under way.
struct Asked<'a> {
    vectors: &'a VectorIndex,
    probe: &'a super::rows::Probe,
    allowed: Option<&'a [bool]>,
    limit: usize,
    walk: &'a mut super::graph::Walk,
}

impl Asked<'_> {
    fn may_be_found(&self, row: usize) -> bool {
        match self.allowed {
            None => !self.vectors.dead[row],
            Some(allowed) => allowed[row],
        }
    }

    fn answer(&mut self, search: &Search, count: usize) -> (Vec<Ranked>, Route) {
        let rows = self.vectors.rows.len();
        let way = search.index.unwrap_or(self.vectors.spec.index);
        if let Some(graph) = &self.vectors.graph
            && way != Way::Flat
            && (self.allowed.is_none() || count > NARROW_ROWS && count * NARROW_SHARE > rows)
        {
            let found = self.through_graph(graph, search, count);
            if found.len() == self.limit {
                return (found, Route::Graph);
            }
        }
        let sketches = self.vectors.rows.has_sketches() && search.index != Some(Way::Flat);
        if sketches && count > search.rescore.max(self.limit) {
            return (
                self.by_sketches(search.rescore.max(self.limit)),
                Route::Sketches,
            );
        }
        let mut top = Top::new(self.limit);
        self.scan(0..rows, &mut top);
        (into_rows(top), Route::Scan)
    }

    /// Offers every row of a range that may be found.
    fn scan(&mut self, range: std::ops::Range<usize>, top: &mut Top) {
        let mut block = Vec::with_capacity(BLOCK);
        for row in range {
            if self.may_be_found(row) {
                block.push(row as u32);
                if block.len() == BLOCK {
                    self.score(&block, top);
                    block.clear();
                }
            }
        }
        self.score(&block, top);
    }

    fn score(&mut self, rows: &[u32], top: &mut Top) {
        let mut closeness = [0.0; BLOCK];
        for rows in rows.chunks(BLOCK) {
            let closeness = &mut closeness[..rows.len()];
            self.vectors
                .rows
                .closeness(self.probe, rows, closeness, &mut self.walk.scratch);
            for (row, score) in rows.iter().zip(closeness) {
                let row = *row as usize;
                // Equally near rows are told apart by id, which the heap takes for the row.
                let id = self.vectors.ids[row] as usize;
                top.offer(Ranked {
                    score: *score,
                    row: id,
                    document: row,
                });
            }
        }
    }

    /// The rows whose signs differ least from the query's, scored.
    fn by_sketches(&mut self, rescore: usize) -> Vec<Ranked> {
        let rows = &self.vectors.rows;
        let mut differing = vec![0_u32; rows.len()];
        rows.differing_signs(self.probe, 0, &mut differing);
        // How many rows differ in so many signs: the threshold is read off without sorting.
        let mut counts = vec![0_usize; self.vectors.spec.dim + 2];
        for (row, signs) in differing.iter().enumerate() {
            counts[*signs as usize] += usize::from(self.may_be_found(row));
        }
        let (mut below, mut threshold) = (0, 0);
        while below + counts[threshold] < rescore {
            below += counts[threshold];
            threshold += 1;
        }
        let mut ties = rescore - below;
        let mut picked = Vec::with_capacity(rescore);
        for (row, signs) in differing.iter().enumerate() {
            let signs = *signs as usize;
            if signs > threshold || !self.may_be_found(row) {
                continue;
            }
            if signs == threshold {
                if ties == 0 {
                    continue;
                }
                ties -= 1;
            }
            picked.push(row as u32);
        }
        let mut top = Top::new(self.limit);
        self.score(&picked, &mut top);
        into_rows(top)
    }

    fn through_graph(&mut self, graph: &Graph, search: &Search, count: usize) -> Vec<Ranked> {
        let rows = &self.vectors.rows;
        let mut top = Top::new(self.limit);
        if graph.len() > 0 {
            // The fewer may be found, the more have to be looked at.
            let ef = search.ef_search.max(self.limit);
            let ef = if self.allowed.is_some() {
                ef * rows.len() / count
            } else {
                ef
            };
            let start = graph.descend(rows, self.probe, 0, self.walk);
            let mut near: Vec<Near> = Vec::new();
            graph.walk(rows, self.probe, 0, ef, &[start], self.walk);
            near.extend(self.walk.found());
            for near in near {
                let row = near.row as usize;
                if self.may_be_found(row) {
                    let id = self.vectors.ids[row] as usize;
                    top.offer(Ranked {
                        score: near.closeness,
                        row: id,
                        document: row,
                    });
                }
            }
        }
        self.scan(graph.len()..rows.len(), &mut top);
        into_rows(top)
    }
}

/// What was kept, with rows for ids.
fn into_rows(top: Top) -> Vec<Ranked> {
    let mut found = top.into_sorted();
    for ranked in &mut found {
        ranked.row = ranked.document;
    }
    found
}
