//! The flat scan: which documents of an index are nearest to a query.
//!
//! Owns filters, the order of blocks and the buffers of a search; knows nothing of ids beyond a filter, or of records.
//! Invariant: buffers change what is allocated, never what is found.

use super::{Index, lost, wrong_dim};
use crate::codes::{self, Query};
use crate::error::Result;
use crate::file::Answer;
use crate::rank::{Ranked, Top};

/// Rows whose dot products are computed at once, so that they stay in the first-level cache.
const SCAN_ROWS: usize = 64;

/// Which documents a search may find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Only these; ids that are not in the index are ignored.
    Ids(Vec<String>),
    /// All but these.
    NotIds(Vec<String>),
}

/// A document that was found, by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The number of the document, for [`Index::id`] and [`Index::records`].
    pub document: usize,
    /// The score of its best passage; higher is better.
    pub score: f32,
    /// Which of its passages that is.
    pub passage: usize,
}

/// What a search keeps for the next one, of whatever index.
#[derive(Clone, Debug, Default)]
pub struct Buffers {
    allowed: Vec<bool>,
    top: Top,
    found: Vec<Found>,
}

impl Buffers {
    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        self.allowed.capacity() + self.top.size_bytes() + self.found.capacity() * size_of::<Found>()
    }
}

impl Index {
    /// The `limit` best documents by their best passage, best first; of equal scores the lower row first. They lie in
    /// `buffers` until the next search; where those are large enough nothing is allocated.
    ///
    /// # Errors
    /// `wrong_dim` when the query has another number of components, `bad_format` or `wrong_digest` for a damaged file.
    pub fn search<'a>(
        &mut self,
        query: &Query,
        weight: f64,
        filter: &Filter,
        limit: usize,
        buffers: &'a mut Buffers,
    ) -> Result<Answer<&'a [Found]>> {
        let Some(space) = &self.space else {
            return Ok(Answer::Ready(&[]));
        };
        let dim = space.dim;
        if query.codes.len() != dim {
            return Err(wrong_dim(query.codes.len(), dim));
        }
        if let Answer::Need(needs) = self.fetch_rows()? {
            return Ok(Answer::Need(needs));
        }
        let Some(rows) = &self.rows else {
            return Err(lost());
        };
        let Buffers {
            allowed,
            top,
            found,
        } = buffers;
        let is_filtered = self.allow(filter, allowed);
        top.reset(limit.min(self.documents.len()));
        let mut dots = [0; SCAN_ROWS];
        let mut block = 0..0;
        for (number, document) in self.documents.iter().enumerate() {
            if is_filtered && !allowed[number] {
                continue;
            }
            let mut best = Ranked {
                score: f32::NEG_INFINITY,
                row: 0,
                document: number,
            };
            for row in document.first_row..document.first_row + document.passages {
                if !block.contains(&row) {
                    block = row..(row + SCAN_ROWS).min(self.passages);
                    let codes = &rows.codes[block.start * dim..block.end * dim];
                    codes::dots(&query.codes, codes, &mut dots[..block.len()]);
                }
                let score = codes::score(
                    dots[row - block.start],
                    query.scale,
                    rows.scales[row],
                    weight,
                );
                if score > best.score {
                    best = Ranked {
                        score,
                        row,
                        document: number,
                    };
                }
            }
            top.offer(best);
        }
        found.clear();
        top.drain_sorted(|best| {
            found.push(Found {
                document: best.document,
                score: best.score,
                passage: best.row - self.documents[best.document].first_row,
            });
        });
        Ok(Answer::Ready(found))
    }

    /// Marks in `allowed` the documents that may be found; false where all may, and nothing is marked.
    fn allow(&self, filter: &Filter, allowed: &mut Vec<bool>) -> bool {
        let (ids, listed) = match filter {
            Filter::All => return false,
            Filter::Ids(ids) => (ids, true),
            Filter::NotIds(ids) => (ids, false),
        };
        allowed.clear();
        allowed.resize(self.documents.len(), !listed);
        for number in ids.iter().filter_map(|id| self.number(id)) {
            allowed[number] = listed;
        }
        true
    }
}
