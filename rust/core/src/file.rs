//! A container that is not at hand: which ranges to fetch, and their content once verified.
//!
//! Owns the dialogue of need and provide for one file (sans-I/O); knows nothing of what the sections mean.
//! Invariant: only ranges that were asked for are kept, no byte is handed out unverified, and bytes that fail their
//! digest are forgotten, so that asking again fetches them again.

mod need;

pub use need::{Answer, Need, together};

use crate::digest::digest;
use crate::error::{Code, Error, Result};
use crate::format::{Header, Kind, PREFIX_BYTES, Section};
use crate::sorted::SortedMap;
use serde_json::json;
use std::ops::Range;

/// What is fetched first: it often holds the header, the digests and the small sections at once.
const FIRST_BYTES: u64 = 64 << 10;

/// A container read piece by piece.
#[derive(Clone, Debug)]
pub struct File {
    name: String,
    length: u64,
    /// How much is fetched first.
    first: u64,
    header: Option<Header>,
    table: Option<Vec<u8>>,
    asked: Vec<Range<u64>>,
    /// Fetched and not yet verified, by offset.
    provided: SortedMap<u64, Vec<u8>>,
    /// Verified blocks, by offset.
    verified: SortedMap<u64, Vec<u8>>,
    /// Parts that were compared with digests of the caller's, by offset and length.
    parts: SortedMap<(u64, u64), Vec<u8>>,
}

/// A range of a section's content, and what is compared with it: blocks with the file's digests, or just this range with a
/// digest that the caller has read from a verified part of the file, of any length up to that of a whole one.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// The section.
    pub section: &'a str,
    /// The range.
    pub range: Range<u64>,
    /// The start of the digest of these bytes; without it whole blocks are read.
    pub digest: Option<&'a [u8]>,
}

impl File {
    /// A file of `length` bytes of which nothing is known yet.
    pub fn new(name: &str, length: u64) -> File {
        File {
            name: name.to_owned(),
            length,
            first: FIRST_BYTES,
            header: None,
            table: None,
            asked: Vec::new(),
            provided: SortedMap::new(),
            verified: SortedMap::new(),
            parts: SortedMap::new(),
        }
    }

    /// Like [`File::new`], where it is known how much is needed first.
    pub fn with_head(name: &str, length: u64, head: u64) -> File {
        File {
            first: head,
            ..File::new(name, length)
        }
    }

    /// The name it was opened with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was made with these arguments.
    pub fn is(&self, name: &str, length: u64) -> bool {
        self.name == name && self.length == length
    }

    /// Whether it has asked for bytes that lie within `length` bytes of that file from `offset` on.
    pub fn wants(&self, name: &str, offset: u64, length: usize) -> bool {
        let given = offset..offset.saturating_add(length as u64);
        name == self.name && self.asked.iter().any(|range| covers(&given, range))
    }

    /// Takes the bytes from `offset` on, as far as they were asked for; just what was asked for is not copied.
    pub fn provide(&mut self, name: &str, offset: u64, bytes: Vec<u8>) {
        if name != self.name {
            return;
        }
        let given = offset..offset.saturating_add(bytes.len() as u64);
        let covered = self.asked.extract_if(.., |range| covers(&given, range));
        let covered: Vec<Range<u64>> = covered.collect();
        if covered.contains(&given) {
            self.provided.insert(offset, bytes);
            return;
        }
        for range in covered {
            let bytes = part(&bytes, offset, &range).to_vec();
            self.provided.insert(range.start, bytes);
        }
    }

