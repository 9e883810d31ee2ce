//! Ids and titles of documents to their numbers, in pages that can be read alone.
//!
//! Owns the layout of these pages and what a title is called by; must not know who looks a name up. Invariant: a name is looked up by its
//! digest alone, in one page, and a page names no document that there is not.

use super::bits::{BitReader, BitWriter};
use super::bytes::{Cursor, MARK_BYTES, Mark, bad, mark, put};
use super::{Contents, Document};
use crate::digest::digest;
use crate::error::Result;
use std::collections::BTreeMap;
use std::ops::Range;

/// Names of a page, on average.
const PAGE_NAMES: usize = 256;
/// Names in a page are numbers below this.
const NAMES_END: u32 = 1 << 31;
/// Set in the byte of the salt where an id has a blank.
const BLANKS: u8 = 0x80;
/// Ways to make the digest, of which the first is taken that tells all names apart.
const SALTS: u8 = 16;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub document: u32,
    /// Whether it is its id.
    pub is_id: bool,
    /// Whether its title is called so.
    pub is_title: bool,
}

/// Where the pages lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// What every digest begins with.
    salt: u8,
    /// Whether an id has a blank.
    pub has_blanks: bool,
    /// The part of each page in its section, and its digest.
    pub pages: Vec<(Range<u64>, Mark)>,
}

/// What a title is called by: its words as they are indexed, in their order, whatever stands between them.
pub fn title(mut words: Vec<(u32, &str)>) -> String {
    words.sort_unstable();
    let words: Vec<&str> = words.into_iter().map(|(_, form)| form).collect();
    words.join(" ")
}

/// What the title of each document is called by; nothing where it has none.
pub(super) fn titles(contents: &Contents) -> Vec<String> {
    let mut words: Vec<Vec<(u32, &str)>> = vec![Vec::new(); contents.documents.len()];
    for term in &contents.terms {
        let mut rest = term.spots.as_slice();
        for (document, counts) in term.documents.iter().zip(&term.frequencies) {
            let (own, after) = rest.split_at(counts.iter().sum::<u32>() as usize);
            rest = after;
            for spot in &own[..counts[0] as usize] {
                let form = &term.forms[spot.form as usize];
                if !form.is_whole {
                    words[*document as usize].push((spot.position, &form.form));
                }
            }
        }
    }
    words.into_iter().map(title).collect()
}

/// The pages end to end, and where they lie, of contents whose documents have these numbers.
pub(super) fn write(contents: &Contents, numbers: &[u32]) -> (Vec<u8>, Places) {
    let mut names: BTreeMap<&str, Vec<Named>> = BTreeMap::new();
    let titles = titles(contents);
    for ((document, title), number) in contents.documents.iter().zip(&titles).zip(numbers) {
        let named = |is_id: bool| Named {
            document: *number,
            is_id,
            is_title: !is_id || document.id == *title,
        };
        names.entry(&document.id).or_default().push(named(true));
        if document.id != *title && !title.is_empty() {
            names.entry(title).or_default().push(named(false));
        }
    }
    let pages = names.len().div_ceil(PAGE_NAMES);
    let spread = |salt: u8| {
        let mut spread: Vec<BTreeMap<u32, Vec<Named>>> = vec![BTreeMap::new(); pages];
        let mut is_apart = true;
        for (name, own) in &names {
            let (page, number) = place(salt, name, pages);
            let all = spread[page].entry(number).or_default();
            is_apart &= all.is_empty();
            all.extend_from_slice(own);
        }
        (spread, is_apart)
    };
    let mut salt = 0;
    let mut spread_out = spread(salt);
    while !spread_out.1 && salt + 1 < SALTS {
        salt += 1;
        spread_out = spread(salt);
    }
    let (mut section, mut places) = (Vec::new(), Vec::new());
    for page in spread_out.0 {
        let bytes = write_page(page, contents.documents.len());
        let start = section.len() as u64;
        section.extend_from_slice(&bytes);
        places.push((start..section.len() as u64, mark(&bytes)));
    }
    let has_blank = |document: &Document| document.id.contains(' ');
    let places = Places {
        salt,
        has_blanks: contents.documents.iter().any(has_blank),
        pages: places,
    };
    (section, places)
}

fn write_page(page: BTreeMap<u32, Vec<Named>>, documents: usize) -> Vec<u8> {
    let (mut bytes, mut bits) = (Vec::new(), BitWriter::default());
    put(&mut bytes, page.len() as u64);
    let numbers: Vec<u32> = page.keys().copied().collect();
    bits.ascending(&numbers, 0, NAMES_END);
    for mut own in page.into_values() {
        own.sort_unstable();
        let last = own.len() - 1;
        for (at, named) in own.iter().enumerate() {
            bits.bits(named.document, width(documents));
            for flag in [named.is_id, named.is_title, at < last] {
                bits.bits(u32::from(flag), 1);
            }
        }
    }
    bytes.extend(bits.finish());
    bytes
}

