//! A section that is only ever read whole, as compressed chunks of whole items.
//!
//! Owns the chunks; must not know what an item is. Invariant: one chunk at a time is in memory, whatever the section says.

use super::bytes::{Cursor, bad, put};
use super::texts::{Packer, Unpacker};
use crate::error::Result;

/// A chunk is closed when it is at least this long.
const CHUNK_BYTES: usize = 64 << 10;

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
