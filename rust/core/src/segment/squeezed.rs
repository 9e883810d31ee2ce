//! What is only ever read whole, a section of items or a part of one, as compressed chunks.
//!
//! Owns the chunks; must not know what an item is. Invariant: one chunk at a time is in memory, whatever the section says.

use super::bytes::{Cursor, bad, put};
use super::packer::{Packer, Unpacker};
use crate::error::Result;

/// A chunk is closed when it is at least this long.
const CHUNK_BYTES: usize = 64 << 10;

/// What a part may hold beside a multiple of what it takes.
const FREE_BYTES: usize = 1 << 20;
/// How many times as long as it is packed a part may be, beyond that.
const RATIO: usize = 8;

/// A part in chunks of its bytes, as they are where it would be too long for what it takes; `free` more bytes are nothing to
/// wonder about.
///
/// # Errors
/// `bug` when the compressor refuses.
pub(super) fn squeeze(raw: &[u8], free: usize, packer: &Packer) -> Result<Vec<u8>> {
    for may_pack in [true, false] {
        let mut part = Vec::new();
        for chunk in raw.chunks(CHUNK_BYTES) {
            let (bytes, is_stored) = match may_pack {
                true => packer.pack(chunk)?,
                false => (chunk.to_vec(), true),
            };
            put(&mut part, (bytes.len() as u64) << 1 | u64::from(is_stored));
            part.extend_from_slice(&bytes);
        }
        if raw.len() <= most(part.len(), free) {
            return Ok(part);
        }
    }
    Ok(Vec::new())
}

/// How long a part may be that takes so many bytes.
fn most(part: usize, free: usize) -> usize {
    part.saturating_mul(RATIO)
        .saturating_add(FREE_BYTES)
        .saturating_add(free)
}

/// What [`squeeze`] made a part of.
///
/// # Errors
/// `bad_format` when the bytes are none, or hold more than they may.
pub(super) fn unsqueeze(part: &[u8], free: usize, unpacker: &mut Unpacker) -> Result<Vec<u8>> {
    let (mut rest, mut raw) = (Cursor::new(part), Vec::new());
    while !rest.is_empty() {
        let length = rest.varint()?;
        let length_of = usize::try_from(length >> 1).map_err(|_| bad("a chunk is too long"))?;
        let chunk = unpacker.unpack(rest.bytes(length_of)?, length & 1 == 1)?;
        if raw.len() + chunk.len() > most(part.len(), free) {
            return Err(bad("a part holds more than it may"));
        }
        raw.extend_from_slice(chunk);
    }
    Ok(raw)
}

/// Items on their way into a section.
pub(super) struct Squeezer {
    packer: Packer,
    raw: Vec<u8>,
    section: Vec<u8>,
}

impl Squeezer {
    /// No items yet.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn new() -> Result<Squeezer> {
        Ok(Squeezer {
            packer: Packer::new(&[])?,
            raw: Vec::new(),
            section: Vec::new(),
        })
    }

    /// Adds the item that `write` appends.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        write(&mut self.raw);
        if self.raw.len() >= CHUNK_BYTES {
            self.close()
        } else {
            Ok(())
        }
    }

    fn close(&mut self) -> Result<()> {
        let (chunk, is_stored) = self.packer.pack(&self.raw)?;
        put(
            &mut self.section,
            (chunk.len() as u64) << 1 | u64::from(is_stored),
        );
        self.section.extend_from_slice(&chunk);
        self.raw.clear();
        Ok(())
    }

    /// The section.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if !self.raw.is_empty() {
            self.close()?;
        }
        Ok(self.section)
    }
}

/// Items on their way out of a section.
pub(super) struct Squeezed<'a> {
    rest: Cursor<'a>,
    unpacker: Unpacker,
    raw: Vec<u8>,
    read: usize,
}

impl<'a> Squeezed<'a> {
    /// All of `section`.
    pub fn new(section: &'a [u8]) -> Squeezed<'a> {
        Squeezed {
            rest: Cursor::new(section),
            unpacker: Unpacker::new(Vec::new()),
            raw: Vec::new(),
            read: 0,
        }
    }

    /// The next item, as `read` reads it.
    ///
    /// # Errors
    /// `bad_format` when there is none, or what `read` says.
    pub fn next<T>(&mut self, read: impl FnOnce(&mut Cursor<'_>) -> Result<T>) -> Result<T> {
        if self.read == self.raw.len() {
            let length = self.rest.varint()?;
            let block = self
                .rest
                .bytes(usize::try_from(length >> 1).map_err(|_| bad("a chunk is too long"))?)?;
            let raw = self.unpacker.unpack(block, length & 1 == 1)?;
            self.raw.clear();
            self.raw.extend_from_slice(raw);
            self.read = 0;
        }
        let mut cursor = Cursor::new(&self.raw[self.read..]);
        let item = read(&mut cursor)?;
        self.read = self.raw.len() - cursor.left();
        Ok(item)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// `bad_format` when something is.
    pub fn end(&self) -> Result<()> {
        if self.read < self.raw.len() {
            return Err(bad("a part is longer than what it holds"));
        }
        self.rest.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_comes_back_and_is_bounded() {
        let (packer, mut unpacker) = (Packer::new(&[]).unwrap(), Unpacker::new(Vec::new()));
        for raw in [
            Vec::new(),
            vec![7; 100],
            vec![9; 3 << 20],
            (0..200_000_u32).map(|at| (at * at) as u8).collect(),
        ] {
            let part = squeeze(&raw, 50, &packer).unwrap();
            assert!(part.len() <= raw.len() + 1000);
            assert_eq!(unsqueeze(&part, 50, &mut unpacker).unwrap(), raw);
        }
        let packed = squeeze(&vec![0; CHUNK_BYTES], 0, &packer).unwrap();
        let bomb = packed.repeat(200);
        assert!(unsqueeze(&bomb, 0, &mut unpacker).is_err());
        assert!(unsqueeze(&[9], 0, &mut unpacker).is_err());
    }
}
