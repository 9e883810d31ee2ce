//! Where the postings of a page stand, as bytes: how often in which fields, and then at which places.
//!
//! Owns how both are compressed together; must not know where they lie in a file. Invariant: what is read back equals what was
//! written, and a page is stored as it is where that is shorter.

use super::bytes::{Cursor, bad, put};
use super::packer::{Packer, Unpacker};
use crate::error::Result;

/// Pages of fewer bytes are not worth compressing.
const SHORT_BYTES: usize = 24;

/// A page of `counts` and `places`, and whether it is both of them end to end. Otherwise it is a varint, four times the bytes of the
/// counts, plus 2 when these are stored as they are and 1 when the places are, and then both; apart, because they are so different.
///
/// # Errors
/// `bug` when the compressor refuses.
pub(super) fn pack(mut counts: Vec<u8>, places: &[u8], packer: &Packer) -> Result<(Vec<u8>, bool)> {
    if counts.len() + places.len() >= SHORT_BYTES {
        let (packed_counts, counts_stored) = packer.pack(&counts)?;
        let (packed_places, places_stored) = packer.pack(places)?;
        let flags = u64::from(counts_stored) << 1 | u64::from(places_stored);
        let mut page = Vec::new();
        put(&mut page, (packed_counts.len() as u64) << 2 | flags);
        page.extend_from_slice(&packed_counts);
        page.extend_from_slice(&packed_places);
        if page.len() < counts.len() + places.len() {
            return Ok((page, false));
        }
    }
    counts.extend_from_slice(places);
    Ok((counts, true))
}

/// The counts and places of a page, end to end.
///
/// # Errors
/// `bad_format` when the bytes are no page.
pub(super) fn unpack(page: &[u8], is_stored: bool, unpacker: &mut Unpacker) -> Result<Vec<u8>> {
    if is_stored {
        return Ok(page.to_vec());
    }
    let mut cursor = Cursor::new(page);
    let length = cursor.varint()?;
    let counts = usize::try_from(length >> 2).map_err(|_| bad("a page of places is too long"))?;
    let counts = cursor.bytes(counts)?;
    let places = cursor.bytes(cursor.left())?;
    let mut raw = unpacker.unpack(counts, length & 2 != 0)?.to_vec();
    raw.extend_from_slice(unpacker.unpack(places, length & 1 != 0)?);
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_they_were_written() {
        let (packer, mut unpacker) = (Packer::new(&[]).unwrap(), Unpacker::new(Vec::new()));
        let noise: Vec<u8> = (0..90_u32).map(|at| ((at * at * 97) >> 3) as u8).collect();
        for (counts, places, is_short) in [
            (vec![2; 3], vec![9; 5], true),
            (vec![2; 300], noise.clone(), false),
            (noise.clone(), vec![7; 900], false),
            (noise.clone(), noise.clone(), true),
            (vec![2; 400], vec![1; 800], false),
        ] {
            let both = [counts.clone(), places.clone()].concat();
            let (page, is_stored) = pack(counts, &places, &packer).unwrap();
            assert_eq!((is_stored, page.len() < both.len()), (is_short, !is_short));
            assert_eq!(unpack(&page, is_stored, &mut unpacker).unwrap(), both);
        }
        assert!(unpack(&[200, 1, 0], false, &mut unpacker).is_err());
        assert!(unpack(&[], false, &mut unpacker).is_err());
    }
}
