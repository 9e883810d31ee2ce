//! A published collection that is read in small pieces as queries need them.
//!
//! Owns the two files, what was read of them, and the parts by name; must not know how documents are ranked. Invariant:
//! sans-I/O, so that each call answers or says which ranges it lacks; nothing is used before the mark that covers it fits.

use super::bytes::{Mark, bad};
use super::corrections::Directory;
use super::leaf::{self, Entry, Frame, Place};
use super::live::{Live, Lying};
use super::meta::{self, Parameters, SegmentMeta};
use super::pointer::Pointer;
use super::postings::{PAGE_POSTINGS, read_page};
use super::root::{self, Header, Root};
use super::texts::Shared;
use super::write::rank_width;
use super::{CODE_BYTES, Space};
use crate::bands::Bands;
use crate::error::{Code, Error, Result};
use crate::facets::{Columns, Set};
use crate::file::{Answer, File, Part};
use crate::format::{Kind, hex};
use crate::loading::beside;
use crate::pieces::short;
use crate::sorted::SortedMap;
use crate::stored::read_meta;
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Leaves that are read for a word that is still being typed, at most.
const PREFIX_LEAVES: usize = 12;

/// Gives what a part of a call lacks back to whom called.
macro_rules! ready {
    ($answer:expr) => {
        match $answer {
            Answer::Ready(ready) => ready,
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
        }
    };
}
pub(super) use ready;

/// A collection of which the pointer's name and length are known.
#[derive(Clone, Debug)]
pub struct Remote {
    pointer: File,
    segment: Option<File>,
    /// Live segments, until all of them are there.
    lying: Option<Lying>,
    pub(super) opened: Option<Opened>,
    headers: SortedMap<usize, Header>,
    pub(super) shared: Option<Shared>,
    pub(super) typos: Option<Directory>,
    pub(super) columns: Option<Columns>,
}

/// What is known once the root has been read.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub pointer: Pointer,
    pub parameters: Parameters,
    pub meta: SegmentMeta,
    pub root: Root,
    /// The documents of live segments, which are numbered behind the published ones.
    pub live: Live,
    /// The documents that are not gone.
    pub alive: Set,
}

impl Opened {
    /// How many documents are not gone.
    pub fn living(&self) -> usize {
        self.alive.documents() - self.gone()
    }

    /// How many of the published ones are not gone.
    pub fn living_published(&self) -> usize {
        self.meta.documents as usize - self.gone()
    }

    fn gone(&self) -> usize {
        self.pointer.gone.first().map_or(0, Vec::len)
    }
}

/// The postings of one term: documents and their impacts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Postings {
    pub documents: Vec<u32>,
    pub levels: Vec<u8>,
}

impl Remote {
    /// A collection of which nothing has been read.
    pub fn new(pointer: &str, length: u64) -> Remote {
        Remote {
            pointer: File::new(pointer, length),
            segment: None,
            lying: None,
            opened: None,
            headers: SortedMap::new(),
            shared: None,
            typos: None,
            columns: None,
        }
    }

    /// A collection of whose pointer something has been read.
    pub fn of_pointer(pointer: File) -> Remote {
        Remote {
            pointer,
            ..Remote::new("", 0)
        }
    }

    /// Whether it was made from a pointer of that name and length.
    pub fn is(&self, pointer: &str, length: u64) -> bool {
        self.pointer.is(pointer, length)
    }

    /// How many rows it has, passages and whole documents; 0 before it is open.
    pub fn rows(&self) -> usize {
        let opened = self.opened.as_ref();
        opened.map_or(0, |opened| opened.meta.rows as usize + opened.live.rows())
    }

    /// Takes bytes of one of the files, as far as they were asked for.
    pub fn provide(&mut self, name: &str, offset: u64, bytes: Vec<u8>) {
        if let Some(lying) = &mut self.lying
            && lying.wants(name, offset, bytes.len())
        {
            lying.provide(name, &bytes);
        }
        match &mut self.segment {
            Some(segment) if segment.wants(name, offset, bytes.len()) => {
                segment.provide(name, offset, bytes)
            }
            _ => self.pointer.provide(name, offset, bytes),
        }
    }

    /// Whether it has asked for bytes that lie within `length` bytes of that file from `offset` on.
    pub fn wants(&self, name: &str, offset: u64, length: usize) -> bool {
        let segment = self.segment.as_ref();
        let lying = self.lying.as_ref();
        self.pointer.wants(name, offset, length)
            || lying.is_some_and(|lying| lying.wants(name, offset, length))
            || segment.is_some_and(|file| file.wants(name, offset, length))
    }

