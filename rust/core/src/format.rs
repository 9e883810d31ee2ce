//! The container: one checked file layout for models and indexes (docs/FORMAT.md).
//!
//! Owns every byte offset of a file; knows nothing of what the sections mean.
//! Invariant: no byte is handed out before the digest that covers it has been checked, no length is trusted before it
//! has been compared with the bytes at hand, and reading never panics on any bytes.

mod container;
mod pack;

pub use crate::digest::{Digest, digest};
pub use container::Container;
pub use pack::{pack, pack_in_blocks};

use crate::digest::digests;
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::ops::Range;

/// The first eight bytes of every file.
pub const MAGIC: [u8; 8] = *b"FINDLING";
/// The version this engine writes and the only one it reads.
pub const VERSION: u32 = 1;
/// Bytes before the header JSON: magic, version, header length, header digest.
pub const PREFIX_BYTES: usize = 32;
/// Every section starts at a multiple of this many bytes.
pub const ALIGN: u64 = 64;
/// The longest header JSON, in bytes.
pub const HEADER_CAP: usize = 1 << 20;
/// The most values in the header JSON: one of two bytes takes a hundred in memory.
pub const VALUES_CAP: usize = 1 << 13;
/// The most sections a file may have.
pub const SECTION_CAP: usize = 64;
/// The longest section name, in bytes.
pub const NAME_CAP: usize = 64;
/// The bytes one digest covers when `pack` writes a file.
pub const DEFAULT_BLOCK: u32 = 64 << 10;
const BLOCK_MIN: u32 = 1 << 10;
const BLOCK_MAX: u32 = 16 << 20;
/// Offsets stay exact in the doubles of JavaScript.
const LENGTH_CAP: u64 = 1 << 53;
const DIGEST_BYTES: u64 = 16;

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A text model.
    Model,
    /// A searchable index.
    Index,
    /// A piece table.
    Pieces,
}

impl Kind {
    /// The spelling in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Model => "model",
            Kind::Index => "index",
            Kind::Pieces => "pieces",
        }
    }
}

/// Where a section lies and what its digest table must hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Unique within the file.
    pub name: String,
    /// Bytes of content.
    pub length: u64,
    /// Bytes covered by one digest; the last block may be shorter.
    pub block: u32,
    /// Digest of this section's part of the digest table.
    pub digest: Digest,
    /// Offset of the content in the file, a multiple of [`ALIGN`].
    pub offset: u64,
    /// Offset of this section's part of the digest table.
    pub table_offset: u64,
}

impl Section {
    /// The number of blocks.
    pub fn blocks(&self) -> u64 {
        self.length.div_ceil(u64::from(self.block))
    }

    /// The bytes of the file that hold the content.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.length
    }

    /// The bytes of the file that hold this section's digests.
    pub fn table_range(&self) -> Range<u64> {
        self.table_offset..self.table_offset + self.blocks() * DIGEST_BYTES
    }

    /// The bytes of the file that hold block number `block`; empty past the end.
    pub fn block_range(&self, block: u64) -> Range<u64> {
        let start = block.saturating_mul(u64::from(self.block)).min(self.length);
        let end = (start + u64::from(self.block)).min(self.length);
        self.offset + start..self.offset + end
    }

    /// Checks this section's part of the digest table against the header.
    ///
    /// # Errors
    /// `wrong_digest` when the bytes differ from those that were written.
    pub fn verify_table(&self, table: &[u8]) -> Result<()> {
        if table.len() as u64 != self.blocks() * DIGEST_BYTES || digest(table) != self.digest {
            return Err(self.damaged("its digest table differs from the header", None));
        }
        Ok(())
    }

    /// Checks the bytes of one block against a table that [`Section::verify_table`] has accepted.
    ///
    /// # Errors
    /// `wrong_digest` when the bytes differ from those that were written.
    pub fn verify_block(&self, table: &[u8], block: u64, bytes: &[u8]) -> Result<()> {
        let range = self.block_range(block);
        let expected = usize::try_from(block)
            .ok()
            .and_then(|block| table.chunks_exact(DIGEST_BYTES as usize).nth(block));
        if bytes.len() as u64 != range.end - range.start
            || expected != Some(digest(bytes).as_slice())
        {
            return Err(self.damaged("a block differs from its digest", Some(block)));
        }
        Ok(())
    }

    /// Checks a whole section: its digest table and every block of its content.
    ///
    /// # Errors
    /// `wrong_digest` when the bytes differ from those that were written.
    pub fn verify(&self, table: &[u8], content: &[u8]) -> Result<()> {
        self.verify_table(table)?;
        self.verify_blocks(table, content)
    }

    /// Checks every block of the whole content against a table that [`Section::verify_table`] has accepted.
    ///
    /// # Errors
    /// `wrong_digest` when the bytes differ from those that were written.
    pub fn verify_blocks(&self, table: &[u8], content: &[u8]) -> Result<()> {
        if content.len() as u64 != self.length {
            return Err(self.damaged("its length differs from the header", None));
        }
        let expected = table.chunks_exact(DIGEST_BYTES as usize);
        let found = digests(content, self.block as usize);
        for (block, (expected, found)) in expected.zip(found).enumerate() {
            if *expected != found {
                return Err(self.damaged("a block differs from its digest", Some(block as u64)));
            }
        }
        Ok(())
    }

    fn damaged(&self, what: &str, block: Option<u64>) -> Error {
        Error::new(
            Code::WrongDigest,
            format!(
                "section \"{}\" is damaged: {what}; fetch or build the file again",
                self.name
            ),
        )
        .with(json!({"section": self.name, "block": block}))
    }
}

