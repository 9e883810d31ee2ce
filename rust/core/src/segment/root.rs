//! The root of a segment and the headers of its clusters: what a reader looks at before it reads anything else.
//!
//! Owns the layout of both; must not know what leaves, codes and records hold. Invariant: offsets follow from lengths, so
//! parts neither overlap nor leave holes, and every part that can be read alone has its digest here.

use super::bytes::{Cursor, MARK_BYTES, Mark, bad, put};
use super::leaf::{common, put_after, read_after};
use super::names::Places;
use super::spelling::Spelling;
use super::{CODE_BYTES, ShortCode};
use crate::error::Result;
use crate::pieces::short;
use std::ops::Range;

/// The longest name of a field.
const FIELD_BYTES: usize = 256;

/// A leaf, as the root knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeafPlace {
    /// No term of the leaves before reaches this, none of this one is below it.
    pub separator: Vec<u8>,
    /// Its part of the section of leaves.
    pub range: Range<u64>,
    pub digest: Mark,
}

/// A large cluster, as the root knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SuperPlace {
    /// The numbers of its documents.
    pub documents: Range<u32>,
    /// Its rows.
    pub rows: Range<u64>,
    /// Its part of the section of headers.
    pub header: Range<u64>,
    pub digest: Mark,
    /// The direction of its middle; zeros when it has none or there are no short codes.
    pub centroid: ShortCode,
}

/// The values of documents in one field, as the root knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnPlace {
    pub name: String,
    /// Its part of the section of columns.
    pub range: Range<u64>,
    pub digest: Mark,
}

/// The root.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Root {
    pub leaves: Vec<LeafPlace>,
    pub supers: Vec<SuperPlace>,
    /// Bytes of the directory of corrections.
    pub typos: u64,
    /// Its digest.
    pub typos_digest: Mark,
    pub columns: Vec<ColumnPlace>,
    pub names: Places,
    /// How the leaves are spelled.
    pub spelling: Spelling,
}

/// What the rest of a segment says, which its root has to fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub has_codes: bool,
    pub documents: u32,
    pub rows: u64,
    /// The lengths of sections.
    pub leaves: u64,
    pub headers: u64,
    pub typos: u64,
    pub columns: u64,
    pub names: u64,
}

/// A document in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub passages: u32,
    pub has_whole: bool,
}

impl Shape {
    /// How many rows it has.
    pub fn rows(self) -> u64 {
        u64::from(self.passages) + u64::from(self.has_whole)
    }
}

/// A small cluster, as the header of its large one knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Small {
    pub documents: Vec<Shape>,
    /// Digest of its short codes; zeros when there are none.
    pub digest: Mark,
    /// As that of a large cluster; the same where there is one small cluster only.
    pub centroid: ShortCode,
}

/// A block of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// How many documents it holds.
    pub documents: usize,
    /// Its part of the section of records.
    pub range: Range<u64>,
    pub is_stored: bool,
    pub digest: Mark,
}

/// The header of a large cluster.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub small: Vec<Small>,
    pub blocks: Vec<Block>,
}

/// The shortest start of `first` that is above `last`.
pub(super) fn separator<'a>(last: &str, first: &'a str) -> &'a [u8] {
    &first.as_bytes()[..common(last.as_bytes(), first.as_bytes()) + 1]
}