    /// Bytes of it that are in memory.
    pub fn size_bytes(&self) -> usize {
        let held = self.shared.as_ref().map_or(0, Shared::size_bytes)
            + self.typos.as_ref().map_or(0, Directory::size_bytes)
            + self.columns.as_ref().map_or(0, Columns::size_bytes);
        let lying = self.lying.as_ref().map_or(0, Lying::size_bytes);
        let live = self.opened.as_ref();
        let live = live.map_or(0, |opened| opened.live.size_bytes());
        held + lying
            + live
            + self.pointer.size_bytes()
            + self.segment.as_ref().map_or(0, File::size_bytes)
    }

    /// Reads the pointer, and then the segment up to the end of its root together with all of the live segments.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn open(&mut self) -> Result<Answer<()>> {
        if self.opened.is_some() {
            return Ok(Answer::Ready(()));
        }
        let pointer = ready!(read_pointer(&mut self.pointer)?);
        let unpublished = || bad("its pointer names no published segment");
        let named = pointer.published().ok_or_else(unpublished)?.clone();
        let parameters = pointer.parameters.clone().ok_or_else(unpublished)?;
        let name = beside(self.pointer.name(), &named.file);
        let head = named.head.unwrap_or(named.length);
        let segment = self
            .segment
            .get_or_insert_with(|| File::with_head(&name, named.length, head));
        let lying = self
            .lying
            .get_or_insert_with(|| Lying::of(self.pointer.name(), &pointer));
        let mut needs = lying.needs();
        if let Answer::Need(more) = segment.header(Kind::Index)? {
            needs.extend(more);
        }
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        let header = ready!(segment.header(Kind::Index)?);
        if hex(&header.digest) != named.digest {
            return Err(Error::new(
                Code::WrongDigest,
                "the segment is not the one that the pointer names; fetch or build the collection again",
            )
            .with(json!({"found": hex(&header.digest), "wanted": named.digest})));
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
        let root = ready!(whole(segment, meta::ROOT)?);
        let frame = root::Frame {
            has_codes: meta.short,
            documents: meta.documents,
            rows: meta.rows,
            leaves: segment.length_of(meta::LEAVES)?,
            headers: segment.length_of(meta::HEADERS)?,
            typos: segment.length_of(meta::TYPOS)?,
            columns: segment.length_of(meta::COLUMNS)?,
            names: segment.length_of(meta::NAMES)?,
        };
        let root = Root::read(&root, frame)?;
        if meta.short {
            segment.expect_length(meta::SHORT, meta.rows * CODE_BYTES as u64)?;
        }
        let width = rank_width(meta.documents as usize) as u64;
        segment.expect_length(meta::ORDER, u64::from(meta.documents) * width)?;
        let live = match self.lying.take() {
            Some(mut lying) => lying.read(&pointer, &meta)?,
            None => Live::default(),
        };
        let mut alive = Set::all(meta.documents as usize + live.documents());
        for number in pointer.gone.first().into_iter().flatten() {
            alive.remove(*number as usize);
        }
        self.opened = Some(Opened {
            pointer,
            parameters,
            meta,
            root,
            live,
            alive,
        });
        Ok(Answer::Ready(()))
    }

    /// The maker's own object; none before it is open.
    pub fn user(&self) -> Option<&Map<String, Value>> {
        self.opened.as_ref().map(|opened| &opened.pointer.user)
    }

    /// Which scores are good ones; none before it is open, or where that was not learned.
    pub fn bands(&self) -> Option<&Bands> {
        self.opened.as_ref()?.pointer.bands.as_ref()
    }

