//! The live segments of a collection whose published one is read in pieces: in memory, as documents behind the published ones.
//!
//! Owns what they say about terms, places and vectors, in the terms of a published segment; must not know how scores are made.
//! Invariant: a document here counts by the parameters of the published segment, as if it had been published with them; its number
//! is its place by id behind the last published one.

use super::ask::{Condition, Nearness};
use super::bytes::bad;
use super::impacts::weighted;
use super::meta::{Parameters, SegmentMeta};
use super::names::{Named, titles};
use super::pointer::Pointer;
use super::remote::Remote;
use super::root::Shape;
use super::texts::Stored;
use super::write::unit;
use super::{CODE_BYTES, Contents, FIELDS, Shorten, Term};
use crate::error::Result;
use crate::facets::{Columns, Set};
use crate::file::Need;
use crate::loading::{beside, live_contents};
use crate::pieces::short::Query as ShortQuery;
use crate::words::{Field, Part, holds};
use std::collections::BTreeMap;

/// Live segments on their way.
#[derive(Clone, Debug, Default)]
pub(super) struct Lying(Vec<(String, u64, Option<Vec<u8>>)>);

impl Lying {
    /// Those that a pointer of that name names.
    pub fn of(name: &str, pointer: &Pointer) -> Lying {
        let files = pointer.live();
        Lying(
            files
                .map(|(file, _)| (beside(name, &file.file), file.length, None))
                .collect(),
        )
    }

    /// What is lacking.
    pub fn needs(&self) -> Vec<Need> {
        let lacking = self.0.iter().filter(|(.., bytes)| bytes.is_none());
        lacking
            .map(|(name, length, _)| Need {
                file: name.clone(),
                offset: 0,
                length: *length,
            })
            .collect()
    }

    /// Whether all of one of them lies within `length` bytes of that file from `offset` on, and is lacking.
    pub fn wants(&self, name: &str, offset: u64, length: usize) -> bool {
        let is = |(own, all, bytes): &(String, u64, Option<Vec<u8>>)| {
            own == name && offset == 0 && *all <= length as u64 && bytes.is_none()
        };
        self.0.iter().any(is)
    }

    /// Takes one that is wanted.
    pub fn provide(&mut self, name: &str, bytes: &[u8]) {
        for (own, length, held) in &mut self.0 {
            if own == name && held.is_none() {
                *held = bytes.get(..*length as usize).map(<[u8]>::to_vec);
            }
        }
    }

    pub fn size_bytes(&self) -> usize {
        let held = self.0.iter().flat_map(|(.., bytes)| bytes);
        held.map(Vec::len).sum()
    }

    /// The documents of all of them that are not gone; what was fetched is forgotten, damaged or not.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn read(&mut self, pointer: &Pointer, published: &SegmentMeta) -> Result<Live> {
        let bytes = std::mem::take(&mut self.0).into_iter();
        let contents = live_contents(pointer, bytes.filter_map(|(.., bytes)| bytes))?;
        if let Some(space) = &contents.space
            && (Some(&space.id), Some(space.dim)) != (published.space.as_ref(), published.dim)
        {
            return Err(bad("its segments have vectors of different models"));
        }
        let mut rows = vec![0];
        for document in &contents.documents {
            rows.push(rows[rows.len() - 1] + document.rows());
        }
        let columns = match contents.columns.as_slice() {
            [] => Columns::blank(0),
            columns => Columns::load(columns, contents.documents.len())?,
        };
        Ok(Live {
            titles: titles(&contents),
            contents,
            columns,
            rows,
            codes: None,
        })
    }
}

/// Their documents.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    contents: Contents,
    columns: Columns,
    /// What the title of each is called by.
    titles: Vec<String>,
    /// The first row of each document, and the end.
    rows: Vec<usize>,
    /// The short codes of all rows, once they were made.
    codes: Option<Vec<u8>>,
}

impl Live {
    /// How many there are.
    pub fn documents(&self) -> usize {
        self.contents.documents.len()
    }

    /// How many rows they have, passages and whole documents.
    pub fn rows(&self) -> usize {
        self.contents.scales.len()
    }

    /// What they can be filtered by.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Bytes that are held, about.
    pub fn size_bytes(&self) -> usize {
        let documents = self.contents.documents.iter();
        let records: usize = documents.map(|each| each.record.capacity()).sum();
        let spots = self.contents.terms.iter().map(|term| term.spots.capacity());
        let codes = self.codes.as_ref().map_or(0, Vec::capacity);
        self.contents.codes.capacity()
            + self.contents.scales.capacity() * size_of::<f32>()
            + records
            + spots.sum::<usize>() * size_of::<super::Spot>()
            + codes
            + self.columns.size_bytes()
    }

    fn term(&self, name: &str) -> Option<&Term> {
        let terms = &self.contents.terms;
        let at = terms.binary_search_by(|term| term.term.as_str().cmp(name));
        at.ok().map(|at| &terms[at])
    }

    /// Whether any has a term.
    pub fn knows(&self, term: &str) -> bool {
        self.term(term).is_some()
    }

    /// Their forms that are words, with the number of documents that have each.
    pub fn forms(&self) -> impl Iterator<Item = (&str, u32)> {
        let forms = self.contents.terms.iter().flat_map(|term| &term.forms);
        let words = forms.filter(|form| !form.is_whole);
        words.map(|form| (form.form.as_str(), form.documents))
    }

