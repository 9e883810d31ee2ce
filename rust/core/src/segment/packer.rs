//! Blocks of bytes compressed by raw deflate (RFC 1951), all with the same dictionary as the start of their window.
//!
//! Owns the level and the bound of what a block may hold; must not know what is compressed. Invariant: the same bytes give the same block,
//! and no block gives more than [`RAW_CAP`] bytes, whatever it says.

use super::bytes::bad;
use crate::error::{Code, Error, Result};
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// A block that holds more than this is stored as it is.
pub(super) const RAW_CAP: usize = 1 << 20;
/// The level of compression: the bytes of a file depend on it.
const LEVEL: i32 = 8;
/// Room for what a block holds at first, beside four times its bytes.
const ROOM_BYTES: usize = 4 << 10;

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
            let room = (end + 4 * block.len() + ROOM_BYTES).min(most);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
