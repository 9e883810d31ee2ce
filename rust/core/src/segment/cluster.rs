//! Which documents lie together: clusters of clusters of documents that mean similar things.
//!
//! Owns the clustering (spherical k-means, Dhillon and Modha, "Concept decompositions for large sparse text data using
//! clustering", 2001) and the order of clusters; must not know how they are stored. Invariant: a function of the points in
//! their order alone: fixed seed and rounds, exact integer products, sums in the order of the points, ties to the lower
//! number, one thread.

use crate::codes::{self, Query};

/// Rounds of k-means.
const ROUNDS: usize = 8;
/// k-means learns from at most this many points a cluster.
const LEARNED: usize = 100;
/// Where its first centroids are drawn from.
const SEED: u64 = 0x5eed;
/// Rows of a small cluster that are aimed at, and the most it has unless one document alone has more.
const SMALL_ROWS: usize = 15;
const SMALL_MOST: usize = 32;

/// How many levels of clusters there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// None: everything is read at once.
    Flat,
    /// Large clusters, each read whole.
    One,
    /// Large clusters of small ones.
    Two,
}

impl Layout {
    /// What reads the fewest bytes for that many rows.
    pub fn by_size(rows: usize) -> Layout {
        match rows {
            0..=3_000 => Layout::Flat,
            3_001..=20_000 => Layout::One,
            _ => Layout::Two,
        }
    }
}

/// Points to be clustered: one row of codes each, which only its direction counts of.
pub(super) struct Points {
    /// Components of a row.
    pub dim: usize,
    /// int8 codes, points x dim.
    pub codes: Vec<i8>,
    /// How many rows the document of each point has.
    pub rows: Vec<u32>,
}

/// A large cluster: its small clusters, each with the numbers of its points in ascending order.
pub(super) type Super = Vec<Vec<u32>>;

/// The clusters of all points, similar ones beside each other.
pub(super) fn arrange(points: &Points, layout: Layout) -> Vec<Super> {
    let all: Vec<u32> = (0..points.rows.len() as u32).collect();
    if all.is_empty() {
        return Vec::new();
    }
    let count = all.len().isqrt();
    if points.dim == 0 {
        // Nothing to tell them apart by: as many stretches, so that their headers stay small.
        let each = all.len().div_ceil(count);
        return all.chunks(each).map(|part| vec![part.to_vec()]).collect();
    }
    if layout == Layout::Flat {
        return vec![vec![all]];
    }
    let supers = points.divide(&all, count);
    let cut = |members: Vec<u32>| match layout {
        Layout::Two => points.small(&members),
        _ => vec![members],
    };
    supers.into_iter().map(cut).collect()
}

impl Points {
    /// The mean direction of some points, of length 1; none when they cancel each other out.
    pub fn middle(&self, points: &[u32]) -> Option<Vec<f32>> {
        let mut sum = vec![0.0_f64; self.dim];
        for point in points {
            let row = self.row(*point);
            let length = length(row);
            for (sum, code) in sum.iter_mut().zip(row) {
                *sum += f64::from(*code) / length;
            }
        }
        let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
        (length > 1e-9).then(|| sum.iter().map(|x| (x / length) as f32).collect())
    }

    fn row(&self, point: u32) -> &[i8] {
        &self.codes[point as usize * self.dim..][..self.dim]
    }

    /// Small clusters of the members, none much larger than the others.
    fn small(&self, members: &[u32]) -> Super {
        let rows: usize = members
            .iter()
            .map(|point| self.rows[*point as usize] as usize)
            .sum();
        let mut small = Vec::new();
        for cluster in self.divide(members, rows.div_ceil(SMALL_ROWS).min(members.len())) {
            let (mut part, mut held) = (Vec::new(), 0);
            for point in cluster {
                let more = self.rows[point as usize] as usize;
                if held + more > SMALL_MOST && !part.is_empty() {
                    small.push(std::mem::take(&mut part));
                    held = 0;
                }
                part.push(point);
                held += more;
            }
            small.push(part);
        }
        small
    }

    /// At most `count` clusters of the members, in an order in which similar ones follow each other.
    fn divide(&self, members: &[u32], count: usize) -> Vec<Vec<u32>> {
        if count <= 1 || members.len() <= 1 {
            return vec![members.to_vec()];
        }
        let every = members.len().div_ceil(count * LEARNED);
        let learned: Vec<u32> = members.iter().copied().step_by(every).collect();
        let lengths: Vec<f64> = learned
            .iter()
            .map(|point| length(self.row(*point)))
            .collect();
        let rows = self.gather(&learned);
        let mut centroids: Vec<Query> = Vec::new();
        for point in draw(&learned, count) {
            let row: Vec<f32> = self
                .row(point)
                .iter()
                .map(|code| f32::from(*code))
                .collect();
            centroids.extend(unit(&row.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()));
        }
        for _ in 0..ROUNDS {
            if centroids.is_empty() {
                return vec![members.to_vec()];
            }
            let nearest = nearest(&rows, learned.len(), &centroids);
            let mut sums = vec![0.0_f64; centroids.len() * self.dim];
            for (at, centroid) in nearest.iter().enumerate() {
                let sum = &mut sums[centroid * self.dim..][..self.dim];
                for (sum, code) in sum.iter_mut().zip(&rows[at * self.dim..][..self.dim]) {
                    *sum += f64::from(*code) / lengths[at];
                }
            }
            // A cluster that lost all its points is gone.
            centroids = sums.chunks_exact(self.dim).filter_map(unit).collect();
        }
        if centroids.is_empty() {
            return vec![members.to_vec()];
        }
        let nearest = nearest(&self.gather(members), members.len(), &centroids);
        let mut clusters = vec![Vec::new(); centroids.len()];
        for (point, centroid) in members.iter().zip(nearest) {
            clusters[centroid].push(*point);
        }
        chain(clusters, &centroids)
    }

