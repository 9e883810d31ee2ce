//! Leaves of the dictionary: a stretch of terms in order, each with its surface forms and where its postings are.
//!
//! Owns the layout of a leaf; must not know how leaves are found or what postings hold. Invariant: terms and the forms of
//! a term ascend bytewise, and a leaf is believed only after each of its numbers has been compared with the bytes at hand.

use super::bytes::{Cursor, MARK_BYTES, Mark, bad, mark, put};
use super::postings::{pages, put_page, read_page};
use super::{CODE_BYTES, Form, ShortCode, Term};
use crate::error::Result;
use crate::pieces::short;
use std::ops::Range;

/// A leaf is closed before it becomes longer than this, unless one term alone is.
pub(super) const LEAF_BYTES: usize = 2 << 10;
/// Spots of more bytes have a mark of their own.
const MARKED_BYTES: u64 = 256;
/// Postings of at most this many bytes stand in the leaf.
const INLINE_BYTES: usize = 64;
/// A length from which on half a byte does not hold it.
const LONG: usize = 15;
/// The longest term or form, in bytes.
pub(super) const TERM_CAP: usize = 1 << 10;

/// Where the postings of a term are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the leaf: the one page.
    Here(Vec<u8>),
    /// In the section of postings, page after page, each with its digest.
    Pages(Vec<(Range<u64>, Mark)>),
}

/// A term in a leaf.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub term: String,
    /// How many documents it stands in.
    pub count: usize,
    pub forms: Vec<Form>,
    pub place: Place,
    /// Its parts of the section of spots, one for each page of postings.
    pub spots: Vec<SpotsPlace>,
}

/// Where the places of the postings of a page are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpotsPlace {
    pub range: Range<u64>,
    pub is_stored: bool,
    /// Of a long one its digest; short ones are covered by those of blocks.
    pub digest: Option<Mark>,
}

impl Entry {
    /// Bytes of its postings that are not in the leaf.
    pub fn postings_bytes(&self) -> u64 {
        match &self.place {
            Place::Here(_) => 0,
            Place::Pages(pages) => pages.iter().map(|(range, _)| range.end - range.start).sum(),
        }
    }
}

/// What a reader has to know of the collection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Documents of the segment.
    pub documents: usize,
    /// Whether forms have codes.
    pub has_codes: bool,
}

/// A leaf that is being filled.
#[derive(Debug, Default)]
pub(super) struct Builder {
    /// Documents of the segment.
    documents: u32,
    body: Vec<u8>,
    first: String,
    last: String,
    /// Where the long lists and the spots of the next term start.
    postings: u64,
    spots: u64,
    start: (u64, u64),
    /// Finished leaves: their first and last terms and their bytes.
    leaves: Vec<(String, String, Vec<u8>)>,
}

impl Builder {
    /// No leaf yet, of a segment of so many documents.
    pub fn new(documents: u32) -> Builder {
        Builder {
            documents,
            ..Builder::default()
        }
    }

    /// Adds the next term with its postings and its spots, page by page, these each with whether it is stored as it is; `long`
    /// gets the postings that are not inline.
    pub fn add(
        &mut self,
        term: &Term,
        list: &[Vec<u8>],
        spots: &[(Vec<u8>, bool)],
        long: &mut Vec<u8>,
    ) -> Result<()> {
        let mut entry = self.entry(term, list, spots)?;
        if !self.body.is_empty() && self.body.len() + entry.len() > LEAF_BYTES {
            self.close();
            entry = self.entry(term, list, spots)?;
        }
        if self.body.is_empty() {
            term.term.clone_into(&mut self.first);
            self.start = (self.postings, self.spots);
        }
        self.body.extend_from_slice(&entry);
        if !is_inline(list) {
            for page in list {
                long.extend_from_slice(page);
                self.postings += page.len() as u64;
            }
        }
        self.spots += spots.iter().map(|(page, _)| page.len() as u64).sum::<u64>();
        term.term.clone_into(&mut self.last);
        Ok(())
    }

