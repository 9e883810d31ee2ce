//! The vectors of words, moved to where a collection's own passages say they belong.
//!
//! Owns the weights and the constants; must not know of documents or judgements: none are needed. Invariant: the same
//! passages in the same order give the same bytes, on any number of threads.

use super::short::DIM;
use crate::math::ridge::{self, Bags, Effort};

/// What staying near the table's vectors counts: at 1 a small collection follows its own texts too far.
const EFFORT: Effort = Effort {
    lambda: 3.0,
    rounds: 2,
    steps: 15,
};
/// Of the weight a / (a + p) of a word with share p of all words.
const COMMON: f64 = 1e-3;

/// The vectors of the forms of a collection, forms x 256, such that the sum of a passage's forms points where the passage does.
///
/// `prior`: what [`super::Pieces::form`] gives for each form, zeros where that is nothing. `ends`: where the entries of each
/// passage end; `items`: the number of the form of each entry. `targets`: what [`super::Pieces::project`] gives for each passage.
/// Like those of `prior` the vectors hold their weight.
///
/// # Panics
/// When the lengths do not fit each other, the ends do not ascend to the number of entries, or a form is not in `prior`.
pub fn adapt(prior: &[f32], ends: &[u32], items: &[u32], targets: &[f32]) -> Vec<f32> {
    let weights = weights(prior.len() / DIM, items);
    let mut scaled = prior.to_vec();
    for (row, weight) in scaled.as_chunks_mut::<DIM>().0.iter_mut().zip(&weights) {
        row.iter_mut().for_each(|x| *x /= weight);
    }
    let of_entries: Vec<f32> = items.iter().map(|item| weights[*item as usize]).collect();
    let bags = Bags {
        ends,
        items,
        weights: &of_entries,
    };
    let mut found = ridge::solve(bags, targets, &scaled, DIM, EFFORT);
    for (row, weight) in found.as_chunks_mut::<DIM>().0.iter_mut().zip(&weights) {
        row.iter_mut().for_each(|x| *x *= weight);
    }
    found
}

/// How freely each form may move: the rarer, the more.
fn weights(forms: usize, items: &[u32]) -> Vec<f32> {
    let mut counts = vec![0_u32; forms];
    for item in items {
        counts[*item as usize] += 1;
    }
    let share = |count: u32| f64::from(count) / items.len().max(1) as f64;
    counts
        .iter()
        .map(|count| (COMMON / (COMMON + share(*count))) as f32)
        .collect()
}
