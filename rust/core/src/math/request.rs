//! The request of a calculation: its keys, and which of them each operation takes.
//!
//! Owns that table; must not know how anything is computed. Invariant: a key that the operation does not take, and one that it
//! needs and is not there, are refused. One flat list of keys is far less code in a browser than a type for each operation.

use super::{distances, refused, sums};
use crate::error::Result;
use crate::plan;
use serde::Deserialize;
use serde_json::json;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Op {
    Normalize,
    Centroid,
    Statistics,
    Pool,
    Fit,
    Transform,
    Quantize,
    Dequantize,
    Loss,
    Distances,
    Shorten,
    Ridge,
}

/// What was asked for. Numbers that the operation needs are there, see [`read`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) op: Op,
    pub(super) dim: usize,
    pub(super) normalized: Option<bool>,
    pub(super) over: Option<sums::Over>,
    pub(super) how: Option<sums::How>,
    pub(super) weights: Option<Vec<f64>>,
    pub(super) metric: Option<distances::Metric>,
    pub(super) queries: Option<usize>,
    components: Option<usize>,
    bits: Option<u8>,
    items: Option<usize>,
    bags: Option<usize>,
    entries: Option<usize>,
    lambda: Option<f32>,
    rounds: Option<usize>,
    steps: Option<usize>,
}

impl Op {
    /// The keys beside `op` and `dim` that an operation needs, and those that it may have.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Op::Normalize | Op::Shorten => (&[], &[]),
            Op::Centroid => (&[], &["normalized"]),
            Op::Statistics => (&[], &["over"]),
            Op::Pool => (&["how"], &["weights"]),
            Op::Fit | Op::Transform => (&["components"], &[]),
            Op::Quantize | Op::Dequantize | Op::Loss => (&["bits"], &[]),
            Op::Distances => (&["metric"], &["queries"]),
            Op::Ridge => (
                &["items", "bags", "entries", "lambda", "rounds", "steps"],
                &[],
            ),
        }
    }
}

/// Reads a request.
///
/// # Errors
/// `bad_request` when it is malformed or its keys are not those of its operation.
pub(super) fn read(request: &[u8]) -> Result<Request> {
    let request: Request = plan::read(request)?;
    let (needed, allowed) = request.op.keys();
    let given = [
        ("normalized", request.normalized.is_some()),
        ("over", request.over.is_some()),
        ("how", request.how.is_some()),
        ("weights", request.weights.is_some()),
        ("metric", request.metric.is_some()),
        ("queries", request.queries.is_some()),
        ("components", request.components.is_some()),
        ("bits", request.bits.is_some()),
        ("items", request.items.is_some()),
        ("bags", request.bags.is_some()),
        ("entries", request.entries.is_some()),
        ("lambda", request.lambda.is_some()),
        ("rounds", request.rounds.is_some()),
        ("steps", request.steps.is_some()),
    ];
    for (key, is_given) in given {
        let (is_needed, is_allowed) = (needed.contains(&key), allowed.contains(&key));
        if is_needed && !is_given {
            return Err(
                refused("the operation needs a key that is missing").with(json!({"key": key}))
            );
        }
        if is_given && !is_needed && !is_allowed {
            return Err(refused("the operation does not have this key").with(json!({"key": key})));
        }
    }
    Ok(request)
}

impl Request {
    pub(super) fn components(&self) -> usize {
        self.components.unwrap_or(0)
    }

    pub(super) fn bits(&self) -> u8 {
        self.bits.unwrap_or(0)
    }

    /// Bags, entries and items.
    pub(super) fn counts(&self) -> [usize; 3] {
        [self.bags, self.entries, self.items].map(|count| count.unwrap_or(0))
    }

    pub(super) fn effort(&self) -> super::ridge::Effort {
        super::ridge::Effort {
            lambda: self.lambda.unwrap_or(0.0),
            rounds: self.rounds.unwrap_or(0),
            steps: self.steps.unwrap_or(0),
        }
    }
}