    /// What documents can be filtered by; nothing before it is open.
    pub fn fields(&self) -> Vec<&str> {
        let opened = self.opened.as_ref();
        let published = opened.into_iter().flat_map(|opened| &opened.root.columns);
        let live = opened
            .into_iter()
            .flat_map(|opened| opened.live.columns().fields());
        let published = published.map(|column| column.name.as_str());
        let mut fields: Vec<&str> = published.chain(live).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Whether its rows have short codes.
    pub fn has_short_codes(&self) -> bool {
        let opened = self.opened.as_ref();
        opened.is_some_and(|opened| opened.meta.short)
    }

    /// The languages that a query is stemmed in, that of most documents first.
    pub fn languages(&self) -> &[String] {
        self.opened
            .as_ref()
            .map_or(&[], |opened| &opened.pointer.languages)
    }

    /// The digest of the piece table whose short space its codes are in.
    pub fn pieces(&self) -> Option<&str> {
        self.opened
            .as_ref()
            .and_then(|opened| opened.pointer.pieces.as_deref())
    }

    /// The space of its vectors.
    pub fn space(&self) -> Option<Space> {
        let meta = &self.opened.as_ref()?.meta;
        Some(Space {
            id: meta.space.clone()?,
            dim: meta.dim?,
        })
    }

    /// How many documents it has that are not gone; 0 before it is open.
    pub fn living(&self) -> usize {
        self.opened.as_ref().map_or(0, Opened::living)
    }

    /// How many documents have a number, those that are gone included; 0 before it is open.
    pub(super) fn documents(&self) -> usize {
        let opened = self.opened.as_ref();
        opened.map_or(0, |opened| opened.alive.documents())
    }

    /// How many of these are those of the published segment.
    pub(super) fn published(&self) -> usize {
        let opened = self.opened.as_ref();
        opened.map_or(0, |opened| opened.meta.documents as usize)
    }

    pub(super) fn live_mut(&mut self) -> Option<&mut Live> {
        self.opened.as_mut().map(|opened| &mut opened.live)
    }

    pub(super) fn opened(&self) -> Result<&Opened> {
        self.opened.as_ref().ok_or_else(|| {
            Error::new(
                Code::NotReady,
                "the collection has not been opened; call open first",
            )
        })
    }

    pub(super) fn file(&mut self) -> Result<&mut File> {
        self.segment
            .as_mut()
            .ok_or_else(|| Error::new(Code::Bug, "a segment that was opened is missing"))
    }

    /// Parts of a section of the segment, each with the mark of its bytes.
    pub(super) fn marked(
        &mut self,
        section: &str,
        places: &[(Range<u64>, Mark)],
    ) -> Result<Answer<Vec<Vec<u8>>>> {
        let wanted: Vec<Part<'_>> = places
            .iter()
            .map(|(range, mark)| Part {
                section,
                range: range.clone(),
                digest: Some(mark),
            })
            .collect();
        self.file()?.parts(&wanted)
    }

    /// The entries of some terms in the dictionary; none for one that no document has.
    pub(super) fn entries(&mut self, terms: &[&str]) -> Result<Answer<Vec<Option<Entry>>>> {
        let opened = self.opened()?;
        let places: Vec<_> = terms.iter().map(|term| opened.root.leaf_of(term)).collect();
        let mut numbers: Vec<usize> = places.iter().flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let read = ready!(self.leaves(&numbers)?);
        let find = |(term, place): (&&str, Option<usize>)| {
            let at = numbers.binary_search(&place?).ok()?;
            let entries: &Vec<Entry> = read.get(at)?;
            let at = entries
                .binary_search_by(|entry| entry.term.as_str().cmp(term))
                .ok()?;
            Some(entries[at].clone())
        };
        Ok(Answer::Ready(terms.iter().zip(places).map(find).collect()))
    }

    /// The entries that have forms which begin like that, and whether those are all: of a beginning that is very common only
    /// the first leaves are read.
    pub(super) fn beginning(&mut self, prefix: &str) -> Result<Answer<(Vec<Entry>, bool)>> {
        let root = &self.opened()?.root;
        let first = root.leaf_of(prefix).unwrap_or(0);
        let end = root.leaves.partition_point(|leaf| {
            let separator = leaf.separator.as_slice();
            separator <= prefix.as_bytes() || separator.starts_with(prefix.as_bytes())
        });
        let last = end.min(first + PREFIX_LEAVES);
        let numbers: Vec<usize> = (first..last).collect();
        let read = ready!(self.leaves(&numbers)?);
        let mut entries: Vec<Entry> = read.into_iter().flatten().collect();
        let begins = |entry: &Entry| entry.forms.iter().any(|form| form.form.starts_with(prefix));
        entries.retain(begins);
        Ok(Answer::Ready((entries, last == end)))
    }

    /// The entries of leaves.
    fn leaves(&mut self, numbers: &[usize]) -> Result<Answer<Vec<Vec<Entry>>>> {
        let opened = self.opened()?;
        let leaves: Vec<_> = numbers
            .iter()
            .map(|number| &opened.root.leaves[*number])
            .map(|leaf| (leaf.range.clone(), leaf.digest))
            .collect();
        let bytes = ready!(self.marked(meta::LEAVES, &leaves)?);
        let opened = self.opened()?;
        let frame = Frame {
            documents: opened.meta.documents as usize,
            has_codes: opened.meta.forms,
            spelling: &opened.root.spelling,
        };
        let mut read = Vec::with_capacity(numbers.len());
        for bytes in bytes {
            read.push(leaf::read(&bytes, frame)?.1);
        }
        Ok(Answer::Ready(read))
    }

    /// The postings of entries.
    pub(super) fn postings(&mut self, entries: &[&Entry]) -> Result<Answer<Vec<Postings>>> {
        let documents = self.opened()?.meta.documents;
        let mut wanted = Vec::new();
        for entry in entries {
            if let Place::Pages(pages) = &entry.place {
                wanted.extend_from_slice(pages);
            }
        }
        let mut pages = ready!(self.marked(meta::POSTINGS, &wanted)?).into_iter();
        let mut lists = Vec::with_capacity(entries.len());
        for entry in entries {
            let (mut list, mut next) = (Postings::default(), 0);
            let mut left = entry.count;
            while left > 0 {
                let count = left.min(PAGE_POSTINGS);
                let page = match &entry.place {
                    Place::Here(page) => page.clone(),
                    Place::Pages(_) => pages.next().unwrap_or_default(),
                };
                read_page(
                    &page,
                    count,
                    &mut next,
                    documents,
                    &mut list.documents,
                    &mut list.levels,
                )?;
                left -= count;
            }
            lists.push(list);
        }
        Ok(Answer::Ready(lists))
    }

    /// Reads the headers of large clusters, which [`Remote::header`] then has.
    pub(super) fn headers(&mut self, numbers: &[usize]) -> Result<Answer<()>> {
        let texts = self.file()?.length_of(meta::TEXTS)?;
        let opened = self.opened()?;
        let lacking: Vec<usize> = numbers
            .iter()
            .copied()
            .filter(|number| !self.headers.contains_key(number))
            .collect();
        let places: Vec<_> = lacking
            .iter()
            .map(|number| opened.root.supers[*number].clone())
            .collect();
        let has_codes = opened.meta.short;
        let wanted: Vec<_> = places
            .iter()
            .map(|place| (place.header.clone(), place.digest))
            .collect();
        let bytes = ready!(self.marked(meta::HEADERS, &wanted)?);
        for ((number, place), bytes) in lacking.iter().zip(&places).zip(bytes) {
            self.headers
                .insert(*number, Header::read(&bytes, has_codes, place, texts)?);
        }
        Ok(Answer::Ready(()))
    }

    /// The header of a large cluster, if it has been read.
    pub(super) fn header(&self, number: usize) -> Option<&Header> {
        self.headers.get(&number)
    }

    /// Short codes of stretches of rows, each with the mark of its bytes.
    pub(super) fn codes(
        &mut self,
        stretches: &[(Range<u64>, Mark)],
    ) -> Result<Answer<Vec<Vec<u8>>>> {
        let size = CODE_BYTES as u64;
        let wanted: Vec<_> = stretches
            .iter()
            .map(|(rows, mark)| (rows.start * size..rows.end * size, *mark))
            .collect();
        let codes = ready!(self.marked(meta::SHORT, &wanted)?);
        if !codes
            .iter()
            .all(|codes| codes.chunks_exact(CODE_BYTES).all(short::is_code))
        {
            return Err(bad("a short code has a scale that none can have"));
        }
        Ok(Answer::Ready(codes))
    }
}

/// What a pointer file says.
fn read_pointer(file: &mut File) -> Result<Answer<Pointer>> {
    let has_tombstones = Pointer::has_tombstones(ready!(file.header(Kind::Index)?))?;
    let parameters = ready!(whole(file, meta::PARAMETERS)?);
    let tombstones = match has_tombstones {
        true => ready!(whole(file, meta::TOMBSTONES)?),
        false => Vec::new(),
    };
    let header = ready!(file.header(Kind::Index)?);
    Ok(Answer::Ready(Pointer::read(
        header,
        &parameters,
        &tombstones,
    )?))
}

/// A whole section, which is kept.
fn whole(file: &mut File, name: &str) -> Result<Answer<Vec<u8>>> {
    let part = Part {
        section: name,
        range: 0..file.length_of(name)?,
        digest: None,
    };
    Ok(Answer::Ready(ready!(file.parts(&[part])?).concat()))
}
