//! Facets: how many documents of a set have which values.
//!
//! Owns counting and the order of what is counted; knows nothing of how the set came about.
//! Invariant: a document counts once for a value, a level or a range, however many of its values fall there.

use super::{Columns, Field, Set, Span, Value, value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What values are counted by.
#[derive(Clone, Debug, PartialEq)]
pub enum Grouping {
    /// Each value for itself.
    Values,
    /// One level of texts with `/` between their levels: what lies right below `under`, or the topmost level.
    Tree(Option<String>),
    /// Ranges, which may overlap; their number is at most 64.
    Ranges(Vec<Span>),
}

/// In which order values are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FacetSort {
    /// The most frequent first, of equal ones the lesser value.
    Count,
    /// Numbers by size, then texts bytewise.
    Value,
}

/// What is to be counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// The field.
    pub field: String,
    /// What its values are counted by.
    pub by: Grouping,
    /// The most values listed; ranges are all listed.
    pub limit: usize,
    /// In which order values are listed; ranges stay in theirs.
    pub sort: FacetSort,
}

/// A value, a level or a range with the number of its documents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// The value, or the level as its whole path; none for a range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Which of the ranges it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<usize>,
    /// How many documents.
    pub count: usize,
}

/// The counts of a facet.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// The field.
    pub field: String,
    /// What was counted, as many as were asked for.
    pub values: Vec<Bucket>,
    /// How many values or levels there are in the set, listed or not.
    pub distinct: usize,
    /// How many documents of the set have no value in the field.
    pub missing: usize,
}

/// Which group each value of a dictionary belongs to, and what a group is called.
struct Groups<'a> {
    /// By the number of the value; none for a value that is not counted.
    of: Vec<Option<u32>>,
    /// The keys of the groups, by their numbers.
    keys: Vec<&'a [u8]>,
}

impl Facet {
    /// Counts the documents of a set.
    pub fn count(&self, columns: &Columns, set: &Set) -> Counts {
        let empty = Field::default();
        let field = columns.fields.get(self.field.as_str()).unwrap_or(&empty);
        let mut missing = 0;
        let documents = set.iter().map(|document| {
            let values = field.of(document);
            missing += usize::from(values.is_empty());
            values
        });
        let (values, distinct) = match &self.by {
            Grouping::Ranges(spans) => (in_spans(field, documents, spans), spans.len()),
            Grouping::Values => {
                let mut counts = vec![0_u32; field.dictionary.len()];
                for value in documents.flatten() {
                    counts[*value as usize] += 1;
                }
                self.listed(&counts, &|value| field.dictionary.key(value))
            }
            Grouping::Tree(under) => {
                let groups = level(field, under.as_deref());
                let mut counts = vec![0_u32; groups.keys.len()];
                // Where each group was counted last, so that a document counts once.
                let mut last = vec![usize::MAX; groups.keys.len()];
                for (turn, values) in documents.enumerate() {
                    for group in values.iter().filter_map(|value| groups.of[*value as usize]) {
                        let group = group as usize;
                        counts[group] +=
                            u32::from(std::mem::replace(&mut last[group], turn) != turn);
                    }
                }
                self.listed(&counts, &|group| groups.keys[group])
            }
        };
        Counts {
            field: self.field.clone(),
            values,
            distinct,
            missing,
        }
    }

    /// The groups that were counted, as many as are wanted, and the number of all.
    fn listed<'a>(&self, counts: &[u32], key: &dyn Fn(usize) -> &'a [u8]) -> (Vec<Bucket>, usize) {
        let mut found: Vec<usize> = (0..counts.len())
            .filter(|group| counts[*group] > 0)
            .collect();
        let distinct = found.len();
        let order = |a: &usize, b: &usize| {
            let by_count = || counts[*b].cmp(&counts[*a]);
            let by_value = || key(*a).cmp(key(*b));
            match self.sort {
                FacetSort::Count => by_count().then_with(by_value),
                FacetSort::Value => by_value(),
            }
        };
        // Of many values few are listed.
        if (1..distinct).contains(&self.limit) {
            found.select_nth_unstable_by(self.limit - 1, order);
        }
        found.truncate(self.limit);
        found.sort_unstable_by(order);
        let buckets = found.into_iter().map(|group| Bucket {
            value: Value::from_key(key(group)),
            range: None,
            count: counts[group] as usize,
        });
        (buckets.collect(), distinct)
    }
}

/// Groups texts by their level right below `under`; the topmost for none. A `/` at the start belongs to the first level.
fn level<'a>(field: &'a Field, under: Option<&str>) -> Groups<'a> {
    let mut groups = Groups {
        of: Vec::with_capacity(field.dictionary.len()),
        keys: Vec::new(),
    };
    let mut numbers = BTreeMap::new();
    for key in field.dictionary.keys() {
        let level = value::text(key).and_then(|text| {
            let above = match under {
                None => 0,
                Some(under) => {
                    1 + text
                        .strip_prefix(under)?
                        .starts_with('/')
                        .then_some(under.len())?
                }
            };
            let below = &text[above..];
            let end = below.char_indices().skip(1).find(|(_, char)| *char == '/');
            let end = end.map_or(below.len(), |(at, _)| at);
            // The tag of a key is one byte.
            (end > 0).then(|| &key[..1 + above + end])
        });
        groups.of.push(level.map(|level| {
            *numbers.entry(level).or_insert_with(|| {
                groups.keys.push(level);
                groups.keys.len() as u32 - 1
            })
        }));
    }
    groups
}

fn in_spans<'a>(
    field: &Field,
    documents: impl Iterator<Item = &'a [u32]>,
    spans: &[Span],
) -> Vec<Bucket> {
    // One bit a range, so that a document that has several values in it counts once.
    let dictionary = &field.dictionary;
    let masks: Vec<u64> = (0..dictionary.len())
        .map(|number| {
            let holding = spans
                .iter()
                .enumerate()
                .filter(|(_, span)| span.holds(dictionary, number));
            holding.fold(0, |mask, (at, _)| mask | 1 << at)
        })
        .collect();
    let mut counts = vec![0; spans.len()];
    for values in documents {
        let mut mask = values
            .iter()
            .fold(0, |mask, value| mask | masks[*value as usize]);
        while mask != 0 {
            counts[mask.trailing_zeros() as usize] += 1;
            mask &= mask - 1;
        }
    }
    let buckets = counts.into_iter().enumerate().map(|(at, count)| Bucket {
        value: None,
        range: Some(at),
        count,
    });
    buckets.collect()
}
