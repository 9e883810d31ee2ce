//! How much a term counts in a document, as one of sixteen levels.
//!
//! Owns the saturated part of BM25F (Robertson and Zaragoza, "The probabilistic relevance framework", 2009), its quantiles, and
//! which level is nearest; must not know of idf, which is applied when a query is scored. Invariant: sums in sorted order, so the
//! levels are a function of the contents alone; that of a posting follows from its frequencies, lengths, the mean length and the levels.

use super::postings::FIELDS;
use super::{Contents, Document};

/// BM25's saturation and its normalisation by length.
pub(super) const K1: f64 = 1.2;
const B: f64 = 0.75;
/// What a token of each field counts.
const WEIGHTS: [f64; FIELDS] = [2.0, 1.0, 1.0, 1.0];
/// How many levels there are.
pub(super) const LEVELS: usize = 16;

/// What the levels stand for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Impacts {
    /// The mean length of a document, fields weighted.
    pub average: f64,
    /// What a posting of each level counts, ascending.
    pub levels: [f32; LEVELS],
}

/// Frequencies or lengths by field as one number: what a token of each field counts.
pub(super) fn weighted(counts: &[u32; FIELDS]) -> f64 {
    let each = counts.iter().zip(WEIGHTS);
    each.map(|(count, weight)| f64::from(*count) * weight).sum()
}

/// The mean weighted length; 1 when all documents are empty.
pub(super) fn average(documents: &[Document]) -> f64 {
    let sum: f64 = documents.iter().map(|each| weighted(&each.lengths)).sum();
    if sum > 0.0 {
        sum / documents.len() as f64
    } else {
        1.0
    }
}

/// tf (k1 + 1) / (tf + k1 (1 - b + b length / average)), below k1 + 1; frequency and length with fields weighted.
pub(super) fn saturated(frequency: f64, length: f64, average: f64) -> f32 {
    let norm = K1 * (1.0 - B + B * length / average);
    (frequency * (K1 + 1.0) / (frequency + norm)) as f32
}

/// The level that is nearest to a value, of two that are equally near or equal the lower one; levels ascend.
pub(super) fn nearest(levels: &[f32; LEVELS], value: f32) -> u8 {
    let at = levels
        .partition_point(|level| *level < value)
        .min(LEVELS - 1);
    let below = levels[at.saturating_sub(1)];
    let best = match value - below <= levels[at] - value {
        true => below,
        false => levels[at],
    };
    levels.partition_point(|level| *level < best) as u8
}

impl Impacts {
    /// Sixteen groups of postings of as equal size as equal values let them be; a level is the mean of its group.
    pub fn learn(contents: &Contents) -> Impacts {
        let average = average(&contents.documents);
        let mut values = Vec::new();
        for term in &contents.terms {
            for (document, frequencies) in term.documents.iter().zip(&term.frequencies) {
                let length = weighted(&contents.documents[*document as usize].lengths);
                values.push(saturated(weighted(frequencies), length, average));
            }
        }
        values.sort_unstable_by(f32::total_cmp);
        let mut impacts = Impacts {
            average,
            levels: [0.0; LEVELS],
        };
        let (mut start, mut bound) = (0, 0.0);
        for level in 0..LEVELS {
            let end = (level + 1) * values.len() / LEVELS;
            if end > 0 {
                bound = values[end - 1];
            }
            let end = values.partition_point(|value| *value <= bound);
            let sum: f64 = values[start..end]
                .iter()
                .map(|value| f64::from(*value))
                .sum();
            impacts.levels[level] = if end > start {
                (sum / (end - start) as f64) as f32
            } else {
                bound
            };
            start = end;
        }
        impacts
    }

    /// The level of a posting.
    pub fn level(&self, frequencies: &[u32; FIELDS], lengths: &[u32; FIELDS]) -> u8 {
        let value = saturated(weighted(frequencies), weighted(lengths), self.average);
        nearest(&self.levels, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_levels_the_nearest_is_taken_and_of_equal_ones_the_lowest() {
        let mut levels = [2.0; LEVELS];
        levels[..4].copy_from_slice(&[0.5, 0.5, 1.0, 1.5]);
        for (value, level) in [
            (0.0, 0),
            (0.5, 0),
            (0.75, 0),
            (0.76, 2),
            (1.0, 2),
            (1.25, 2),
            (1.7, 3),
            (1.9, 4),
            (9.0, 4),
        ] {
            assert_eq!(nearest(&levels, value), level, "{value}");
        }
        assert_eq!(nearest(&[0.0; LEVELS], 1.0), 0);
    }
}
