//! Numbers in a row of bits, the lowest bit of each byte first.
//!
//! Owns numbers below a bound that both sides know, and lists of ascending ones; knows nothing of what they mean. Invariant: what is read
//! is below its bound whatever the bits are, a number has one spelling, and reading never goes past the end.

use super::bytes::{Cursor, bad};
use crate::error::Result;

/// Bits on their way into bytes.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are used; 0 where all are, or there is none.
    used: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of a number, the lowest first.
    pub fn bits(&mut self, number: u32, count: u32) {
        for at in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((number >> at & 1) as u8) << self.used;
            }
            self.used = (self.used + 1) % 8;
        }
    }

    /// Appends a number below `bound` in truncated binary: with k the whole part of the logarithm of the bound to the base
    /// 2, the first 2^(k+1) - bound numbers take k bits, the others k + 1.
    pub fn below(&mut self, number: u32, bound: u32) {
        let (k, short) = spelling(bound);
        if number < short {
            self.bits(number, k);
        } else {
            // The first k bits of these are at least `short`, so that a reader knows that one more follows.
            let long = u64::from(number) + u64::from(short);
            self.bits((long >> 1) as u32, k);
            self.bits((long & 1) as u32, 1);
        }
    }

    /// Appends bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.bits(u32::from(*byte), 8);
        }
    }

    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.bytes.len() * 8 - ((8 - self.used) % 8) as usize
    }

    /// Forgets all but the first `length` bits, of which there are as many.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length.div_ceil(8));
        self.used = (length % 8) as u32;
        if let Some(last) = self.bytes.last_mut().filter(|_| self.used > 0) {
            *last &= (1 << self.used) - 1;
        }
    }

    /// Appends ascending numbers, at least `least` and below `end`: the middle one, which lies in what the others leave it, then
    /// those before it, then those behind (binary interpolative coding: Moffat and Stuiver, "Binary interpolative coding
    /// for effective index compression", 2000).
    pub fn ascending(&mut self, numbers: &[u32], least: u32, end: u32) {
        let middle = numbers.len() / 2;
        let Some(number) = numbers.get(middle) else {
            return;
        };
        let (first, behind) = (least + middle as u32, (numbers.len() - 1 - middle) as u32);
        self.below(number - first, end - behind - first);
        self.ascending(&numbers[..middle], least, *number);
        self.ascending(&numbers[middle + 1..], number + 1, end);
    }

    /// The bytes; the bits that are left of the last one are zero.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// What is left to be read of some bits.
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// All of `bytes`.
    pub fn new(bytes: &'a [u8]) -> BitReader<'a> {
        BitReader { bytes, at: 0 }
    }

    /// The next `count` bits, at most 32.
    ///
    /// # Errors
    /// `bad_format` when there are fewer.
    pub fn bits(&mut self, count: u32) -> Result<u32> {
        let end = self.at + count as usize;
        if end > self.bytes.len() * 8 {
            return Err(bad("it ends inside a number"));
        }
        let number = self.peek(count);
        self.at = end;
        Ok(number)
    }

    /// The next `count` bits, at most 32, which stay; zeros where there are fewer.
    pub fn peek(&self, count: u32) -> u32 {
        let mut number = 0_u64;
        let held = self.bytes.get(self.at / 8..).unwrap_or_default();
        for (byte, place) in held.iter().zip((0..40).step_by(8)) {
            number |= u64::from(*byte) << place;
        }
        (number >> (self.at % 8) & ((1 << count) - 1)) as u32
    }

    /// How many bits are left.
    pub fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// `bad_format` when there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.bits(8)? as u8;
        }
        Ok(bytes)
    }

    /// The next varint, whose groups are eight bits each.
    ///
    /// # Errors
    /// As for [`Cursor::varint`].
    pub fn varint(&mut self) -> Result<u64> {
        let mut bytes = Vec::new();
        while bytes.last().is_none_or(|byte| byte & 0x80 != 0) && bytes.len() < 9 {
            bytes.push(self.bits(8)? as u8);
        }
        Cursor::new(&bytes).varint()
    }

    /// The next number below `bound`, which is not 0, as [`BitWriter::below`] wrote it.
    ///
    /// # Errors
    /// `bad_format` when the bits end.
    pub fn below(&mut self, bound: u32) -> Result<u32> {
        let (k, short) = spelling(bound);
        let number = self.bits(k)?;
        if number < short {
            return Ok(number);
        }
        let long = u64::from(number) << 1 | u64::from(self.bits(1)?);
        Ok((long - u64::from(short)) as u32)
    }

    /// Appends the `count` numbers that [`BitWriter::ascending`] wrote.
    ///
    /// # Errors
    /// `bad_format` when so many do not fit between the bounds, or the bits end.
    pub fn ascending(
        &mut self,
        count: usize,
        least: u32,
        end: u32,
        numbers: &mut Vec<u32>,
    ) -> Result<()> {
        if count > end.saturating_sub(least) as usize {
            return Err(bad("it names more documents than there are"));
        }
        let start = numbers.len();
        numbers.resize(start + count, 0);
        self.fill(&mut numbers[start..], least, end)
    }

    fn fill(&mut self, numbers: &mut [u32], least: u32, end: u32) -> Result<()> {
        let middle = numbers.len() / 2;
        let behind = numbers.len().saturating_sub(1 + middle) as u32;
        let (before, rest) = numbers.split_at_mut(middle);
        let Some((number, after)) = rest.split_first_mut() else {
            return Ok(());
        };
        let first = least + middle as u32;
        *number = first + self.below(end - behind - first)?;
        self.fill(before, least, *number)?;
        self.fill(after, *number + 1, end)
    }

    /// Nothing may be left but the zeros that fill the last byte.
    ///
    /// # Errors
    /// `bad_format` when something is.
    pub fn end(&self) -> Result<()> {
        let rest = &self.bytes[self.at / 8..];
        match rest {
            [] => Ok(()),
            [last] if !self.at.is_multiple_of(8) && last >> (self.at % 8) == 0 => Ok(()),
            _ => Err(bad("a page is longer than what it holds")),
        }
    }
}