    /// What a name stands for, by number of the document.
    pub fn named(&self, name: &str) -> impl Iterator<Item = Named> {
        let documents = self.contents.documents.iter().zip(&self.titles);
        let named = move |(number, (document, title)): (u32, (&super::Document, &String))| Named {
            document: number,
            is_id: document.id == name,
            is_title: title == name,
        };
        let named = (0..).zip(documents).map(named);
        named.filter(|named| named.is_id || named.is_title)
    }

    /// The short codes of the rows of a document; none before they were made.
    pub fn codes_of(&self, number: usize) -> Option<(&[u8], Shape)> {
        let document = self.contents.documents.get(number)?;
        let rows = self.rows[number] * CODE_BYTES..self.rows[number + 1] * CODE_BYTES;
        let shape = Shape {
            passages: document.passages,
            has_whole: document.has_whole,
        };
        Some((&self.codes.as_ref()?[rows], shape))
    }

    /// The terms of forms that begin like that.
    pub fn beginning(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let begins = move |term: &&Term| {
            let mut forms = term.forms.iter();
            forms.any(|form| form.form.starts_with(prefix))
        };
        let terms = self.contents.terms.iter().filter(begins);
        terms.map(|term| term.term.as_str())
    }

    /// The documents that have any of some terms, ascending by number from `first` on, each with its highest level.
    pub fn levels(&self, terms: &[&str], parameters: &Parameters, first: u32) -> Vec<(u32, u8)> {
        let mut found: BTreeMap<u32, u8> = BTreeMap::new();
        for term in terms.iter().filter_map(|term| self.term(term)) {
            for (document, counts) in term.documents.iter().zip(&term.frequencies) {
                let lengths = &self.contents.documents[*document as usize].lengths;
                let level = parameters.level(weighted(counts), weighted(lengths));
                let best = found.entry(first + document).or_default();
                *best = level.max(*best);
            }
        }
        found.into_iter().collect()
    }

    /// Adds to `meets` the documents of `scope` that meet all conditions; both count from `first` on.
    pub fn meet(&self, conditions: &[Condition], scope: &Set, first: usize, meets: &mut Set) {
        for number in 0..self.documents() {
            let is_met =
                |condition: &Condition| self.meets(number as u32, condition) == condition.wanted;
            if scope.contains(first + number) && conditions.iter().all(is_met) {
                meets.insert(first + number);
            } else {
                meets.remove(first + number);
            }
        }
    }

    /// Whether a document has what a condition says.
    fn meets(&self, document: u32, condition: &Condition) -> bool {
        let (mut parts, mut lines) = (Vec::new(), [const { Vec::new() }; FIELDS]);
        let mut next = 0;
        for (terms, position) in &condition.parts {
            let first = next;
            for term in terms.iter().filter_map(|term| self.term(term)) {
                self.gather(document, term, condition.ordered, next, &mut lines);
                next += 1;
            }
            parts.push(Part {
                terms: (first..next).collect(),
                position: *position,
            });
        }
        let fields = Field::ALL.into_iter().zip(&mut lines);
        let mut own = fields.filter(|(field, _)| condition.field.is_none_or(|own| own == *field));
        own.any(|(_, line)| {
            line.sort_unstable();
            holds(line, &parts, condition.ordered)
        })
    }

    /// Adds where a term stands in the fields of a document, under a number.
    fn gather(
        &self,
        document: u32,
        term: &Term,
        ordered: bool,
        number: u32,
        lines: &mut [Vec<(u32, u32)>; FIELDS],
    ) {
        let Ok(at) = term.documents.binary_search(&document) else {
            return;
        };
        let before = term.frequencies[..at].iter().flatten();
        let start: u32 = before.sum();
        let mut spots = term.spots[start as usize..].iter();
        for (line, count) in lines.iter_mut().zip(term.frequencies[at]) {
            for spot in spots.by_ref().take(count as usize) {
                // Wholes stand in no line.
                if !(ordered && term.forms[spot.form as usize].is_whole) {
                    line.push((spot.position, number));
                }
            }
        }
    }

    /// How near the documents are that may be found; none before their short codes were made.
    pub fn near(
        &self,
        vector: &ShortQuery,
        scope: &Set,
        first: usize,
    ) -> Option<Vec<(u32, f64, Option<Nearness>)>> {
        let mut near = Vec::new();
        vector.closeness(self.codes.as_ref()?, &mut near);
        let documents = self.contents.documents.iter().enumerate();
        let open = documents.filter(|(number, _)| scope.contains(first + number));
        let found = open.map(|(number, document)| {
            let own = &near[self.rows[number]..self.rows[number + 1]];
            let near = Nearness::of(own, document.passages as usize);
            ((first + number) as u32, near.closeness(), Some(near))
        });
        Some(found.collect())
    }

    /// A document with its id.
    pub fn record(&self, number: usize) -> Option<Stored> {
        let document = self.contents.documents.get(number)?;
        Some(Stored {
            id: document.id.clone(),
            record: document.record.clone(),
        })
    }
}

impl Remote {
    /// Makes the short codes of documents in live segments, if that has not been done: as publishing them would.
    pub fn shorten_live(&mut self, shorten: &Shorten<'_>) {
        let Some(live) = self.live_mut().filter(|live| live.codes.is_none()) else {
            return;
        };
        let dim = live.contents.space.as_ref().map_or(1, |space| space.dim);
        let mut codes = Vec::with_capacity(live.rows() * CODE_BYTES);
        for row in 0..live.rows() {
            // What was forged may have no direction; no short code is near to anything.
            let code = shorten(&unit(&live.contents, dim, row));
            codes.extend(code.unwrap_or([0; CODE_BYTES]));
        }
        live.codes = Some(codes);
    }
}
