//! A published collection that is at hand as a whole: every part compared with every other, and its contents.
//!
//! Owns reading all sections in their order; must not know how a query reads. Invariant: what comes back equals what was
//! written; a file whose parts do not fit each other is refused, and checking it holds one term and one block at a time.

use super::bytes::{Cursor, bad, check_mark};
use super::corrections::{self, Directory};
use super::leaf::{self, Entry, Frame, Place};
use super::meta::{self, Parameters, SegmentMeta};
use super::names;
use super::packer::Unpacker;
use super::pointer::Pointer;
use super::postings::{PAGE_POSTINGS, read_frequencies, read_page, read_spots};
use super::root::{self, Header, Root};
use super::spots;
use super::squeezed::{Squeezed, unsqueeze};
use super::texts::{Reader, Shared};
use super::write::{free_bytes, rank_width};
use super::{CODE_BYTES, Contents, Document, FIELDS, Space, Term};
use crate::bands::Bands;
use crate::codes::{CODE_MAX, is_scale};
use crate::error::{Code, Error, Result};
use crate::facets::Columns;
use crate::format::{Container, hex};
use crate::numbers;
use crate::pieces::short;
use crate::stored::read_meta;
use serde_json::{Map, Value, json};

/// A collection whose files have been verified, block by block.
#[derive(Debug)]
pub struct Whole<'a> {
    container: Container<'a>,
    pointer: Pointer,
    parameters: Parameters,
    meta: SegmentMeta,
    root: Root,
    headers: Vec<Header>,
}

/// The name of the published segment that a pointer file names, and its length.
///
/// # Errors
/// `bad_format`, `wrong_version` or `wrong_digest`.
pub fn segment_of(pointer: &[u8]) -> Result<(String, u64)> {
    let pointer = Pointer::parse(pointer)?;
    let segment = pointer.published().ok_or_else(unpublished)?;
    Ok((segment.file.clone(), segment.length))
}

fn unpublished() -> Error {
    bad("its pointer names no published segment")
}