    fn entry(&self, term: &Term, list: &[Vec<u8>], spots: &[(Vec<u8>, bool)]) -> Result<Vec<u8>> {
        let mut entry = Vec::new();
        put_after(&mut entry, self.last.as_bytes(), term.term.as_bytes());
        let count = term.documents.len() as u64;
        let itself = itself(term);
        let kind = itself.map_or(0, |form| 1 + u64::from(form.is_whole));
        put(&mut entry, count * 3 + kind);
        // Of a term of one document there is only one place for the posting.
        let length = list_length(list).filter(|_| count > 1).unwrap_or(0);
        if let Some(form) = itself {
            put_code(&mut entry, length, &form.code);
        } else {
            put(&mut entry, term.forms.len() as u64);
        }
        for form in term.forms.iter().filter(|_| itself.is_none()) {
            put_after(&mut entry, term.term.as_bytes(), form.form.as_bytes());
            let documents = u64::from(form.documents) << 1 | u64::from(form.is_whole);
            put_code(&mut entry, documents, &form.code);
        }
        if itself.is_none() && count > 1 {
            put(&mut entry, length);
        }
        if count == 1 {
            let (mut documents, mut impacts) = (Vec::new(), Vec::new());
            let (page, end) = (list.concat(), self.documents);
            read_page(&page, 1, &mut 0, end, &mut documents, &mut impacts)?;
            let document = documents.first().copied().map_or(0, u64::from);
            put(
                &mut entry,
                document << 4 | impacts.first().copied().map_or(0, u64::from),
            );
        } else if is_inline(list) {
            entry.extend_from_slice(&list[0]);
        } else {
            for page in list {
                put(&mut entry, page.len() as u64);
                entry.extend_from_slice(&mark(page));
            }
        }
        for (page, is_stored) in spots {
            let length = page.len() as u64;
            put(&mut entry, length << 1 | u64::from(*is_stored));
            if length > MARKED_BYTES {
                entry.extend_from_slice(&mark(page));
            }
        }
        Ok(entry)
    }

    fn close(&mut self) {
        let mut leaf = Vec::with_capacity(self.body.len() + 10);
        put(&mut leaf, self.start.0);
        put(&mut leaf, self.start.1);
        leaf.append(&mut self.body);
        let last = std::mem::take(&mut self.last);
        self.leaves
            .push((std::mem::take(&mut self.first), last, leaf));
    }

    /// The first and last term and the bytes of each leaf.
    pub fn finish(mut self) -> Vec<(String, String, Vec<u8>)> {
        if !self.body.is_empty() {
            self.close();
        }
        self.leaves
    }
}

/// The one form of a term that is the term itself, where there is nothing else to be said of it but whether it is a whole.
fn itself(term: &Term) -> Option<&Form> {
    let is = is_itself(&term.forms, &term.term, term.documents.len());
    term.forms.first().filter(|_| is)
}

fn is_itself(forms: &[Form], term: &str, documents: usize) -> bool {
    let [form] = forms else { return false };
    form.form == term && form.documents as usize == documents
}

/// The length of postings that stand in the leaf.
fn list_length(list: &[Vec<u8>]) -> Option<u64> {
    is_inline(list).then(|| list[0].len() as u64)
}

fn is_inline(list: &[Vec<u8>]) -> bool {
    list.len() == 1 && list[0].len() <= INLINE_BYTES
}

/// Appends `text` as what it shares with the start of `before`, and the rest: the lengths in the halves of a byte, the first in the high
/// one, 15 where more of it follows as a varint.
pub(super) fn put_after(bytes: &mut Vec<u8>, before: &[u8], text: &[u8]) {
    let shared = common(before, text);
    let rest = &text[shared..];
    bytes.push((shared.min(LONG) << 4 | rest.len().min(LONG)) as u8);
    for length in [shared, rest.len()] {
        if let Some(more) = length.checked_sub(LONG) {
            put(bytes, more as u64);
        }
    }
    bytes.extend_from_slice(rest);
}

pub(super) fn common(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(x, y)| x == y).count()
}

/// Reads what [`put_after`] wrote, as bytes.
///
/// # Errors
/// `bad_format` when it shares more than there is, is empty or too long.
pub(super) fn read_after(cursor: &mut Cursor<'_>, before: &[u8]) -> Result<Vec<u8>> {
    let [lengths] = cursor.array()?;
    let mut length = |half: u8| match usize::from(half) {
        LONG => Ok(LONG + cursor.number(TERM_CAP)?),
        short => Ok(short),
    };
    let (shared, rest) = (length(lengths >> 4)?, length(lengths & 15)?);
    if shared > before.len() {
        return Err(bad("a term shares more than there is"));
    }
    let rest = cursor.bytes(rest)?;
    let text = [&before[..shared], rest].concat();
    if text.len() > TERM_CAP || common(before, &text) != shared {
        return Err(bad("a term is not in its shortest spelling"));
    }
    Ok(text)
}

