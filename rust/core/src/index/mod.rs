//! An index: documents, their passages as int8 codes, their words, and a record to give back with a hit.
//!
//! Owns what is in an index; knows nothing of models or requests, nor what a word is.
//! Invariant: passages are rows without gaps in the order of the documents, every id occurs once, and the same documents
//! added in the same order give the same bytes.

mod commits;
mod contents;
mod joined;
mod like;
mod loaded;
mod records;
mod rows;
mod search;
mod stored;

pub use commits::{Plan, Stored, StoredSegment};
pub use search::{Ask, Buffers, Found, Meaning};
pub(crate) use stored::add;

use crate::bands::Bands;
use crate::error::{Code, Error, Result};
use crate::facets::{Columns, Row};
use crate::words::{Source, Words};
use commits::{Commits, Homes};
use records::Lying;
use rows::Rows;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

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
    /// Ids, records, words, and blocks of the file it was opened from.
    pub text: usize,
}

/// A document to be added.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Unique within the index; an entry of the same id is replaced.
    pub id: String,
    /// How many rows it has, at least one.
    pub passages: usize,
    /// What it says; without, no words find it.
    pub words: Option<Source>,
    /// What it can be filtered by.
    pub values: Row,
    /// What is given back with a hit.
    pub record: Box<RawValue>,
}

/// A document of more places in its text is compared as a whole, too.
pub const LONG_WORDS: usize = 200;

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
    /// Its row among those of whole documents.
    whole: Option<usize>,
    record: Range<u64>,
    /// In which stored segment it lies.
    homes: Homes,
}

/// Documents, their vectors, words and records; parts of it may still lie in a file.
#[derive(Clone, Debug)]
pub struct Index {
    space: Option<Space>,
    meta: Map<String, Value>,
    /// Which scores are good ones; learned when it was built.
    bands: Option<Bands>,
    documents: Vec<Document>,
    numbers: BTreeMap<Box<str>, usize>,
    /// Of each document its place in the order of ids; empty where documents came or went since.
    turns: Vec<u32>,
    passages: usize,
    /// How many documents have a row as a whole.
    wholes: usize,
    /// Of the passages; none while they lie in a file.
    rows: Option<Rows>,
    /// Of whole documents: the mean of their passages, at length 1. None while they lie in a file.
    whole_rows: Option<Rows>,
    /// None while they lie in a file.
    words: Option<Words>,
    /// What documents can be filtered by.
    columns: Columns,
    /// The records end to end; None while they lie in files.
    records: Option<Vec<u8>>,
    /// In which parts of it still lie: one, or records only.
    files: Vec<Lying>,
    /// What is stored of it, and what may be.
    commits: Commits,
    /// What takes a walk over all documents to tell, from when it was asked for until they change.
    counted: OnceLock<Counted>,
}

/// What is counted over all documents.
#[derive(Clone, Debug)]
struct Counted {
    stored: Stored,
    /// The same, if the last commit was written.
    next: Option<Stored>,
    /// Bytes of all ids.
    id_bytes: usize,
}

impl Index {
    /// An index without documents, which takes the space of the first that is added.
    pub fn new() -> Index {
        Index {
            space: None,
            meta: Map::new(),
            bands: None,
            documents: Vec::new(),
            numbers: BTreeMap::new(),
            turns: Vec::new(),
            passages: 0,
            wholes: 0,
            rows: Some(Rows::default()),
            whole_rows: Some(Rows::default()),
            words: Some(Words::default()),
            columns: Columns::new(),
            records: Some(Vec::new()),
            files: Vec::new(),
            commits: Commits::default(),
            counted: OnceLock::new(),
        }
    }

    /// The space of its vectors; none before the first document.
    pub fn space(&self) -> Option<&Space> {
        self.space.as_ref()
    }

    /// What its maker says about it.
    pub fn meta(&self) -> &Map<String, Value> {
        &self.meta
    }

    /// Which scores are good ones; none where that was not learned.
    pub fn bands(&self) -> Option<&Bands> {
        self.bands.as_ref()
    }

    /// Keeps what its maker says about it.
    pub fn set_meta(&mut self, meta: Map<String, Value>) {
        self.meta = meta;
    }

    /// Keeps what was learned of it.
    pub fn set_bands(&mut self, bands: Option<Bands>) {
        self.bands = bands;
    }

    /// The numbers of its documents in the order of their ids.
    pub fn by_id(&self) -> impl Iterator<Item = usize> {
        self.numbers.values().copied()
    }

