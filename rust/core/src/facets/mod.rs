//! Values of documents by field: what filters, facets and sorting read.
//!
//! Owns the columns and which document has which values; knows nothing of ids, words, vectors or files.
//! Invariant: documents are numbered as the index numbers them, a field without values does not exist, and the same
//! values give the same bytes whatever happened before.

mod condition;
mod count;
mod date;
mod dictionary;
mod matching;
mod order;
mod picked;
mod plan;
mod set;
mod stored;
#[cfg(test)]
mod tests;
mod value;

pub use condition::{Condition, Filter, Pick, Span};
pub use count::{Bucket, Counts, Facet, FacetSort, Grouping};
pub use matching::Matching;
pub use order::{SortKey, page};
pub use plan::{FacetJson, FilterJson, SortJson, read_facets, read_filter, read_sort};
pub use set::Set;
pub use stored::{directory, directory_bytes};
pub use value::{VALUE_CAP, Value};

use crate::calls;
use crate::error::{Code, Error, Result};
use crate::sorted::SortedMap;
use dictionary::Dictionary;
use picked::Picked;
use serde_json::json;

/// Values of one document in one field.
const VALUES_CAP: usize = 1000;
/// Bytes of the name of a field.
const NAME_CAP: usize = 256;
/// Fields of a document, and of an index.
const FIELD_CAP: usize = 1000;

/// The values of a document by field, as a request names them.
pub type Values = SortedMap<String, Vec<Value>>;

/// The values of a document, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(SortedMap<Box<str>, Vec<Vec<u8>>>);

impl Row {
    /// Takes the values of a document; their order and repetitions do not count.
    ///
    /// # Errors
    /// `bad_input` for a value that cannot be kept, or more fields or values than a document may have.
    pub fn new(values: &Values) -> Result<Row> {
        if values.len() > FIELD_CAP {
            return Err(too_much(
                "a document has more than 1000 fields; leave some out",
            ));
        }
        let mut row = SortedMap::new();
        for (name, values) in values {
            if name.is_empty() || name.len() > NAME_CAP {
                return Err(too_much(
                    "the name of a field is empty or longer than 256 bytes; shorten it",
                ));
            }
            if values.len() > VALUES_CAP {
                return Err(too_much(
                    "a field of a document has more than 1000 values; leave some out",
                )
                .with(json!({"field": name})));
            }
            let mut keys = values.iter().map(Value::key).collect::<Result<Vec<_>>>()?;
            keys.sort_unstable();
            keys.dedup();
            if !keys.is_empty() {
                row.insert(name.as_str().into(), keys);
            }
        }
        Ok(Row(row))
    }
}

/// One field: the values of every document in it.
#[derive(Clone, Debug, Default)]
struct Field {
    dictionary: Dictionary,
    /// Where the values of a document end; documents beyond have none.
    ends: Vec<u32>,
    /// Numbers in the dictionary, those of a document together, each once.
    values: Vec<u32>,
    /// What was picked of them lately.
    picked: Picked,
}

impl Field {
    fn of(&self, document: usize) -> &[u32] {
        let Some(end) = self.ends.get(document) else {
            return &[];
        };
        let start = document
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        &self.values[start as usize..*end as usize]
    }

    /// Appends the values of a document, which is not among those it has.
    fn push<'a>(&mut self, document: usize, keys: impl Iterator<Item = &'a [u8]>) {
        self.ends.resize(document, self.values.len() as u32);
        for key in keys {
            self.values.push(self.dictionary.number(key));
        }
        self.ends.push(self.values.len() as u32);
        self.picked.clear();
    }

    /// A field of these documents, without the values that only others have.
    fn picked(&self, documents: &[usize]) -> Field {
        let mut field = Field::default();
        let mut known = vec![None; self.dictionary.len()];
        calls::each(documents.len(), &mut |at| {
            for value in self.of(documents[at]) {
                let key = self.dictionary.key(*value as usize);
                let number =
                    known[*value as usize].get_or_insert_with(|| field.dictionary.push(key));
                field.values.push(*number);
            }
            field.ends.push(field.values.len() as u32);
        });
        field
    }
}