fn read_text(cursor: &mut Cursor<'_>, before: &str) -> Result<String> {
    let text = String::from_utf8(read_after(cursor, before.as_bytes())?)
        .map_err(|_| bad("a term is not UTF-8"))?;
    if text.is_empty() {
        return Err(bad("a term is empty"));
    }
    Ok(text)
}

/// Where the first long list and the first spots of a leaf start, and its terms.
///
/// # Errors
/// `bad_format` when the bytes are no leaf.
pub(super) fn read(leaf: &[u8], frame: Frame) -> Result<((u64, u64), Vec<Entry>)> {
    let mut cursor = Cursor::new(leaf);
    let starts = (cursor.varint()?, cursor.varint()?);
    let (mut postings, mut spots) = starts;
    let mut entries: Vec<Entry> = Vec::new();
    while !cursor.is_empty() {
        let before = entries.last().map_or("", |entry| entry.term.as_str());
        let term = read_text(&mut cursor, before)?;
        if term.as_str() <= before {
            return Err(bad("its terms are not in order"));
        }
        let number = cursor.number(frame.documents.saturating_mul(3).saturating_add(2))?;
        let count = number / 3;
        if count == 0 {
            return Err(bad("a term has no postings"));
        }
        let (forms, inline) = match number % 3 {
            0 => {
                let forms = read_forms(&mut cursor, &term, frame)?;
                if is_itself(&forms, &term, count) {
                    return Err(bad("the form of a term is not in its shortest spelling"));
                }
                let inline = match count {
                    1 => 0,
                    _ => cursor.number(INLINE_BYTES)?,
                };
                (forms, inline)
            }
            kind => {
                let (inline, code) = read_code(&mut cursor, INLINE_BYTES, frame)?;
                let form = Form {
                    form: term.clone(),
                    is_whole: kind == 2,
                    documents: count as u32,
                    code,
                };
                (vec![form], inline)
            }
        };
        let place = if count == 1 {
            let number = cursor.number(frame.documents.saturating_mul(16))?;
            let document = (number >> 4) as u32;
            if inline > 0 || document as usize >= frame.documents {
                return Err(bad("a posting names a document that cannot stand there"));
            }
            let mut page = Vec::new();
            let impact = [(number & 15) as u8];
            put_page(&mut page, &[document], &impact, frame.documents as u32);
            Place::Here(page)
        } else if inline > 0 {
            if pages(count) != 1 {
                return Err(bad("postings that stand in a leaf are too many"));
            }
            Place::Here(cursor.bytes(inline)?.to_vec())
        } else {
            if pages(count) > cursor.left() / (1 + MARK_BYTES) {
                return Err(bad("a term has fewer pages than postings"));
            }
            let mut list = Vec::with_capacity(pages(count));
            for _ in 0..pages(count) {
                let start = postings;
                postings = further(postings, cursor.varint()?)?;
                list.push((start..postings, cursor.array()?));
            }
            Place::Pages(list)
        };
        let mut places = Vec::new();
        for _ in 0..pages(count) {
            let length = cursor.varint()?;
            let start = spots;
            spots = further(spots, length >> 1)?;
            places.push(SpotsPlace {
                range: start..spots,
                is_stored: length & 1 == 1,
                digest: match length >> 1 > MARKED_BYTES {
                    true => Some(cursor.array()?),
                    false => None,
                },
            });
        }
        entries.push(Entry {
            term,
            count,
            forms,
            place,
            spots: places,
        });
    }
    Ok((starts, entries))
}

fn read_forms(cursor: &mut Cursor<'_>, term: &str, frame: Frame) -> Result<Vec<Form>> {
    let count = cursor.count(2)?;
    let mut forms: Vec<Form> = Vec::new();
    for _ in 0..count {
        let form = read_text(cursor, term)?;
        let (number, code) = read_code(cursor, frame.documents << 1 | 1, frame)?;
        let (documents, is_whole) = ((number >> 1) as u32, number & 1 == 1);
        let after = |last: &Form| (last.form.as_str(), last.is_whole) < (form.as_str(), is_whole);
        if !forms.last().is_none_or(after) {
            return Err(bad("the forms of a term are not in order"));
        }
        forms.push(Form {
            form,
            is_whole,
            documents,
            code,
        });
    }
    if forms.is_empty() {
        return Err(bad("a term has no forms"));
    }
    Ok(forms)
}

/// Appends a varint, three times a number plus 0 for no code, 1 for a code, 2 for the signs of one that is no more than these, and that.
fn put_code(entry: &mut Vec<u8>, number: u64, code: &Option<ShortCode>) {
    match code {
        None => put(entry, number * 3),
        Some(code) => match short::signs(code) {
            None => {
                put(entry, number * 3 + 1);
                entry.extend_from_slice(code);
            }
            Some(signs) => {
                put(entry, number * 3 + 2);
                entry.extend_from_slice(&signs);
            }
        },
    }
}

