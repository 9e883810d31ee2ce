//! The layered graph of HNSW (Malkov and Yashunin, arXiv 1603.09320): who is linked with whom.
//!
//! Owns levels and links; knows nothing of vectors, nor of which rows may be found. Invariant: a link leads to another
//! row of the graph on the same layer, and a row has at most `cap(layer)` links on a layer.

/// More layers than any number of rows below 2^32 needs with m = 2.
pub const LAYERS_MAX: usize = 32;
/// A row has 1 / (m - 1) upper lists on average; those of a file may have this many times as many, because what was
/// removed need not have been picked by chance.
const UPPER_SHARE: usize = 8;
/// Lists that a graph of few rows may have beyond that.
const LISTS_FREE: usize = 1024;

/// Levels and links of the rows `0..len()`.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    m: usize,
    /// The highest layer of each row.
    levels: Vec<u8>,
    /// Lowest layer: for each row the number of links, then room for `2 * m`.
    base: Vec<u32>,
    /// Upper layers: for each row and layer the number of links, then room for `m`.
    upper: Vec<u32>,
    /// Where a row's upper layers begin in `upper`.
    upper_at: Vec<usize>,
    entry: u32,
    /// What stands in the place of `base` and `upper` from reading to the first change, so that a file takes no more
    /// memory than it has links.
    packed: Option<Packed>,
}

/// Lists without room to grow.
#[derive(Clone, Debug, PartialEq)]
struct Packed {
    /// For each row its lists from layer 0 on, each the number of links and then these.
    lists: Vec<u32>,
    /// Where the lists of a row begin.
    at: Vec<usize>,
}

impl Packed {
    fn links(&self, row: u32, layer: usize) -> &[u32] {
        let mut at = self.at[row as usize];
        for _ in 0..layer {
            at += 1 + self.lists[at] as usize;
        }
        &self.lists[at + 1..at + 1 + self.lists[at] as usize]
    }
}

impl Graph {
    /// A graph without rows.
    pub fn new(m: usize) -> Graph {
        Graph {
            m,
            levels: Vec::new(),
            base: Vec::new(),
            upper: Vec::new(),
            upper_at: Vec::new(),
            entry: 0,
            packed: None,
        }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// Links of a row on its upper layers.
    pub fn m(&self) -> usize {
        self.m
    }

    /// The most links of a row on a layer.
    pub fn cap(&self, layer: usize) -> usize {
        if layer == 0 { 2 * self.m } else { self.m }
    }

    /// The highest layer of a row.
    pub fn level(&self, row: u32) -> usize {
        usize::from(self.levels[row as usize])
    }

    /// The row at which every walk begins, which is on the highest layer there is.
    pub fn entry(&self) -> u32 {
        self.entry
    }

    /// Bytes held.
    pub fn size_bytes(&self) -> usize {
        self.levels.capacity()
            + 4 * (self.base.capacity() + self.upper.capacity())
            + size_of::<usize>() * self.upper_at.capacity()
            + self.packed.as_ref().map_or(0, |packed| {
                4 * packed.lists.capacity() + size_of::<usize>() * packed.at.capacity()
            })
    }

    fn place(&self, row: u32, layer: usize) -> (bool, usize) {
        if layer == 0 {
            (true, row as usize * (1 + 2 * self.m))
        } else {
            let first = self.upper_at[row as usize];
            (false, first + (layer - 1) * (1 + self.m))
        }
    }

    /// The rows that `row` is linked with on `layer`.
    pub fn links(&self, row: u32, layer: usize) -> &[u32] {
        if let Some(packed) = &self.packed {
            return packed.links(row, layer);
        }
        let (base, at) = self.place(row, layer);
        let from = if base { &self.base } else { &self.upper };
        &from[at + 1..at + 1 + from[at] as usize]
    }

    /// Puts other links in the place of those of `row` on `layer`, at most `cap(layer)`.
    pub fn set_links(&mut self, row: u32, layer: usize, links: &[u32]) {
        self.unpack();
        let (base, at) = self.place(row, layer);
        let to = if base {
            &mut self.base
        } else {
            &mut self.upper
        };
        to[at] = links.len() as u32;
        to[at + 1..at + 1 + links.len()].copy_from_slice(links);
    }

    /// Adds a row without links on the layers `0..=level`; the entry stays.
    pub fn push(&mut self, level: usize) {
        self.unpack();
        self.levels.push(level as u8);
        self.base.resize(self.base.len() + 1 + 2 * self.m, 0);
        self.upper_at.push(self.upper.len());
        self.upper
            .resize(self.upper.len() + level * (1 + self.m), 0);
    }

    /// Gives the lists of a graph that was read room to grow.
    fn unpack(&mut self) {
        let Some(packed) = self.packed.take() else {
            return;
        };
        let levels = std::mem::take(&mut self.levels);
        self.base.reserve_exact(levels.len() * (1 + 2 * self.m));
        for (row, level) in (0..).zip(levels) {
            self.push(usize::from(level));
            for layer in 0..=usize::from(level) {
                self.set_links(row, layer, packed.links(row, layer));
            }
        }
    }

    /// Makes `row` the entry.
    pub fn set_entry(&mut self, row: u32) {
        self.entry = row;
    }

    /// Keeps only the rows for which `stays` is true, moved together in order. No link may lead to another.
    pub fn retain(&mut self, stays: &[bool]) {
        let mut number = vec![0_u32; stays.len()];
        let mut count = 0;
        for (row, stays) in stays.iter().enumerate() {
            number[row] = count;
            count += u32::from(*stays);
        }
        let mut kept = Graph::new(self.m);
        let mut links = Vec::new();
        for (row, _) in stays.iter().enumerate().filter(|(_, stays)| **stays) {
            let row = row as u32;
            kept.push(self.level(row));
            for layer in 0..=self.level(row) {
                links.clear();
                links.extend(
                    self.links(row, layer)
                        .iter()
                        .map(|link| number[*link as usize]),
                );
                kept.set_links(number[row as usize], layer, &links);
            }
        }
        if kept.len() > 0 {
            kept.entry = number[self.entry as usize];
        }
        *self = kept;
    }

    /// The graph as bytes for a file: levels; links, each list as its length (one byte) and its rows (u32).
    pub fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let mut links = Vec::new();
        for row in 0..self.len() as u32 {
            for layer in 0..=self.level(row) {
                let list = self.links(row, layer);
                links.push(list.len() as u8);
                links.extend(list.iter().flat_map(|link| link.to_le_bytes()));
            }
        }
        (self.levels.clone(), links)
    }

