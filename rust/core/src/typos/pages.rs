//! Corrections from pages: a few of them tell what was meant, wherever they are read from.
//!
//! Owns the layout of the pages; knows nothing of files and digests. Words are found by what is left of them without one letter
//! (T. Bocek and others, "Fast similarity search in large dictionaries"), here of their first eight letters only.
//! Invariant: pages that nobody wrote give a wrong word or an error, never a panic or more memory than they have bytes.

use super::{Candidate, is_candidate, is_correctable, is_one_edit};
use crate::error::{Code, Error, Result};
use crate::file::Answer;
use crate::varint;
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of a page; the directory takes whole pages too, so that every page starts at a multiple.
pub const PAGE_BYTES: usize = 1024;
/// The letters of a word, from the first on, of which one is left out.
const PREFIX: usize = 8;
/// Bits of a hash.
const HASH_BITS: u32 = 24;
/// Pages of forms that are read for one word at most, of which these are read at once.
const FORM_PAGES: usize = 15;
const FORM_PAGES_AT_ONCE: usize = 8;
/// Bytes of the lengths before the directory: of the directory, the number of pages of hashes, that of pages of forms.
const HEAD_BYTES: usize = 12;

/// Reads ranges of the pages.
pub type Read<'a> = dyn FnMut(&[Range<u64>]) -> Result<Answer<Vec<Vec<u8>>>> + 'a;

/// The directory of pages, once it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// The first hash of each page of hashes, ascending.
    hashes: Vec<u32>,
    /// The number of the form after the last of each page of forms.
    ends: Vec<u32>,
    /// Where the first page begins.
    start: u64,
}

/// The hashes by which a form is found: of its prefix, and of that without each of its letters.
fn hashes(form: &str) -> BTreeSet<u32> {
    let prefix: Vec<(usize, char)> = form.char_indices().take(PREFIX + 1).collect();
    let end = prefix.get(PREFIX).map_or(form.len(), |(at, _)| *at);
    let letters = &prefix[..prefix.len().min(PREFIX)];
    let without = letters
        .iter()
        .map(|(at, char)| hash(&form[..*at], &form[at + char.len_utf8()..end]));
    without.chain([hash(&form[..end], "")]).collect()
}

/// FNV-1a of two parts end to end (G. Fowler, L. C. Noll, K.-P. Vo), folded to fewer bits.
fn hash(one: &str, other: &str) -> u32 {
    let bytes = one.bytes().chain(other.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash ^ hash >> 32) as u32 ^ (hash >> 40) as u32) & ((1 << HASH_BITS) - 1)
}

