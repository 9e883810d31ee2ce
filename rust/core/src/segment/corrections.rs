//! The section of corrections: pages of words in two orders, and a directory that tells where each of them is.
//!
//! Owns both, which documents a form is counted in and which pages are read; must not know which words are close to each other. Invariant: pages lie end
//! to end behind the directory, forwards and then backwards, each with its mark, and nothing of them is held but the directory.

use super::Contents;
use super::bytes::{Cursor, MARK_BYTES, Mark, bad, check_mark, mark, put};
use super::leaf::{put_after, read_after};
use super::meta;
use super::packer::{Packer, Unpacker};
use super::remote::{Remote, ready};
use crate::error::Result;
use crate::file::Answer;
use crate::typos::{self, Candidate, Page, Place};
use std::collections::BTreeMap;
use std::ops::Range;

/// Pages of words that are read for one that may be mistyped, at most.
const PAGES_OF_A_WORD: usize = 14;

/// A page, as the directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PagePlace {
    /// Its part of the section.
    pub range: Range<u64>,
    pub is_stored: bool,
    pub digest: Mark,
}

/// Where the pages of one order begin, and where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub firsts: Vec<Place>,
    pub pages: Vec<PagePlace>,
}

/// The directory: of words forwards, and backwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory(pub [Order; 2]);

/// The section of some contents, and how long its directory is.
///
/// # Errors
/// `bug` when the compressor refuses.
pub(super) fn write(contents: &Contents) -> Result<(Vec<u8>, usize)> {
    let forms = forms(contents);
    let packer = Packer::new(&[])?;
    let (mut section, mut pages) = (Vec::new(), Vec::new());
    for backwards in [false, true] {
        let list: Vec<Page> = typos::pages(forms.iter().copied(), backwards);
        put(&mut section, list.len() as u64);
        let mut before = String::new();
        for page in list {
            let (packed, is_stored) = packer.pack(&page.bytes)?;
            put(&mut section, u64::from(page.first.letters));
            put_after(&mut section, before.as_bytes(), page.first.text.as_bytes());
            put(
                &mut section,
                (packed.len() as u64) << 1 | u64::from(is_stored),
            );
            section.extend_from_slice(&mark(&packed));
            pages.extend(packed);
            before = page.first.text;
        }
    }
    let length = section.len();
    section.append(&mut pages);
    Ok((section, length))
}

/// The forms that may have been meant, each once, with the number of documents that have it as any term.
fn forms(contents: &Contents) -> Vec<(&str, u32)> {
    let mut held: Vec<(&str, u32, u32)> = Vec::new();
    for (number, term) in contents.terms.iter().enumerate() {
        for (at, form) in term.forms.iter().enumerate() {
            if typos::is_candidate(&form.form) {
                held.push((&form.form, number as u32, at as u32));
            }
        }
    }
    held.sort_unstable();
    let mut documents: Vec<u32> = Vec::new();
    let mut forms = Vec::new();
    for group in held.chunk_by(|a, b| a.0 == b.0) {
        documents.clear();
        for (_, term, form) in group {
            let term = &contents.terms[*term as usize];
            let mut spots = term.spots.iter();
            for (document, counts) in term.documents.iter().zip(&term.frequencies) {
                let held: u32 = counts.iter().sum();
                let mut own = spots.by_ref().take(held as usize);
                // All of them are passed over, whichever it is.
                if own
                    .by_ref()
                    .fold(false, |is, spot| is | (spot.form == *form))
                {
                    documents.push(*document);
                }
            }
        }
        documents.sort_unstable();
        documents.dedup();
        if !documents.is_empty() {
            forms.push((group[0].0, documents.len() as u32));
        }
    }
    forms
}

impl Directory {
    /// The directory of a section of that many bytes.
    ///
    /// # Errors
    /// `bad_format` when the bytes are none.
    pub fn read(bytes: &[u8], section: u64) -> Result<Directory> {
        let mut cursor = Cursor::new(bytes);
        let mut directory = Directory::default();
        let mut at = bytes.len() as u64;
        for order in &mut directory.0 {
            let mut before = Place::default();
            for number in 0..cursor.count(3 + MARK_BYTES)? {
                let letters = cursor.word()?;
                let text = read_after(&mut cursor, before.text.as_bytes())?;
                let text =
                    String::from_utf8(text).map_err(|_| bad("a page begins with no word"))?;
                let first = Place { letters, text };
                if (number == 0) != (first == Place::default()) || (number > 0 && first <= before) {
                    return Err(bad("its pages of corrections are not in order"));
                }
                let length = cursor.varint()?;
                let end = at.checked_add(length >> 1).filter(|end| *end <= section);
                let end = end.ok_or_else(|| bad("a page lies behind the end of its section"))?;
                order.pages.push(PagePlace {
                    range: at..end,
                    is_stored: length & 1 == 1,
                    digest: cursor.array()?,
                });
                at = end;
                order.firsts.push(first.clone());
                before = first;
            }
        }
        cursor.end()?;
        if at != section {
            return Err(bad("its pages of corrections are longer than it says"));
        }
        Ok(directory)
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        let each = size_of::<PagePlace>() + size_of::<Place>();
        let orders = self.0.iter();
        orders.map(|order| order.pages.len() * each).sum()
    }
}

