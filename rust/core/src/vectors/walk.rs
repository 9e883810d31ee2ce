//! The walk through the graph: from the entry down the layers, then from link to link, always on from the nearest.
//!
//! Owns the buffers of a walk and the order of what it found; must not change the graph, and knows nothing of ids or of
//! which rows may be found. Invariant: what is found depends only on links and closeness, of equal closeness the lower
//! row coming first.

use super::graph::Graph;
use super::rows::{Probe, Rows, Scratch};

/// The most rows that an index holds: one bit of a number is needed for [`Near`].
pub const ROWS_MAX: usize = 1 << 31;

/// A row with its closeness to the query, as one number whose order is theirs: the greater is the nearer one, of equally
/// near ones the lower row. The lowest bit tells whether its links were followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near(u64);

impl Near {
    /// `closeness` is not NaN; `row` is below [`ROWS_MAX`].
    #[inline]
    pub fn new(closeness: f32, row: u32) -> Near {
        // The bits of floats have their order once those of negative ones are turned round.
        let bits = closeness.to_bits();
        let ordered = bits ^ ((bits as i32 >> 31) as u32 | 1 << 31);
        Near(u64::from(ordered) << 32 | u64::from(!(row << 1) & !1))
    }

    /// Higher is nearer.
    #[inline]
    pub fn closeness(self) -> f32 {
        let ordered = (self.0 >> 32) as u32;
        let positive = ordered >> 31 == 1;
        f32::from_bits(if positive {
            ordered ^ 1 << 31
        } else {
            !ordered
        })
    }

    /// The row.
    #[inline]
    pub fn row(self) -> u32 {
        !(self.0 as u32) >> 1
    }

    /// The same row, not followed yet.
    pub fn fresh(self) -> Near {
        Near(self.0 & !1)
    }

    fn follow(&mut self) -> bool {
        let first = self.0 & 1 == 0;
        self.0 |= 1;
        first
    }
}

/// Buffers of a walk, reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The walk that saw a row last; bytes, so that those of many rows stay in the first-level cache.
    seen: Vec<u8>,
    walk: u8,
    fresh: Vec<u32>,
    closeness: Vec<f32>,
    beam: Vec<Near>,
    /// For the comparison of rows.
    pub scratch: Scratch,
}

impl Walk {
    /// What the last walk found, nearest first.
    pub fn found(&self) -> impl Iterator<Item = Near> {
        self.beam.iter().map(|near| near.fresh())
    }

    /// Bytes held.
    pub fn size_bytes(&self) -> usize {
        self.seen.capacity()
            + 4 * (self.fresh.capacity() + self.closeness.capacity())
            + 8 * self.beam.capacity()
            + self.scratch.size_bytes()
    }

    /// Forgets what was seen and found, for a walk among so many rows.
    pub fn begin(&mut self, rows: usize) {
        if self.seen.len() < rows {
            self.seen.resize(rows, 0);
        }
        self.walk = self.walk.wrapping_add(1);
        if self.walk == 0 {
            self.seen.fill(0);
            self.walk = 1;
        }
        self.beam.clear();
    }

    /// Whether this walk sees `row` for the first time.
    pub fn meets(&mut self, row: u32) -> bool {
        let seen = &mut self.seen[row as usize];
        std::mem::replace(seen, self.walk) != self.walk
    }

    /// Puts those of `rows` that this walk has not seen into `fresh`.
    fn meet(&mut self, rows: &[u32]) {
        self.fresh.resize(rows.len(), 0);
        let mut count = 0;
        for row in rows {
            // Whether a row is fresh cannot be foretold, so it is written anyway and kept by counting.
            let seen = &mut self.seen[*row as usize];
            self.fresh[count] = *row;
            count += usize::from(*seen != self.walk);
            *seen = self.walk;
        }
        self.fresh.truncate(count);
    }

    /// Takes a row into the beam of at most `ef`; gives its place.
    fn offer(&mut self, near: Near, ef: usize) -> Option<usize> {
        if self.beam.len() < ef {
            self.beam.push(near);
        } else if self.beam.last().is_some_and(|last| near > *last) {
            self.beam[ef - 1] = near;
        } else {
            return None;
        }
        let mut place = self.beam.len() - 1;
        while place > 0 && self.beam[place - 1] < near {
            self.beam[place] = self.beam[place - 1];
            place -= 1;
        }
        self.beam[place] = near;
        Some(place)
    }

    /// Goes from the entry of the graph down to layer `to` (excluded), always to the nearest link; gives where it ends.
    pub fn descend(&mut self, graph: &Graph, rows: &Rows, probe: &Probe, to: usize) -> Near {
        let mut closeness = [0.0];
        rows.closeness(probe, &[graph.entry()], &mut closeness, &mut self.scratch);
        let mut here = Near::new(closeness[0], graph.entry());
        for layer in (to + 1..=graph.level(graph.entry())).rev() {
            loop {
                let links = graph.links(here.row(), layer);
                self.closeness.resize(links.len(), 0.0);
                rows.closeness(probe, links, &mut self.closeness, &mut self.scratch);
                let near = links.iter().zip(&self.closeness);
                let best = near
                    .map(|(row, closeness)| Near::new(*closeness, *row))
                    .max();
                match best {
                    Some(best) if best > here => here = best,
                    _ => break,
                }
            }
        }
        here
    }

    /// Finds the `ef` nearest rows on `layer`, from `from` on; [`Walk::found`] has them afterwards.
    pub fn search(
        &mut self,
        graph: &Graph,
        rows: &Rows,
        probe: &Probe,
        layer: usize,
        ef: usize,
        from: Near,
    ) {
        self.begin(graph.len());
        self.meets(from.row());
        self.offer(from.fresh(), ef);
        let mut at = 0;
        while at < self.beam.len() {
            if !self.beam[at].follow() {
                at += 1;
                continue;
            }
            self.meet(graph.links(self.beam[at].row(), layer));
            self.closeness.resize(self.fresh.len(), 0.0);
            rows.closeness(probe, &self.fresh, &mut self.closeness, &mut self.scratch);
            let mut next = at + 1;
            for met in 0..self.fresh.len() {
                let near = Near::new(self.closeness[met], self.fresh[met]);
                if let Some(place) = self.offer(near, ef) {
                    next = next.min(place);
                }
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_is_the_greater_and_of_equally_near_ones_the_lower_row() {
        let order = [
            (2.0, 5),
            (1.0, 0),
            (1.0, 7),
            (0.0, ROWS_MAX as u32 - 1),
            (-0.5, 3),
            (-2.0, 0),
            (f32::NEG_INFINITY, 1),
        ];
        for (at, (closeness, row)) in order.into_iter().enumerate() {
            let mut near = Near::new(closeness, row);
            assert_eq!((near.closeness(), near.row()), (closeness, row));
            for (closeness, row) in &order[at + 1..] {
                assert!(near > Near::new(*closeness, *row));
            }
            assert!(near.follow() && !near.follow());
            assert_eq!((near.closeness(), near.row()), (closeness, row));
            assert_eq!(near.fresh(), Near::new(closeness, row));
        }
    }
}
