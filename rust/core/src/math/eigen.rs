//! The largest eigenvalues of a symmetric matrix and their eigenvectors.
//!
//! Owns the numerical method; must not know what the matrix stands for. Invariant: the order of every operation is
//! decided by the matrix alone, so the same matrix gives the same bits on every target.
//!
//! Reflections bring the matrix to tridiagonal form, implicit QR steps with Wilkinson's shift diagonalise that:
//! Golub and Van Loan, "Matrix Computations", sections 8.3.1 and 8.3.3 to 8.3.5.

use super::rows::dot;
use crate::error::{Code, Error, Result};
use serde_json::json;

/// QR steps an eigenvalue may take; two are usual.
const STEPS_CAP: usize = 60;
/// What counts as zero beside 1, the largest element after scaling.
const NOTHING: f64 = 1e-28;

/// An eigenvalue with its eigenvector of length 1.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) value: f64,
    pub(super) vector: Vec<f64>,
}

/// The `wanted` largest eigenvalues (at most `size`), falling, of a symmetric `size` x `size` matrix.
///
/// # Errors
/// `bug` when the iteration does not come to an end.
pub(super) fn largest(mut matrix: Vec<f64>, size: usize, wanted: usize) -> Result<Vec<Pair>> {
    // Squares of elements must neither overflow nor vanish.
    let scale = matrix.iter().fold(
        0.0_f64,
        |most, x| if x.abs() > most { x.abs() } else { most },
    );
    if scale > 0.0 {
        matrix.iter_mut().for_each(|x| *x /= scale);
    }
    let mut form = tridiagonal(matrix, size);
    let mut turned = identity(size);
    diagonalise(&mut form.diagonal, &mut form.beside, &mut turned)?;
    // Put in place one by one: a sort would be kilobytes more in every page, for at most 4096 numbers.
    let mut order: Vec<usize> = Vec::with_capacity(size);
    for (at, value) in form.diagonal.iter().enumerate() {
        let place = order.partition_point(|before| form.diagonal[*before].total_cmp(value).is_ge());
        order.insert(place, at);
    }
    Ok(order
        .into_iter()
        .take(wanted)
        .map(|at| {
            let mut vector = std::mem::take(&mut turned[at]);
            form.reflect_back(&mut vector);
            Pair {
                value: form.diagonal[at] * scale,
                vector,
            }
        })
        .collect())
}

/// A matrix as reflections around a tridiagonal one.
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// What stands right of the diagonal, and below it.
    beside: Vec<f64>,
    /// One normal for each reflection, over the last components.
    normals: Vec<Vec<f64>>,
    /// 2 over the square of each normal; 0 where there is nothing to reflect.
    weights: Vec<f64>,
}

impl Tridiagonal {
    /// From the coordinates of the tridiagonal matrix to those of the whole.
    fn reflect_back(&self, vector: &mut [f64]) {
        for (at, (normal, weight)) in self.normals.iter().zip(&self.weights).enumerate().rev() {
            let part = &mut vector[at + 1..];
            let share = weight * dot(normal, part);
            for (x, y) in part.iter_mut().zip(normal) {
                *x -= share * y;
            }
        }
    }
}

fn tridiagonal(mut matrix: Vec<f64>, size: usize) -> Tridiagonal {
    let mut form = Tridiagonal {
        diagonal: Vec::with_capacity(size),
        beside: Vec::with_capacity(size),
        normals: Vec::with_capacity(size),
        weights: Vec::with_capacity(size),
    };
    for at in 0..size {
        let (done, below) = matrix.split_at_mut((at + 1) * size);
        let line = &done[at * size..];
        form.diagonal.push(line[at]);
        let mut normal = line[at + 1..].to_vec();
        let Some(first) = normal.first().copied() else {
            break;
        };
        let rest = dot(&normal[1..], &normal[1..]);
        if rest == 0.0 {
            form.beside.push(first);
            form.normals.push(normal);
            form.weights.push(0.0);
            continue;
        }
        let length = (first * first + rest).sqrt();
        // Away from the first component, so that the difference cannot cancel.
        let target = if first > 0.0 { -length } else { length };
        normal[0] = first - target;
        let weight = 2.0 / (normal[0] * normal[0] + rest);
        reflect_both(below, size, at + 1, &normal, weight);
        form.beside.push(target);
        form.normals.push(normal);
        form.weights.push(weight);
    }
    form
}

