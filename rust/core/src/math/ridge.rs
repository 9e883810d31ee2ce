//! Vectors of items such that the sum of a bag's items points where the bag's own vector does: ridge regression.
//!
//! Owns the numerical method; must not know what items and bags stand for. Arithmetic is f32, unlike the rest of `math`:
//! the result is an estimate, rounded to a few bits by whoever keeps it. Invariant: every column is computed by itself, in
//! the order of the bags, so neither the width of registers nor the number of threads changes a bit.
//!
//! Minimises |A V - Y|^2 + lambda |V - V0|^2, where row t of A holds the weights of bag t divided by the length of its sum,
//! so that the sum is compared as a direction. The length depends on V: it is taken from the round before, and the rest is
//! linear, solved by conjugate gradients from where V stands (Hestenes and Stiefel, 1952).

use super::lines::{Line, Lines, WIDTH};
use super::refused;
use super::rows::{Rows, check, folded};
use crate::error::{Code, Error, Result};
use serde_json::json;

/// What a length counts as at least, and a curvature, so that nothing is divided by zero.
const LENGTH_MIN: f64 = 1e-3;
const CURVATURE_MIN: f64 = 1e-20;
const LAMBDA_MAX: f32 = 1e6;
const EFFORT_MAX: usize = 100;

type Sums = [f64; WIDTH];

/// Bags of weighted items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bags<'a> {
    /// Where the entries of each bag end; they begin where those of the bag before end.
    pub(crate) ends: &'a [u32],
    /// The item of each entry.
    pub(crate) items: &'a [u32],
    /// The weight of each entry.
    pub(crate) weights: &'a [f32],
}

/// How hard to try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// What a unit of squared distance from the prior counts beside one of squared error.
    pub(crate) lambda: f32,
    /// How often the lengths are taken anew.
    pub(crate) rounds: usize,
    /// Steps of conjugate gradients in each round.
    pub(crate) steps: usize,
}

impl Bags<'_> {
    /// Bag by bag: its number and its entries.
    fn each(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = (usize, f32)> + Clone)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(self.ends)
            .enumerate()
            .map(|(bag, (start, end))| {
                let range = start as usize..*end as usize;
                let items = self.items[range.clone()].iter().map(|item| *item as usize);
                (bag, items.zip(self.weights[range].iter().copied()))
            })
    }
}

/// Carries out a request: `counts` are those of bags, entries and items, which the payload holds as ends, items, weights,
/// prior rows and target rows.
pub(super) fn read(
    dim: usize,
    counts: [usize; 3],
    payload: &[u8],
    effort: Effort,
) -> Result<Vec<f32>> {
    check(dim)?;
    let [bags, entries, items] = counts;
    if !(effort.lambda > 0.0 && effort.lambda <= LAMBDA_MAX)
        || effort.rounds > EFFORT_MAX
        || effort.steps > EFFORT_MAX
    {
        return Err(refused(
            "\"lambda\" is not above 0 and at most 1e6, or \"rounds\" or \"steps\" is above 100",
        )
        .with(json!({"lambda": effort.lambda, "rounds": effort.rounds, "steps": effort.steps})));
    }
    let mut parts = Parts(payload);
    let ends = parts.take(bags)?;
    let named = parts.take(entries)?;
    let weights = parts.take(entries)?;
    let prior = parts.take(items.checked_mul(dim).ok_or_else(uneven)?)?;
    let targets = parts.take(bags.checked_mul(dim).ok_or_else(uneven)?)?;
    if !parts.0.is_empty() {
        return Err(uneven());
    }
    let whole = |bytes: &[[u8; 4]]| bytes.iter().map(|x| u32::from_le_bytes(*x)).collect();
    let (ends, named): (Vec<u32>, Vec<u32>) = (whole(ends), whole(named));
    let last = ends.last().copied().unwrap_or(0) as usize;
    if last != entries
        || ends.windows(2).any(|two| two[0] > two[1])
        || named.iter().any(|item| *item as usize >= items)
    {
        return Err(refused(
            "the ends of the bags do not ascend to \"entries\", or an item is not below \"items\"",
        )
        .with(json!({"entries": entries, "items": items, "end": last})));
    }
    let numbers = |bytes: &[[u8; 4]]| Rows::read(1, bytes.as_flattened());
    let lines = |bytes: &[[u8; 4]]| {
        let rows = Rows::read(dim, bytes.as_flattened())?;
        let mut lines = Lines::new(dim, rows.values().len() / dim);
        rows.values()
            .chunks_exact(dim)
            .for_each(|row| lines.push(row));
        Ok::<Lines, Error>(lines)
    };
    let (weights, prior, targets) = (numbers(weights)?, lines(prior)?, lines(targets)?);
    let bags = Bags {
        ends: &ends,
        items: &named,
        weights: weights.values(),
    };
    let found = solve(bags, &targets, &|block| prior.blocks[block].clone(), effort);
    Ok((0..found.len()).flat_map(|item| found.row(item)).collect())
}

/// What is left of a payload.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [[u8; 4]]> {
        let bytes = count.checked_mul(4).ok_or_else(uneven)?;
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or_else(uneven)?;
        self.0 = rest;
        Ok(taken.as_chunks::<4>().0)
    }
}

fn uneven() -> Error {
    Error::new(
        Code::WrongDim,
        "the payload does not have the length that the counts of the request ask for; correct one of them",
    )
}