/// The pages for forms (each once, with the number of documents that have it) in any order.
///
/// First three numbers of 4 bytes, little-endian: the length of the directory, and how many pages of hashes and of forms there are.
/// The directory, in varints: for each page of hashes its first hash less that of the page before; for each page of forms
/// how many it has. Zeros fill up the last page of it, and every page. A page of hashes: how many entries; for each its
/// hash less the one before (the page's first: less the first hash of the page) and the number of a form. A page of forms: for each
/// the length, the form, the number of documents. Forms are numbered from the most frequent on, equal ones bytewise.
///
/// # Errors
/// `bad_input` for 2^32 bytes or more.
pub fn write<'a>(forms: impl Iterator<Item = (&'a str, u32)>) -> Result<Vec<u8>> {
    let mut forms: Vec<(&str, u32)> = forms.filter(|(form, _)| is_candidate(form)).collect();
    forms.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    let mut entries: Vec<(u32, u32)> = Vec::new();
    for ((form, _), number) in forms.iter().zip(0..) {
        entries.extend(hashes(form).into_iter().map(|hash| (hash, number)));
    }
    entries.sort_unstable();

    let (mut directory, mut pages) = (Vec::new(), Vec::new());
    let (mut page, mut count, mut first, mut last) = (Vec::new(), 0_u32, 0, 0);
    let (mut hash_pages, mut before) = (0_u32, 0);
    for group in entries.chunk_by(|a, b| a.0 == b.0) {
        let hash = group[0].0;
        let mut bytes = group_bytes(group, if count == 0 { hash } else { last });
        if count > 0 && page.len() + bytes.len() + 2 > PAGE_BYTES {
            close(&mut pages, count, &page);
            varint::write(&mut directory, first - before);
            (before, count, hash_pages) = (first, 0, hash_pages + 1);
            page.clear();
            bytes = group_bytes(group, hash);
        }
        if count == 0 {
            first = hash;
        }
        // Of more forms than a page holds the rarest cannot be found.
        let mut written = group.len();
        while page.len() + bytes.len() + 2 > PAGE_BYTES {
            written -= 1;
            bytes = group_bytes(&group[..written], if count == 0 { hash } else { last });
        }
        page.append(&mut bytes);
        (count, last) = (count + written as u32, hash);
    }
    if count > 0 {
        close(&mut pages, count, &page);
        varint::write(&mut directory, first - before);
        hash_pages += 1;
    }

    let (mut page, mut count, mut form_pages) = (Vec::new(), 0_u32, 0_u32);
    for (form, df) in forms {
        let mut bytes = Vec::new();
        varint::write(&mut bytes, form.len() as u32);
        bytes.extend_from_slice(form.as_bytes());
        varint::write(&mut bytes, df);
        if page.len() + bytes.len() > PAGE_BYTES {
            pages.append(&mut page);
            pages.resize(pages.len().next_multiple_of(PAGE_BYTES), 0);
            varint::write(&mut directory, count);
            (count, form_pages) = (0, form_pages + 1);
        }
        page.append(&mut bytes);
        count += 1;
    }
    if count > 0 {
        pages.append(&mut page);
        pages.resize(pages.len().next_multiple_of(PAGE_BYTES), 0);
        varint::write(&mut directory, count);
        form_pages += 1;
    }

    let mut bytes = Vec::new();
    for number in [directory.len() as u32, hash_pages, form_pages] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.append(&mut directory);
    bytes.resize(bytes.len().next_multiple_of(PAGE_BYTES), 0);
    bytes.append(&mut pages);
    if u32::try_from(bytes.len()).is_err() {
        return Err(Error::new(
            Code::BadInput,
            "the words of a collection exceed what corrections can be kept for; put the documents into several collections",
        ));
    }
    Ok(bytes)
}

fn group_bytes(group: &[(u32, u32)], mut last: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (hash, number) in group {
        varint::write(&mut bytes, hash - last);
        varint::write(&mut bytes, *number);
        last = *hash;
    }
    bytes
}

fn close(pages: &mut Vec<u8>, count: u32, page: &[u8]) {
    // Entries take two bytes at least, so that their number takes two bytes at most.
    varint::write(pages, count);
    pages.extend_from_slice(page);
    pages.resize(pages.len().next_multiple_of(PAGE_BYTES), 0);
}

