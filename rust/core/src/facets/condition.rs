//! Filters: which documents have the values that are asked for.
//!
//! Owns what a condition means; knows nothing of JSON, words or vectors.
//! Invariant: a field that no document has is one in which no document has a value, never an error.

use super::dictionary::Dictionary;
use super::{Columns, Field, Set, value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A range of numbers or of times.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    /// Numbers between two bounds, each with whether it belongs to the range itself.
    Numbers {
        /// The least.
        low: (f64, bool),
        /// The greatest.
        high: (f64, bool),
    },
    /// Dates that begin from the first second on and before the second.
    Dates(std::ops::Range<i64>),
}

impl Span {
    /// Whether a value of a dictionary lies in it.
    pub(super) fn holds(&self, dictionary: &Dictionary, number: usize) -> bool {
        match self {
            Span::Numbers { low, high } => {
                value::number(dictionary.key(number)).is_some_and(|found| {
                    (found > low.0 || low.1 && found == low.0)
                        && (found < high.0 || high.1 && found == high.0)
                })
            }
            Span::Dates(span) => dictionary
                .date(number)
                .is_some_and(|date| span.contains(&date.start)),
        }
    }
}

/// One thing that a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// This value, by its key; where levels count, also what lies below it.
    Key(Vec<u8>),
    /// Any value of a range.
    Span(Span),
}

/// What the values of a document in one field have to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// Whether a text stands for everything below it too: `a/b` for `a/b/c`.
    pub tree: bool,
    /// At least one value is one of these.
    pub any: Option<Vec<Pick>>,
    /// For each of these there is a value.
    pub all: Vec<Pick>,
    /// No value is one of these.
    pub none: Vec<Pick>,
    /// Whether there is a value at all.
    pub exists: Option<bool>,
}

/// Which documents may be found.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them.
    All,
    /// Only these; ids that no document has are ignored.
    Ids(Vec<String>),
    /// All but these.
    NotIds(Vec<String>),
    /// Those with such values.
    Field(Condition),
    /// Those that pass each of these; all if there are none.
    And(Vec<Filter>),
    /// Those that pass one of these; none if there are none.
    Or(Vec<Filter>),
    /// Those that do not pass it.
    Not(Box<Filter>),
}

impl Filter {
    /// The documents that pass; `number` tells the number of an id.
    pub fn documents(&self, columns: &Columns, number: &dyn Fn(&str) -> Option<usize>) -> Set {
        let mut set = Set::default();
        self.mark(columns, number, &mut set);
        set
    }

    /// The same into a set that is there; nothing is allocated for filters of ids.
    pub fn mark(&self, columns: &Columns, number: &dyn Fn(&str) -> Option<usize>, set: &mut Set) {
        let all = columns.documents();
        match self {
            Filter::All => set.reset(all, true),
            Filter::Ids(ids) => {
                set.reset(all, false);
                let listed = ids.iter().filter_map(|id| number(id));
                listed.for_each(|document| set.insert(document));
            }
            Filter::NotIds(ids) => {
                set.reset(all, true);
                let listed = ids.iter().filter_map(|id| number(id));
                listed.for_each(|document| set.remove(document));
            }
            Filter::Field(condition) => *set = condition.documents(columns),
            Filter::And(filters) => {
                set.reset(all, true);
                for filter in filters {
                    set.intersect(&filter.documents(columns, number));
                }
            }
            Filter::Or(filters) => {
                set.reset(all, false);
                for filter in filters {
                    set.unite(&filter.documents(columns, number));
                }
            }
            Filter::Not(filter) => {
                filter.mark(columns, number, set);
                set.invert();
            }
        }
    }