    /// A graph out of the bytes of a file; None when a link leads nowhere, to its own row or to one that is not on its
    /// layer, a list is too long or names a row twice, or anything is left over.
    pub fn read(m: usize, entry: u32, levels: &[u8], links: &[u8]) -> Option<Graph> {
        let mut graph = Graph::new(m);
        for level in levels {
            if usize::from(*level) >= LAYERS_MAX {
                return None;
            }
        }
        let lists: usize = levels.iter().map(|level| 1 + usize::from(*level)).sum();
        // Every list takes at least its length, so that what is allocated stays in proportion to the file.
        if lists > links.len()
            || lists > levels.len() + UPPER_SHARE * levels.len() / (m - 1) + LISTS_FREE
        {
            return None;
        }
        if let Some(highest) = levels.iter().max()
            && levels.get(entry as usize) != Some(highest)
        {
            return None;
        }
        graph.entry = entry;
        let mut packed = Packed {
            lists: Vec::with_capacity(lists + (links.len() - lists) / 4),
            at: Vec::with_capacity(levels.len()),
        };
        let mut rest = links;
        for (row, level) in (0_u32..).zip(levels) {
            packed.at.push(packed.lists.len());
            for layer in 0..=usize::from(*level) {
                let (length, after) = rest.split_first()?;
                let (bytes, after) = after.split_at_checked(4 * usize::from(*length))?;
                rest = after;
                packed.lists.push(u32::from(*length));
                let first = packed.lists.len();
                let (links, _) = bytes.as_chunks::<4>();
                let links = links.iter().map(|link| u32::from_le_bytes(*link));
                packed.lists.extend(links);
                let list = &packed.lists[first..];
                let sound = |link: &u32| {
                    *link != row
                        && levels
                            .get(*link as usize)
                            .is_some_and(|level| usize::from(*level) >= layer)
                };
                let twice = (1..list.len()).any(|at| list[..at].contains(&list[at]));
                if list.len() > graph.cap(layer) || !list.iter().all(sound) || twice {
                    return None;
                }
            }
        }
        graph.levels = levels.to_vec();
        graph.packed = Some(packed);
        rest.is_empty().then_some(graph)
    }
}