impl Pages {
    /// Reads the directory of pages that are `length` bytes long.
    ///
    /// # Errors
    /// `bad_format` when it is none, and what `read` fails with.
    pub fn open(length: u64, read: &mut Read<'_>) -> Result<Answer<Pages>> {
        if length < PAGE_BYTES as u64 {
            return Err(bad("they are shorter than one page"));
        }
        let head = match start_of(read, PAGE_BYTES)? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(page) => page,
        };
        let Some((numbers, _)) = head.as_chunks::<4>().0.split_at_checked(3) else {
            return Err(bad("they are shorter than their head"));
        };
        let [directory, hash_pages, form_pages] =
            [0, 1, 2].map(|at| u64::from(u32::from_le_bytes(numbers[at])));
        let start = (HEAD_BYTES as u64 + directory).next_multiple_of(PAGE_BYTES as u64);
        if start + (hash_pages + form_pages) * PAGE_BYTES as u64 != length
            || hash_pages + form_pages > directory
        {
            return Err(bad("their number does not fit their length"));
        }
        let end = HEAD_BYTES + directory as usize;
        let all = match start_of(read, end)? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(directory) => directory,
        };
        let mut rest = all
            .get(HEAD_BYTES..end)
            .ok_or_else(|| bad("their directory ends too early"))?;
        let mut sums = |count: u64| {
            let mut sum = 0_u32;
            let sums = (0..count).map(|_| {
                sum = varint::read(&mut rest).and_then(|number| sum.checked_add(number))?;
                Some(sum)
            });
            sums.collect::<Option<Vec<u32>>>()
                .ok_or_else(|| bad("their directory is damaged"))
        };
        let (hashes, ends) = (sums(hash_pages)?, sums(form_pages)?);
        if !rest.is_empty() {
            return Err(bad("their directory is damaged"));
        }
        Ok(Answer::Ready(Pages {
            hashes,
            ends,
            start,
        }))
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        (self.hashes.capacity() + self.ends.capacity()) * size_of::<u32>()
    }

    /// What was meant by `form`, which the collection does not have.
    ///
    /// # Errors
    /// `bad_format` when a page is not what [`write`] wrote, and what `read` fails with.
    pub fn correct(&self, form: &str, read: &mut Read<'_>) -> Result<Answer<Option<Candidate>>> {
        if !is_correctable(form) {
            return Ok(Answer::Ready(None));
        }
        let hashes = hashes(form);
        let mut pages: Vec<usize> = hashes
            .iter()
            .filter_map(|hash| {
                self.hashes
                    .partition_point(|first| first <= hash)
                    .checked_sub(1)
            })
            .collect();
        // They ascend as the hashes do.
        pages.dedup();
        let contents = match read(&self.ranges(0, &pages))? {
            Answer::Need(needs) => return Ok(Answer::Need(needs)),
            Answer::Ready(contents) => contents,
        };
        let mut numbers = BTreeSet::new();
        for (page, content) in pages.iter().zip(&contents) {
            entries(content, self.hashes[*page], |hash, number| {
                if hashes.contains(&hash) {
                    numbers.insert(number);
                }
            })?;
        }
        let page_of = |number: u32| self.ends.partition_point(|end| *end <= number);
        let pages: BTreeSet<usize> = numbers.iter().map(|number| page_of(*number)).collect();
        if pages.last().is_some_and(|page| *page >= self.ends.len()) {
            return Err(bad("a page names a word that does not exist"));
        }
        // Forms come from the most frequent on, so that the first that fits is the one, and most are never read.
        let pages: Vec<usize> = pages.into_iter().take(FORM_PAGES).collect();
        for pages in pages.chunks(FORM_PAGES_AT_ONCE) {
            let contents = match read(&self.ranges(self.hashes.len(), pages))? {
                Answer::Need(needs) => return Ok(Answer::Need(needs)),
                Answer::Ready(contents) => contents,
            };
            for (page, content) in pages.iter().zip(&contents) {
                let first = page.checked_sub(1).map_or(0, |before| self.ends[before]);
                let mut rest = &content[..];
                for number in first..self.ends[*page] {
                    let (found, df) =
                        next_form(&mut rest).ok_or_else(|| bad("a page of words is damaged"))?;
                    if numbers.contains(&number) && is_one_edit(form, found) {
                        return Ok(Answer::Ready(Some(Candidate {
                            form: found.to_owned(),
                            df,
                        })));
                    }
                }
            }
        }
        Ok(Answer::Ready(None))
    }

    fn ranges(&self, first: usize, pages: &[usize]) -> Vec<Range<u64>> {
        let range = |page: &usize| {
            let start = self.start + ((first + page) * PAGE_BYTES) as u64;
            start..start + PAGE_BYTES as u64
        };
        pages.iter().map(range).collect()
    }
}

/// The first bytes.
fn start_of(read: &mut Read<'_>, length: usize) -> Result<Answer<Vec<u8>>> {
    let range = Range {
        start: 0,
        end: length as u64,
    };
    Ok(match read(std::slice::from_ref(&range))? {
        Answer::Need(needs) => Answer::Need(needs),
        Answer::Ready(mut pieces) => Answer::Ready(pieces.pop().unwrap_or_default()),
    })
}

fn entries(content: &[u8], first: u32, mut take: impl FnMut(u32, u32)) -> Result<()> {
    let mut rest = content;
    let mut hash = first;
    let count = varint::read(&mut rest).ok_or_else(|| bad("a page of hashes is damaged"))?;
    for _ in 0..count {
        let gap = varint::read(&mut rest).and_then(|gap| hash.checked_add(gap));
        let (Some(next), Some(number)) = (gap, varint::read(&mut rest)) else {
            return Err(bad("a page of hashes is damaged"));
        };
        hash = next;
        take(hash, number);
    }
    Ok(())
}

fn next_form<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, u32)> {
    let length = varint::read(rest)? as usize;
    let form = str::from_utf8(varint::take(rest, length)?).ok()?;
    Some((form, varint::read(rest)?))
}

fn bad(what: &str) -> Error {
    Error::new(
        Code::BadFormat,
        format!(
            "the pages of corrections cannot be used: {what}; fetch or build the collection again"
        ),
    )
}
