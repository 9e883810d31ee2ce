//! Sorting by fields, and pages of what was sorted.
//!
//! Owns the order of documents by their values; knows nothing of scores.
//! Invariant: a document without a value comes last whichever way is sorted, and what is left equal is decided by the
//! caller's order, so that every page is a part of one order.

use super::{Columns, Set};
use std::cmp::Ordering;

/// One field to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// The field.
    pub field: String,
    /// Whether the greatest comes first. Of several values of a document that one counts which comes first.
    pub descending: bool,
}

/// The documents of a set from place `offset` on, at most `limit`, in the order of `keys`: numbers by size, then dates by
/// time, then other texts bytewise. Documents that are equal by all keys are in the order of `ties`.
pub fn page(
    columns: &Columns,
    keys: &[SortKey],
    set: &Set,
    ties: &dyn Fn(usize, usize) -> Ordering,
    offset: usize,
    limit: usize,
) -> Vec<usize> {
    let ranks: Vec<Vec<u32>> = keys.iter().map(|key| ranks(columns, key)).collect();
    let mut documents: Vec<usize> = set.iter().collect();
    let compare = |a: &usize, b: &usize| {
        let by_key = ranks.iter().map(|ranks| ranks[*a].cmp(&ranks[*b]));
        by_key
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| ties(*a, *b))
    };
    let end = offset.saturating_add(limit).min(documents.len());
    if offset >= end {
        return Vec::new();
    }
    if end < documents.len() {
        documents.select_nth_unstable_by(end, compare);
        documents.truncate(end);
    }
    documents.sort_unstable_by(compare);
    documents.split_off(offset)
}

/// The rank of each document by one key, the least first.
fn ranks(columns: &Columns, key: &SortKey) -> Vec<u32> {
    let mut ranks = vec![u32::MAX; columns.documents()];
    let Some(field) = columns.fields.get(key.field.as_str()) else {
        return ranks;
    };
    let places = field.dictionary.places();
    let last = places.len() as u32;
    for (document, rank) in ranks.iter_mut().enumerate().take(field.ends.len()) {
        for value in field.of(document) {
            let place = places[*value as usize];
            *rank = (*rank).min(if key.descending { last - place } else { place });
        }
    }
    ranks
}
