//! An index: documents, the passages of each as int8 codes, and a record to give back with a hit.
//!
//! Owns what is in an index, its sections in a container, and the flat scan; knows nothing of text, models or requests.
//! Invariant: passages are rows without gaps in the order of the documents, every id occurs once, and the same documents
//! added in the same order give the same bytes.

use crate::codes::{self, DIM_CAP, Query};
use crate::error::{Code, Error, Result};
use crate::file::{Answer, File};
use crate::format::{self, Container, Kind};
use crate::rank::{Ranked, Top};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

/// The name of this kind of index in a file's meta.
const TYPE: &str = "flat";
/// The version of the sections, of which this engine reads only this one.
const TYPE_VERSION: u32 = 1;
/// Rows whose dot products are computed at once, so that they stay in the first-level cache.
const SCAN_ROWS: usize = 64;
/// Bytes of one entry of the section "documents": lengths of id and record, number of passages.
const DOCUMENT_BYTES: usize = 12;

/// Which vectors an index holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// The space id of the model that made them.
    pub id: String,
    /// Components of each vector.
    pub dim: usize,
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

/// Which documents a search may find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Only these; ids that are not in the index are ignored.
    Ids(Vec<String>),
    /// All but these.
    NotIds(Vec<String>),
}

/// A document that was found, by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The number of the document, for [`Index::id`] and [`Index::records`].
    pub document: usize,
    /// The score of its best passage; higher is better.
    pub score: f32,
    /// Which of its passages that is.
    pub passage: usize,
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    r#type: String,
    version: u32,
    space: Option<String>,
    dim: Option<usize>,
    user: Map<String, Value>,
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

    /// An index from the bytes of a whole file.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn load(bytes: &[u8]) -> Result<Index> {
        Container::parse(bytes)?;
        let mut file = File::new("", bytes.len() as u64);
        let answer = |needs: Vec<crate::file::Need>, file: &mut File| {
            for need in needs {
                let range = need.offset as usize..(need.offset + need.length) as usize;
                file.provide("", need.offset, &bytes[range]);
            }
        };
        loop {
            match Index::open(&mut file)? {
                Answer::Need(needs) => answer(needs, &mut file),
                Answer::Ready(mut index) => loop {
                    let needs = match index.fetch_all()? {
                        Answer::Ready(()) => return Ok(index),
                        Answer::Need(needs) => needs,
                    };
                    if let Some(file) = &mut index.file {
                        answer(needs, file);
                    }
                },
            }
        }
    }

    /// An index from a file that is read piece by piece: its documents now, codes and records when they are used.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn open(file: &mut File) -> Result<Answer<Index>> {
        let meta = match file.header(Kind::Index)? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(header) => Meta::deserialize(&header.meta).map_err(|cause| {
                bad("its meta is not understood").with(json!({"cause": cause.to_string()}))
            })?,
        };
        let space = read_space(&meta)?;
        let [documents, ids] = match file.sections(["documents", "ids"])? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(sections) => sections,
        };
        let mut index = Index {
            space,
            meta: meta.user,
            rows: None,
            records: None,
            ..Index::new()
        };
        let record_bytes = index.read_documents(&documents, &ids)?;
        let dim = index.space.as_ref().map_or(0, |space| space.dim);
        file.expect_length("codes", index.passages as u64 * dim as u64)?;
        file.expect_length("scales", index.passages as u64 * 4)?;
        file.expect_length("records", record_bytes)?;
        index.file = Some(file.clone());
        Ok(Answer::Ready(index))
    }

    /// Fills the list of documents from its two sections; gives the length of all records.
    fn read_documents(&mut self, table: &[u8], ids: &[u8]) -> Result<u64> {
        let (entries, rest) = table.as_chunks::<DOCUMENT_BYTES>();
        if !rest.is_empty() {
            return Err(bad("its table of documents ends inside an entry"));
        }
        if !entries.is_empty() && self.space.is_none() {
            return Err(bad("it has documents, and names no space"));
        }
        let mut rest = std::str::from_utf8(ids).map_err(|_| bad("its ids are not UTF-8"))?;
        let mut record = 0_u64;
        for entry in entries {
            let number = |at: usize| {
                u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]])
            };
            let Some((id, after)) = rest.split_at_checked(number(0) as usize) else {
                return Err(bad("an id is longer than the ids"));
            };
            rest = after;
            let (passages, record_bytes) = (number(4) as usize, number(8));
            if id.is_empty() || passages == 0 {
                return Err(bad("a document has an empty id or no passages"));
            }
            let end = record + u64::from(record_bytes);
            let first_row = self.passages;
            // At most 2^32 documents of 2^32 passages would overflow on a 32-bit target only.
            self.passages = first_row
                .checked_add(passages)
                .filter(|rows| *rows <= u32::MAX as usize)
                .ok_or_else(|| bad("it has more than 2^32 passages"))?;
            if self
                .numbers
                .insert(id.into(), self.documents.len())
                .is_some()
            {
                return Err(bad("an id occurs twice"));
            }
            self.documents.push(Document {
                id: id.into(),
                first_row,
                passages,
                record: record..end,
            });
            record = end;
        }
        if !rest.is_empty() {
            return Err(bad("its ids are longer than the documents say"));
        }
        Ok(record)
    }

    /// Takes bytes of the file it was opened from.
    pub fn provide(&mut self, file: &str, offset: u64, bytes: &[u8]) {
        if let Some(own) = &mut self.file {
            own.provide(file, offset, bytes);
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

    /// The number of documents.
    pub fn documents(&self) -> usize {
        self.documents.len()
    }

    /// The number of passages of all documents.
    pub fn passages(&self) -> usize {
        self.passages
    }

    /// Bytes of codes, scales, ids and records that are in memory.
    pub fn size_bytes(&self) -> usize {
        let rows = self
            .rows
            .as_ref()
            .map_or(0, |rows| rows.codes.len() + 4 * rows.scales.len());
        let ids: usize = self
            .documents
            .iter()
            .map(|document| document.id.len())
            .sum();
        rows + 2 * ids
            + self.documents.len() * size_of::<Document>()
            + self.records.as_ref().map_or(0, Vec::len)
            + self.file.as_ref().map_or(0, File::size_bytes)
    }

    /// The id of a document by its number.
    pub fn id(&self, document: usize) -> &str {
        &self.documents[document].id
    }

    /// The number of the document of that id.
    pub fn number(&self, id: &str) -> Option<usize> {
        self.numbers.get(id).copied()
    }

    /// Reads codes and records that still lie in the file, which is then no longer needed.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest`.
    pub fn fetch_all(&mut self) -> Result<Answer<()>> {
        if let Answer::Need(mut needs) = self.fetch_rows()? {
            if let Answer::Need(more) = self.fetch_records()? {
                needs.extend(
                    more.into_iter()
                        .filter(|need| !needs.contains(need))
                        .collect::<Vec<_>>(),
                );
            }
            return Ok(Answer::Need(needs));
        }
        if let Answer::Need(needs) = self.fetch_records()? {
            return Ok(Answer::Need(needs));
        }
        self.file = None;
        Ok(Answer::Ready(()))
    }

    fn fetch_rows(&mut self) -> Result<Answer<()>> {
        if self.rows.is_none() {
            let file = self.file.as_mut().ok_or_else(lost)?;
            let [bytes, scale_bytes] = match file.sections(["codes", "scales"])? {
                Answer::Need(needs) => return Ok(Answer::Need(needs)),
                Answer::Ready(sections) => sections,
            };
            let (chunks, _) = scale_bytes.as_chunks::<4>();
            let scales: Vec<f32> = chunks
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            if !scales.iter().all(|scale| codes::is_scale(*scale)) {
                return Err(bad("a scale is not a number that a vector can have"));
            }
            let codes = bytes.into_iter().map(|byte| byte as i8).collect();
            self.rows = Some(Rows { codes, scales });
        }
        Ok(Answer::Ready(()))
    }

    fn fetch_records(&mut self) -> Result<Answer<()>> {
        if self.records.is_none() {
            let file = self.file.as_mut().ok_or_else(lost)?;
            let [records] = match file.sections(["records"])? {
                Answer::Need(needs) => return Ok(Answer::Need(needs)),
                Answer::Ready(sections) => sections,
            };
            for document in &self.documents {
                read_record(&records[span(&document.record)])?;
            }
            self.records = Some(records);
        }
        Ok(Answer::Ready(()))
    }

    /// Adds documents whose passages are the rows of `vectors` (passages x dim, in order); all or nothing.
    /// A document whose id the index has takes the place of the old one at the end.
    ///
    /// # Errors
    /// `wrong_space` or `wrong_dim` when the index holds other vectors, `bad_input` for an empty id, one that occurs
    /// twice, a document without passages or an unusable vector. [`Index::fetch_all`] comes first for a file.
    pub fn add(&mut self, space: &Space, entries: &[Entry], vectors: &[f32]) -> Result<Added> {
        self.check_space(space)?;
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

    /// The `limit` best documents by their best passage, best first; of equal scores the lower row first.
    ///
    /// # Errors
    /// `wrong_dim` when the query has another number of components, `bad_format` or `wrong_digest` for a damaged file.
    pub fn search(
        &mut self,
        query: &Query,
        weight: f64,
        filter: &Filter,
        limit: usize,
    ) -> Result<Answer<Vec<Found>>> {
        let Some(space) = &self.space else {
            return Ok(Answer::Ready(Vec::new()));
        };
        let dim = space.dim;
        if query.codes.len() != dim {
            return Err(wrong_dim(query.codes.len(), dim));
        }
        if let Answer::Need(needs) = self.fetch_rows()? {
            return Ok(Answer::Need(needs));
        }
        let Some(rows) = &self.rows else {
            return Err(lost());
        };
        let allowed = self.allowed(filter);
        let mut top = Top::new(limit.min(self.documents.len()));
        let mut dots = [0; SCAN_ROWS];
        let mut block = 0..0;
        for (number, document) in self.documents.iter().enumerate() {
            if allowed.as_ref().is_some_and(|allowed| !allowed[number]) {
                continue;
            }
            let mut best = Ranked {
                score: f32::NEG_INFINITY,
                row: 0,
                document: number,
            };
            for row in document.first_row..document.first_row + document.passages {
                if !block.contains(&row) {
                    block = row..(row + SCAN_ROWS).min(self.passages);
                    let codes = &rows.codes[block.start * dim..block.end * dim];
                    codes::dots(&query.codes, codes, &mut dots[..block.len()]);
                }
                let score = codes::score(
                    dots[row - block.start],
                    query.scale,
                    rows.scales[row],
                    weight,
                );
                if score > best.score {
                    best = Ranked {
                        score,
                        row,
                        document: number,
                    };
                }
            }
            top.offer(best);
        }
        let found = top.into_sorted().into_iter().map(|best| Found {
            document: best.document,
            score: best.score,
            passage: best.row - self.documents[best.document].first_row,
        });
        Ok(Answer::Ready(found.collect()))
    }

    fn allowed(&self, filter: &Filter) -> Option<Vec<bool>> {
        let (ids, listed) = match filter {
            Filter::All => return None,
            Filter::Ids(ids) => (ids, true),
            Filter::NotIds(ids) => (ids, false),
        };
        let mut allowed = vec![!listed; self.documents.len()];
        for number in ids.iter().filter_map(|id| self.number(id)) {
            allowed[number] = listed;
        }
        Some(allowed)
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

    /// The index as the bytes of a file; `meta` takes the place of the one it has. [`Index::fetch_all`] comes first.
    ///
    /// # Errors
    /// `bad_request` when `meta` makes the header longer than 1 MiB.
    pub fn dump(&self, meta: Option<Map<String, Value>>) -> Result<Vec<u8>> {
        let (Some(rows), Some(records)) = (&self.rows, &self.records) else {
            return Err(lost());
        };
        let mut documents = Vec::with_capacity(self.documents.len() * DOCUMENT_BYTES);
        let mut ids = String::new();
        for document in &self.documents {
            ids.push_str(&document.id);
            let record = document.record.end - document.record.start;
            for number in [document.id.len() as u64, document.passages as u64, record] {
                let number = u32::try_from(number).map_err(|_| {
                    unusable(
                        "an id, a record or the number of passages exceeds 2^32",
                        &document.id,
                    )
                })?;
                documents.extend_from_slice(&number.to_le_bytes());
            }
        }
        let codes: Vec<u8> = rows.codes.iter().map(|code| *code as u8).collect();
        let scales: Vec<u8> = rows
            .scales
            .iter()
            .flat_map(|scale| scale.to_le_bytes())
            .collect();
        let meta = Meta {
            r#type: TYPE.to_owned(),
            version: TYPE_VERSION,
            space: self.space.as_ref().map(|space| space.id.clone()),
            dim: self.space.as_ref().map(|space| space.dim),
            user: meta.unwrap_or_else(|| self.meta.clone()),
        };
        let meta = serde_json::to_value(meta).map_err(|cause| {
            Error::new(Code::Bug, format!("the meta could not be written: {cause}"))
        })?;
        format::pack(
            Kind::Index,
            &meta,
            &[
                ("documents", &documents),
                ("ids", ids.as_bytes()),
                ("codes", &codes),
                ("scales", &scales),
                ("records", records),
            ],
        )
    }

    /// Checks that vectors of `space` may be compared with those of the index.
    ///
    /// # Errors
    /// `wrong_space` or `wrong_dim`.
    pub fn check_space(&self, space: &Space) -> Result<()> {
        let Some(own) = &self.space else {
            return Ok(());
        };
        if own.id != space.id {
            return Err(wrong_space(&space.id, &own.id));
        }
        if own.dim != space.dim {
            return Err(wrong_dim(space.dim, own.dim));
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

fn wrong_dim(found: usize, wanted: usize) -> Error {
    Error::new(
        Code::WrongDim,
        format!("the vector has {found} components, the index holds {wanted}; use the model it was built with"),
    )
    .with(json!({"found": found, "wanted": wanted}))
}

fn read_space(meta: &Meta) -> Result<Option<Space>> {
    if meta.r#type != TYPE {
        return Err(bad("its type is not one that this engine knows")
            .with(json!({"found": meta.r#type, "wanted": TYPE})));
    }
    if meta.version != TYPE_VERSION {
        return Err(Error::new(
            Code::WrongVersion,
            format!("the index has version {}, this engine reads {TYPE_VERSION}; update Findling or build it again", meta.version),
        )
        .with(json!({"found": meta.version, "wanted": TYPE_VERSION})));
    }
    match (&meta.space, meta.dim) {
        (None, None) => Ok(None),
        (Some(id), Some(dim)) if !id.is_empty() && (1..=DIM_CAP).contains(&dim) => {
            Ok(Some(Space {
                id: id.clone(),
                dim,
            }))
        }
        _ => Err(bad("its space and dim do not fit each other")),
    }
}

fn read_record(bytes: &[u8]) -> Result<Box<RawValue>> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad("a record is not UTF-8"))?;
    let record: &RawValue = serde_json::from_str(text).map_err(|_| bad("a record is not JSON"))?;
    Ok(record.to_owned())
}

/// A range within bytes that are in memory, so that it fits a `usize`.
fn span(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

fn bad(what: &str) -> Error {
    Error::new(
        Code::BadFormat,
        format!("the index cannot be used: {what}; fetch or build it again"),
    )
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
