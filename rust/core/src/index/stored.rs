//! An index as the sections of a container (docs/FORMAT.md).
//!
//! Owns the names, order and layout of the sections; knows nothing of searching.
//! Invariant: what is read back equals what was written, the same index gives the same bytes, and nothing in a file is
//! believed before it has been compared with the rest of it.

use super::commits::Homes;
use super::records::{Lying, STEP_BYTES};
use super::rows::Rows;
use super::{Document, Index, Space, lost, unusable};
use crate::bands::Bands;
use crate::codes::{self, DIM_CAP};
use crate::error::{Code, Error, Result};
use crate::facets::{Columns, Row};
use crate::file::{Answer, File, Need};
use crate::format::{self, Container, Kind};
use crate::numbers;
use crate::stored::{self, Meta as _, bad};
use crate::words::{ENTRY_BYTES, Lookup, Sections, Words};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::ops::Range;

/// The version without words and without rows of whole documents.
const WITHOUT_WORDS: u32 = 1;
/// The version without what follows from tokens.
const WITHOUT_LOOKUP: u32 = 2;
/// The sections that a search by meaning needs.
const ROWS: [&str; 4] = ["codes", "scales", "whole.codes", "whole.scales"];
/// The sections that a search by words needs: with tokens, or with what follows from them.
const TOKENS: [&str; 3] = ["lexicon", "fields", "tokens"];
const TERMS: [&str; 5] = ["lexicon", "fields", "titles", "terms", "postings"];
/// Bytes of one entry of the section "documents": lengths of id and record, number of passages.
const DOCUMENT_BYTES: usize = 12;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    r#type: String,
    version: u32,
    space: Option<String>,
    dim: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bands: Option<Bands>,
    user: Map<String, Value>,
}

impl stored::Meta for Meta {
    const TYPE: &str = "flat";
    const VERSION: u32 = 3;
    const OLDEST: u32 = WITHOUT_WORDS;

    fn named(&self) -> (&str, u32) {
        (&self.r#type, self.version)
    }
}

impl Index {
    /// An index from the bytes of a whole file.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn load(bytes: &[u8]) -> Result<Index> {
        Container::parse(bytes)?;
        Index::load_sections(bytes, true)
    }

    /// As [`Index::load`], where what lies between sections does not matter; without `check` a record is looked at when it is given
    /// out, and not before.
    ///
    /// # Errors
    /// As for [`Index::load`].
    pub fn load_sections(bytes: &[u8], check: bool) -> Result<Index> {
        let mut file = File::new("", bytes.len() as u64);
        let answer = |needs: Vec<Need>, file: &mut File| {
            for need in needs {
                let range = need.offset as usize..(need.offset + need.length) as usize;
                file.provide("", need.offset, bytes[range].to_vec());
            }
        };
        loop {
            match Index::open(&mut file)? {
                Answer::Need(needs) => answer(needs, &mut file),
                Answer::Ready(mut index) => loop {
                    let mut needs = index.fetch_searched()?;
                    add(&mut needs, index.fetch_records(check, false)?.needs());
                    if needs.is_empty() {
                        if check {
                            needs = index.check_lookup()?.needs();
                        }
                        if needs.is_empty() {
                            index.files.clear();
                            return Ok(index);
                        }
                    }
                    if let Some(lying) = index.files.first_mut() {
                        answer(needs, &mut lying.file);
                    }
                },
            }
        }
    }

