//! Records and ids in small compressed blocks that share one dictionary.
//!
//! Owns the choice of the dictionary and the layout of a block; must not know what a record means, nor what phrases are.
//! Invariant: the same records give the same bytes, and a block comes back byte for byte.

use super::bytes::{Cursor, bad};
use super::packer::{Packer, RAW_CAP, Unpacker};
use super::phrases::{END, Phrases};
use crate::error::Result;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The longest dictionary.
const DICTIONARY_BYTES: usize = 16 << 10;
/// A block is closed before its documents take more than this with phrases as bytes, unless one document alone does.
const BLOCK_BYTES: usize = 4 << 10;
/// Documents, and bytes, that phrases and a dictionary are chosen from.
const SAMPLE: usize = 4096;
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

/// What all blocks have in common: phrases that stand as bytes, and the start of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shared {
    phrases: Phrases,
    dictionary: Vec<u8>,
}

impl Shared {
    /// What suits documents given as ids and records.
    pub fn choose(documents: &[(&str, &[u8])]) -> Shared {
        let every = documents.len().div_ceil(SAMPLE).max(1);
        let sample = || documents.iter().step_by(every);
        let phrases = Phrases::choose(sample().map(|each| each.1));
        let mut short = Vec::new();
        for (id, record) in sample() {
            let mut one = Vec::new();
            if put_document(&mut one, &phrases, id, record) {
                short.push(one);
            }
        }
        let dictionary = choose_dictionary(&short);
        Shared {
            phrases,
            dictionary,
        }
    }

    /// Its bytes: 1 when the rest is stored as it is, else 0; then phrases and dictionary.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn write(&self) -> Result<Vec<u8>> {
        let mut raw = Vec::new();
        self.phrases.write(&mut raw);
        raw.extend_from_slice(&self.dictionary);
        let (packed, is_stored) = Packer::new(&[])?.pack(&raw)?;
        Ok([vec![u8::from(is_stored)], packed].concat())
    }

    /// Reads what [`Shared::write`] wrote.
    ///
    /// # Errors
    /// `bad_format` when the bytes hold anything else.
    pub fn read(section: &[u8]) -> Result<Shared> {
        let (is_stored, packed) = match section.split_first() {
            Some((0, packed)) => (false, packed),
            Some((1, packed)) => (true, packed),
            _ => return Err(bad("its dictionary cannot be read")),
        };
        let mut unpacker = Unpacker::new(Vec::new());
        let mut cursor = Cursor::new(unpacker.unpack(packed, is_stored)?);
        let phrases = Phrases::read(&mut cursor)?;
        if cursor.left() > DICTIONARY_BYTES {
            return Err(bad("its dictionary is longer than 16 KiB"));
        }
        let dictionary = cursor.bytes(cursor.left())?.to_vec();
        Ok(Shared {
            phrases,
            dictionary,
        })
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        self.dictionary.capacity()
    }
}

/// Documents on their way into blocks.
pub(super) struct Writer<'a> {
    shared: &'a Shared,
    packer: Packer,
}

impl<'a> Writer<'a> {
    /// No documents yet.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn new(shared: &'a Shared) -> Result<Writer<'a>> {
        Ok(Writer {
            shared,
            packer: Packer::new(&shared.dictionary)?,
        })
    }

    /// Hands on the blocks of some documents: how many of them each holds, its bytes, and whether these are as they are.
    ///
    /// # Errors
    /// `bug` when the compressor refuses.
    pub fn blocks(
        &self,
        documents: &[(&str, &[u8])],
        take: &mut dyn FnMut(usize, Vec<u8>, bool),
    ) -> Result<()> {
        let (mut held, mut short, mut is_short) = (0, Vec::new(), true);
        for (number, (id, record)) in documents.iter().enumerate() {
            let mut one = Vec::new();
            let is_one_short = put_document(&mut one, &self.shared.phrases, id, record);
            if number > held && short.len() + one.len() > BLOCK_BYTES {
                self.block(&documents[held..number], &short, is_short, take)?;
                (held, is_short) = (number, true);
                short.clear();
            }
            short.append(&mut one);
            is_short &= is_one_short;
        }
        if held < documents.len() {
            self.block(&documents[held..], &short, is_short, take)?;
        }
        Ok(())
    }

    fn block(
        &self,
        documents: &[(&str, &[u8])],
        short: &[u8],
        is_short: bool,
        take: &mut dyn FnMut(usize, Vec<u8>, bool),
    ) -> Result<()> {
        let mut plain = Vec::new();
        for (id, record) in documents {
            put_document(&mut plain, &Phrases::default(), id, record);
        }
        if is_short && plain.len() <= RAW_CAP {
            let (packed, is_stored) = self.packer.pack(short)?;
            if !is_stored {
                take(documents.len(), packed, false);
                return Ok(());
            }
        }
        take(documents.len(), plain, true);
        Ok(())
    }
}

/// Blocks on their way out.
pub(super) struct Reader {
    phrases: Phrases,
    unpacker: Unpacker,
}

impl Reader {
    /// A reader of blocks that have this in common.
    pub fn new(shared: Shared) -> Reader {
        Reader {
            phrases: shared.phrases,
            unpacker: Unpacker::new(shared.dictionary),
        }
    }