/// Reflects the square from `start` on from both sides: a rank-two change.
fn reflect_both(lines: &mut [f64], size: usize, start: usize, normal: &[f64], weight: f64) {
    let mut change: Vec<f64> = lines
        .chunks_exact(size)
        .map(|line| weight * dot(&line[start..], normal))
        .collect();
    let share = weight / 2.0 * dot(&change, normal);
    for (x, y) in change.iter_mut().zip(normal) {
        *x -= share * y;
    }
    for (at, line) in lines.chunks_exact_mut(size).enumerate() {
        let (left, right) = (normal[at], change[at]);
        for (x, (n, c)) in line[start..].iter_mut().zip(normal.iter().zip(&change)) {
            *x -= left * c + right * n;
        }
    }
}

fn identity(size: usize) -> Vec<Vec<f64>> {
    (0..size)
        .map(|at| {
            let mut line = vec![0.0; size];
            line[at] = 1.0;
            line
        })
        .collect()
}

/// Turns the tridiagonal matrix until nothing stands beside its diagonal; line i of `turned` becomes eigenvector i.
fn diagonalise(diagonal: &mut [f64], beside: &mut [f64], turned: &mut [Vec<f64>]) -> Result<()> {
    let mut last = diagonal.len() - 1;
    let mut steps = 0;
    while last > 0 {
        let vanishes = |at: usize| {
            beside[at].abs()
                <= f64::EPSILON * (diagonal[at].abs() + diagonal[at + 1].abs()) + NOTHING
        };
        if vanishes(last - 1) {
            last -= 1;
            continue;
        }
        let first = (0..last)
            .rev()
            .find(|at| vanishes(*at))
            .map_or(0, |at| at + 1);
        steps += 1;
        if steps > STEPS_CAP * diagonal.len() {
            return Err(Error::new(
                Code::Bug,
                "the eigenvalues of a covariance were not found; please report the vectors",
            )
            .with(json!({"size": diagonal.len()})));
        }
        step(diagonal, beside, turned, first, last);
    }
    Ok(())
}

/// One implicit QR step over `first..=last`.
fn step(
    diagonal: &mut [f64],
    beside: &mut [f64],
    turned: &mut [Vec<f64>],
    first: usize,
    last: usize,
) {
    let mut x = diagonal[first] - shift(diagonal[last - 1], beside[last - 1], diagonal[last]);
    let mut z = beside[first];
    for at in first..last {
        let length = (x * x + z * z).sqrt();
        let (c, s) = if length == 0.0 {
            (1.0, 0.0)
        } else {
            (x / length, z / length)
        };
        if at > first {
            beside[at - 1] = length;
        }
        let (a, b, d) = (diagonal[at], beside[at], diagonal[at + 1]);
        diagonal[at] = c * c * a + 2.0 * c * s * b + s * s * d;
        diagonal[at + 1] = s * s * a - 2.0 * c * s * b + c * c * d;
        beside[at] = c * s * (d - a) + (c * c - s * s) * b;
        if at + 1 < last {
            x = beside[at];
            z = s * beside[at + 1];
            beside[at + 1] *= c;
        }
        let (head, tail) = turned.split_at_mut(at + 1);
        for (p, q) in head[at].iter_mut().zip(&mut tail[0]) {
            (*p, *q) = (c * *p + s * *q, c * *q - s * *p);
        }
    }
}

/// The eigenvalue of `[a b; b d]` that is nearer to `d`.
fn shift(a: f64, b: f64, d: f64) -> f64 {
    let half = (a - d) / 2.0;
    let root = (half * half + b * b).sqrt();
    let divisor = if half < 0.0 { half - root } else { half + root };
    if divisor == 0.0 {
        d
    } else {
        d - b * b / divisor
    }
}
