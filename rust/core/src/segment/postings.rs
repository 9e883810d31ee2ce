//! Postings of one term as bytes: pages of documents with impacts, exact frequencies, positions.
//!
//! Owns the layout of these three lists; must not know where they lie in a file or how they are ranked. Invariant: what is
//! read back equals what was written, document numbers ascend, and nothing is allocated on the word of a count.

use super::Spot;
use super::bits::{BitReader, BitWriter};
use super::bytes::{Cursor, bad, put};
use crate::error::Result;

/// Fields of a document, in the order title, text, tags, path.
pub const FIELDS: usize = 4;
/// Postings of one page; the last page of a term may have fewer.
pub const PAGE_POSTINGS: usize = 512;

/// How many pages hold `count` postings.
pub(super) fn pages(count: usize) -> usize {
    count.div_ceil(PAGE_POSTINGS)
}

/// Appends one page: its documents, ascending and below `end`, as [`BitWriter::ascending`] writes them, then the impacts, four bits
/// each, then zeros up to the next byte.
pub(super) fn put_page(bytes: &mut Vec<u8>, documents: &[u32], impacts: &[u8], end: u32) {
    let mut page = BitWriter::default();
    page.ascending(documents, 0, end);
    for impact in impacts {
        page.bits(u32::from(*impact), 4);
    }
    bytes.extend_from_slice(&page.finish());
}

/// Appends the documents and impacts of a page of `count` postings; documents are below `end` and from `*next` on, which
/// becomes the number after the last one.
///
/// # Errors
/// `bad_format` when the page holds anything else.
pub(super) fn read_page(
    page: &[u8],
    count: usize,
    next: &mut u32,
    end: u32,
    documents: &mut Vec<u32>,
    impacts: &mut Vec<u8>,
) -> Result<()> {
    // An impact takes four bits, so that nothing is made room for that is not there.
    if count > 2 * page.len() {
        return Err(bad("a page holds fewer postings than its term has"));
    }
    let (mut bits, first) = (BitReader::new(page), documents.len());
    // Every page counts from zero, so that it can be read alone.
    bits.ascending(count, 0, end, documents)?;
    if documents.get(first).is_some_and(|first| *first < *next) {
        return Err(bad("a posting names a document that cannot stand there"));
    }
    *next = documents.last().map_or(*next, |last| last + 1);
    for _ in 0..count {
        impacts.push(bits.bits(4)? as u8);
    }
    bits.end()
}

/// Appends how often a term stands in each field of a document, at least once in one of them: a byte of the fields (low
/// half) and of the frequency when there is one field only, less one (high half); 0 in the high half with several fields
/// means once in each, 15 that the frequencies follow as varints, less one, field by field.
pub(super) fn put_frequencies(bytes: &mut Vec<u8>, frequencies: &[u32; FIELDS]) {
    let used = frequencies.iter().filter(|frequency| **frequency > 0);
    let (count, most) = (used.clone().count(), used.max().copied().unwrap_or(0));
    let mask = (0..FIELDS).fold(0, |mask, field| {
        mask | u8::from(frequencies[field] > 0) << field
    });
    if most == 1 || (count == 1 && most <= 15) {
        bytes.push(mask | ((most - 1) as u8) << 4);
        return;
    }
    bytes.push(mask | 15 << 4);
    for frequency in frequencies.iter().filter(|frequency| **frequency > 0) {
        put(bytes, u64::from(frequency - 1));
    }
}

/// Reads what [`put_frequencies`] wrote.
///
/// # Errors
/// `bad_format` when it did not write that.
pub(super) fn read_frequencies(cursor: &mut Cursor<'_>) -> Result<[u32; FIELDS]> {
    let [byte] = cursor.array()?;
    let (mask, high) = (byte & 15, u32::from(byte >> 4));
    let several = mask & mask.wrapping_sub(1) != 0;
    if mask == 0 || (several && high > 0 && high < 15) {
        return Err(bad("a posting has no frequency"));
    }
    let mut frequencies = [0_u32; FIELDS];
    let mut most = 0;
    for (field, frequency) in frequencies.iter_mut().enumerate() {
        if mask >> field & 1 == 0 {
            continue;
        }
        *frequency = if high < 15 {
            high + 1
        } else {
            cursor
                .word()?
                .checked_add(1)
                .ok_or_else(|| bad("a frequency is too large"))?
        };
        most = most.max(*frequency);
    }
    if high == 15 && (most == 1 || (!several && most <= 15)) {
        return Err(bad("a frequency is not in its shortest spelling"));
    }
    Ok(frequencies)
}