/// Of truncated binary below a bound, at least 1: the bits of a short number, and how many numbers are short.
fn spelling(bound: u32) -> (u32, u32) {
    let k = bound.ilog2();
    (k, ((2_u64 << k) - u64::from(bound)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(
            given in prop::collection::btree_set(0_u32..3000, 0..300),
            (least, more) in (0_u32..9, 0_u32..5000),
        ) {
            let numbers: Vec<u32> = given.into_iter().map(|number| number + least).collect();
            let end = numbers.last().map_or(least, |last| last + 1) + more;
            let mut writer = BitWriter::default();
            writer.bits(5, 3);
            writer.ascending(&numbers, least, end);
            writer.bits(u32::MAX, 32);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            let mut found = vec![1];
            prop_assert_eq!(reader.bits(3).unwrap(), 5);
            reader.ascending(numbers.len(), least, end, &mut found).unwrap();
            prop_assert_eq!(&found[1..], numbers.as_slice());
            prop_assert!(reader.end().is_err());
            prop_assert_eq!(reader.bits(32).unwrap(), u32::MAX);
            reader.end().unwrap();
            prop_assert!(reader.bits(8).is_err());
        }

        #[test]
        fn any_bits_are_numbers_in_order_of_one_spelling(bytes in prop::collection::vec(any::<u8>(), 0..40), count in 0_usize..60, end in 0_u32..90) {
            let (mut reader, mut found) = (BitReader::new(&bytes), Vec::new());
            if reader.ascending(count, 2, end, &mut found).is_ok() && reader.end().is_ok() {
                prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(found.iter().all(|number| (2..end).contains(number)));
                let mut again = BitWriter::default();
                again.ascending(&found, 2, end);
                prop_assert_eq!(again.finish(), bytes);
            }
        }
    }

    #[test]
    fn bounds_up_to_32_bits_hold() {
        for number in [0, 1, u32::MAX / 2, u32::MAX - 1] {
            let mut writer = BitWriter::default();
            writer.ascending(&[number], 0, u32::MAX);
            let mut found = Vec::new();
            let bytes = writer.finish();
            BitReader::new(&bytes)
                .ascending(1, 0, u32::MAX, &mut found)
                .unwrap();
            assert_eq!(found, [number]);
        }
    }
}
