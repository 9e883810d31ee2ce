//! Records and ids in small compressed blocks that share one dictionary.
//!
//! Owns the compression (raw deflate, RFC 1951, with the dictionary as the window's start), the choice of the dictionary
//! and the layout of a block; must not know what a record means. Invariant: the same records give the same bytes, and no
//! block gives more than [`RAW_CAP`] bytes, whatever it says.

use super::bytes::{Cursor, bad, put};
use crate::error::{Code, Error, Result};
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The longest dictionary.
pub(super) const DICTIONARY_BYTES: usize = 16 << 10;
/// A block is closed before its documents take more than this, unless one document alone does.
pub(super) const BLOCK_BYTES: usize = 4 << 10;
/// A block whose documents take more than this is stored as it is.
pub(super) const RAW_CAP: usize = 1 << 20;
/// The level of compression: the bytes of a file depend on it.
const LEVEL: i32 = 8;
/// Bytes that are read to choose a dictionary from.
const SAMPLE_BYTES: usize = 2 << 20;
/// A dictionary is put together from pieces of this length, chosen by the sequences of this length in them.
const PIECE: usize = 64;
const GRAM: usize = 8;

/// One document in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub id: String,
    pub record: Vec<u8>,
}

/// Appends a document to the raw bytes of a block.
pub(super) fn put_document(raw: &mut Vec<u8>, id: &str, record: &[u8]) {
    put(raw, id.len() as u64);
    put(raw, record.len() as u64);
    raw.extend_from_slice(id.as_bytes());
    raw.extend_from_slice(record);
}

/// The `count` documents of a block's raw bytes.
///
/// # Errors
/// `bad_format` when they hold anything else.
pub(super) fn read_documents(raw: &[u8], count: usize) -> Result<Vec<Stored>> {
    let mut cursor = Cursor::new(raw);
    let mut documents = Vec::new();
    for _ in 0..count {
        let (id, record) = (cursor.number(raw.len())?, cursor.number(raw.len())?);
        let id = std::str::from_utf8(cursor.bytes(id)?).map_err(|_| bad("an id is not UTF-8"))?;
        let record = cursor.bytes(record)?;
        if id.is_empty() {
            return Err(bad("an id is empty"));
        }
        serde_json::from_slice::<&RawValue>(record).map_err(|_| bad("a record is not JSON"))?;
        documents.push(Stored {
            id: id.to_owned(),
            record: record.to_vec(),
        });
    }
    cursor.end()?;
    Ok(documents)
}

/// Compresses blocks that all start from the same dictionary.
pub(super) struct Packer {
    primed: CompressorOxide,
}

impl Packer {
    /// A packer whose window starts with `dictionary`.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn new(dictionary: &[u8]) -> Result<Packer> {
        let flags = create_comp_flags_from_zip_params(LEVEL, 0, 0);
        let mut primed = CompressorOxide::new(flags);
        // What comes out for the dictionary ends on a whole byte and is never stored.
        run(&mut primed, dictionary, TDEFLFlush::Sync, TDEFLStatus::Okay)?;
        Ok(Packer { primed })
    }

    /// The block as it is kept, and whether that is `raw` itself.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn pack(&self, raw: &[u8]) -> Result<(Vec<u8>, bool)> {
        if raw.len() <= RAW_CAP {
            let mut compressor = self.primed.clone();
            let packed = run(&mut compressor, raw, TDEFLFlush::Finish, TDEFLStatus::Done)?;
            if packed.len() < raw.len() {
                return Ok((packed, false));
            }
        }
        Ok((raw.to_vec(), true))
    }
}

fn run(
    compressor: &mut CompressorOxide,
    raw: &[u8],
    flush: TDEFLFlush,
    wanted: TDEFLStatus,
) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let (status, read) = compress_to_output(compressor, raw, flush, |bytes| {
        packed.extend_from_slice(bytes);
        true
    });
    if status != wanted || read != raw.len() {
        return Err(Error::new(Code::Bug, "records could not be compressed"));
    }
    Ok(packed)
}

/// Reads blocks; keeps its window from one to the next.
pub(super) struct Unpacker {
    inflate: Box<DecompressorOxide>,
    window: Vec<u8>,
    dictionary: usize,
}

impl Unpacker {
    /// A reader of blocks whose window starts with `dictionary`.
    pub fn new(dictionary: Vec<u8>) -> Unpacker {
        Unpacker {
            inflate: Box::default(),
            dictionary: dictionary.len(),
            window: dictionary,
        }
    }

    /// The raw bytes of a block, until the next one is read.
    ///
    /// # Errors
    /// `bad_format` when the block is no compressed data or holds more than 1 MiB.
    pub fn unpack<'a>(&'a mut self, block: &'a [u8], is_stored: bool) -> Result<&'a [u8]> {
        if is_stored {
            return Ok(block);
        }
        self.inflate.init();
        let (mut read, mut end) = (0, self.dictionary);
        loop {
            let most = self.dictionary + RAW_CAP;
            let room = (end + 4 * block.len() + BLOCK_BYTES).min(most);
            self.window.resize(room.max(self.window.len()), 0);
            let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            let (status, taken, given) = decompress(
                &mut self.inflate,
                &block[read..],
                &mut self.window,
                end,
                flags,
            );
            read += taken;
            end += given;
            match status {
                TINFLStatus::Done if read == block.len() => {
                    return Ok(&self.window[self.dictionary..end]);
                }
                TINFLStatus::HasMoreOutput if end < most => {
                    let room = (2 * self.window.len()).min(most);
                    self.window.resize(room, 0);
                }
                _ => return Err(bad("a block of records cannot be decompressed")),
            }
        }
    }
}