impl<'a> Whole<'a> {
    /// Opens a collection from the bytes of both files; compares every block with its digest.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn open(pointer: &[u8], segment: &'a [u8]) -> Result<Whole<'a>> {
        Whole::of(Pointer::parse(pointer)?, segment)
    }

    /// Opens the published segment of a collection; compares every block with its digest.
    ///
    /// # Errors
    /// As for [`Whole::open`].
    pub fn of(pointer: Pointer, segment: &'a [u8]) -> Result<Whole<'a>> {
        let container = Container::parse(segment)?;
        let header = container.header();
        let named = pointer.published().ok_or_else(unpublished)?;
        let parameters = pointer.parameters.clone().ok_or_else(unpublished)?;
        if hex(&header.digest) != named.digest || segment.len() as u64 != named.length {
            return Err(Error::new(
                Code::WrongDigest,
                "the segment is not the one that the pointer names; fetch or build the collection again",
            )
            .with(json!({"found": hex(&header.digest), "wanted": named.digest})));
        }
        if Some(header.section(meta::ROOT)?.range().end) != named.head {
            return Err(bad("its root does not end where the pointer says"));
        }
        let meta: SegmentMeta = read_meta(&header.meta)?;
        meta.check()?;
        if named
            .documents
            .is_some_and(|documents| documents != meta.documents)
        {
            return Err(bad(
                "it has other than as many documents as its pointer says",
            ));
        }
        let length = |name: &str| Ok::<u64, Error>(header.section(name)?.length);
        let root = Root::read(
            container.section(meta::ROOT)?,
            root::Frame {
                has_codes: meta.short,
                documents: meta.documents,
                rows: meta.rows,
                leaves: length(meta::LEAVES)?,
                headers: length(meta::HEADERS)?,
                typos: length(meta::TYPOS)?,
                columns: length(meta::COLUMNS)?,
                names: length(meta::NAMES)?,
            },
        )?;
        let (all, texts) = (container.section(meta::HEADERS)?, length(meta::TEXTS)?);
        let (mut headers, mut at) = (Vec::with_capacity(root.supers.len()), 0);
        for place in &root.supers {
            let bytes = &all[place.header.start as usize..place.header.end as usize];
            check_mark(bytes, &place.digest, "headers")?;
            let header = Header::read(bytes, meta.short, place, texts)?;
            for block in &header.blocks {
                if block.range.start != at {
                    return Err(bad("its records overlap or leave a hole"));
                }
                at = block.range.end;
            }
            headers.push(header);
        }
        if at != texts {
            return Err(bad("its records are longer than the headers say"));
        }
        Ok(Whole {
            container,
            pointer,
            parameters,
            meta,
            root,
            headers,
        })
    }

    /// The maker's own object.
    pub fn user(&self) -> &Map<String, Value> {
        &self.pointer.user
    }

    /// Which scores are good ones; none where that was not learned.
    pub fn bands(&self) -> Option<&Bands> {
        self.pointer.bands.as_ref()
    }

    /// The languages that a query is stemmed in, that of most documents first.
    pub fn languages(&self) -> &[String] {
        &self.pointer.languages
    }

    /// What its pointer says.
    pub fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    /// The numbers of its documents in the order of their ids, as in [`Whole::contents`].
    ///
    /// # Errors
    /// `bad_format`.
    pub fn numbers(&self) -> Result<Vec<u32>> {
        let ranks = self.ranks()?;
        let mut numbers = vec![0; ranks.len()];
        for (number, rank) in (0..).zip(ranks) {
            numbers[rank as usize] = number;
        }
        Ok(numbers)
    }

    /// What impacts stand for.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Counts and the size of each section, as JSON.
    pub fn info(&self) -> Value {
        let mut info = self.container.header().describe();
        let small: usize = self.headers.iter().map(|header| header.small.len()).sum();
        info["clusters"] = json!({"large": self.root.supers.len(), "small": small});
        info["leaves"] = json!(self.root.leaves.len());
        info["languages"] = json!(self.pointer.languages);
        info["pieces"] = json!(self.pointer.pieces);
        info["user"] = json!(self.pointer.user);
        info
    }

    /// Reads every part and compares it with the others, keeping none.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest`.
    pub fn verify(&self) -> Result<()> {
        self.ranks()?;
        self.check_rows()?;
        self.check_typos()?;
        self.columns()?;
        let (ids, mut number) = (self.ids()?, 0);
        self.each_document(&mut |document| {
            let place = self.root.names.of(&document.id);
            let is_named =
                place.is_some_and(|(page, name)| ids.binary_search(&(page, name, number)).is_ok());
            number += 1;
            match is_named {
                true => Ok(()),
                false => Err(bad("the id of a document is not among its names")),
            }
        })?;
        self.each_term(&mut |_| Ok(()))
    }

    /// All that was written.
    ///
    /// # Errors
    /// As for [`Whole::verify`].
    pub fn contents(&self) -> Result<Contents> {
        self.check_rows()?;
        let (ranks, order) = (self.ranks()?, self.numbers()?);
        let mut numbered = Vec::new();
        self.each_document(&mut |document| {
            numbered.push(Some(document));
            Ok(())
        })?;
        let order: Vec<usize> = order.into_iter().map(|number| number as usize).collect();
        let mut contents = Contents {
            space: self.space(),
            columns: self.columns()?.picked(&order).dump(),
            has_form_codes: self.meta.forms,
            ..Contents::default()
        };
        let dim = self.meta.dim.unwrap_or(0);
        let starts = self.starts();
        let codes: &[i8] = bytemuck::cast_slice(self.container.section(meta::CODES)?);
        let scales: Vec<f32> = numbers::read(self.container.section(meta::SCALES)?);
        for number in order {
            let rows = starts[number]..starts[number + 1];
            contents
                .codes
                .extend_from_slice(&codes[rows.start * dim..rows.end * dim]);
            contents.scales.extend_from_slice(&scales[rows]);
            contents.documents.extend(numbered[number].take());
        }
        if contents
            .documents
            .windows(2)
            .any(|pair| pair[0].id >= pair[1].id)
        {
            return Err(bad("its ids are not in the order that it says"));
        }
        self.each_term(&mut |term| {
            contents.terms.push(by_rank(term, &ranks));
            Ok(())
        })?;
        Ok(contents)
    }

    fn space(&self) -> Option<Space> {
        let (id, dim) = (self.meta.space.clone()?, self.meta.dim?);
        Some(Space { id, dim })
    }

    /// The first row of each document, and the end.
    fn starts(&self) -> Vec<usize> {
        let mut starts = vec![0];
        let small = self.headers.iter().flat_map(|header| &header.small);
        for shape in small.flat_map(|small| &small.documents) {
            starts.push(starts[starts.len() - 1] + shape.rows() as usize);
        }
        starts
    }

    /// The place of each document among the ids: all different.
    fn ranks(&self) -> Result<Vec<u32>> {
        let (count, bytes) = (
            self.meta.documents as usize,
            self.container.section(meta::ORDER)?,
        );
        let width = rank_width(count);
        if bytes.len() != count * width {
            return Err(bad("its order is not as long as its documents are many"));
        }
        let mut seen = vec![false; count];
        let mut ranks = Vec::with_capacity(count);
        for bytes in bytes.chunks_exact(width) {
            let rank = bytes
                .iter()
                .rev()
                .fold(0, |rank, byte| rank << 8 | u32::from(*byte));
            match seen.get_mut(rank as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(bad("its order names a document twice, or none")),
            }
            ranks.push(rank);
        }
        Ok(ranks)
    }

    /// The values of documents in the order of their numbers.
    fn columns(&self) -> Result<Columns> {
        let section = self.container.section(meta::COLUMNS)?;
        let mut columns = Columns::blank(self.meta.documents as usize);
        let mut unpacker = Unpacker::new(Vec::new());
        for place in &self.root.columns {
            let bytes = slice(section, &place.range)?;
            check_mark(bytes, &place.digest, "columns")?;
            let free = free_bytes(self.meta.documents as usize);
            let raw = unsqueeze(bytes, free, &mut unpacker)?;
            columns.load_field(&place.name, &raw)?;
        }
        Ok(columns)
    }

    /// The page and number of each id, with its document, ascending.
    fn ids(&self) -> Result<Vec<(usize, u32, u32)>> {
        let (section, documents) = (self.container.section(meta::NAMES)?, self.meta.documents);
        let mut ids = Vec::new();
        for (page, (range, digest)) in self.root.names.pages.iter().enumerate() {
            let bytes = slice(section, range)?;
            check_mark(bytes, digest, "names")?;
            let names = names::read_page(bytes, documents as usize)?.into_iter();
            let own = names.filter(|(_, named)| named.is_id);
            ids.extend(own.map(|(name, named)| (page, name, named.document)));
        }
        Ok(ids)
    }

    /// Every page of corrections stands where it should.
    fn check_typos(&self) -> Result<()> {
        let section = self.container.section(meta::TYPOS)?;
        let directory = &section[..self.root.typos as usize];
        check_mark(directory, &self.root.typos_digest, "corrections")?;
        let directory = Directory::read(directory, section.len() as u64)?;
        corrections::verify(section, &directory)
    }

    /// Codes and scales are as many as the rows, and those that a vector can have.
    fn check_rows(&self) -> Result<()> {
        let rows = self.meta.rows;
        let lengths = [
            (meta::CODES, rows * self.meta.dim.unwrap_or(0) as u64),
            (meta::SCALES, rows * 4),
            (
                meta::SHORT,
                if self.meta.short {
                    rows * CODE_BYTES as u64
                } else {
                    0
                },
            ),
        ];
        for (name, wanted) in lengths {
            if self.container.section(name)?.len() as u64 != wanted {
                return Err(bad("its codes are not as many as its rows"));
            }
        }
        let (groups, _) = self.container.section(meta::SCALES)?.as_chunks::<4>();
        if !groups
            .iter()
            .all(|bytes| is_scale(f32::from_le_bytes(*bytes), CODE_MAX))
        {
            return Err(bad("a scale is not a number that a vector can have"));
        }
        let mut rest = self.container.section(meta::SHORT)?;
        if !self.meta.short {
            return Ok(());
        }
        for small in self.headers.iter().flat_map(|header| &header.small) {
            let rows: u64 = small.documents.iter().map(|shape| shape.rows()).sum();
            let (own, after) = rest.split_at(rows as usize * CODE_BYTES);
            rest = after;
            check_mark(own, &small.digest, "short codes")?;
            if !own.chunks_exact(CODE_BYTES).all(short::is_code) {
                return Err(bad("a short code has a scale that none can have"));
            }
        }
        Ok(())
    }

    /// The documents by number.
    fn each_document(&self, take: &mut dyn FnMut(Document) -> Result<()>) -> Result<()> {
        let texts = self.container.section(meta::TEXTS)?;
        let shared = Shared::read(self.container.section(meta::DICTIONARY)?)?;
        let mut reader = Reader::new(shared);
        let mut lengths = Squeezed::new(self.container.section(meta::LENGTHS)?);
        for header in &self.headers {
            let mut shapes = header.small.iter().flat_map(|small| &small.documents);
            for block in &header.blocks {
                let bytes = &texts[block.range.start as usize..block.range.end as usize];
                check_mark(bytes, &block.digest, "records")?;
                let documents = reader.documents(bytes, block.is_stored, block.documents)?;
                for (stored, shape) in documents.into_iter().zip(&mut shapes) {
                    if (shape.passages == 0) != self.meta.space.is_none() {
                        return Err(bad("a document has no passages"));
                    }
                    let (language, lengths) = lengths.next(read_lengths)?;
                    take(Document {
                        id: stored.id,
                        record: stored.record,
                        language,
                        lengths,
                        passages: shape.passages,
                        has_whole: shape.has_whole,
                    })?;
                }
            }
        }
        lengths.end()
    }

    /// The terms in order; documents are numbers.
    fn each_term(&self, take: &mut dyn FnMut(Term) -> Result<()>) -> Result<()> {
        let leaves = self.container.section(meta::LEAVES)?;
        let frame = Frame {
            documents: self.meta.documents as usize,
            has_codes: self.meta.forms,
            spelling: &self.root.spelling,
        };
        let mut unpacker = Unpacker::new(Vec::new());
        let (mut posting, mut spot, mut count) = (0, 0, 0_u32);
        let mut last: Option<String> = None;
        for (number, place) in self.root.leaves.iter().enumerate() {
            let bytes = &leaves[place.range.start as usize..place.range.end as usize];
            check_mark(bytes, &place.digest, "leaves")?;
            let (starts, entries) = leaf::read(bytes, frame)?;
            let next = self
                .root
                .leaves
                .get(number + 1)
                .map(|next| next.separator.as_slice());
            let fits = |entry: &Entry| {
                let term = entry.term.as_bytes();
                term >= place.separator.as_slice() && next.is_none_or(|next| term < next)
            };
            let is_first = last
                .as_ref()
                .is_none_or(|last| entries.first().is_some_and(|first| first.term > *last));
            if starts != (posting, spot)
                || entries.is_empty()
                || !is_first
                || !entries.iter().all(fits)
            {
                return Err(bad("a leaf does not stand where the root says"));
            }
            last = entries.last().map(|entry| entry.term.clone());
            for entry in entries {
                count = count.saturating_add(1);
                if let Place::Pages(pages) = &entry.place {
                    posting = pages.last().map_or(posting, |(range, _)| range.end);
                }
                spot = entry.spots.last().map_or(spot, |place| place.range.end);
                take(self.term(entry, &mut unpacker)?)?;
            }
        }
        let ends = (posting, spot, count);
        let length = |name: &str| Ok::<u64, Error>(self.container.header().section(name)?.length);
        if ends
            != (
                length(meta::POSTINGS)?,
                length(meta::SPOTS)?,
                self.meta.terms,
            )
        {
            return Err(bad(
                "its terms, postings or places are more than its leaves say",
            ));
        }
        Ok(())
    }

    /// A term with its postings.
    fn term(&self, entry: Entry, unpacker: &mut Unpacker) -> Result<Term> {
        let mut term = Term {
            term: entry.term,
            forms: entry.forms,
            ..Term::default()
        };
        let (mut next, mut levels) = (0, Vec::new());
        let all = self.container.section(meta::POSTINGS)?;
        let mut read = |page: &[u8], number: usize| {
            let count = (entry.count - number * PAGE_POSTINGS).min(PAGE_POSTINGS);
            levels.clear();
            read_page(
                page,
                count,
                &mut next,
                self.meta.documents,
                &mut term.documents,
                &mut levels,
            )
        };
        match &entry.place {
            Place::Here(page) => read(page, 0)?,
            Place::Pages(pages) => {
                for (number, (range, digest)) in pages.iter().enumerate() {
                    let page = slice(all, range)?;
                    check_mark(page, digest, "postings")?;
                    read(page, number)?;
                }
            }
        }
        let all = self.container.section(meta::SPOTS)?;
        for (number, place) in entry.spots.iter().enumerate() {
            let bytes = slice(all, &place.range)?;
            if let Some(digest) = &place.digest {
                check_mark(bytes, digest, "places")?;
            }
            let raw = spots::unpack(bytes, place.is_stored, unpacker)?;
            let mut cursor = Cursor::new(&raw);
            let first = term.frequencies.len();
            for _ in 0..(entry.count - number * PAGE_POSTINGS).min(PAGE_POSTINGS) {
                term.frequencies.push(read_frequencies(&mut cursor)?);
            }
            for counts in &term.frequencies[first..] {
                read_spots(&mut cursor, counts, term.forms.len(), &mut term.spots)?;
            }
            cursor.end()?;
        }
        Ok(term)
    }
}

