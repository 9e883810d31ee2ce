//! Rows into the graph, in rounds: every row of a round looks for its links in the graph as it was before the round, and
//! in the rows of the round before it; then all are linked.
//!
//! Owns the size of rounds, levels, and the choice of links; must not know ids or deletions. Invariant: the graph depends
//! only on the rows and their order; threads and slices change nothing, because a round reads what no part of it writes.

use super::graph::{Graph, LAYERS_MAX};
use super::rows::{Probe, Rows};
use super::walk::{Near, Walk};
use std::sync::{Mutex, PoisonError};

const ROUND_MAX: usize = 128;
/// A round is at most this fraction of the graph, so that little is missed by not seeing its later rows.
const ROUND_SHARE: usize = 32;
/// Chosen rows that a candidate is compared with at a time, before it may turn out to be refused.
const COMPARED: usize = 4;

/// Buffers of one thread.
#[derive(Debug, Default)]
pub struct Worker {
    /// Of a walk.
    pub walk: Walk,
    probe: Probe,
    other: Probe,
    closeness: Vec<f32>,
}

/// The workers that are free.
#[derive(Debug, Default)]
pub struct Workers(Mutex<Vec<Worker>>);

impl Clone for Workers {
    /// Buffers are not worth copying.
    fn clone(&self) -> Workers {
        Workers::default()
    }
}

impl Workers {
    fn with<T>(&self, work: impl FnOnce(&mut Worker) -> T) -> T {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut worker = free().pop().unwrap_or_default();
        let result = work(&mut worker);
        free().push(worker);
        result
    }

    /// Bytes held by those that are free.
    pub fn size_bytes(&self) -> usize {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.iter()
            .map(|worker| {
                worker.walk.size_bytes()
                    + worker.probe.size_bytes()
                    + worker.other.size_bytes()
                    + 4 * worker.closeness.capacity()
            })
            .sum()
    }

    /// `work` for each number below `count`, in order; on all cores where there are threads.
    pub fn each<T: Send>(
        &self,
        count: usize,
        work: impl Fn(usize, &mut Worker) -> T + Sync,
    ) -> Vec<T> {
        let one = |at| self.with(|worker| work(at, worker));
        #[cfg(feature = "threads")]
        if count > 1 {
            use rayon::prelude::*;
            return (0..count).into_par_iter().map(one).collect();
        }
        (0..count).map(one).collect()
    }
}

/// How many rows the next round takes when `linked` rows are in the graph.
pub fn round(linked: usize) -> usize {
    (linked / ROUND_SHARE).clamp(1, ROUND_MAX)
}

/// The level of the row that is linked as number `serial`: above 0 with a chance of 1/m, above 1 with 1/m^2, and so on.
fn level(serial: u64, m: usize) -> usize {
    // SplitMix64 (Steele, Lea and Flood, 2014) of the number.
    let mut z = serial.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let (mut level, mut limit) = (0, u64::MAX / m as u64);
    while z < limit && level < LAYERS_MAX - 1 {
        level += 1;
        limit /= m as u64;
    }
    level
}

/// Links the `count` rows that follow those of the graph; `serial` is how many were ever linked before.
pub fn link_round(
    graph: &mut Graph,
    rows: &Rows,
    count: usize,
    serial: u64,
    ef_construction: usize,
    workers: &Workers,
) {
    let first = graph.len();
    let levels: Vec<usize> = (0..count as u64)
        .map(|at| level(serial.wrapping_add(at), graph.m()))
        .collect();
    let chosen = workers.each(count, |at, worker| {
        choose_links(graph, rows, first, at, &levels, ef_construction, worker)
    });
    let mut back: Vec<(usize, u32, u32)> = Vec::new();
    for (at, layers) in chosen.iter().enumerate() {
        let row = (first + at) as u32;
        graph.push(levels[at]);
        for (layer, links) in layers.iter().enumerate() {
            graph.set_links(row, layer, links);
            back.extend(links.iter().map(|link| (layer, *link, row)));
        }
    }
    link_back(graph, rows, back, workers);
    for (at, level) in levels.iter().enumerate() {
        if (first == 0 && at == 0) || *level > graph.level(graph.entry()) {
            graph.set_entry((first + at) as u32);
        }
    }
}