/// A verified header: what the file holds and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// What the file holds.
    pub kind: Kind,
    /// What the kind says about itself, a JSON object.
    pub meta: Value,
    /// The sections in file order.
    pub sections: Vec<Section>,
    /// Digest of the header JSON, which covers the whole file transitively.
    pub digest: Digest,
    /// Bytes from the start of the file to the end of the header JSON.
    pub header_bytes: u64,
    /// Bytes of the whole file.
    pub file_bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderJson {
    kind: Kind,
    meta: Value,
    sections: Vec<SectionJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SectionJson {
    name: String,
    length: u64,
    block: u32,
    digest: String,
}

impl Header {
    /// How many bytes from the start of the file [`Header::parse`] needs, told by the first [`PREFIX_BYTES`].
    ///
    /// # Errors
    /// `bad_format` when the bytes do not start a container, `wrong_version` when a newer engine wrote it.
    pub fn bytes_needed(prefix: &[u8]) -> Result<usize> {
        let Some((magic, rest)) = prefix.split_first_chunk::<8>() else {
            return Err(bad("the file is shorter than a container's first 32 bytes"));
        };
        if *magic != MAGIC {
            return Err(bad("the file does not start with \"FINDLING\""));
        }
        let Some((version, rest)) = rest.split_first_chunk::<4>() else {
            return Err(bad("the file is shorter than a container's first 32 bytes"));
        };
        let version = u32::from_le_bytes(*version);
        if version > VERSION {
            return Err(Error::new(
                Code::WrongVersion,
                format!("the file has format version {version}, this engine reads {VERSION}; update Findling or build the file again"),
            )
            .with(json!({"found": version, "wanted": VERSION})));
        }
        if version != VERSION {
            return Err(bad("the format version is not one that was ever written"));
        }
        let Some((length, _)) = rest.split_first_chunk::<4>() else {
            return Err(bad("the file is shorter than a container's first 32 bytes"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > HEADER_CAP {
            return Err(bad("the header is longer than 1 MiB"));
        }
        if prefix.len() < PREFIX_BYTES {
            return Err(bad("the file is shorter than a container's first 32 bytes"));
        }
        Ok(PREFIX_BYTES + length)
    }

    /// Reads and checks the header from the first bytes of a file.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`; `bad_format` too when `prefix` is too short.
    pub fn parse(prefix: &[u8]) -> Result<Header> {
        let needed = Header::bytes_needed(prefix)?;
        let Some(text) = prefix.get(PREFIX_BYTES..needed) else {
            return Err(bad("the file ends inside its header"));
        };
        let digest = digest(text);
        if prefix[16..PREFIX_BYTES] != digest {
            return Err(Error::new(
                Code::WrongDigest,
                "the header differs from its digest; fetch or build the file again",
            )
            .with(json!({"section": null, "block": null})));
        }
        if values(text) > VALUES_CAP {
            return Err(bad("the header holds more than 8192 values"));
        }
        let json: HeaderJson = serde_json::from_slice(text).map_err(|cause| {
            bad("the header is not understood").with(json!({"cause": cause.to_string()}))
        })?;
        if !json.meta.is_object() {
            return Err(bad("the header's meta is not an object"));
        }
        let (sections, file_bytes) = lay_out(needed as u64, json.sections)?;
        Ok(Header {
            kind: json.kind,
            meta: json.meta,
            sections,
            digest,
            header_bytes: needed as u64,
            file_bytes,
        })
    }

    /// The section of that name.
    ///
    /// # Errors
    /// `bad_format` when the file has none.
    pub fn section(&self, name: &str) -> Result<&Section> {
        self.sections
            .iter()
            .find(|section| section.name == name)
            .ok_or_else(|| bad("a section is missing").with(json!({"section": name})))
    }

    /// The bytes of the file that hold the digest table of all sections.
    pub fn table_range(&self) -> Range<u64> {
        let start = align(self.header_bytes);
        let end = self
            .sections
            .last()
            .map_or(start, |section| section.table_range().end);
        start..end
    }

    /// The header as JSON for a person or a tool: kind, meta, digest, sizes, and the sections with their offsets.
    pub fn describe(&self) -> Value {
        let sections: Vec<Value> = self
            .sections
            .iter()
            .map(|section| {
                json!({
                    "name": section.name,
                    "length": section.length,
                    "offset": section.offset,
                    "block": section.block,
                    "digest": hex(&section.digest),
                })
            })
            .collect();
        json!({
            "version": VERSION,
            "kind": self.kind.as_str(),
            "meta": self.meta,
            "digest": hex(&self.digest),
            "size_bytes": self.file_bytes,
            "sections": sections,
        })
    }
}

fn is_block(block: u32) -> bool {
    block.is_power_of_two() && (BLOCK_MIN..=BLOCK_MAX).contains(&block)
}

/// At least as many as the values in a JSON text: after the first, each follows a bracket or a comma outside of strings.
fn values(text: &[u8]) -> usize {
    let (mut count, mut string, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = string,
            b'"' => string = !string,
            b'[' | b'{' | b',' if !string => count += 1,
            _ => {}
        }
    }
    count
}

/// Derives every offset from the header's length and the sections' lengths; gives the length of the file too.
fn lay_out(header_bytes: u64, described: Vec<SectionJson>) -> Result<(Vec<Section>, u64)> {
    if described.len() > SECTION_CAP {
        return Err(bad("the file has more than 64 sections"));
    }
    let mut names = HashSet::new();
    let mut table_offset = align(header_bytes);
    let mut sections = Vec::with_capacity(described.len());
    for section in described {
        let SectionJson {
            name,
            length,
            block,
            digest,
        } = section;
        if name.is_empty() || name.len() > NAME_CAP || !names.insert(name.clone()) {
            return Err(bad("a section's name is empty, too long or used twice"));
        }
        if !is_block(block) {
            return Err(bad(
                "a section's block is not a power of two from 1 KiB to 16 MiB",
            ));
        }
        if length > LENGTH_CAP {
            return Err(too_long());
        }
        let digest = parse_digest(&digest)
            .ok_or_else(|| bad("a section's digest is not 32 hexadecimal digits"))?;
        sections.push(Section {
            name,
            length,
            block,
            digest,
            offset: 0,
            table_offset,
        });
        // At most 64 tables of at most 2^53 / 2^10 digests each: the sum stays far below 2^64.
        table_offset += length.div_ceil(u64::from(block)) * DIGEST_BYTES;
    }
    let mut end = align(table_offset);
    for section in &mut sections {
        section.offset = align(end);
        end = section.offset + section.length;
        if end > LENGTH_CAP {
            return Err(too_long());
        }
    }
    Ok((sections, end))
}

fn parse_digest(text: &str) -> Option<Digest> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut digest = [0; 16];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(digest)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The next multiple of [`ALIGN`]; offsets stay below 2^54, so nothing overflows.
fn align(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGN)
}

fn bad(what: &str) -> Error {
    Error::new(
        Code::BadFormat,
        format!("{what}; this is not a Findling file, or it is damaged: fetch or build it again"),
    )
}

fn too_long() -> Error {
    bad("the sections are longer than 2^53 bytes")
}