    fn gather(&self, points: &[u32]) -> Vec<i8> {
        points
            .iter()
            .flat_map(|point| self.row(*point))
            .copied()
            .collect()
    }
}

fn length(row: &[i8]) -> f64 {
    let squares: i64 = row
        .iter()
        .map(|code| i64::from(*code) * i64::from(*code))
        .sum();
    (squares.max(1) as f64).sqrt()
}

/// A sum of rows as a query of length 1; none when it has no direction.
fn unit(sum: &[f64]) -> Option<Query> {
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    let vector: Vec<f32> = sum.iter().map(|x| (x / length) as f32).collect();
    codes::quantize_query(&vector).ok()
}

/// `count` different ones of the points, or all: the first of a Fisher-Yates shuffle by SplitMix64 (Steele, Lea and Flood, 2014).
fn draw(points: &[u32], count: usize) -> Vec<u32> {
    let (mut points, mut state) = (points.to_vec(), SEED);
    let count = count.min(points.len());
    for at in 0..count {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        let left = (points.len() - at) as u64;
        points.swap(at, at + (x % left) as usize);
    }
    points.truncate(count);
    points
}

/// The number of the nearest centroid of each of `count` rows.
fn nearest(rows: &[i8], count: usize, centroids: &[Query]) -> Vec<usize> {
    let mut best = vec![(f64::NEG_INFINITY, 0); count];
    let mut dots = vec![0; count];
    for (number, centroid) in centroids.iter().enumerate() {
        codes::dots(&centroid.codes, rows, &mut dots);
        for (best, dot) in best.iter_mut().zip(&dots) {
            let near = f64::from(*dot) * f64::from(centroid.scale);
            if near > best.0 {
                *best = (near, number);
            }
        }
    }
    best.into_iter().map(|(_, number)| number).collect()
}

/// The clusters that have points: first that of the lowest point, then always the one nearest to the last.
fn chain(clusters: Vec<Vec<u32>>, centroids: &[Query]) -> Vec<Vec<u32>> {
    let mut left: Vec<(Vec<u32>, &Query)> = clusters.into_iter().zip(centroids).collect();
    left.retain(|(points, _)| !points.is_empty());
    left.sort_by_key(|(points, _)| points[0]);
    let mut chained = Vec::with_capacity(left.len());
    let mut at = 0;
    while !left.is_empty() {
        let (points, last) = left.remove(at);
        chained.push(points);
        let mut best = f64::NEG_INFINITY;
        for (number, (_, centroid)) in left.iter().enumerate() {
            let products = last.codes.iter().zip(&centroid.codes);
            let dot: i64 = products.map(|(x, y)| i64::from(*x) * i64::from(*y)).sum();
            let near = dot as f64 * f64::from(centroid.scale);
            if near > best {
                (best, at) = (near, number);
            }
        }
    }
    chained
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `around` directions with noise; point n belongs to direction n modulo `around`.
    fn points(count: usize, around: usize, dim: usize) -> Points {
        let mut state = 7_u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as i32
        };
        let middles: Vec<i32> = (0..around * dim).map(|_| next() % 100).collect();
        let codes = (0..count * dim).map(|at| {
            let middle = middles[at / dim % around * dim + at % dim];
            (middle + next() % 20) as i8
        });
        Points {
            dim,
            codes: codes.collect(),
            rows: (0..count).map(|n| 1 + n as u32 % 3).collect(),
        }
    }

    fn all(supers: &[Super]) -> Vec<u32> {
        let mut all: Vec<u32> = supers.iter().flatten().flatten().copied().collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn every_point_is_in_one_cluster_in_ascending_order() {
        for layout in [Layout::Flat, Layout::One, Layout::Two] {
            for count in [0, 1, 2, 9, 300] {
                let supers = arrange(&points(count, 5, 32), layout);
                assert_eq!(all(&supers), (0..count as u32).collect::<Vec<_>>());
                assert!(supers.iter().flatten().all(|part| {
                    !part.is_empty() && part.windows(2).all(|pair| pair[0] < pair[1])
                }));
            }
        }
    }

    #[test]
    fn points_of_one_direction_lie_together() {
        let supers = arrange(&points(400, 5, 64), Layout::One);
        assert!(supers.len() >= 5);
        for cluster in supers.iter().flatten() {
            assert!(
                cluster.iter().all(|point| point % 5 == cluster[0] % 5),
                "{cluster:?}"
            );
        }
    }

    #[test]
    fn small_clusters_are_small_and_points_without_direction_are_no_fault() {
        let given = points(600, 3, 32);
        for cluster in arrange(&given, Layout::Two).iter().flatten() {
            let rows: u32 = cluster
                .iter()
                .map(|point| given.rows[*point as usize])
                .sum();
            assert!(rows as usize <= SMALL_MOST);
        }
        let none = Points {
            dim: 8,
            codes: vec![0; 80],
            rows: vec![1; 10],
        };
        assert_eq!(all(&arrange(&none, Layout::Two)).len(), 10);
        let no_vectors = Points {
            dim: 0,
            codes: Vec::new(),
            rows: vec![0; 100],
        };
        assert_eq!(arrange(&no_vectors, Layout::Two).len(), 10);
    }
}