/// The links of row `first + at` on each of its layers, lowest first.
fn choose_links(
    graph: &Graph,
    rows: &Rows,
    first: usize,
    at: usize,
    levels: &[usize],
    ef_construction: usize,
    worker: &mut Worker,
) -> Vec<Vec<u32>> {
    let mut probe = std::mem::take(&mut worker.probe);
    rows.probe_row(first + at, &mut probe, &mut worker.walk.scratch);
    let round: Vec<u32> = (first as u32..(first + at) as u32).collect();
    let mut closeness = vec![0.0; at];
    rows.closeness(&probe, &round, &mut closeness, &mut worker.walk.scratch);

    let earlier: Vec<Near> = round
        .iter()
        .zip(&closeness)
        .map(|(row, closeness)| Near::new(*closeness, *row))
        .collect();

    let level = levels[at];
    let mut chosen = vec![Vec::new(); level + 1];
    let mut from = None;
    for layer in (0..=level).rev() {
        let mut candidates: Vec<Near> = Vec::new();
        if first > 0 && layer <= graph.level(graph.entry()) {
            let walk = &mut worker.walk;
            let start = from.unwrap_or_else(|| walk.descend(graph, rows, &probe, layer));
            walk.search(graph, rows, &probe, layer, ef_construction, start);
            candidates.extend(walk.found());
            from = candidates.first().copied();
        }
        let on_layer = earlier
            .iter()
            .zip(levels)
            .filter(|(_, level)| **level >= layer);
        candidates.extend(on_layer.map(|(near, _)| *near));
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        candidates.truncate(ef_construction);
        chosen[layer] = select(rows, &candidates, graph.m(), worker);
    }
    worker.probe = probe;
    chosen
}

/// Adds to each target the rows that chose it (layer, target, row); where they are too many, the best are chosen anew.
pub fn link_back(
    graph: &mut Graph,
    rows: &Rows,
    mut back: Vec<(usize, u32, u32)>,
    workers: &Workers,
) {
    back.sort_unstable();
    let groups: Vec<&[(usize, u32, u32)]> =
        back.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
    let lists = workers.each(groups.len(), |at, worker| {
        let (layer, target, _) = groups[at][0];
        let mut list = graph.links(target, layer).to_vec();
        for (_, _, row) in groups[at] {
            if !list.contains(row) {
                list.push(*row);
            }
        }
        best_links(rows, target, list, graph.cap(layer), worker)
    });
    for (group, list) in groups.iter().zip(lists) {
        graph.set_links(group[0].1, group[0].0, &list);
    }
}

/// At most `cap` of the rows in `list` as links of `row`.
pub fn best_links(
    rows: &Rows,
    row: u32,
    list: Vec<u32>,
    cap: usize,
    worker: &mut Worker,
) -> Vec<u32> {
    if list.len() <= cap {
        return list;
    }
    let mut probe = std::mem::take(&mut worker.probe);
    rows.probe_row(row as usize, &mut probe, &mut worker.walk.scratch);
    let mut closeness = vec![0.0; list.len()];
    rows.closeness(&probe, &list, &mut closeness, &mut worker.walk.scratch);
    worker.probe = probe;
    let near = list.iter().zip(&closeness);
    let mut candidates: Vec<Near> = near
        .map(|(row, closeness)| Near::new(*closeness, *row))
        .collect();
    candidates.sort_unstable_by(|a, b| b.cmp(a));
    select(rows, &candidates, cap, worker)
}

/// At most `most` of the candidates (nearest first) by the heuristic of the paper, algorithm 4: one that is nearer to a
/// chosen row than to the row at hand is left out, because it is reached through that one. Few candidates all stay.
fn select(rows: &Rows, candidates: &[Near], most: usize, worker: &mut Worker) -> Vec<u32> {
    if candidates.len() <= most {
        return candidates.iter().map(|near| near.row()).collect();
    }
    let mut chosen: Vec<u32> = Vec::with_capacity(most);
    for candidate in candidates {
        if chosen.len() == most {
            break;
        }
        let (other, scratch) = (&mut worker.other, &mut worker.walk.scratch);
        if !chosen.is_empty() {
            rows.probe_row(candidate.row() as usize, other, scratch);
        }
        let reached = chosen.chunks(COMPARED).any(|some| {
            worker.closeness.resize(some.len(), 0.0);
            rows.closeness(other, some, &mut worker.closeness, scratch);
            worker
                .closeness
                .iter()
                .any(|closeness| *closeness > candidate.closeness())
        });
        if !reached {
            chosen.push(candidate.row());
        }
    }
    chosen
}