/// The values of all documents.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    documents: usize,
    fields: SortedMap<Box<str>, Field>,
}

impl Columns {
    /// Columns of no documents.
    pub fn new() -> Columns {
        Columns::default()
    }

    /// Columns of that many documents without values, to which [`Columns::load_field`] adds.
    pub fn blank(documents: usize) -> Columns {
        Columns {
            documents,
            ..Columns::default()
        }
    }

    /// How many documents it has.
    pub fn documents(&self) -> usize {
        self.documents
    }

    /// The names of its fields, bytewise ascending.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(|name| &**name)
    }

    /// Whether these documents can be added too; ask before [`Columns::push`].
    ///
    /// # Errors
    /// `bad_input` when a field would have 2^32 bytes of values, or the index more than 1000 fields.
    pub fn check_room<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Result<()> {
        let mut names: SortedMap<&str, usize> = SortedMap::new();
        for (name, field) in &self.fields {
            names.insert(name, field.dictionary.key_bytes().max(field.values.len()));
        }
        for (name, keys) in rows.into_iter().flat_map(|row| &row.0) {
            let bytes = names.get_or_insert_with(name, Default::default);
            // A key has at least one byte, so that the number of values is counted too.
            *bytes = keys
                .iter()
                .fold(*bytes, |sum, key| sum.saturating_add(key.len()));
        }
        if names.len() > FIELD_CAP {
            return Err(
                too_much("an index has at most 1000 fields; give the documents fewer")
                    .with(json!({"found": names.len()})),
            );
        }
        if let Some((name, _)) = names.iter().find(|(_, bytes)| **bytes > u32::MAX as usize) {
            return Err(too_much(
                "the values of a field exceed 4 GiB; put the documents into several indexes",
            )
            .with(json!({"field": name})));
        }
        Ok(())
    }

    /// Appends a document.
    pub fn push(&mut self, row: &Row) {
        for (name, keys) in &row.0 {
            let keys = keys.iter().map(Vec::as_slice);
            self.fields
                .get_or_insert_with(name.clone(), Default::default)
                .push(self.documents, keys);
        }
        self.documents += 1;
    }

    /// Forgets the documents that `keep` (one for each document) is false for; the others move down over the gaps, in order.
    pub fn retain(&mut self, keep: &[bool]) {
        let stay: Vec<usize> = (0..self.documents)
            .filter(|document| keep[*document])
            .collect();
        *self = self.picked(&stay);
    }

    /// Columns of these documents, each named once at most, in this order.
    pub fn picked(&self, documents: &[usize]) -> Columns {
        let fields = self.fields.iter().filter_map(|(name, field)| {
            let field = field.picked(documents);
            (!field.values.is_empty()).then(|| (name.clone(), field))
        });
        Columns {
            documents: documents.len(),
            fields: fields.collect(),
        }
    }

    /// The values of a document in all fields, to be added elsewhere.
    pub fn row(&self, document: usize) -> Row {
        let fields = self.fields.iter().filter_map(|(name, field)| {
            let numbers = field.of(document).iter();
            let mut keys: Vec<Vec<u8>> = numbers
                .map(|number| field.dictionary.key(*number as usize).to_vec())
                .collect();
            keys.sort_unstable();
            (!keys.is_empty()).then(|| (name.clone(), keys))
        });
        Row(fields.collect())
    }

    /// The values of a document in a field, numbers first, each kind ascending.
    pub fn values(&self, field: &str, document: usize) -> Vec<Value> {
        let row = self.row(document);
        let keys = row.0.get(field).into_iter().flatten();
        keys.filter_map(|key| Value::from_key(key)).collect()
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        self.fields
            .iter()
            .map(|(name, field)| {
                let numbers = field.ends.capacity() + field.values.capacity();
                name.len()
                    + numbers * size_of::<u32>()
                    + field.dictionary.size_bytes()
                    + field.picked.size_bytes()
            })
            .sum()
    }
}

fn too_much(what: &str) -> Error {
    Error::new(Code::BadInput, what)
}