impl Root {
    /// Its bytes.
    pub fn write(&self, has_codes: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, self.leaves.len() as u64);
        let mut before: &[u8] = &[];
        for leaf in &self.leaves {
            put_after(&mut bytes, before, &leaf.separator);
            put(&mut bytes, leaf.range.end - leaf.range.start);
            bytes.extend_from_slice(&leaf.digest);
            before = &leaf.separator;
        }
        put(&mut bytes, self.supers.len() as u64);
        for each in &self.supers {
            put(
                &mut bytes,
                u64::from(each.documents.end - each.documents.start),
            );
            put(&mut bytes, each.rows.end - each.rows.start);
            put(&mut bytes, each.header.end - each.header.start);
            bytes.extend_from_slice(&each.digest);
            if has_codes {
                bytes.extend_from_slice(&each.centroid);
            }
        }
        put(&mut bytes, self.typos);
        bytes.extend_from_slice(&self.typos_digest);
        put(&mut bytes, self.columns.len() as u64);
        for column in &self.columns {
            put(&mut bytes, column.name.len() as u64);
            bytes.extend_from_slice(column.name.as_bytes());
            put(&mut bytes, column.range.end - column.range.start);
            bytes.extend_from_slice(&column.digest);
        }
        self.names.write(&mut bytes);
        bytes.extend_from_slice(&self.spelling.write());
        bytes
    }

    /// The root of a segment of which this is known.
    ///
    /// # Errors
    /// `bad_format` when the bytes are none.
    pub fn read(bytes: &[u8], frame: Frame) -> Result<Root> {
        let Frame {
            has_codes,
            documents,
            rows,
            leaves,
            headers,
            ..
        } = frame;
        let mut cursor = Cursor::new(bytes);
        let mut root = Root::default();
        let mut at = 0_u64;
        for number in 0..cursor.count(2 + MARK_BYTES)? {
            let before = root.leaves.last().map_or(&[][..], |leaf| &leaf.separator);
            let separator = read_after(&mut cursor, before)?;
            if (number == 0) != separator.is_empty()
                || (number > 0 && separator.as_slice() <= before)
            {
                return Err(bad("its leaves are not in order"));
            }
            let range = stretch(&mut at, cursor.varint()?, leaves)?;
            root.leaves.push(LeafPlace {
                separator,
                range,
                digest: cursor.array()?,
            });
        }
        if at != leaves {
            return Err(bad("its leaves are longer than the root says"));
        }
        let (mut document, mut row, mut header) = (0, 0, 0);
        let code = if has_codes { CODE_BYTES } else { 0 };
        for _ in 0..cursor.count(3 + MARK_BYTES + code)? {
            let numbers = stretch(&mut document, cursor.varint()?, u64::from(documents))?;
            root.supers.push(SuperPlace {
                documents: numbers.start as u32..numbers.end as u32,
                rows: stretch(&mut row, cursor.varint()?, rows)?,
                header: stretch(&mut header, cursor.varint()?, headers)?,
                digest: cursor.array()?,
                centroid: read_centroid(&mut cursor, has_codes)?,
            });
            if numbers.is_empty() {
                return Err(bad("a cluster has no documents"));
            }
        }
        if (document, row, header) != (u64::from(documents), rows, headers) {
            return Err(bad("its clusters do not hold what the root says"));
        }
        root.typos = stretch(&mut 0, cursor.varint()?, frame.typos)?.end;
        root.typos_digest = cursor.array()?;
        root.columns = read_columns(&mut cursor, frame.columns)?;
        root.names = Places::read(&mut cursor, frame.names)?;
        root.spelling = Spelling::read(cursor.bytes(cursor.left())?)?;
        Ok(root)
    }

    /// The leaf in which a term stands, if it stands anywhere.
    pub fn leaf_of(&self, term: &str) -> Option<usize> {
        let after = self
            .leaves
            .partition_point(|leaf| leaf.separator.as_slice() <= term.as_bytes());
        after.checked_sub(1)
    }

    /// The large cluster of a document.
    pub fn super_of(&self, document: u32) -> usize {
        self.supers
            .partition_point(|each| each.documents.end <= document)
    }
}