/// Up to 16 KiB that many records have in common: pieces whose sequences of eight bytes stand in most records, the best one
/// of each stretch of the sample, in the order of their worth with the best last (after the cover algorithm of Liao,
/// Petri, Moffat and Wirth, "Effective construction of relative Lempel-Ziv dictionaries", 2016).
pub(super) fn choose_dictionary(records: &[&[u8]]) -> Vec<u8> {
    let every = records.len().div_ceil(4096).max(1);
    let (mut sample, mut counts) = (Vec::new(), HashMap::new());
    for record in records.iter().step_by(every) {
        if sample.len() + record.len() > SAMPLE_BYTES {
            continue;
        }
        let mut seen: Vec<u64> = grams(record).collect();
        seen.sort_unstable();
        seen.dedup();
        for gram in seen {
            *counts.entry(gram).or_insert(0_u32) += 1;
        }
        sample.extend_from_slice(record);
    }
    let stretch = sample.len().div_ceil(DICTIONARY_BYTES / PIECE).max(PIECE);
    let mut pieces: Vec<(u64, &[u8])> = Vec::new();
    for part in sample.chunks(stretch) {
        let worths: Vec<u64> = grams(part).map(|gram| worth(&counts, gram)).collect();
        let (mut sum, mut best) = (0, (0, 0..0));
        for (at, worth) in worths.iter().enumerate() {
            sum += worth;
            if at + GRAM >= PIECE {
                let start = at + GRAM - PIECE;
                if sum > best.0 {
                    best = (sum, start..start + PIECE);
                }
                sum -= worths[start];
            }
        }
        let best = (best.0, &part[best.1]);
        for gram in grams(best.1) {
            counts.insert(gram, 0);
        }
        pieces.push(best);
    }
    pieces.sort_by_key(|(worth, _)| *worth);
    let pieces: Vec<&[u8]> = pieces.into_iter().map(|(_, piece)| piece).collect();
    let mut dictionary = pieces.concat();
    dictionary.drain(..dictionary.len().saturating_sub(DICTIONARY_BYTES));
    dictionary
}

/// What stands in one record only gains nothing.
fn worth(counts: &HashMap<u64, u32>, gram: u64) -> u64 {
    u64::from(counts.get(&gram).copied().unwrap_or(0).saturating_sub(1))
}

fn grams(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.windows(GRAM).map(|gram| {
        gram.iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records(count: usize) -> Vec<Vec<u8>> {
        let record =
            |n: usize| format!("{{\"title\":\"The {n}th of the titles\",\"n\":{}}}", n * n);
        (0..count).map(|n| record(n).into_bytes()).collect()
    }

    #[test]
    fn a_dictionary_makes_small_blocks_smaller_and_they_come_back() {
        let records = records(500);
        let slices: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let dictionary = choose_dictionary(&slices);
        assert!((1..=DICTIONARY_BYTES).contains(&dictionary.len()));
        let (with, without) = (Packer::new(&dictionary).unwrap(), Packer::new(&[]).unwrap());
        let mut unpacker = Unpacker::new(dictionary);
        let (mut few, mut many) = (0, 0);
        for record in &records {
            let (block, is_stored) = with.pack(record).unwrap();
            assert_eq!(unpacker.unpack(&block, is_stored).unwrap(), record);
            few += block.len();
            many += without.pack(record).unwrap().0.len();
        }
        assert!(3 * few < 2 * many, "{few} {many}");
    }

    #[test]
    fn a_block_that_would_become_huge_is_refused_and_never_written() {
        let zeros = vec![0; RAW_CAP + 1];
        let packer = Packer::new(b"dictionary").unwrap();
        assert_eq!(packer.pack(&zeros).unwrap(), (zeros.clone(), true));
        let bomb = miniz_oxide::deflate::compress_to_vec(&zeros, 9);
        let mut unpacker = Unpacker::new(b"dictionary".to_vec());
        assert_eq!(
            unpacker.unpack(&bomb, false).unwrap_err().code,
            Code::BadFormat
        );
        let (block, is_stored) = packer.pack(&zeros[1..]).unwrap();
        assert!(!is_stored && unpacker.unpack(&block, false).unwrap() == &zeros[1..]);
    }

    proptest! {
        #[test]
        fn blocks_come_back(
            dictionary in prop::collection::vec(0_u8..4, 0..300),
            raw in prop::collection::vec(0_u8..4, 0..3000),
        ) {
            let packer = Packer::new(&dictionary).unwrap();
            let (block, is_stored) = packer.pack(&raw).unwrap();
            let mut unpacker = Unpacker::new(dictionary);
            prop_assert_eq!(unpacker.unpack(&block, is_stored).unwrap(), raw.as_slice());
            if !is_stored {
                for end in 0..block.len() {
                    prop_assert!(unpacker.unpack(&block[..end], false).is_err());
                }
            }
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(block in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut unpacker = Unpacker::new(vec![7; 50]);
            let _ = unpacker.unpack(&block, false);
        }
    }
}
