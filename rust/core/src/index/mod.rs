//! An index: documents, the passages of each as int8 codes, and a record to give back with a hit.
//!
//! Owns what is in an index; knows nothing of text, models or requests.
//! Invariant: passages are rows without gaps in the order of the documents, every id occurs once, and the same documents
//! added in the same order give the same bytes.

mod search;
mod stored;

pub use search::{Buffers, Filter, Found};

use crate::codes;
use crate::error::{Code, Error, Result};
use crate::file::{Answer, File};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use stored::read_record;

/// Which vectors an index holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// The space id of the model that made them.
    pub id: String,
    /// Components of each vector.
    pub dim: usize,
}

/// Bytes that an index holds in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SizeBytes {
    /// Codes and scales.
    pub vectors: usize,
    /// Links between vectors; 0 for an index that is scanned.
    pub graph: usize,
    /// Ids, records, and blocks of the file it was opened from.
    pub text: usize,
}

/// A document to be added.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Unique within the index; an entry of the same id is replaced.
    pub id: String,
    /// How many rows it has, at least one.
    pub passages: usize,
    /// What is given back with a hit.
    pub record: Box<RawValue>,
}

/// How many documents were new, how many took the place of another, and their passages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Added {
    /// New documents.
    pub added: usize,
    /// Documents that replaced one of the same id.
    pub replaced: usize,
    /// Passages of both.
    pub passages: usize,
}

#[derive(Clone, Debug)]
struct Document {
    id: Box<str>,
    first_row: usize,
    passages: usize,
    record: Range<u64>,
}

#[derive(Clone, Debug, Default)]
struct Rows {
    codes: Vec<i8>,
    scales: Vec<f32>,
}

/// Documents, their vectors and records; parts of it may still lie in a file.
#[derive(Clone, Debug)]
pub struct Index {
    space: Option<Space>,
    meta: Map<String, Value>,
    documents: Vec<Document>,
    numbers: BTreeMap<Box<str>, usize>,
    passages: usize,
    /// None while they lie in `file`.
    rows: Option<Rows>,
    /// The records end to end; None while they lie in `file`.
    records: Option<Vec<u8>>,
    file: Option<File>,
}

impl Index {
    /// An index without documents, which takes the space of the first that is added.
    pub fn new() -> Index {
        Index {
            space: None,
            meta: Map::new(),
            documents: Vec::new(),
            numbers: BTreeMap::new(),
            passages: 0,
            rows: Some(Rows::default()),
            records: Some(Vec::new()),
            file: None,
        }
    }

    /// The file it was opened from, while parts of it still lie there.
    pub fn file_mut(&mut self) -> Option<&mut File> {
        self.file.as_mut()
    }

    /// The space of its vectors; none before the first document.
    pub fn space(&self) -> Option<&Space> {
        self.space.as_ref()
    }

    /// What its maker says about it.
    pub fn meta(&self) -> &Map<String, Value> {
        &self.meta
    }

    /// The number of documents.
    pub fn documents(&self) -> usize {
        self.documents.len()
    }

    /// The number of passages of all documents.
    pub fn passages(&self) -> usize {
        self.passages
    }

    /// What it holds in memory.
    pub fn size_bytes(&self) -> SizeBytes {
        let vectors = self.rows.as_ref().map_or(0, |rows| {
            rows.codes.capacity() + rows.scales.capacity() * size_of::<f32>()
        });
        let ids: usize = self.documents.iter().map(|each| each.id.len()).sum();
        // An id stands in the list and in the map.
        let table = self.documents.capacity() * size_of::<Document>()
            + self.numbers.len() * size_of::<(Box<str>, usize)>();
        let records = self.records.as_ref().map_or(0, Vec::capacity);
        let file = self.file.as_ref().map_or(0, File::size_bytes);
        SizeBytes {
            vectors,
            graph: 0,
            text: table + 2 * ids + records + file,
        }
    }

    /// The id of a document by its number.
    pub fn id(&self, document: usize) -> &str {
        &self.documents[document].id
    }

    /// The number of the document of that id.
    pub fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// Adds documents whose passages are the rows of `vectors` (passages x dim, in order); all or nothing.
    /// A document whose id the index has takes the place of the old one at the end.
    ///
    /// # Errors
    /// `wrong_space` or `wrong_dim` when the index holds other vectors, `bad_input` for an empty id, one that occurs
    /// twice, a document without passages or an unusable vector. [`Index::fetch_all`] comes first for a file.
    pub fn add(&mut self, space: &Space, entries: &[Entry], vectors: &[f32]) -> Result<Added> {
        self.check_space(&space.id, space.dim)?;
        let mut fresh = Rows::default();
        let mut ids = BTreeMap::new();
        let mut passages = 0;
        for entry in entries {
            if entry.id.is_empty() || entry.passages == 0 {
                return Err(unusable(
                    "a document has an empty id or no passages; give it both",
                    &entry.id,
                ));
            }
            if ids.insert(entry.id.as_str(), ()).is_some() {
                return Err(unusable(
                    "an id occurs twice in one call; give each document its own",
                    &entry.id,
                ));
            }
            passages += entry.passages;
        }
        if vectors.len() != passages * space.dim {
            return Err(Error::new(
                Code::Bug,
                "there is not one vector for each passage",
            ));
        }
        for vector in vectors.chunks_exact(space.dim) {
            fresh
                .scales
                .push(codes::quantize(vector, &mut fresh.codes)?);
        }
        if self.rows.is_none() || self.records.is_none() {
            return Err(lost());
        }
        let replaced = self.remove(entries.iter().map(|entry| entry.id.as_str()))?;
        let (Some(rows), Some(records)) = (&mut self.rows, &mut self.records) else {
            return Err(lost());
        };
        rows.codes.extend_from_slice(&fresh.codes);
        rows.scales.extend_from_slice(&fresh.scales);
        for entry in entries {
            let start = records.len() as u64;
            records.extend_from_slice(entry.record.get().as_bytes());
            self.numbers
                .insert(entry.id.as_str().into(), self.documents.len());
            self.documents.push(Document {
                id: entry.id.as_str().into(),
                first_row: self.passages,
                passages: entry.passages,
                record: start..records.len() as u64,
            });
            self.passages += entry.passages;
        }
        if !entries.is_empty() {
            self.space.get_or_insert_with(|| space.clone());
        }
        Ok(Added {
            added: entries.len() - replaced,
            replaced,
            passages,
        })
    }