    /// What its documents can be filtered by.
    pub fn columns(&self) -> &Columns {
        &self.columns
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
        let rows = [&self.rows, &self.whole_rows].into_iter().flatten();
        let vectors = rows.map(Rows::size_bytes).sum();
        let ids = self.counted().id_bytes;
        // An id stands in the list and in the map.
        let table = self.documents.capacity() * size_of::<Document>()
            + self.numbers.len() * size_of::<(Box<str>, usize)>()
            + self.turns.capacity() * size_of::<u32>();
        let words = self.words.as_ref().map_or(0, Words::size_bytes);
        let records = self.records.as_ref().map_or(0, Vec::capacity);
        let files = self.files.iter();
        let files: usize = files.map(|lying| lying.file.size_bytes()).sum();
        SizeBytes {
            vectors,
            graph: 0,
            text: table + 2 * ids + words + self.columns.size_bytes() + records + files,
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
            fresh.push(vector)?;
        }
        let values = entries.iter().map(|entry| &entry.values);
        self.columns.check_room(values)?;
        self.parts()
            .and_then(|parts| parts.records)
            .ok_or_else(lost)?;
        let replaced = self.remove(entries.iter().map(|entry| entry.id.as_str()))?;
        self.changed();
        let (mut documents, mut wholes) = (self.documents.len(), self.wholes);
        let mut first_row = self.passages;
        let parts = self.parts().ok_or_else(lost)?;
        let records = parts.records.ok_or_else(lost)?;
        parts.rows.extend(&fresh);
        let mut rest = vectors;
        let mut added = Vec::with_capacity(entries.len());
        for entry in entries {
            let own;
            (own, rest) = rest.split_at(entry.passages * space.dim);
            let length = parts.words.add(entry.words.as_ref());
            let whole = length > LONG_WORDS && parts.whole_rows.push_mean(own, space.dim);
            let start = records.len() as u64;
            records.extend_from_slice(entry.record.get().as_bytes());
            added.push(Document {
                id: entry.id.as_str().into(),
                first_row,
                passages: entry.passages,
                whole: whole.then_some(wholes),
                record: start..records.len() as u64,
                homes: Homes::default(),
            });
            wholes += usize::from(whole);
            first_row += entry.passages;
        }
        for (document, entry) in added.into_iter().zip(entries) {
            self.columns.push(&entry.values);
            self.numbers.insert(document.id.clone(), documents);
            self.documents.push(document);
            documents += 1;
        }
        (self.passages, self.wholes) = (first_row, wholes);
        if !entries.is_empty() {
            self.space.get_or_insert_with(|| space.clone());
        }
        Ok(Added {
            added: entries.len() - replaced,
            replaced,
            passages,
        })
    }

    /// Forgets what followed from the documents that there were.
    fn changed(&mut self) {
        self.turns.clear();
        self.counted.take();
    }

    /// What is there once nothing of it but records lies in a file any more.
    fn parts(&mut self) -> Option<Held<'_>> {
        Some(Held {
            rows: self.rows.as_mut()?,
            whole_rows: self.whole_rows.as_mut()?,
            words: self.words.as_mut()?,
            records: self.records.as_mut(),
        })
    }

    /// Removes documents and gives their number; ids that are not in the index are ignored.
    /// For a file [`Index::fetch_searched`] comes first, at least.
    ///
    /// # Errors
    /// `bug` when rows still lie in a file.
    pub fn remove<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<usize> {
        self.parts().ok_or_else(lost)?;
        let gone: Vec<usize> = ids.filter_map(|id| self.numbers.remove(id)).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let mut keep = vec![true; self.documents.len()];
        for document in &gone {
            keep[*document] = false;
        }
        let dim = self.space.as_ref().map_or(0, |space| space.dim);
        self.columns.retain(&keep);
        let mut documents = std::mem::take(&mut self.documents);
        let mut parts = self.parts().ok_or_else(lost)?;
        parts.words.retain(&keep);
        let mut number = 0;
        let (mut row, mut whole_row, mut record) = (0, 0, 0);
        // Everything that stays moves down over the gaps, in order.
        documents.retain_mut(|document| {
            let stays = keep[number];
            number += 1;
            if !stays {
                return false;
            }
            let old = document.first_row..document.first_row + document.passages;
            parts.rows.move_down(old, row, dim);
            if let Some(whole) = &mut document.whole {
                parts
                    .whole_rows
                    .move_down(*whole..*whole + 1, whole_row, dim);
                *whole = whole_row;
                whole_row += 1;
            }
            if let Some(records) = &mut parts.records {
                let bytes = span(&document.record);
                let length = bytes.len();
                records.copy_within(bytes, record);
                document.record = record as u64..(record + length) as u64;
                record += length;
            }
            document.first_row = row;
            row += document.passages;
            true
        });
        parts.rows.truncate(row, dim);
        parts.whole_rows.truncate(whole_row, dim);
        if let Some(records) = parts.records {
            records.truncate(record);
        }
        self.documents = documents;
        self.changed();
        (self.passages, self.wholes) = (row, whole_row);
        for (number, document) in self.documents.iter().enumerate() {
            if let Some(known) = self.numbers.get_mut(&document.id) {
                *known = number;
            }
        }
        Ok(gone.len())
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

/// The parts of an index that is in memory.
struct Held<'a> {
    rows: &'a mut Rows,
    whole_rows: &'a mut Rows,
    words: &'a mut Words,
    /// None while they lie in files.
    records: Option<&'a mut Vec<u8>>,
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
