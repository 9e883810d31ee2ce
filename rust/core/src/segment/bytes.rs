//! Numbers in a row of bytes, and a reader of them that believes nothing.
//!
//! Owns the varint (LEB128, little-endian groups of seven bits, in its shortest spelling only) and the short digest; knows
//! nothing of what the numbers mean. Invariant: reading never goes past the end, never panics, and a number has one spelling.

use crate::digest::digest;
use crate::error::{Code, Error, Result};
pub(super) use crate::stored::bad;
use serde_json::json;

/// Bytes of a short digest.
pub(super) const MARK_BYTES: usize = 8;
/// The digest of a part that can be read alone: the first eight bytes of its SHA-256.
pub(super) type Mark = [u8; MARK_BYTES];

/// The short digest of `bytes`.
pub(super) fn mark(bytes: &[u8]) -> Mark {
    let full = digest(bytes);
    let mut short = [0; MARK_BYTES];
    short.copy_from_slice(&full[..MARK_BYTES]);
    short
}

/// Refuses bytes whose short digest is another one.
pub(super) fn check_mark(bytes: &[u8], expected: &Mark, part: &str) -> Result<()> {
    if mark(bytes) != *expected {
        return Err(Error::new(
            Code::WrongDigest,
            format!("the {part} of a collection differ from their digest; fetch or build the collection again"),
        )
        .with(json!({"part": part})));
    }
    Ok(())
}

/// Appends a varint.
pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// What is left to be read of some bytes.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// All of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: bytes }
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next varint.
    ///
    /// # Errors
    /// `bad_format` when the bytes end in it, or it is not the shortest spelling of a number below 2^63.
    pub fn varint(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let Some((byte, rest)) = self.rest.split_first() else {
                return Err(bad("it ends inside a number"));
            };
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if *byte == 0 && shift > 0 {
                    return Err(bad("a number is not in its shortest spelling"));
                }
                return Ok(number);
            }
        }
        Err(bad("a number is too large"))
    }

    /// The next varint, at most `most`.
    ///
    /// # Errors
    /// As for [`Cursor::varint`], and when it is larger.
    pub fn number(&mut self, most: usize) -> Result<usize> {
        let number = self.varint()?;
        match usize::try_from(number) {
            Ok(number) if number <= most => Ok(number),
            _ => Err(bad("a number is larger than it can be")),
        }
    }

    /// The next varint as 32 bits.
    ///
    /// # Errors
    /// As for [`Cursor::varint`], and when it is larger.
    pub fn word(&mut self) -> Result<u32> {
        u32::try_from(self.varint()?).map_err(|_| bad("a number is larger than it can be"))
    }

    /// A count of things that each take at least `each` of the bytes that are left, so that a list may have its room.
    ///
    /// # Errors
    /// As for [`Cursor::varint`], and when so many cannot follow.
    pub fn count(&mut self, each: usize) -> Result<usize> {
        let count = self.number(usize::MAX)?;
        if count > self.rest.len() / each.max(1) {
            return Err(bad("it holds fewer things than it says"));
        }
        Ok(count)
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// `bad_format` when there are fewer.
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(bad("it ends inside a part"));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// `bad_format` when there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(bad("it ends inside a part"));
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// `bad_format` when something is.
    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(bad("a part is longer than what it holds"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(number in 0_u64..1 << 63) {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let mut cursor = Cursor::new(&bytes);
            prop_assert_eq!(cursor.varint().unwrap(), number);
            prop_assert!(cursor.is_empty());
            for end in 0..bytes.len() {
                prop_assert!(Cursor::new(&bytes[..end]).varint().is_err());
            }
        }

        #[test]
        fn what_is_read_has_this_one_spelling(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut cursor = Cursor::new(&bytes);
            if let Ok(number) = cursor.varint() {
                let mut again = Vec::new();
                put(&mut again, number);
                prop_assert_eq!(&bytes[..bytes.len() - cursor.left()], again.as_slice());
            }
        }
    }

    #[test]
    fn counts_that_cannot_be_true_are_refused() {
        assert!(Cursor::new(&[3, 0, 0, 0]).count(1).is_ok());
        assert!(Cursor::new(&[4, 0, 0, 0]).count(1).is_err());
        assert!(Cursor::new(&[2, 0, 0, 0]).count(2).is_err());
        assert!(Cursor::new(&[0x80, 0]).varint().is_err());
    }
}
