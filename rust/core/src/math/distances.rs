//! How near rows are to rows.
//!
//! Owns the four measures; must not know of indexes. Invariant: exchanging two rows exchanges nothing in their measure,
//! so a table of rows against themselves is symmetric to the bit.

use super::rows::{Rows, dot, lengths, sum};
use super::{NUMBERS_CAP, refused};
use crate::error::Result;
use serde::Deserialize;
use serde_json::json;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Metric {
    /// The cosine of the angle between two rows, -1..=1; higher is nearer.
    Cosine,
    /// The sum of products; higher is nearer.
    Dot,
    /// The square root of the sum of squared differences; lower is nearer.
    Euclidean,
    /// The sum of absolute differences; lower is nearer.
    Manhattan,
}

/// The first `queries` rows against those after them, or without it all against all: queries x rows.
pub(super) fn distances(all: &Rows, metric: Metric, queries: Option<usize>) -> Result<Vec<f32>> {
    let (left, right) = match queries {
        None => (all.values(), all.values()),
        Some(0) => return Err(refused("\"queries\" is below 1").with(json!({"queries": 0}))),
        Some(queries) => all.split(queries)?,
    };
    let dim = all.dim();
    let (rows, columns) = (left.len() / dim, right.len() / dim);
    if rows
        .checked_mul(columns)
        .is_none_or(|numbers| numbers > NUMBERS_CAP)
    {
        return Err(refused(
            "the reply would hold more than 2^27 numbers; ask for fewer queries at a time",
        )
        .with(json!({"queries": rows, "rows": columns})));
    }
    let lengths = match metric {
        Metric::Cosine => lengths(all.iter(), 0)?,
        _ => Vec::new(),
    };
    let mut found = Vec::with_capacity(rows * columns);
    for (at, a) in left.chunks_exact(dim).enumerate() {
        for (other, b) in right.chunks_exact(dim).enumerate() {
            let measure = match metric {
                Metric::Cosine => {
                    let other = queries.unwrap_or(0) + other;
                    cosine(dot(a, b), lengths[at], lengths[other])
                }
                Metric::Dot => dot(a, b),
                Metric::Euclidean => sum(a, b, |x, y| difference(x, y) * difference(x, y)).sqrt(),
                Metric::Manhattan => sum(a, b, |x, y| difference(x, y).abs()),
            };
            found.push(measure as f32);
        }
    }
    Ok(found)
}

/// The cosine out of a dot product and two lengths above zero; rounding may not carry it beyond 1.
pub(super) fn cosine(dot: f64, length: f64, other: f64) -> f64 {
    (dot / (length * other)).clamp(-1.0, 1.0)
}

fn difference(x: f32, y: f32) -> f64 {
    f64::from(x) - f64::from(y)
}
