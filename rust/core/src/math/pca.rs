//! Principal components: the directions along which rows differ most (Pearson, "On lines and planes of closest fit to
//! systems of points in space", 1901; for fewer rows than dimensions Sirovich and Kirby, 1987).
//!
//! Owns the choice of the smaller matrix, the order and the sign of components; must not know how eigenvectors are
//! found. Time grows with rows x dim x min(rows, dim) and with the cube of min(rows, dim). Invariant: components have
//! length 1 and are orthogonal, in the order of falling variance (that of the population), and of each the component of
//! the largest magnitude (the first of equals) is positive.

use super::eigen::{self, Pair};
use super::refused;
use super::rows::{Rows, dot};
use super::sums::{mean, rounded};
use crate::error::{Code, Error, Result};
use serde_json::json;

/// Below this part of the largest variance a direction is made of rounding errors.
const NOISE: f64 = 1e-12;
/// Rows that are added in one pass over the matrix; each sum still runs in row order.
const PASS: usize = 16;

/// The mean (dim), `components` components (components x dim), their variances, the total variance.
pub(super) fn fit(rows: &Rows, components: usize) -> Result<Vec<f32>> {
    rows.some()?;
    let dim = rows.dim();
    if !(1..=dim).contains(&components) {
        return Err(refused("\"components\" is not between 1 and \"dim\"")
            .with(json!({"components": components, "dim": dim})));
    }
    let mean = mean(rows);
    let (pairs, total) = if rows.count() < dim {
        of_products(rows, &mean, components)?
    } else {
        of_covariance(rows, &mean, components)?
    };
    let noise = NOISE * pairs.first().map_or(0.0, |pair| pair.value);
    let rank = pairs.iter().take_while(|pair| pair.value > noise).count();
    if rank < components {
        return Err(Error::new(
            Code::BadInput,
            "the vectors differ in fewer directions than components are wanted; ask for fewer or give more vectors",
        )
        .with(json!({"components": components, "directions": rank, "rows": rows.count()})));
    }
    let mut found = rounded(&mean);
    for pair in &pairs {
        found.extend(rounded(&signed(&pair.vector)));
    }
    found.extend(pairs.iter().map(|pair| pair.value as f32));
    found.push(total as f32);
    Ok(found)
}

/// Rows x components: the product of (row - mean) with each component. The payload's first row is the mean, the next
/// `components` the components.
pub(super) fn transform(all: &Rows, components: usize) -> Result<Vec<f32>> {
    let dim = all.dim();
    if !(1..=dim).contains(&components) {
        return Err(refused("\"components\" is not between 1 and \"dim\"")
            .with(json!({"components": components, "dim": dim})));
    }
    let (fitted, rows) = all.split(1 + components)?;
    let (mean, directions) = fitted.split_at(dim);
    let mut found = Vec::with_capacity(rows.len() / dim * components);
    for row in rows.chunks_exact(dim) {
        let centred = centre(row, mean.iter().map(|x| f64::from(*x)));
        found.extend(
            directions
                .chunks_exact(dim)
                .map(|direction| dot(&centred, direction) as f32),
        );
    }
    Ok(found)
}

/// The eigenpairs of the covariance, dim x dim, and its trace.
fn of_covariance(rows: &Rows, mean: &[f64], wanted: usize) -> Result<(Vec<Pair>, f64)> {
    let dim = rows.dim();
    let mut matrix = vec![0.0; dim * dim];
    let all: Vec<&[f32]> = rows.iter().collect();
    for pass in all.chunks(PASS) {
        let centred: Vec<Vec<f64>> = pass
            .iter()
            .map(|row| centre(row, mean.iter().copied()))
            .collect();
        for (at, line) in matrix.chunks_exact_mut(dim).enumerate() {
            for row in &centred {
                for (sum, x) in line[at..].iter_mut().zip(&row[at..]) {
                    *sum += row[at] * x;
                }
            }
        }
    }
    finish(&mut matrix, dim, rows.count());
    let total = trace(&matrix, dim);
    Ok((eigen::largest(matrix, dim, wanted)?, total))
}

/// The same from the products of the rows with each other, rows x rows.
fn of_products(rows: &Rows, mean: &[f64], wanted: usize) -> Result<(Vec<Pair>, f64)> {
    let count = rows.count();
    let centred: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| centre(row, mean.iter().copied()))
        .collect();
    let mut matrix = vec![0.0; count * count];
    for (at, line) in matrix.chunks_exact_mut(count).enumerate() {
        for (sum, other) in line[at..].iter_mut().zip(&centred[at..]) {
            *sum = dot(&centred[at], other);
        }
    }
    finish(&mut matrix, count, count);
    let total = trace(&matrix, count);
    let mut pairs: Vec<Pair> = Vec::new();
    for mut pair in eigen::largest(matrix, count, wanted.min(count))? {
        let mut direction = vec![0.0; rows.dim()];
        for (share, row) in pair.vector.iter().zip(&centred) {
            for (sum, x) in direction.iter_mut().zip(row) {
                *sum += share * x;
            }
        }
        // Small variances leave the directions of the large ones in by rounding: take them out again.
        for before in &pairs {
            let shared = dot(&direction, &before.vector);
            for (x, y) in direction.iter_mut().zip(&before.vector) {
                *x -= shared * y;
            }
        }
        let length = dot(&direction, &direction).sqrt();
        if length == 0.0 {
            break;
        }
        direction.iter_mut().for_each(|x| *x /= length);
        pair.vector = direction;
        pairs.push(pair);
    }
    Ok((pairs, total))
}

/// Divides the upper triangle by the number of rows and mirrors it.
fn finish(matrix: &mut [f64], size: usize, rows: usize) {
    for i in 0..size {
        for j in i..size {
            let value = matrix[i * size + j] / rows as f64;
            matrix[i * size + j] = value;
            matrix[j * size + i] = value;
        }
    }
}

fn trace(matrix: &[f64], size: usize) -> f64 {
    matrix.iter().step_by(size + 1).fold(0.0, |sum, x| sum + x)
}

fn centre(row: &[f32], mean: impl Iterator<Item = f64>) -> Vec<f64> {
    row.iter()
        .zip(mean)
        .map(|(x, mean)| f64::from(*x) - mean)
        .collect()
}

fn signed(vector: &[f64]) -> Vec<f64> {
    let largest = vector.iter().fold(
        0.0_f64,
        |largest, x| {
            if x.abs() > largest.abs() { *x } else { largest }
        },
    );
    let sign = if largest < 0.0 { -1.0 } else { 1.0 };
    vector.iter().map(|x| x * sign).collect()
}