impl Remote {
    /// Whether documents have each of some terms.
    ///
    /// # Errors
    /// As for [`Remote::search`].
    pub fn knows(&mut self, terms: &[&str]) -> Result<Answer<Vec<bool>>> {
        let entries = ready!(self.entries(terms)?);
        let live = &self.opened()?.live;
        let both = entries.iter().zip(terms);
        let known = both.map(|(entry, term)| entry.is_some() || live.knows(term));
        Ok(Answer::Ready(known.collect()))
    }

    /// What was meant by each of some forms, none for one that the collection has or that nothing is close to.
    ///
    /// # Errors
    /// As for [`Remote::search`].
    pub fn correct(&mut self, forms: &[&str]) -> Result<Answer<Vec<Option<Candidate>>>> {
        let length = self.file()?.length_of(meta::TYPOS)?;
        if self.typos.is_none() {
            let root = &self.opened()?.root;
            let (end, digest) = (root.typos, root.typos_digest);
            let bytes = ready!(self.marked(meta::TYPOS, &[(0..end, digest)])?).concat();
            self.typos = Some(Directory::read(&bytes, length)?);
        }
        let Some(directory) = &self.typos else {
            return Ok(Answer::Ready(Vec::new()));
        };
        // Each page once, with the forms it is looked through for.
        let mut looked: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (number, form) in forms.iter().enumerate() {
            let mut left = PAGES_OF_A_WORD;
            for stretch in typos::stretches(form) {
                let order = usize::from(stretch.backwards);
                for page in stretch.pages(&directory.0[order].firsts) {
                    let own = looked.entry((order, page)).or_default();
                    if !own.contains(&number) && left > 0 {
                        own.push(number);
                        left -= 1;
                    }
                }
            }
        }
        looked.retain(|_, own| !own.is_empty());
        let places: Vec<PagePlace> = looked
            .keys()
            .map(|(order, page)| directory.0[*order].pages[*page].clone())
            .collect();
        let wanted: Vec<_> = places
            .iter()
            .map(|place| (place.range.clone(), place.digest))
            .collect();
        let pages = ready!(self.marked(meta::TYPOS, &wanted)?);
        let mut best: Vec<Option<Candidate>> = vec![None; forms.len()];
        let mut is_there = vec![false; forms.len()];
        let mut unpacker = Unpacker::new(Vec::new());
        for (((order, _), own), (place, bytes)) in looked.iter().zip(places.iter().zip(pages)) {
            read_page(&bytes, place.is_stored, &mut unpacker, &mut |word, df| {
                let word = typos::spelled(&word.text, *order == 1);
                for number in own {
                    is_there[*number] |= word == forms[*number];
                    typos::offer(forms[*number], &word, df, &mut best[*number]);
                }
            })?;
        }
        for (word, df) in self.opened()?.live.forms() {
            for (number, form) in forms.iter().enumerate() {
                is_there[number] |= word == *form;
                typos::offer(form, word, df, &mut best[number]);
            }
        }
        for (best, is_there) in best.iter_mut().zip(is_there) {
            *best = best.take().filter(|_| !is_there);
        }
        Ok(Answer::Ready(best))
    }
}

/// Hands on the words of a page, as its order spells them.
///
/// # Errors
/// `bad_format` when the bytes are no page.
pub(super) fn read_page(
    page: &[u8],
    is_stored: bool,
    unpacker: &mut Unpacker,
    take: &mut dyn FnMut(&Place, u32),
) -> Result<()> {
    let raw = unpacker.unpack(page, is_stored)?;
    typos::read(raw, take).ok_or_else(|| bad("a page of corrections cannot be read"))
}

/// Compares a whole section with its digests and its order.
///
/// # Errors
/// `bad_format` or `wrong_digest`.
pub(super) fn verify(section: &[u8], directory: &Directory) -> Result<()> {
    let mut unpacker = Unpacker::new(Vec::new());
    let mut counts = [0_u64; 2];
    for (order, count) in directory.0.iter().zip(&mut counts) {
        let mut last = Place::default();
        for (number, page) in order.pages.iter().enumerate() {
            let bytes = &section[page.range.start as usize..page.range.end as usize];
            check_mark(bytes, &page.digest, "corrections")?;
            let (first, next) = (&order.firsts[number], order.firsts.get(number + 1));
            let mut fits = true;
            read_page(bytes, page.is_stored, &mut unpacker, &mut |place, _| {
                fits &= place >= first && next.is_none_or(|next| place < next) && *place > last;
                last.clone_from(place);
                *count += 1;
            })?;
            if !fits {
                return Err(bad("its pages of corrections are not in order"));
            }
        }
    }
    if counts[0] != counts[1] {
        return Err(bad(
            "its pages of corrections do not have the same words twice",
        ));
    }
    Ok(())
}
