//! The vectors of words, moved to where a collection's own passages say they belong.
//!
//! Owns the weights and the constants; must not know of documents or judgements: none are needed. Invariant: the same
//! passages in the same order give the same bytes, on any number of threads.

use super::short::DIM;
use crate::math::Lines;
use crate::math::lines::{Line, WIDTH};
use crate::math::ridge::{self, Bags, Effort};

/// What staying near the table's vectors counts: at 1 a small collection follows its own texts too far.
const EFFORT: Effort = Effort {
    lambda: 3.0,
    rounds: 2,
    steps: 15,
};
/// Of the weight a / (a + p) of a word with share p of all words.
const COMMON: f64 = 1e-3;

/// The vectors of the forms of a collection, of 256 components, such that the sum of a passage's forms points where the passage does.
///
/// `prior`: what [`super::Pieces::form`] gives for each of `forms` forms. `ends`: where the entries of each
/// passage end; `items`: the number of the form of each entry. `targets`: what [`super::Pieces::project`] gives for each passage.
/// Like those of `prior` the vectors hold their weight.
///
/// # Panics
/// When the lengths do not fit each other, the ends do not ascend to the number of entries, or an item is no form.
pub fn adapt(
    forms: usize,
    prior: &(dyn Fn(usize) -> [f32; DIM] + Sync),
    ends: &[u32],
    items: &[u32],
    targets: &Lines,
) -> Lines {
    let weights = weights(forms, items);
    let of_entries: Vec<f32> = items.iter().map(|item| weights[*item as usize]).collect();
    let bags = Bags {
        ends,
        items,
        weights: &of_entries,
    };
    let block = |block: usize| -> Vec<Line> {
        let each = weights.iter().enumerate();
        each.map(|(form, weight)| {
            let row = prior(form);
            std::array::from_fn(|lane| row[block * WIDTH + lane] / weight)
        })
        .collect()
    };
    let mut found = ridge::solve(bags, targets, &block, EFFORT);
    found.change(|form, x| x * weights[form]);
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
