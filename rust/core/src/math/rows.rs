//! Rows of f32 as they came, checked once.
//!
//! Owns reading them and sums along one; must not know what is computed of them. Invariant: every component is finite,
//! and a sum adds term i to lane i modulo 16 in order, then folds 16 -> 8 -> 4 -> 2 -> 1, in double precision.

use super::{DIM_CAP, refused};
use crate::error::{Code, Error, Result};
use crate::numbers;
use serde_json::json;

const LANES: usize = 16;

/// Rows, or none, of `dim` finite numbers each.
#[derive(Debug)]
pub(super) struct Rows {
    values: Vec<f32>,
    dim: usize,
}

impl Rows {
    /// Rows out of little-endian bytes.
    pub(super) fn read(dim: usize, payload: &[u8]) -> Result<Rows> {
        check(dim)?;
        whole(dim, 4 * dim, payload)?;
        let values: Vec<f32> = numbers::read(payload);
        match values.iter().position(|x| !x.is_finite()) {
            None => Ok(Rows { values, dim }),
            Some(at) => Err(Error::new(
                Code::BadInput,
                "a vector holds a number that is not finite; leave the vector out or correct it",
            )
            .with(json!({"row": at / dim, "component": at % dim}))),
        }
    }

    /// Components of a row.
    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    /// The rows in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> + Clone {
        self.values.chunks_exact(self.dim)
    }

    /// All components, row after row.
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// The first `count` rows and the rest, which may hold none.
    pub(super) fn split(&self, count: usize) -> Result<(&[f32], &[f32])> {
        count
            .checked_mul(self.dim)
            .and_then(|at| self.values.split_at_checked(at))
            .ok_or_else(|| {
                refused("the payload has fewer rows than the request counts")
                    .with(json!({"rows": self.count(), "wanted": count}))
            })
    }

    /// Refuses to go on without rows.
    pub(super) fn some(&self) -> Result<()> {
        if self.values.is_empty() {
            return Err(Error::new(
                Code::BadInput,
                "there are no vectors, so there is nothing to compute; give at least one",
            )
            .with(json!({"rows": 0})));
        }
        Ok(())
    }
}

/// Refuses a number of components that no vector has.
pub(super) fn check(dim: usize) -> Result<()> {
    if (1..=DIM_CAP).contains(&dim) {
        return Ok(());
    }
    Err(refused("\"dim\" is not between 1 and 4096").with(json!({"dim": dim})))
}

/// How many rows of `row_bytes` a payload holds.
pub(super) fn whole(dim: usize, row_bytes: usize, payload: &[u8]) -> Result<usize> {
    if !payload.len().is_multiple_of(row_bytes) {
        return Err(Error::new(
            Code::WrongDim,
            "the payload does not hold whole rows; give \"dim\" numbers for each vector",
        )
        .with(json!({"dim": dim, "row_bytes": row_bytes, "payload_bytes": payload.len()})));
    }
    Ok(payload.len() / row_bytes)
}

/// The sum of `term(a[i], b[i])`.
///
/// # Panics
/// Never; of rows of unequal lengths the longer one's rest is left out.
pub(super) fn sum<A: Copy, B: Copy>(a: &[A], b: &[B], term: impl Fn(A, B) -> f64) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane += term(*a, *b);
    }
    folded(lanes)
}

/// Halves added to halves until one is left, of a power of two of them.
pub(super) fn folded<const N: usize>(mut lanes: [f64; N]) -> f64 {
    let mut width = N;
    while width > 1 {
        width /= 2;
        let (low, high) = lanes.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
    }
    lanes[0]
}

/// The dot product of two rows.
pub(crate) fn dot<A: Copy + Into<f64>, B: Copy + Into<f64>>(a: &[A], b: &[B]) -> f64 {
    sum(a, b, |x, y| x.into() * y.into())
}

/// The length of a row.
pub(super) fn length(row: &[f32]) -> f64 {
    dot(row, row).sqrt()
}

/// The lengths of rows, none of which is zero; `first` is the number of the first of them.
pub(super) fn lengths<'a>(rows: impl Iterator<Item = &'a [f32]>, first: usize) -> Result<Vec<f64>> {
    rows.enumerate()
        .map(|(at, row)| match length(row) {
            0.0 => Err(Error::new(
                Code::BadInput,
                "a vector of zeros has no direction; leave it out",
            )
            .with(json!({"row": first + at}))),
            length => Ok(length),
        })
        .collect()
}
