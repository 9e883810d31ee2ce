//! How much a term counts in a document, as one of sixteen levels.
//!
//! Owns the saturated part of BM25F (Robertson and Zaragoza, "The probabilistic relevance framework", 2009) and its
//! quantiles; must not know of idf, which is applied when a query is scored. Invariant: sums in sorted order, so the levels
//! are a function of the contents alone.

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
    /// The largest value of each level.
    bounds: [f32; LEVELS],
}

fn weighted(counts: &[u32; FIELDS]) -> f64 {
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

/// tf (k1 + 1) / (tf + k1 (1 - b + b length / average)), below k1 + 1.
pub(super) fn saturated(frequencies: &[u32; FIELDS], lengths: &[u32; FIELDS], average: f64) -> f32 {
    let frequency = weighted(frequencies);
    let norm = K1 * (1.0 - B + B * weighted(lengths) / average);
    (frequency * (K1 + 1.0) / (frequency + norm)) as f32
}

impl Impacts {
    /// Sixteen groups of postings of as equal size as equal values let them be; a level is the mean of its group.
    pub fn learn(contents: &Contents) -> Impacts {
        let average = average(&contents.documents);
        let mut values = Vec::new();
        for term in &contents.terms {
            for (document, frequencies) in term.documents.iter().zip(&term.frequencies) {
                let lengths = &contents.documents[*document as usize].lengths;
                values.push(saturated(frequencies, lengths, average));
            }
        }
        values.sort_unstable_by(f32::total_cmp);
        let mut impacts = Impacts {
            average,
            levels: [0.0; LEVELS],
            bounds: [0.0; LEVELS],
        };
        let mut start = 0;
        for level in 0..LEVELS {
            let end = (level + 1) * values.len() / LEVELS;
            if end > 0 {
                impacts.bounds[level] = values[end - 1];
            }
            let end = values.partition_point(|value| *value <= impacts.bounds[level]);
            let sum: f64 = values[start..end]
                .iter()
                .map(|value| f64::from(*value))
                .sum();
            impacts.levels[level] = if end > start {
                (sum / (end - start) as f64) as f32
            } else {
                impacts.bounds[level]
            };
            start = end;
        }
        impacts
    }

    /// The level of a value that was there when they were learned.
    pub fn level(&self, value: f32) -> u8 {
        let below = self.bounds.partition_point(|bound| *bound < value);
        below.min(LEVELS - 1) as u8
    }
}