/// The vectors of the items from those they should stay near, of which `prior` gives the columns of a block: they are needed
/// twice a round, and may take less memory where they come from.
///
/// # Panics
/// When the ends of `bags` do not ascend to the number of its entries, an item is not in `prior`, or `targets` does not hold a
/// vector for each bag.
pub(crate) fn solve(
    bags: Bags<'_>,
    targets: &Lines,
    prior: &(dyn Fn(usize) -> Vec<Line> + Sync),
    effort: Effort,
) -> Lines {
    assert_eq!(targets.len(), bags.ends.len(), "a target for each bag");
    let mut found = Lines::of_blocks(targets.dim(), prior);
    for _ in 0..effort.rounds {
        let columns = Columns {
            bags,
            factors: &factors(bags, &found.blocks),
            lambda: effort.lambda,
        };
        let solved = |(block, (found, targets)): (usize, (&mut Vec<Line>, &Vec<Line>))| {
            columns.refine(found, &prior(block), targets, effort.steps);
        };
        #[cfg(feature = "threads")]
        {
            use rayon::prelude::*;
            let blocks = found.blocks.par_iter_mut().zip(&targets.blocks);
            blocks.enumerate().for_each(solved);
        }
        #[cfg(not(feature = "threads"))]
        {
            let blocks = found.blocks.iter_mut().zip(&targets.blocks);
            blocks.enumerate().for_each(solved);
        }
    }
    found
}

/// One over the length of each bag's sum.
fn factors(bags: Bags<'_>, blocks: &[Vec<Line>]) -> Vec<f32> {
    let mut squares = vec![0.0; bags.ends.len()];
    for lines in blocks {
        for (bag, entries) in bags.each() {
            let mut lanes = [0.0_f64; WIDTH];
            for (lane, x) in lanes.iter_mut().zip(sum(entries, lines)) {
                *lane = f64::from(x) * f64::from(x);
            }
            squares[bag] += folded(lanes);
        }
    }
    squares
        .iter()
        .map(|square: &f64| (1.0 / square.sqrt().max(LENGTH_MIN)) as f32)
        .collect()
}

fn sum(entries: impl Iterator<Item = (usize, f32)>, lines: &[Line]) -> Line {
    let mut total = [0.0; WIDTH];
    for (item, weight) in entries {
        add(&mut total, weight, &lines[item]);
    }
    total
}

fn add(to: &mut Line, factor: f32, line: &Line) {
    for (to, x) in to.iter_mut().zip(line) {
        *to += factor * x;
    }
}

/// The sums of the products of two columns.
fn products(a: &[Line], b: &[Line]) -> Sums {
    let mut sums = [0.0; WIDTH];
    for (a, b) in a.iter().zip(b) {
        for (sum, (x, y)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += f64::from(*x) * f64::from(*y);
        }
    }
    sums
}

/// The linear problem of some columns.
struct Columns<'a> {
    bags: Bags<'a>,
    factors: &'a [f32],
    lambda: f32,
}

impl Columns<'_> {
    fn refine(&self, found: &mut [Line], prior: &[Line], targets: &[Line], steps: usize) {
        // The residual: A^T (Y - A V) - lambda (V - V0), in one walk.
        let mut rest: Vec<Line> = found
            .iter()
            .zip(prior)
            .map(|(x, from)| std::array::from_fn(|lane| -self.lambda * (x[lane] - from[lane])))
            .collect();
        for (bag, entries) in self.bags.each() {
            let factor = self.factors[bag];
            let made = sum(entries.clone(), found);
            let error: Line = std::array::from_fn(|lane| targets[bag][lane] - factor * made[lane]);
            for (item, weight) in entries {
                add(&mut rest[item], factor * weight, &error);
            }
        }
        // From here on it is how far they moved: there are many of them, and memory for one more such list would be missed.
        for (x, from) in found.iter_mut().zip(prior) {
            *x = std::array::from_fn(|lane| x[lane] - from[lane]);
        }
        let mut direction = rest.clone();
        let mut image = rest.clone();
        let mut square = products(&rest, &rest);
        for _ in 0..steps {
            self.map(&direction, &mut image);
            let curvature = products(&direction, &image);
            let step: Line = std::array::from_fn(|lane| {
                (square[lane] / curvature[lane].max(CURVATURE_MIN)) as f32
            });
            for (moved, direction) in found.iter_mut().zip(&direction) {
                step_along(moved, &step, direction);
            }
            let back = step.map(|x| -x);
            for (rest, image) in rest.iter_mut().zip(&image) {
                step_along(rest, &back, image);
            }
            let left = products(&rest, &rest);
            let share: Line =
                std::array::from_fn(|lane| (left[lane] / square[lane].max(CURVATURE_MIN)) as f32);
            for (direction, rest) in direction.iter_mut().zip(&rest) {
                *direction = std::array::from_fn(|lane| rest[lane] + share[lane] * direction[lane]);
            }
            square = left;
        }
        for (moved, from) in found.iter_mut().zip(prior) {
            *moved = std::array::from_fn(|lane| from[lane] + moved[lane]);
        }
    }

    /// Makes `image` (A^T A + lambda) x.
    fn map(&self, lines: &[Line], image: &mut [Line]) {
        for (image, line) in image.iter_mut().zip(lines) {
            *image = line.map(|x| self.lambda * x);
        }
        for (bag, entries) in self.bags.each() {
            let factor = self.factors[bag];
            let seen = sum(entries.clone(), lines).map(|x| x * (factor * factor));
            for (item, weight) in entries {
                add(&mut image[item], weight, &seen);
            }
        }
    }
}

fn step_along(line: &mut Line, step: &Line, direction: &Line) {
    for (x, (step, by)) in line.iter_mut().zip(step.iter().zip(direction)) {
        *x += step * by;
    }
}