/// Reads what [`put_code`] wrote, the number at most `most`.
fn read_code(
    cursor: &mut Cursor<'_>,
    most: usize,
    frame: Frame,
) -> Result<(usize, Option<ShortCode>)> {
    let number = cursor.number(most.saturating_mul(3).saturating_add(2))?;
    let code = match number % 3 {
        0 => return Ok((number / 3, None)),
        1 => cursor.array::<CODE_BYTES>()?,
        _ => short::of_signs(&cursor.array()?),
    };
    if !frame.has_codes {
        return Err(bad("a form has a code where none has"));
    }
    if !short::is_code(&code) || (number % 3 == 1 && short::signs(&code).is_some()) {
        return Err(bad(
            "the code of a form is none, or not in its shortest spelling",
        ));
    }
    Ok((number / 3, Some(code)))
}

fn further(from: u64, by: u64) -> Result<u64> {
    from.checked_add(by)
        .ok_or_else(|| bad("a part of it lies beyond 2^64 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Given = std::collections::BTreeMap<String, (Vec<u8>, Vec<String>, u64)>;

    fn forms(names: &[String], has_codes: bool) -> Vec<Form> {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        let code = |at: usize| {
            let mut code = [at as u8; CODE_BYTES];
            code[CODE_BYTES - 1] = 0x3c;
            code
        };
        let each = names.into_iter().enumerate();
        each.map(|(at, form)| Form {
            form,
            is_whole: at % 5 == 1,
            documents: at as u32 + 1,
            code: (has_codes && at % 3 != 0).then(|| code(at)),
        })
        .collect()
    }

    proptest! {
        #[test]
        fn leaves_are_read_as_they_were_written(
            given in prop::collection::btree_map("[a-cß]{1,6}", (prop::collection::vec(any::<u8>(), 1..90), prop::collection::vec("[a-dé]{1,5}", 1..9), 0_u64..900), 1..80),
            has_codes in any::<bool>(),
        ) {
            let given: Given = given;
            let (mut builder, mut long) = (Builder::new(20), Vec::new());
            for (term, (page, names, positions)) in &given {
                let term = Term {
                    term: term.clone(),
                    forms: forms(names, has_codes),
                    documents: (0..7).collect(),
                    ..Term::default()
                };
                let spots = (vec![3; *positions as usize], positions % 2 == 0);
                builder.add(&term, std::slice::from_ref(page), &[spots], &mut long).unwrap();
            }
            let frame = Frame { documents: 20, has_codes };
            let mut expected = given.iter();
            let mut at = 0;
            for (first, last, leaf) in builder.finish() {
                let (_, entries) = read(&leaf, frame).unwrap();
                prop_assert!(leaf.len() <= LEAF_BYTES + 20 || entries.len() == 1);
                prop_assert_eq!(&entries[0].term, &first);
                prop_assert_eq!(&entries[entries.len() - 1].term, &last);
                for entry in entries {
                    let (term, (page, names, positions)) = expected.next().unwrap();
                    prop_assert_eq!(&entry.term, term);
                    prop_assert_eq!(entry.forms, forms(names, has_codes));
                    let [spots] = &entry.spots[..] else { panic!("one page") };
                    prop_assert_eq!(&spots.range, &(at..at + positions));
                    prop_assert_eq!(spots.is_stored, positions % 2 == 0);
                    prop_assert_eq!(spots.digest, (*positions > MARKED_BYTES).then(|| mark(&vec![3; *positions as usize])));
                    at += positions;
                    match entry.place {
                        Place::Here(here) => prop_assert_eq!(&here, page),
                        Place::Pages(list) => {
                            let (range, digest) = &list[0];
                            prop_assert_eq!(&long[range.start as usize..range.end as usize], page.as_slice());
                            prop_assert_eq!(*digest, mark(page));
                        }
                    }
                }
            }
            prop_assert!(expected.next().is_none());
        }

        #[test]
        fn any_bytes_are_a_leaf_in_order_or_refused(leaf in prop::collection::vec(0_u8..9, 0..120)) {
            if let Ok((_, entries)) = read(&leaf, Frame { documents: 5, has_codes: false }) {
                prop_assert!(entries.windows(2).all(|pair| pair[0].term < pair[1].term));
            }
        }
    }
}