/// What a page of a segment of that many documents names.
///
/// # Errors
/// `bad_format` when the bytes are none.
pub(super) fn read_page(page: &[u8], documents: usize) -> Result<Vec<(u32, Named)>> {
    let mut cursor = Cursor::new(page);
    let count = cursor.number(usize::MAX)?;
    // Each name takes the three bits of what it is at least.
    if count > cursor.left().saturating_mul(8) / 3 {
        return Err(bad("a page has fewer names than it says"));
    }
    let mut bits = BitReader::new(cursor.bytes(cursor.left())?);
    let (mut numbers, mut names) = (Vec::new(), Vec::new());
    bits.ascending(count, 0, NAMES_END, &mut numbers)?;
    for number in numbers {
        let mut is_last = false;
        while !is_last {
            let named = Named {
                document: bits.bits(width(documents))?,
                is_id: bits.bits(1)? == 1,
                is_title: bits.bits(1)? == 1,
            };
            is_last = bits.bits(1)? == 0;
            if named.document as usize >= documents || !(named.is_id || named.is_title) {
                return Err(bad("a name stands for a document that there is not"));
            }
            names.push((number, named));
        }
    }
    bits.end()?;
    Ok(names)
}

/// Bits of the number of a document among that many.
fn width(documents: usize) -> u32 {
    usize::BITS - documents.saturating_sub(1).leading_zeros()
}

/// The page in which a name is looked up, and its number there.
fn place(salt: u8, name: &str, pages: usize) -> (usize, u32) {
    let digest = digest(&[&[salt], name.as_bytes()].concat());
    let word =
        |at: usize| (0..4).fold(0_u32, |word, byte| word << 8 | u32::from(digest[at + byte]));
    let page = (u64::from(word(0)) * pages as u64) >> 32;
    (page as usize, word(4) >> 1)
}

impl Places {
    /// The page in which a name stands if it stands anywhere, and its number there.
    pub fn of(&self, name: &str) -> Option<(usize, u32)> {
        let pages = self.pages.len();
        (pages > 0).then(|| place(self.salt, name, pages))
    }

    /// Appends them.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.salt | if self.has_blanks { BLANKS } else { 0 });
        put(bytes, self.pages.len() as u64);
        for (range, mark) in &self.pages {
            put(bytes, range.end - range.start);
            bytes.extend_from_slice(mark);
        }
    }

    /// Reads what [`Places::write`] wrote, of a section of that many bytes.
    ///
    /// # Errors
    /// `bad_format` when they do not fill it.
    pub fn read(cursor: &mut Cursor<'_>, section: u64) -> Result<Places> {
        let [first] = cursor.array()?;
        let (mut pages, mut at) = (Vec::new(), 0_u64);
        for _ in 0..cursor.count(1 + MARK_BYTES)? {
            let start = at;
            let end = start.checked_add(cursor.varint()?);
            let end = end.filter(|end| *end <= section);
            at = end.ok_or_else(|| bad("a part of it ends behind its section"))?;
            pages.push((start..at, cursor.array()?));
        }
        if at != section {
            return Err(bad("its names are longer than the root says"));
        }
        Ok(Places {
            salt: first & !BLANKS,
            has_blanks: first & BLANKS != 0,
            pages,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(ids: impl Iterator<Item = String>) -> Contents {
        let document = |id: String| Document {
            id,
            record: Vec::new(),
            language: None,
            lengths: [0; 4],
            passages: 0,
            has_whole: false,
        };
        Contents {
            documents: ids.map(document).collect(),
            ..Contents::default()
        }
    }

    #[test]
    fn every_id_stands_once_in_the_one_page_where_it_is_looked_up() {
        let contents = contents((0..999).map(|number| format!("document {number:03}")));
        let numbers: Vec<u32> = (0..999).rev().collect();
        let (section, places) = write(&contents, &numbers);
        assert_eq!(places.pages.len(), 4);
        let mut bytes = Vec::new();
        places.write(&mut bytes);
        let mut cursor = Cursor::new(&bytes);
        let length = section.len() as u64;
        assert_eq!(Places::read(&mut cursor, length).unwrap(), places);
        assert!(Places::read(&mut Cursor::new(&bytes), length + 1).is_err());
        assert!(Places::read(&mut Cursor::new(&bytes), length - 1).is_err());
        for (document, number) in contents.documents.iter().zip(&numbers) {
            let (page, name) = places.of(&document.id).unwrap();
            let (range, digest) = &places.pages[page];
            let bytes = &section[range.start as usize..range.end as usize];
            assert_eq!(mark(bytes), *digest);
            let names = read_page(bytes, 999).unwrap();
            let own: Vec<_> = names.iter().filter(|each| each.0 == name).collect();
            let expected = Named {
                document: *number,
                is_id: true,
                is_title: false,
            };
            assert_eq!(own, [&(name, expected)]);
        }
        assert_eq!(Places::default().of("document 001"), None);
    }

    #[test]
    fn pages_that_name_what_there_is_not_are_refused() {
        let (section, _) = write(
            &contents((0..7).map(|id| id.to_string())),
            &[0, 1, 2, 3, 4, 5, 6],
        );
        assert_eq!(read_page(&section, 7).unwrap().len(), 7);
        assert!(read_page(&section, 6).is_err());
        assert!(read_page(&[&section[..], &[0]].concat(), 7).is_err());
        for end in 0..section.len() {
            assert!(read_page(&section[..end], 7).is_err());
        }
        // A count that would take more room than there are bytes.
        assert!(read_page(&[0xff, 0xff, 0xff, 0xff, 0x07, 1, 2], 7).is_err());
    }
}