    /// The `count` documents of a block.
    ///
    /// # Errors
    /// `bad_format` when it holds anything else.
    pub fn documents(
        &mut self,
        block: &[u8],
        is_stored: bool,
        count: usize,
    ) -> Result<Vec<Stored>> {
        let full;
        let plain = match is_stored {
            true => block,
            false => {
                full = self
                    .phrases
                    .full(self.unpacker.unpack(block, false)?, RAW_CAP)?;
                &full
            }
        };
        let mut parts = plain.split(|byte| *byte == END);
        let mut documents = Vec::new();
        for _ in 0..count {
            let (Some(id), Some(record)) = (parts.next(), parts.next()) else {
                return Err(bad("a block holds fewer documents than it says"));
            };
            let id = std::str::from_utf8(id).map_err(|_| bad("an id is not UTF-8"))?;
            if id.is_empty() {
                return Err(bad("an id is empty"));
            }
            serde_json::from_slice::<&RawValue>(record).map_err(|_| bad("a record is not JSON"))?;
            documents.push(Stored {
                id: id.to_owned(),
                record: record.to_vec(),
            });
        }
        // Nothing stands behind the end of the last one.
        match (parts.next(), parts.next()) {
            (Some([]), None) => Ok(documents),
            _ => Err(bad("a block holds more than its documents")),
        }
    }
}

/// Appends a document to the bytes of a block, its phrases as bytes; whether that was possible, else it stands there in full.
fn put_document(bytes: &mut Vec<u8>, phrases: &Phrases, id: &str, record: &[u8]) -> bool {
    let short = phrases
        .shortened(record)
        .filter(|_| phrases.is_free(id.as_bytes()));
    bytes.extend_from_slice(id.as_bytes());
    bytes.push(END);
    bytes.extend_from_slice(short.as_deref().unwrap_or(record));
    bytes.push(END);
    short.is_some()
}

/// Up to 16 KiB that many documents have in common: pieces whose sequences of eight bytes stand in most of them, the best one
/// of each stretch of the sample, in the order of their worth with the best last (after the cover algorithm of Liao,
/// Petri, Moffat and Wirth, "Effective construction of relative Lempel-Ziv dictionaries", 2016).
fn choose_dictionary(documents: &[Vec<u8>]) -> Vec<u8> {
    let (mut sample, mut counts) = (Vec::new(), HashMap::new());
    for document in documents {
        if sample.len() + document.len() > SAMPLE_BYTES {
            continue;
        }
        let mut seen: Vec<u64> = grams(document).collect();
        seen.sort_unstable();
        seen.dedup();
        for gram in seen {
            *counts.entry(gram).or_insert(0_u32) += 1;
        }
        sample.extend_from_slice(document);
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
    fn what_documents_share_makes_small_blocks_smaller_and_they_come_back() {
        let records = records(500);
        let ids: Vec<String> = (0..500).map(|n| format!("id-{n}")).collect();
        let documents: Vec<(&str, &[u8])> = ids
            .iter()
            .map(String::as_str)
            .zip(records.iter().map(Vec::as_slice))
            .collect();
        let shared = Shared::choose(&documents);
        assert!((1..=DICTIONARY_BYTES).contains(&shared.dictionary.len()));
        assert_eq!(Shared::read(&shared.write().unwrap()).unwrap(), shared);
        let size = |shared: &Shared| {
            let (mut reader, mut size, mut found) = (Reader::new(shared.clone()), 0, Vec::new());
            let mut take = |count: usize, block: Vec<u8>, is_stored: bool| {
                size += block.len();
                found.extend(reader.documents(&block, is_stored, count).unwrap());
                assert!(reader.documents(&block, is_stored, count + 1).is_err());
                assert!(reader.documents(&block, is_stored, count - 1).is_err());
            };
            for some in documents.chunks(5) {
                Writer::new(shared)
                    .unwrap()
                    .blocks(some, &mut take)
                    .unwrap();
            }
            assert_eq!(found.len(), 500);
            for ((id, record), found) in documents.iter().zip(found) {
                assert_eq!((*id, *record), (found.id.as_str(), found.record.as_slice()));
            }
            size
        };
        let (few, many) = (size(&shared), size(&Shared::default()));
        assert!(2 * few < many, "{few} {many}");
    }

    #[test]
    fn what_has_the_bytes_of_phrases_itself_is_stored_as_it_is() {
        let record = br#"{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#.as_slice();
        for (id, expected) in [("a", false), ("\u{1}", true)] {
            let documents = [(id, record), ("b", record)];
            let shared = Shared::choose(&documents);
            let mut reader = Reader::new(shared.clone());
            let mut blocks = 0;
            let mut take = |count: usize, block: Vec<u8>, is_stored: bool| {
                assert_eq!(is_stored, expected);
                assert_eq!(
                    reader.documents(&block, is_stored, count).unwrap()[0].id,
                    id
                );
                blocks += 1;
            };
            Writer::new(&shared)
                .unwrap()
                .blocks(&documents, &mut take)
                .unwrap();
            assert_eq!(blocks, 1);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_documents_or_refused(block in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Shared::read(&block);
            let _ = Reader::new(Shared::default()).documents(&block, true, 1);
        }
    }
}