    /// An index from a file that is read piece by piece: its documents now; codes, words and records when they are used.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn open(file: &mut File) -> Result<Answer<Index>> {
        let meta: Meta = match file.header(Kind::Index)? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(header) => stored::read_meta(&header.meta)?,
        };
        let space = read_space(&meta)?;
        meta.bands.as_ref().map_or(Ok(()), Bands::check)?;
        let has_words = meta.version != WITHOUT_WORDS;
        let answer = if has_words {
            file.sections(["documents", "ids", "wholes", "columns"])?
        } else {
            let answer = file.sections(["documents", "ids"])?;
            answer.map(|[documents, ids]| [documents, ids, Vec::new(), Vec::new()])
        };
        let [documents, ids, wholes, columns] = match answer {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(sections) => sections,
        };
        let mut index = Index {
            space,
            meta: meta.user,
            bands: meta.bands,
            rows: None,
            whole_rows: None,
            words: None,
            records: None,
            ..Index::new()
        };
        let record_bytes = index.read_documents(&documents, &ids)?;
        index.read_wholes(&wholes)?;
        let dim = index.space.as_ref().map_or(0, |space| space.dim) as u64;
        file.expect_length("codes", index.passages as u64 * dim)?;
        file.expect_length("scales", index.passages as u64 * 4)?;
        file.expect_length("records", record_bytes)?;
        if has_words {
            index.columns = Columns::load(&columns, index.documents.len())?;
            file.expect_length("whole.codes", index.wholes as u64 * dim)?;
            file.expect_length("whole.scales", index.wholes as u64 * 4)?;
            let entries = index.documents.len() as u64 * ENTRY_BYTES as u64;
            file.expect_length("fields", entries)?;
            if meta.version != WITHOUT_LOOKUP {
                for section in ["titles", "terms", "postings"] {
                    file.length_of(section)?;
                }
            }
        } else {
            index.whole_rows = Some(Rows::default());
            index.words = Some(Words::blank(index.documents.len()));
            for _ in &index.documents {
                index.columns.push(&Row::default());
            }
        }
        index.files.push(Lying {
            file: file.clone(),
            records: 0..record_bytes,
        });
        Ok(Answer::Ready(index))
    }

    /// What is lacking of what searches go through, with tokens or with what follows from them, so that it comes together with what
    /// [`Index::open`] lacks: to ask once more takes a browser as long as to read megabytes.
    ///
    /// # Errors
    /// `bug` before the header of the file was read.
    pub fn lacks_searched(file: &mut File, with_tokens: bool) -> Result<Vec<Need>> {
        let words: &[&str] = match with_tokens || !file.has("postings") {
            true => &TOKENS,
            false => &TERMS,
        };
        let mut needs = Vec::new();
        for section in ROWS.iter().chain(words) {
            if file.has(section) {
                add(&mut needs, file.lacks(section)?);
            }
        }
        Ok(needs)
    }

    /// Marks the documents that have a row as a whole.
    fn read_wholes(&mut self, wholes: &[u8]) -> Result<()> {
        let (wholes, rest) = wholes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(bad("its list of whole documents ends inside a number"));
        }
        let mut least = 0;
        for number in wholes {
            let number = u32::from_le_bytes(*number) as usize;
            let document = self.documents.get_mut(number);
            let document = document.filter(|_| number >= least).ok_or_else(|| {
                bad("its list of whole documents is not in order, or names one that is not there")
            })?;
            document.whole = Some(self.wholes);
            self.wholes += 1;
            least = number + 1;
        }
        Ok(())
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
                whole: None,
                record: record..end,
                homes: Homes::default(),
            });
            record = end;
        }
        if !rest.is_empty() {
            return Err(bad("its ids are longer than the documents say"));
        }
        Ok(record)
    }

    /// Reads what still lies in files, which are then no longer needed; of records a megabyte is lacking at once.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest`.
    pub fn fetch_all(&mut self) -> Result<Answer<()>> {
        // Those of a collection are looked at when they are given out.
        let is_stored = self.stored().0.stored.is_some();
        self.fetch(!is_stored, true)
    }

    /// As [`Index::fetch_all`], all that is lacking at once, for a part of a collection.
    ///
    /// # Errors
    /// As for [`Index::fetch_all`].
    pub fn fetch_part(&mut self) -> Result<Answer<()>> {
        self.fetch(false, false)
    }

    fn fetch(&mut self, check: bool, in_steps: bool) -> Result<Answer<()>> {
        let mut needs = self.fetch_rows()?.needs();
        add(&mut needs, self.fetch_words(in_steps)?.needs());
        add(&mut needs, self.fetch_records(check, in_steps)?.needs());
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        self.files.clear();
        Ok(Answer::Ready(()))
    }

    /// Reads what searches go through: everything but the records; gives what is lacking.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest`.
    pub fn fetch_searched(&mut self) -> Result<Vec<Need>> {
        let mut needs = self.fetch_rows()?.needs();
        add(&mut needs, self.fetch_words(false)?.needs());
        Ok(needs)
    }

    /// Reads what most searches are content with: neither records nor tokens; gives what is lacking.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest`.
    pub fn fetch_found(&mut self) -> Result<Vec<Need>> {
        let mut needs = self.fetch_rows()?.needs();
        add(&mut needs, self.fetch_terms()?.needs());
        Ok(needs)
    }

    /// The file that parts other than records lie in.
    fn file(&mut self) -> Result<&mut File> {
        self.files_mut().next().ok_or_else(lost)
    }

    pub(super) fn fetch_rows(&mut self) -> Result<Answer<()>> {
        if self.rows.is_none() {
            let has_wholes = self.whole_rows.is_some();
            let file = self.file()?;
            if has_wholes {
                match file.sections(["codes", "scales"])? {
                    Answer::Need(needs) => return Ok(Answer::Need(needs)),
                    Answer::Ready([codes, scales]) => self.rows = Some(read_rows(codes, &scales)?),
                }
                return Ok(Answer::Ready(()));
            }
            match file.sections(ROWS)? {
                Answer::Need(needs) => return Ok(Answer::Need(needs)),
                Answer::Ready([codes, scales, whole_codes, whole_scales]) => {
                    self.whole_rows = Some(read_rows(whole_codes, &whole_scales)?);
                    self.rows = Some(read_rows(codes, &scales)?);
                }
            }
        }
        Ok(Answer::Ready(()))
    }

    /// Reads what words are found by, the tokens too only where the file has nothing that follows from them.
    pub(super) fn fetch_terms(&mut self) -> Result<Answer<()>> {
        if let Some(words) = &self.words {
            return match words.waits_for_tokens() {
                true => self.fetch_words(false),
                false => Ok(Answer::Ready(())),
            };
        }
        let file = self.file()?;
        if !file.has("postings") {
            return self.fetch_words(false);
        }
        let [lexicon, fields, titles, terms, postings] = match file.sections(TERMS)? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(sections) => sections,
        };
        self.read_words(&Sections {
            lexicon,
            fields,
            tokens: Vec::new(),
            lookup: Some(Lookup {
                titles,
                terms,
                postings,
            }),
        })?;
        Ok(Answer::Ready(()))
    }

    /// Reads the words with all their tokens, of which a megabyte is lacking at once with `in_steps`, where words are searched meanwhile.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest`.
    pub fn fetch_words(&mut self, in_steps: bool) -> Result<Answer<()>> {
        if let Some(words) = &self.words {
            if !words.lacks_tokens() {
                return Ok(Answer::Ready(()));
            }
            let file = self.file()?;
            if in_steps && let Answer::Need(needs) = file.hold("tokens", STEP_BYTES)? {
                return Ok(Answer::Need(needs));
            }
            let tokens = match file.sections(["tokens"])? {
                Answer::Need(needs) => return Ok(Answer::Need(needs)),
                Answer::Ready([tokens]) => tokens,
            };
            let words = self.words.as_mut().ok_or_else(lost)?;
            words.complete(&tokens).map_err(bad)?;
            return Ok(Answer::Ready(()));
        }
        let file = self.file()?;
        let [lexicon, fields, tokens] = match file.sections(TOKENS)? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(sections) => sections,
        };
        self.read_words(&Sections {
            lexicon,
            fields,
            tokens,
            lookup: None,
        })?;
        Ok(Answer::Ready(()))
    }

    /// Reads the tokens of documents that are to be removed, where those of all still lie in the file.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest`.
    pub fn fetch_tokens(&mut self, documents: &[u32]) -> Result<Answer<()>> {
        let words = self.words.as_ref().ok_or_else(lost)?;
        let places = documents.iter().filter_map(|number| {
            let number = *number as usize;
            words.early(number).map(|range| (number, range))
        });
        let (numbers, ranges): (Vec<usize>, Vec<Range<u64>>) = places.unzip();
        if numbers.is_empty() {
            return Ok(Answer::Ready(()));
        }
        let file = self.file()?;
        let end = file.length_of("tokens")?;
        if ranges.iter().any(|range| range.end > end) {
            return Err(bad("a document has more tokens than there are"));
        }
        let tokens = match file.pieces("tokens", &ranges)? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(tokens) => tokens,
        };
        let words = self.words.as_mut().ok_or_else(lost)?;
        for (number, tokens) in numbers.into_iter().zip(tokens) {
            words.lend(number, &tokens).map_err(bad)?;
        }
        Ok(Answer::Ready(()))
    }

    /// Compares what the file says to follow from its tokens with what does.
    fn check_lookup(&mut self) -> Result<Answer<()>> {
        let file = self.file()?;
        if !file.has("postings") {
            return Ok(Answer::Ready(()));
        }
        let [titles, terms, postings] = match file.sections(["titles", "terms", "postings"])? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(sections) => sections,
        };
        let said = Lookup {
            titles,
            terms,
            postings,
        };
        let words = self.words.as_mut().ok_or_else(lost)?;
        if words.sections().lookup != Some(said) {
            return Err(bad("its terms or postings do not follow from its tokens"));
        }
        Ok(Answer::Ready(()))
    }

    fn read_words(&mut self, sections: &Sections) -> Result<()> {
        self.words = Some(Words::read(sections, self.documents.len()).map_err(bad)?);
        Ok(())
    }

    /// The index as the bytes of a file; `meta` takes the place of the one it has. [`Index::fetch_all`] comes first.
    ///
    /// # Errors
    /// `bad_request` when `meta` makes the header longer than 1 MiB.
    pub fn dump(&mut self, meta: Option<Map<String, Value>>) -> Result<Vec<u8>> {
        self.write(
            self.bands.clone(),
            meta.unwrap_or_else(|| self.meta.clone()),
        )
    }

    /// Its documents as the bytes of a file that says nothing else.
    ///
    /// # Errors
    /// As for [`Index::dump`].
    pub fn dump_documents(&mut self) -> Result<Vec<u8>> {
        self.write(None, Map::new())
    }

    fn write(&mut self, bands: Option<Bands>, user: Map<String, Value>) -> Result<Vec<u8>> {
        self.all_words().ok_or_else(lost)?;
        let (Some(rows), Some(whole_rows), Some(words), Some(records)) =
            (&self.rows, &self.whole_rows, &mut self.words, &self.records)
        else {
            return Err(lost());
        };
        let words = words.sections();
        let lookup = words.lookup.as_ref().ok_or_else(|| {
            Error::new(
                Code::BadInput,
                "an index of so many documents cannot be written as one file; put them into several",
            )
        })?;
        let mut wholes = Vec::with_capacity(self.wholes * 4);
        let mut documents = Vec::with_capacity(self.documents.len() * DOCUMENT_BYTES);
        let mut ids = String::new();
        for (number, document) in (0_u32..).zip(&self.documents) {
            if document.whole.is_some() {
                wholes.extend_from_slice(&number.to_le_bytes());
            }
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
        let meta = Meta {
            r#type: Meta::TYPE.to_owned(),
            version: Meta::VERSION,
            space: self.space.as_ref().map(|space| space.id.clone()),
            dim: self.space.as_ref().map(|space| space.dim),
            bands,
            user,
        };
        let columns = self.columns.dump();
        let scales = [
            numbers::write(&rows.scales),
            numbers::write(&whole_rows.scales),
        ];
        let sections: [(&str, &[u8]); 15] = [
            ("documents", &documents),
            ("ids", ids.as_bytes()),
            ("wholes", &wholes),
            ("columns", &columns),
            ("codes", bytemuck::cast_slice(&rows.codes)),
            ("scales", &scales[0]),
            ("whole.codes", bytemuck::cast_slice(&whole_rows.codes)),
            ("whole.scales", &scales[1]),
            ("lexicon", &words.lexicon),
            ("fields", &words.fields),
            ("titles", &lookup.titles),
            ("terms", &lookup.terms),
            ("postings", &lookup.postings),
            ("tokens", &words.tokens),
            ("records", records),
        ];
        format::pack(Kind::Index, &stored::write_meta(&meta)?, &sections)
    }
}

/// Adds what is lacking too, each range once.
pub(crate) fn add(needs: &mut Vec<Need>, more: Vec<Need>) {
    for need in more {
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
}

fn read_rows(codes: Vec<u8>, scales: &[u8]) -> Result<Rows> {
    let scales: Vec<f32> = numbers::read(scales);
    let may_be = |scale: &f32| codes::is_scale(*scale, codes::CODE_MAX);
    if !scales.iter().all(may_be) {
        return Err(bad("a scale is not a number that a vector can have"));
    }
    Ok(Rows {
        codes: codes.into_iter().map(|byte| byte as i8).collect(),
        scales,
    })
}

fn read_space(meta: &Meta) -> Result<Option<Space>> {
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

pub(super) fn read_record(bytes: &[u8]) -> Result<Box<RawValue>> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad("a record is not UTF-8"))?;
    let record: &RawValue =
        serde_json::from_slice(text.as_bytes()).map_err(|_| bad("a record is not JSON"))?;
    Ok(record.to_owned())
}
