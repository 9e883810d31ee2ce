//! What a vector index is made for: its dimension, metric, store and graph parameters.
//!
//! Owns the keys of the request that makes an index and their limits; knows nothing of how vectors are kept.
//! Invariant: a `Spec` that exists can be carried out.

use crate::codes::DIM_CAP;
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How near two vectors are. Scores are higher for nearer vectors: distances are given with the sign turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The cosine of the angle between them.
    Cosine,
    /// The dot product.
    Dot,
    /// Minus the Euclidean distance.
    Euclidean,
    /// Minus the sum of absolute differences.
    Manhattan,
}

/// What is kept of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// Every component as it came.
    F32,
    /// One byte a component.
    Int8,
    /// Four bits a component.
    Int4,
}

/// Which way a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The graph from `graph_from` rows on, below it the scan.
    Auto,
    /// Always the scan of all rows; there is no graph.
    Flat,
    /// Always the graph.
    Graph,
}

/// The parameters of a vector index; m, ef_construction and ef_search are those of HNSW (Malkov and Yashunin,
/// arXiv 1603.09320).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Components of a vector, 1 to 4096.
    pub dim: usize,
    /// How near two vectors are.
    #[serde(default = "cosine")]
    pub metric: Metric,
    /// What is kept of a vector, and gives the score.
    #[serde(default = "int8")]
    pub store: Keep,
    /// Whether one bit a component is kept as well, to pick what a scan then scores; for `cosine` and `dot`.
    #[serde(default)]
    pub sketch: bool,
    /// Which way a search goes.
    #[serde(default = "auto")]
    pub index: Way,
    /// From how many rows on `auto` builds a graph.
    #[serde(default = "graph_from")]
    pub graph_from: usize,
    /// Links a node has on each upper layer; twice as many on the lowest. 2 to 64.
    #[serde(default = "m")]
    pub m: usize,
    /// Candidates from which a new node's links are chosen, `m` to 4096.
    #[serde(default = "ef_construction")]
    pub ef_construction: usize,
}

const fn cosine() -> Metric {
    Metric::Cosine
}
const fn int8() -> Keep {
    Keep::Int8
}
const fn auto() -> Way {
    Way::Auto
}
const fn graph_from() -> usize {
    60_000
}
const fn m() -> usize {
    16
}
const fn ef_construction() -> usize {
    100
}

impl Spec {
    /// Reads a request.
    ///
    /// # Errors
    /// `bad_request` for an unknown key, a wrong type, or a number out of range; `unsupported` for sketches under a
    /// metric whose order they do not show.
    pub fn read(request: &[u8]) -> Result<Spec> {
        let spec: Spec = crate::plan::read(request)?;
        spec.checked()
    }

    /// The spec itself, if it can be carried out.
    ///
    /// # Errors
    /// As for [`Spec::read`].
    pub fn checked(self) -> Result<Spec> {
        for (name, value, least, most) in [
            ("dim", self.dim, 1, DIM_CAP),
            ("m", self.m, 2, 64),
            ("ef_construction", self.ef_construction, self.m, 4096),
            ("graph_from", self.graph_from, 0, u32::MAX as usize),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::new(
                    Code::BadRequest,
                    format!("{name} is {value}; it must be {least} to {most}"),
                )
                .with(json!({name: value})));
            }
        }
        if self.sketch && !matches!(self.metric, Metric::Cosine | Metric::Dot) {
            return Err(Error::new(
                Code::Unsupported,
                "sketches show the direction of a vector only; use them with cosine or dot, or leave them out",
            ));
        }
        Ok(self)
    }
}