    /// The verified header of a container of that kind.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn header(&mut self, kind: Kind) -> Result<Answer<&Header>> {
        if self.header.is_none() {
            match self.read_header(kind)? {
                Answer::Ready(header) => self.header = Some(header),
                Answer::Need(needs) => return Ok(Answer::Need(needs)),
            }
        }
        match &self.header {
            Some(header) => Ok(Answer::Ready(header)),
            None => Err(Error::new(Code::Bug, "a header that was read is missing")),
        }
    }

    fn read_header(&mut self, kind: Kind) -> Result<Answer<Header>> {
        let least = self.length.min(self.first);
        let Some(prefix) = self.fetched(&(0..least)) else {
            return Ok(Answer::Need(vec![self.ask(0..least)]));
        };
        let needed = Header::bytes_needed(prefix)
            .inspect_err(|_| self.provided.clear())?
            .max(PREFIX_BYTES) as u64;
        if needed > self.length {
            self.provided.clear();
            return Err(truncated(self.length, needed));
        }
        let Some(bytes) = self.fetched(&(0..needed)) else {
            return Ok(Answer::Need(vec![self.ask(0..needed)]));
        };
        let header = Header::parse(bytes).inspect_err(|_| self.provided.clear())?;
        if header.file_bytes != self.length {
            return Err(truncated(self.length, header.file_bytes));
        }
        if header.kind != kind {
            return Err(Error::new(
                Code::BadFormat,
                format!(
                    "the file holds a {}, not a {}; open another file",
                    header.kind.as_str(),
                    kind.as_str()
                ),
            ));
        }
        Ok(Answer::Ready(header))
    }

    /// The content of whole sections, each missing stretch of which is asked for at once.
    ///
    /// # Errors
    /// `bad_format` when a section is missing, `wrong_digest` when bytes differ from those that were written.
    pub fn sections<const N: usize>(&mut self, names: [&str; N]) -> Result<Answer<[Vec<u8>; N]>> {
        let mut sections = Vec::with_capacity(N);
        for name in names {
            let section = self.known()?.section(name)?.clone();
            let length = section.length;
            sections.push((section, 0..length));
        }
        if let Some(needs) = self.missing(&sections)? {
            return Ok(Answer::Need(needs));
        }
        let read = self.take_sections(&sections);
        self.let_go(&sections, read.is_ok());
        let mut contents = read?.into_iter();
        Ok(Answer::Ready(
            names.map(|_| contents.next().unwrap_or_default()),
        ))
    }

    /// Ranges of the content of one section; the blocks around them are kept.
    ///
    /// # Errors
    /// As for [`File::sections`].
    pub fn pieces(&mut self, name: &str, ranges: &[Range<u64>]) -> Result<Answer<Vec<Vec<u8>>>> {
        let section = self.known()?.section(name)?.clone();
        let wanted: Vec<_> = ranges
            .iter()
            .map(|range| (section.clone(), range.clone()))
            .collect();
        if let Some(needs) = self.missing(&wanted)? {
            return Ok(Answer::Need(needs));
        }
        let read = self.read_pieces(&wanted);
        self.let_go(&wanted, read.is_ok());
        read.map(Answer::Ready)
    }

    /// What has to be fetched before a whole section can be read.
    ///
    /// # Errors
    /// `bad_format` when there is no such section.
    pub fn lacks(&mut self, name: &str) -> Result<Vec<Need>> {
        let section = self.known()?.section(name)?.clone();
        let all = 0..section.length;
        Ok(self.missing(&[(section, all)])?.unwrap_or_default())
    }

    /// Keeps all blocks of a section for when it is read, asking for about `step` bytes at once.
    ///
    /// # Errors
    /// As for [`File::sections`].
    pub fn hold(&mut self, name: &str, step: u64) -> Result<Answer<()>> {
        let section = self.known()?.section(name)?.clone();
        let step = (step / u64::from(section.block)).max(1) * u64::from(section.block);
        let mut start = 0;
        while start < section.length {
            let range = start..section.length.min(start + step);
            start = range.end;
            let is_held = |block| {
                let at = section.block_range(block).start;
                self.verified.contains_key(&at)
            };
            if blocks(&section, &range).all(is_held) {
                continue;
            }
            let wanted = [(section.clone(), range)];
            if let Some(needs) = self.missing(&wanted)? {
                return Ok(Answer::Need(needs));
            }
            let read = self.verify_blocks(&wanted);
            self.let_go(&wanted, read.is_ok());
            read?;
        }
        Ok(Answer::Ready(()))
    }

    /// Parts of the content of sections, each missing stretch of which is asked for at once; they are kept.
    ///
    /// # Errors
    /// As for [`File::sections`], and `bad_format` when a part ends behind its section.
    pub fn parts(&mut self, wanted: &[Part<'_>]) -> Result<Answer<Vec<Vec<u8>>>> {
        let mut places = Vec::with_capacity(wanted.len());
        let mut missing: Vec<Range<u64>> = Vec::new();
        for part in wanted {
            let section = self.known()?.section(part.section)?.clone();
            let Range { start, end } = part.range;
            if start > end || end > section.length {
                return Err(Error::new(
                    Code::BadFormat,
                    "a part lies behind the end of its section; fetch or build the file again",
                )
                .with(json!({"section": part.section, "end": end})));
            }
            let at = section.offset + start..section.offset + end;
            if part.digest.is_none() {
                missing.extend(self.lacking(&section, &part.range));
            } else if !self.parts.contains_key(&(at.start, end - start))
                && self.fetched(&at).is_none()
            {
                missing.push(at.clone());
            }
            places.push((section, at));
        }
        let table = self.known()?.table_range();
        if self.table.is_none() && self.fetched(&table).is_none() {
            missing.push(table);
        }
        if !missing.is_empty() {
            // Each is kept by itself, so that one can be used and the one beside it wait.
            let needs = missing.into_iter().map(|range| self.ask(range));
            return Ok(Answer::Need(together(needs.collect())));
        }
        self.verify_tables()
            .inspect_err(|_| self.provided.clear())?;
        let mut contents = Vec::with_capacity(wanted.len());
        for (part, (section, at)) in wanted.iter().zip(&places) {
            let read = match part.digest {
                None => self
                    .read_pieces(&[(section.clone(), part.range.clone())])
                    .map(|pieces| pieces.concat()),
                Some(digest) => self.read_part(section, at, digest),
            };
            contents.push(read.inspect_err(|_| self.provided.clear())?);
        }
        // Others may wait for what else was fetched.
        self.provided.retain(|start, bytes| {
            let end = *start + bytes.len() as u64;
            *start == 0
                || !places
                    .iter()
                    .any(|(_, at)| at.start < end && *start < at.end)
        });
        Ok(Answer::Ready(contents))
    }

    fn read_part(
        &mut self,
        section: &Section,
        at: &Range<u64>,
        expected: &[u8],
    ) -> Result<Vec<u8>> {
        let key = (at.start, at.end - at.start);
        if let Some(known) = self.parts.get(&key) {
            return Ok(known.clone());
        }
        let bytes = self.fetched(at).unwrap_or_default().to_vec();
        if expected.is_empty() || !digest(&bytes).starts_with(expected) {
            return Err(Error::new(
                Code::WrongDigest,
                "a part of a section differs from its digest; fetch or build the file again",
            )
            .with(json!({"section": section.name, "offset": at.start - section.offset})));
        }
        self.parts.insert(key, bytes.clone());
        Ok(bytes)
    }

    /// Whether it has a section of that name, once its header was read.
    pub fn has(&self, name: &str) -> bool {
        self.header
            .as_ref()
            .is_some_and(|header| header.section(name).is_ok())
    }

    /// The length of a section.
    ///
    /// # Errors
    /// `bad_format` when there is no such section.
    pub fn length_of(&self, name: &str) -> Result<u64> {
        Ok(self.known()?.section(name)?.length)
    }

    /// Checks the length of a section against what the rest of the file makes of it.
    ///
    /// # Errors
    /// `bad_format` when it differs or there is no such section.
    pub fn expect_length(&self, name: &str, length: u64) -> Result<()> {
        let found = self.known()?.section(name)?.length;
        if found != length {
            return Err(Error::new(
                Code::BadFormat,
                "a section is not as long as the others say; fetch or build the file again",
            )
            .with(json!({"section": name, "found": found, "wanted": length})));
        }
        Ok(())
    }

    /// Bytes of it that are in memory.
    pub fn size_bytes(&self) -> usize {
        let held = self.provided.values().chain(self.verified.values());
        let held = held.chain(self.parts.values());
        held.chain(&self.table).map(Vec::capacity).sum()
    }

    fn known(&self) -> Result<&Header> {
        self.header
            .as_ref()
            .ok_or_else(|| Error::new(Code::Bug, "a section was read before its header"))
    }

    /// What has to be fetched before `wanted` can be read; none when everything is there.
    fn missing(&mut self, wanted: &[(Section, Range<u64>)]) -> Result<Option<Vec<Need>>> {
        let mut missing: Vec<Range<u64>> = Vec::new();
        let table = self.known()?.table_range();
        if self.table.is_none() && self.fetched(&table).is_none() {
            missing.push(table.clone());
        }
        for (section, range) in wanted {
            for range in self.lacking(section, range) {
                match missing.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    Some(last) if last.start <= range.start && range.end <= last.end => {}
                    _ => missing.push(range),
                }
            }
        }
        if missing.is_empty() {
            return Ok(None);
        }
        Ok(Some(
            missing.into_iter().map(|range| self.ask(range)).collect(),
        ))
    }

    /// The blocks of a range that are neither verified nor fetched.
    fn lacking(&self, section: &Section, range: &Range<u64>) -> Vec<Range<u64>> {
        let all = blocks(section, range).map(|block| section.block_range(block));
        all.filter(|range| {
            !self.verified.contains_key(&range.start) && self.fetched(range).is_none()
        })
        .collect()
    }

    /// Forgets what was fetched, once it has been read; all of it, once some turned out to be damaged.
    fn let_go(&mut self, wanted: &[(Section, Range<u64>)], is_sound: bool) {
        let table = self.header.as_ref().map(Header::table_range);
        let read: Vec<Range<u64>> = wanted
            .iter()
            .map(|(section, _)| section.range())
            .chain(table)
            .collect();
        self.provided.retain(|start, bytes| {
            let end = start + bytes.len() as u64;
            let was_read = read
                .iter()
                .any(|range| range.start < end && *start < range.end);
            // The first bytes often hold blocks that are read later, and what another part was fetched for waits for it.
            is_sound && (*start == 0 || !was_read)
        });
    }

    fn verify_tables(&mut self) -> Result<()> {
        if self.table.is_none() {
            let table = self.known()?.table_range();
            let bytes = self.fetched(&table).unwrap_or_default().to_vec();
            for section in &self.known()?.sections {
                section.verify_table(part(&bytes, table.start, &section.table_range()))?;
            }
            self.table = Some(bytes);
        }
        Ok(())
    }

    /// Whole sections, which are the caller's from now on: nothing of them stays here. One that is most of what was
    /// fetched is handed on without a copy, because sections are most of what a host has memory for.
    fn take_sections(&mut self, wanted: &[(Section, Range<u64>)]) -> Result<Vec<Vec<u8>>> {
        self.verify_tables()?;
        let start = self.known()?.table_range().start;
        let mut contents = Vec::with_capacity(wanted.len());
        for (section, _) in wanted {
            let whole = self.take_fetched(&section.range());
            let digests = self.table.as_deref().unwrap_or_default();
            let own = part(digests, start, &section.table_range());
            if let Some(content) = whole {
                section.verify_blocks(own, &content)?;
                contents.push(content);
                continue;
            }
            // All of it is at hand, so that the length is true.
            let mut content = Vec::with_capacity(section.length as usize);
            for block in 0..section.blocks() {
                let at = section.block_range(block);
                if let Some(bytes) = self.verified.get(&at.start) {
                    content.extend_from_slice(bytes);
                    continue;
                }
                let bytes = self.fetched(&at).unwrap_or_default();
                section.verify_block(own, block, bytes)?;
                content.extend_from_slice(bytes);
            }
            contents.push(content);
        }
        for (section, _) in wanted {
            let range = section.range();
            self.verified.retain(|start, _| !range.contains(start));
        }
        Ok(contents)
    }

    fn read_pieces(&mut self, wanted: &[(Section, Range<u64>)]) -> Result<Vec<Vec<u8>>> {
        self.verify_blocks(wanted)?;
        let mut contents = Vec::with_capacity(wanted.len());
        for (section, range) in wanted {
            let mut content = Vec::new();
            for block in blocks(section, range) {
                let at = section.block_range(block);
                let bytes = &self.verified[&at.start];
                let start = (section.offset + range.start).saturating_sub(at.start) as usize;
                let end = (section.offset + range.end).min(at.end) - at.start;
                content.extend_from_slice(&bytes[start..end as usize]);
            }
            contents.push(content);
        }
        Ok(contents)
    }

    /// Compares the blocks of ranges that were fetched with their digests, and keeps them.
    fn verify_blocks(&mut self, wanted: &[(Section, Range<u64>)]) -> Result<()> {
        self.verify_tables()?;
        let table = self.known()?.table_range();
        let digests = self.table.as_deref().unwrap_or_default();
        for (section, range) in wanted {
            let own = part(digests, table.start, &section.table_range());
            for block in blocks(section, range) {
                let at = section.block_range(block);
                if !self.verified.contains_key(&at.start) {
                    let bytes = self.fetched(&at).unwrap_or_default().to_vec();
                    section.verify_block(own, block, &bytes)?;
                    self.verified.insert(at.start, bytes);
                }
            }
        }
        Ok(())
    }

    /// A range that was fetched with nothing in front of it and little behind, which stays; none when there is no such.
    fn take_fetched(&mut self, range: &Range<u64>) -> Option<Vec<u8>> {
        let length = (range.end - range.start) as usize;
        let fetched = self.provided.get(&range.start)?;
        // The room of what stays behind remains with the content.
        let behind = fetched.len().checked_sub(length)?;
        if length == 0 || behind > length / 8 {
            return None;
        }
        let mut content = self.provided.remove(&range.start)?;
        if behind > 0 {
            self.provided.insert(range.end, content.split_off(length));
        }
        Some(content)
    }

    /// Bytes that were fetched and not yet verified.
    fn fetched(&self, range: &Range<u64>) -> Option<&[u8]> {
        if range.is_empty() {
            return Some(&[]);
        }
        self.provided
            .up_to(&range.start)
            .rev()
            .find(|(start, bytes)| range.end <= *start + bytes.len() as u64)
            .map(|(start, bytes)| part(bytes, *start, range))
    }

    fn ask(&mut self, range: Range<u64>) -> Need {
        let need = Need {
            file: self.name.clone(),
            offset: range.start,
            length: range.end - range.start,
        };
        if !self.asked.contains(&range) {
            self.asked.push(range);
        }
        need
    }
}

/// The blocks of a section that hold a range of its content.
fn blocks(section: &Section, range: &Range<u64>) -> Range<u64> {
    let block = u64::from(section.block);
    if range.is_empty() {
        return 0..0;
    }
    range.start / block..range.end.div_ceil(block)
}

fn covers(given: &Range<u64>, wanted: &Range<u64>) -> bool {
    given.start <= wanted.start && wanted.end <= given.end
}

/// The part of `bytes`, which start at `start` in the file, that lies at `range` in the file.
fn part<'a>(bytes: &'a [u8], start: u64, range: &Range<u64>) -> &'a [u8] {
    &bytes[(range.start - start) as usize..(range.end - start) as usize]
}

fn truncated(found: u64, wanted: u64) -> Error {
    Error::new(
        Code::BadFormat,
        "the file is truncated or extended: its length differs from what its header says; fetch or build it again",
    )
    .with(json!({"found": found, "wanted": wanted}))
}