    /// Adds the fields that it names.
    pub fn fields<'a>(&'a self, fields: &mut BTreeSet<&'a str>) {
        match self {
            Filter::All | Filter::Ids(_) | Filter::NotIds(_) => {}
            Filter::Field(condition) => drop(fields.insert(&condition.field)),
            Filter::And(filters) | Filter::Or(filters) => {
                filters.iter().for_each(|filter| filter.fields(fields));
            }
            Filter::Not(filter) => filter.fields(fields),
        }
    }

    /// Adds the ids that it names.
    pub fn ids<'a>(&'a self, ids: &mut Vec<&'a str>) {
        match self {
            Filter::Ids(own) | Filter::NotIds(own) => ids.extend(own.iter().map(String::as_str)),
            Filter::All | Filter::Field(_) => {}
            Filter::And(filters) | Filter::Or(filters) => {
                filters.iter().for_each(|filter| filter.ids(ids));
            }
            Filter::Not(filter) => filter.ids(ids),
        }
    }

    /// The filter for counting the values of a field, where what was picked of them must not hide the others: without
    /// the `any` of that field. None where that is the filter as it stands.
    pub fn without_any(&self, field: &str) -> Option<Filter> {
        match self {
            Filter::Field(condition) if condition.field == field && condition.any.is_some() => {
                Some(Filter::Field(Condition {
                    any: None,
                    ..condition.clone()
                }))
            }
            Filter::And(filters) => {
                let others = filters.iter().map(|filter| filter.without_any(field));
                let others: Vec<Option<Filter>> = others.collect();
                others.iter().any(Option::is_some).then(|| {
                    let both = filters.iter().zip(others);
                    Filter::And(
                        both.map(|(own, other)| other.unwrap_or_else(|| own.clone()))
                            .collect(),
                    )
                })
            }
            _ => None,
        }
    }
}

impl Condition {
    fn documents(&self, columns: &Columns) -> Set {
        let empty = Field::default();
        let field = columns.fields.get(self.field.as_str()).unwrap_or(&empty);
        let mut set = Set::all(columns.documents());
        if let Some(picks) = &self.any {
            set.intersect(&self.picked(columns, field, picks));
        }
        for pick in &self.all {
            set.intersect(&self.picked(columns, field, std::slice::from_ref(pick)));
        }
        if !self.none.is_empty() {
            set.subtract(&self.picked(columns, field, &self.none));
        }
        if let Some(exists) = self.exists {
            let marks = vec![true; field.dictionary.len()];
            let mut with = field.marked(columns.documents(), &marks);
            if !exists {
                with.invert();
            }
            set.intersect(&with);
        }
        set
    }

    fn picked(&self, columns: &Columns, field: &Field, picks: &[Pick]) -> Arc<Set> {
        let documents = columns.documents();
        field.picked.get(documents, self.tree, picks, || {
            field.marked(documents, &marks(&field.dictionary, picks, self.tree))
        })
    }
}

impl Field {
    /// The documents with a value that is marked.
    pub(super) fn marked(&self, documents: usize, marks: &[bool]) -> Set {
        let mut set = Set::none(documents);
        let mut start = 0;
        // Filters look at every document, so that this loop is what a filtered search waits for.
        for (ends, bits) in self.ends.chunks(u64::BITS as usize).zip(set.bits_mut()) {
            for (at, end) in ends.iter().enumerate() {
                let own = &self.values[start..*end as usize];
                start = *end as usize;
                let is_marked = own.iter().any(|value| marks[*value as usize]);
                *bits |= u64::from(is_marked) << at;
            }
        }
        set
    }
}

/// Which values of a dictionary are picked.
fn marks(dictionary: &Dictionary, picks: &[Pick], tree: bool) -> Vec<bool> {
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut spans = Vec::new();
    for pick in picks {
        match pick {
            Pick::Key(key) => keys.push(key),
            Pick::Span(span) => spans.push(span),
        }
    }
    keys.sort_unstable();
    let is_listed = |key: &[u8]| keys.binary_search(&key).is_ok();
    let is_below = |key: &[u8]| {
        value::text(key).is_some()
            && (1..key.len()).any(|at| key[at] == b'/' && is_listed(&key[..at]))
    };
    dictionary
        .keys()
        .enumerate()
        .map(|(number, key)| {
            !keys.is_empty() && (is_listed(key) || tree && is_below(key))
                || spans.iter().any(|span| span.holds(dictionary, number))
        })
        .collect()
}
