//! Rows to one row or a few numbers: normalize, centroid, statistics, pool.
//!
//! Owns what these words mean; must not know how rows were read. Invariant: sums over rows run in row order, so that
//! a component never depends on its neighbours.

use super::refused;
use super::rows::{Rows, lengths};
use crate::error::{Code, Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// What statistics are taken over.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Over {
    /// The rows, for each component.
    #[default]
    Components,
    /// Every component of every row.
    All,
}

/// How rows become one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum How {
    /// Their sum over their number.
    Mean,
    /// The greatest of each component.
    Max,
    /// Their sum.
    Sum,
    /// Their weighted sum over the sum of the weights.
    Weighted,
}

/// Each row divided by its length: rows x dim.
pub(super) fn normalize(rows: &Rows) -> Result<Vec<f32>> {
    let lengths = lengths(rows.iter(), 0)?;
    Ok(rows
        .iter()
        .zip(lengths)
        .flat_map(|(row, length)| row.iter().map(move |x| (f64::from(*x) / length) as f32))
        .collect())
}

/// The mean of the rows, or with `normalized` its direction as a vector of length 1: dim numbers.
pub(super) fn centroid(rows: &Rows, normalized: bool) -> Result<Vec<f32>> {
    rows.some()?;
    let mean = mean(rows);
    if !normalized {
        return Ok(rounded(&mean));
    }
    let length = super::rows::dot(&mean, &mean).sqrt();
    if length == 0.0 {
        return Err(Error::new(
            Code::BadInput,
            "the mean of these vectors is zero and has no direction; ask for it without \"normalized\"",
        )
        .with(json!({"rows": rows.count()})));
    }
    let direction: Vec<f64> = mean.iter().map(|x| x / length).collect();
    Ok(rounded(&direction))
}

/// Mean, population standard deviation, least and greatest, in double precision.
pub(super) fn statistics(rows: &Rows, over: Over) -> Result<Value> {
    rows.some()?;
    let found = match over {
        Over::All => {
            // One column of everything: the sum then runs in the order of the payload.
            let all = columns(rows.values().chunks_exact(1), 1);
            json!({"mean": all.mean[0], "std": all.std[0], "min": all.min[0], "max": all.max[0]})
        }
        Over::Components => {
            let each = columns(rows.iter(), rows.dim());
            json!({"mean": each.mean, "std": each.std, "min": each.min, "max": each.max})
        }
    };
    let mut reply = json!({"rows": rows.count(), "dim": rows.dim()});
    if let (Value::Object(reply), Value::Object(found)) = (&mut reply, found) {
        reply.extend(found);
    }
    Ok(reply)
}

/// One row out of all: dim numbers.
pub(super) fn pool(rows: &Rows, how: How, weights: Option<&[f64]>) -> Result<Vec<f32>> {
    if matches!(how, How::Weighted) != weights.is_some() {
        return Err(refused(
            "\"weights\" go with \"weighted\", and neither stands alone",
        ));
    }
    rows.some()?;
    let ones = || std::iter::repeat_n(1.0, rows.count());
    match (how, weights) {
        (How::Mean, _) => Ok(rounded(&mean(rows))),
        (How::Sum, _) => Ok(rounded(&total(rows.iter(), rows.dim(), ones()))),
        (How::Max, _) => Ok(rounded(&columns(rows.iter(), rows.dim()).max)),
        (How::Weighted, weights) => weighted(rows, weights.unwrap_or_default()),
    }
}

fn weighted(rows: &Rows, weights: &[f64]) -> Result<Vec<f32>> {
    if weights.len() != rows.count() {
        return Err(refused("there is not one weight for each vector")
            .with(json!({"rows": rows.count(), "weights": weights.len()})));
    }
    if let Some(at) = weights.iter().position(|weight| *weight < 0.0) {
        return Err(refused("a weight is below 0").with(json!({"weight": at})));
    }
    let all = weights.iter().fold(0.0, |sum, weight| sum + weight);
    if !(all > 0.0 && all.is_finite()) {
        return Err(refused("the sum of the weights is not above 0 and finite")
            .with(json!({"rows": rows.count()})));
    }
    let mut sum = total(rows.iter(), rows.dim(), weights.iter().copied());
    sum.iter_mut().for_each(|x| *x /= all);
    Ok(rounded(&sum))
}

/// The mean of at least one row.
pub(super) fn mean(rows: &Rows) -> Vec<f64> {
    let ones = std::iter::repeat_n(1.0, rows.count());
    let mut mean = total(rows.iter(), rows.dim(), ones);
    mean.iter_mut().for_each(|x| *x /= rows.count() as f64);
    mean
}

fn total<'a>(
    rows: impl Iterator<Item = &'a [f32]>,
    dim: usize,
    weights: impl Iterator<Item = f64>,
) -> Vec<f64> {
    let mut total = vec![0.0; dim];
    for (row, weight) in rows.zip(weights) {
        for (sum, x) in total.iter_mut().zip(row) {
            *sum += weight * f64::from(*x);
        }
    }
    total
}

struct Columns {
    mean: Vec<f64>,
    std: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
}

/// The mean first, then the squares of the differences from it: one pass would cancel.
fn columns<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]> + Clone, dim: usize) -> Columns {
    let count = rows.len() as f64;
    let mut mean = total(rows.clone(), dim, std::iter::repeat_n(1.0, rows.len()));
    mean.iter_mut().for_each(|x| *x /= count);
    let mut std = vec![0.0; dim];
    let mut min = vec![f64::INFINITY; dim];
    let mut max = vec![f64::NEG_INFINITY; dim];
    for row in rows {
        for (at, x) in row.iter().map(|x| f64::from(*x)).enumerate() {
            std[at] += (x - mean[at]) * (x - mean[at]);
            // Comparisons, because the library's minimum may take either of 0 and -0: here the first one stays.
            if x < min[at] {
                min[at] = x;
            }
            if x > max[at] {
                max[at] = x;
            }
        }
    }
    std.iter_mut().for_each(|x| *x = (*x / count).sqrt());
    Columns {
        mean,
        std,
        min,
        max,
    }
}

/// Double precision to f32; what is too large becomes infinite and is refused before it leaves.
pub(super) fn rounded(values: &[f64]) -> Vec<f32> {
    values.iter().map(|x| *x as f32).collect()
}