    /// Removes documents and gives their number; ids that are not in the index are ignored.
    /// [`Index::fetch_all`] comes first for a file.
    ///
    /// # Errors
    /// `bug` when rows still lie in a file.
    pub fn remove<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<usize> {
        let (Some(rows), Some(records)) = (&mut self.rows, &mut self.records) else {
            return Err(lost());
        };
        let gone: Vec<usize> = ids.filter_map(|id| self.numbers.remove(id)).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let mut keep = vec![true; self.documents.len()];
        for document in &gone {
            keep[*document] = false;
        }
        let dim = self.space.as_ref().map_or(0, |space| space.dim);
        let mut number = 0;
        let (mut row, mut record) = (0, 0);
        // Everything that stays moves down over the gaps, in order.
        self.documents.retain_mut(|document| {
            let stays = keep[number];
            number += 1;
            if !stays {
                return false;
            }
            let old = document.first_row..document.first_row + document.passages;
            rows.codes
                .copy_within(old.start * dim..old.end * dim, row * dim);
            rows.scales.copy_within(old, row);
            let bytes = span(&document.record);
            let length = bytes.len();
            records.copy_within(bytes, record);
            document.first_row = row;
            document.record = record as u64..(record + length) as u64;
            row += document.passages;
            record += length;
            true
        });
        rows.codes.truncate(row * dim);
        rows.scales.truncate(row);
        records.truncate(record);
        self.passages = row;
        for (number, document) in self.documents.iter().enumerate() {
            if let Some(known) = self.numbers.get_mut(&document.id) {
                *known = number;
            }
        }
        Ok(gone.len())
    }

    /// The records of documents by their numbers.
    ///
    /// # Errors
    /// `bad_format` when a record is not JSON, `wrong_digest` for a damaged file.
    pub fn records(&mut self, documents: &[usize]) -> Result<Answer<Vec<Box<RawValue>>>> {
        let ranges: Vec<Range<u64>> = documents
            .iter()
            .map(|document| self.documents[*document].record.clone())
            .collect();
        if let Some(records) = &self.records {
            let texts = ranges
                .iter()
                .map(|range| read_record(&records[span(range)]));
            return Ok(Answer::Ready(texts.collect::<Result<_>>()?));
        }
        let file = self.file.as_mut().ok_or_else(lost)?;
        Ok(match file.pieces("records", &ranges)? {
            Answer::Need(needs) => Answer::Need(needs),
            Answer::Ready(texts) => {
                let texts = texts.iter().map(|text| read_record(text));
                Answer::Ready(texts.collect::<Result<_>>()?)
            }
        })
    }

    /// Checks that vectors of `dim` components of the space `id` may be compared with those of the index.
    ///
    /// # Errors
    /// `wrong_space` or `wrong_dim`.
    pub fn check_space(&self, id: &str, dim: usize) -> Result<()> {
        let Some(own) = &self.space else {
            return Ok(());
        };
        if own.id != id {
            return Err(wrong_space(id, &own.id));
        }
        if own.dim != dim {
            return Err(wrong_dim(dim, own.dim));
        }
        Ok(())
    }
}

impl Default for Index {
    fn default() -> Index {
        Index::new()
    }
}

/// The error for vectors of another model.
pub fn wrong_space(found: &str, wanted: &str) -> Error {
    Error::new(
        Code::WrongSpace,
        "the vectors are of another model than the index; load the model it was built with, or build it again",
    )
    .with(json!({"found": found, "wanted": wanted}))
}

/// The error for vectors of another length.
pub fn wrong_dim(found: usize, wanted: usize) -> Error {
    Error::new(
        Code::WrongDim,
        format!("the vector has {found} components, the index holds {wanted}; use the model it was built with"),
    )
    .with(json!({"found": found, "wanted": wanted}))
}

/// A range within bytes that are in memory, so that it fits a `usize`.
fn span(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

fn unusable(what: &str, id: &str) -> Error {
    Error::new(Code::BadInput, what).with(json!({"id": id}))
}

fn lost() -> Error {
    Error::new(
        Code::Bug,
        "an index has neither its parts nor a file to read them from",
    )
}