impl Header {
    /// Its bytes.
    pub fn write(&self, has_codes: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, self.small.len() as u64);
        for small in &self.small {
            put(&mut bytes, small.documents.len() as u64);
            for shape in &small.documents {
                put(
                    &mut bytes,
                    u64::from(shape.passages) << 1 | u64::from(shape.has_whole),
                );
            }
            if has_codes {
                bytes.extend_from_slice(&small.digest);
            }
            if has_codes && self.small.len() > 1 {
                bytes.extend_from_slice(&small.centroid);
            }
        }
        put(
            &mut bytes,
            self.blocks.first().map_or(0, |block| block.range.start),
        );
        put(&mut bytes, self.blocks.len() as u64);
        for block in &self.blocks {
            put(&mut bytes, block.documents as u64);
            put(
                &mut bytes,
                (block.range.end - block.range.start) << 1 | u64::from(block.is_stored),
            );
            bytes.extend_from_slice(&block.digest);
        }
        bytes
    }

    /// The header of a cluster of which the root says `place`, with records in a section of `texts` bytes.
    ///
    /// # Errors
    /// `bad_format` when the bytes are none.
    pub fn read(bytes: &[u8], has_codes: bool, place: &SuperPlace, texts: u64) -> Result<Header> {
        let mut cursor = Cursor::new(bytes);
        let documents = (place.documents.end - place.documents.start) as usize;
        let count = cursor.count(2 + if has_codes { MARK_BYTES } else { 0 })?;
        let (mut small, mut seen, mut rows) = (Vec::new(), 0, 0_u64);
        for _ in 0..count {
            let held = cursor.count(1)?;
            let mut shapes = Vec::with_capacity(held);
            for _ in 0..held {
                let number = cursor.number(u32::MAX as usize)? as u32;
                let shape = Shape {
                    passages: number >> 1,
                    has_whole: number & 1 == 1,
                };
                rows += shape.rows();
                shapes.push(shape);
            }
            seen += held;
            small.push(Small {
                documents: shapes,
                digest: if has_codes {
                    cursor.array()?
                } else {
                    [0; MARK_BYTES]
                },
                centroid: if count > 1 {
                    read_centroid(&mut cursor, has_codes)?
                } else {
                    place.centroid
                },
            });
            if held == 0 {
                return Err(bad("a cluster has no documents"));
            }
        }
        if seen != documents || rows != place.rows.end - place.rows.start {
            return Err(bad("a cluster does not hold what the root says"));
        }
        let (mut at, mut blocks, mut stored) = (cursor.varint()?, Vec::new(), 0_usize);
        for _ in 0..cursor.count(2 + MARK_BYTES)? {
            let documents = cursor.number(documents)?;
            let length = cursor.varint()?;
            let range = stretch(&mut at, length >> 1, texts)?;
            stored += documents;
            blocks.push(Block {
                documents,
                range,
                is_stored: length & 1 == 1,
                digest: cursor.array()?,
            });
            if documents == 0 {
                return Err(bad("a block holds no documents"));
            }
        }
        if stored != documents {
            return Err(bad("the blocks of a cluster do not hold its documents"));
        }
        cursor.end()?;
        Ok(Header { small, blocks })
    }
}

/// Where the columns of a section of that many bytes are.
fn read_columns(cursor: &mut Cursor<'_>, section: u64) -> Result<Vec<ColumnPlace>> {
    let (mut columns, mut end): (Vec<ColumnPlace>, u64) = (Vec::new(), 0);
    for _ in 0..cursor.count(2 + MARK_BYTES)? {
        let name = cursor.number(FIELD_BYTES)?;
        let name = std::str::from_utf8(cursor.bytes(name)?)
            .map_err(|_| bad("the name of a field is not UTF-8"))?;
        if name.is_empty() || columns.last().is_some_and(|last| *last.name >= *name) {
            return Err(bad("its fields are not in order"));
        }
        columns.push(ColumnPlace {
            name: name.to_owned(),
            range: stretch(&mut end, cursor.varint()?, section)?,
            digest: cursor.array()?,
        });
    }
    if end != section {
        return Err(bad("its columns are longer than the root says"));
    }
    Ok(columns)
}

fn read_centroid(cursor: &mut Cursor<'_>, has_codes: bool) -> Result<ShortCode> {
    if !has_codes {
        return Ok([0; CODE_BYTES]);
    }
    let centroid = cursor.array()?;
    if centroid != [0; CODE_BYTES] && !short::is_code(&centroid) {
        return Err(bad(
            "the middle of a cluster has a scale that none can have",
        ));
    }
    Ok(centroid)
}

/// The next `length` of what ends at `end`.
fn stretch(at: &mut u64, length: u64, end: u64) -> Result<Range<u64>> {
    let start = *at;
    let next = start.checked_add(length).filter(|next| *next <= end);
    *at = next.ok_or_else(|| bad("a part of it ends behind its section"))?;
    Ok(start..*at)
}