/// Appends where a term stands in one document, field by field: the position, then each as the step from the one before,
/// every number times `forms`, the forms of the term, plus the number of the form that stands there.
pub(super) fn put_spots(
    bytes: &mut Vec<u8>,
    frequencies: &[u32; FIELDS],
    forms: usize,
    spots: &[Spot],
) {
    let mut rest = spots;
    for frequency in frequencies {
        let (field, after) = rest.split_at(*frequency as usize);
        rest = after;
        let mut last = 0;
        for spot in field {
            let step = u64::from(spot.position - last);
            put(bytes, step * forms as u64 + u64::from(spot.form));
            last = spot.position;
        }
    }
}

/// Appends the spots of one posting that [`put_spots`] wrote.
///
/// # Errors
/// `bad_format` when the bytes end before, or a position exceeds 32 bits.
pub(super) fn read_spots(
    cursor: &mut Cursor<'_>,
    frequencies: &[u32; FIELDS],
    forms: usize,
    spots: &mut Vec<Spot>,
) -> Result<()> {
    // A term without forms is refused where its leaf is read.
    let forms = forms.max(1) as u64;
    for frequency in frequencies {
        let mut last = 0_u64;
        for _ in 0..*frequency {
            let number = cursor.varint()?;
            last += number / forms;
            let position =
                u32::try_from(last).map_err(|_| bad("a position is larger than it can be"))?;
            spots.push(Spot {
                position,
                form: (number % forms) as u32,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn postings() -> impl Strategy<Value = BTreeMap<u32, u8>> {
        prop::collection::btree_map(0_u32..5000, 0_u8..16, 1..60)
    }

    proptest! {
        #[test]
        fn a_page_is_read_as_it_was_written(postings in postings(), before in 0_u32..10) {
            let documents: Vec<u32> = postings.keys().map(|document| document + before).collect();
            let impacts: Vec<u8> = postings.values().copied().collect();
            let mut page = Vec::new();
            put_page(&mut page, &documents, &impacts, 5010);
            let (mut found, mut levels, mut next) = (Vec::new(), Vec::new(), before);
            read_page(&page, documents.len(), &mut next, 5010, &mut found, &mut levels).unwrap();
            prop_assert_eq!(&found, &documents);
            prop_assert_eq!(levels, impacts);
            prop_assert_eq!(next, documents.last().unwrap() + 1);
            let (mut next, mut none) = (documents[0] + 1, (Vec::new(), Vec::new()));
            prop_assert!(read_page(&page, documents.len(), &mut next, 5010, &mut none.0, &mut none.1).is_err());
        }

        #[test]
        fn any_bytes_are_a_page_in_order_or_refused(page in prop::collection::vec(any::<u8>(), 0..40), count in 0_usize..50) {
            let (mut documents, mut impacts, mut next) = (Vec::new(), Vec::new(), 3);
            if read_page(&page, count, &mut next, 1000, &mut documents, &mut impacts).is_ok() {
                prop_assert!(documents.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(documents.iter().all(|document| (3..1000).contains(document)));
                let mut again = Vec::new();
                put_page(&mut again, &documents, &impacts, 1000);
                prop_assert_eq!(again, page);
            }
        }

        #[test]
        fn frequencies_and_spots_are_read_as_they_were_written(
            given in prop::collection::vec((0_u32..20, 0_u32..20, 0_u32..2, 0_u32..3), 1..20)
        ) {
            let (mut bytes, mut places, mut expected) = (Vec::new(), Vec::new(), Vec::new());
            for (title, text, tags, path) in given {
                let frequencies = [title, text, tags, path.max(u32::from(title + text + tags == 0))];
                put_frequencies(&mut bytes, &frequencies);
                let spots: Vec<Spot> = frequencies
                    .iter()
                    .flat_map(|count| (0..*count).map(|at| Spot { position: at * 300, form: at % 3 }))
                    .collect();
                put_spots(&mut places, &frequencies, 3, &spots);
                expected.push((frequencies, spots));
            }
            let (mut cursor, mut place) = (Cursor::new(&bytes), Cursor::new(&places));
            for (frequencies, spots) in expected {
                let found = read_frequencies(&mut cursor).unwrap();
                prop_assert_eq!(found, frequencies);
                let mut read = Vec::new();
                read_spots(&mut place, &found, 3, &mut read).unwrap();
                prop_assert_eq!(read, spots);
            }
            prop_assert!(cursor.is_empty() && place.is_empty());
        }

        #[test]
        fn frequencies_have_one_spelling(bytes in prop::collection::vec(any::<u8>(), 1..12)) {
            let mut cursor = Cursor::new(&bytes);
            if let Ok(found) = read_frequencies(&mut cursor) {
                let mut again = Vec::new();
                put_frequencies(&mut again, &found);
                prop_assert_eq!(again, &bytes[..bytes.len() - cursor.left()]);
            }
        }
    }
}