/// The bytes of a part of a section.
fn slice<'a>(section: &'a [u8], range: &std::ops::Range<u64>) -> Result<&'a [u8]> {
    let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
    let part = start
        .ok()
        .zip(end.ok())
        .and_then(|(start, end)| section.get(start..end));
    part.ok_or_else(|| bad("a part of it ends behind its section"))
}

fn read_lengths(cursor: &mut Cursor<'_>) -> Result<(Option<String>, [u32; FIELDS])> {
    let language = cursor.number(8)?;
    let language =
        std::str::from_utf8(cursor.bytes(language)?).map_err(|_| bad("a language is not UTF-8"))?;
    let mut lengths = [0; FIELDS];
    for length in &mut lengths {
        *length = cursor.word()?;
    }
    Ok(((!language.is_empty()).then(|| language.to_owned()), lengths))
}

/// The term with documents by their place among the ids.
fn by_rank(term: Term, ranks: &[u32]) -> Term {
    let mut list: Vec<(u32, [u32; FIELDS], usize)> = Vec::with_capacity(term.documents.len());
    let mut first = 0;
    for (number, counts) in term.documents.iter().zip(&term.frequencies) {
        list.push((ranks[*number as usize], *counts, first));
        first += counts.iter().map(|count| *count as usize).sum::<usize>();
    }
    list.sort_unstable_by_key(|each| each.0);
    let mut sorted = Term {
        term: term.term,
        forms: term.forms,
        ..Term::default()
    };
    for (rank, counts, first) in list {
        let held: usize = counts.iter().map(|count| *count as usize).sum();
        sorted.documents.push(rank);
        sorted.frequencies.push(counts);
        sorted
            .spots
            .extend_from_slice(&term.spots[first..first + held]);
    }
    sorted
}
