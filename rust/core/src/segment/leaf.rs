//! Leaves of the dictionary: a stretch of terms in order, each with its surface forms and where its postings are.
//!
//! Owns the layout of a leaf; must not know how leaves are found or what postings hold. Invariant: terms and the forms of
//! a term ascend bytewise, and a leaf is believed only after each of its numbers has been compared with the bytes at hand.

use super::bits::BitReader;
use super::bytes::{Cursor, MARK_BYTES, Mark, bad, put};
use super::postings::{pages, put_page};
use super::spelling::{Alphabet, Spelling};
use super::{Form, ShortCode};
use crate::error::Result;
use crate::pieces::short;
use std::ops::Range;

/// Spots of more bytes have a mark of their own.
pub(super) const MARKED_BYTES: u64 = 256;
/// Postings of at most this many bytes stand in the leaf.
pub(super) const INLINE_BYTES: usize = 64;
/// A length from which on half a byte does not hold it.
pub(super) const LONG: usize = 15;
/// From so many documents on a number follows the head of a term.
pub(super) const MANY: usize = 8;
/// From here on a number follows that of the documents of a form, and that of the length of spots.
pub(super) const MANY_OF_FORM: usize = 31;
pub(super) const LONG_SPOTS: usize = 63;
/// Bytes that the terms of a leaf have at most when they are spelled out, unless one alone has more; a reader takes twice as many.
pub(super) const TEXT_BYTES: usize = 32 << 10;
/// Bits that a term takes at least.
const TERM_BITS: usize = 6;
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
pub(super) struct Frame<'a> {
    /// Documents of the segment.
    pub documents: usize,
    /// Whether forms have codes.
    pub has_codes: bool,
    /// How small numbers are spelled.
    pub spelling: &'a Spelling,
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

pub(super) fn is_itself(forms: &[Form], term: &str, documents: usize) -> bool {
    let [form] = forms else { return false };
    form.form == term && form.documents as usize == documents
}

/// Where the first long list and the first spots of a leaf start, and its terms.
///
/// # Errors
/// `bad_format` when the bytes are no leaf.
pub(super) fn read(leaf: &[u8], frame: Frame<'_>) -> Result<((u64, u64), Vec<Entry>)> {
    let mut cursor = Cursor::new(leaf);
    let starts = (cursor.varint()?, cursor.varint()?);
    let count = cursor.number(leaf.len() * 8 / TERM_BITS)?;
    let mut reader = Reader {
        bits: BitReader::new(cursor.bytes(cursor.left())?),
        frame,
        postings: starts.0,
        spots: starts.1,
    };
    let (mut entries, mut text): (Vec<Entry>, usize) = (Vec::new(), 0);
    for _ in 0..count {
        let before = entries.last().map_or("", |entry| entry.term.as_str());
        let term = reader.term(before)?;
        text += term.len();
        if term.as_str() <= before || text > 2 * TEXT_BYTES {
            return Err(bad("its terms are not in order, or too long"));
        }
        entries.push(reader.entry(term)?);
    }
    reader.bits.end()?;
    Ok((starts, entries))
}

/// What is left of a leaf.
struct Reader<'a> {
    bits: BitReader<'a>,
    frame: Frame<'a>,
    /// Where the next long list and the next spots start.
    postings: u64,
    spots: u64,
}

impl Reader<'_> {
    fn take(&mut self, alphabet: Alphabet) -> Result<usize> {
        let number = self.frame.spelling.take(&mut self.bits, alphabet)?;
        Ok(usize::from(number))
    }

    /// A number at most `most`, of which what is more than `long` follows as a varint.
    fn further(&mut self, number: usize, long: usize, most: usize) -> Result<usize> {
        if number < long {
            return Ok(number);
        }
        let more = usize::try_from(self.bits.varint()?).ok();
        let number = more.and_then(|more| number.checked_add(more));
        let number = number.filter(|number| *number <= most);
        number.ok_or_else(|| bad("a number is larger than it can be"))
    }

    fn length(&mut self, alphabet: Alphabet) -> Result<usize> {
        let number = self.take(alphabet)?;
        self.further(number, LONG, TERM_CAP)
    }

    /// A text that shares that many bytes with another.
    fn text(&mut self, other: &str, shared: usize, rest: usize, of: Alphabet) -> Result<String> {
        let before = other.as_bytes();
        if shared > before.len() || shared + rest > TERM_CAP {
            return Err(bad("a term shares more than there is, or is too long"));
        }
        let mut text = before[..shared].to_vec();
        for _ in 0..rest {
            text.push(self.frame.spelling.take(&mut self.bits, of)?);
        }
        if text.is_empty() || common(before, &text) != shared {
            return Err(bad("a term is empty, or not in its shortest spelling"));
        }
        String::from_utf8(text).map_err(|_| bad("a term is not UTF-8"))
    }

    fn term(&mut self, before: &str) -> Result<String> {
        let (shared, rest) = (self.length(Alphabet::Shared)?, self.length(Alphabet::Rest)?);
        self.text(before, shared, rest, Alphabet::TermByte)
    }

    fn entry(&mut self, term: String) -> Result<Entry> {
        let head = self.take(Alphabet::Head)?;
        let count = self.further(head % MANY + 1, MANY, self.frame.documents)?;
        if count > self.frame.documents {
            return Err(bad("a term has more documents than there are"));
        }
        let forms = match (head / MANY).checked_sub(1) {
            None => {
                let forms = self.forms(&term)?;
                if is_itself(&forms, &term, count) {
                    return Err(bad("the form of a term is not in its shortest spelling"));
                }
                forms
            }
            Some(kind) => vec![Form {
                form: term.clone(),
                is_whole: kind >= 3,
                documents: count as u32,
                code: self.code(kind % 3)?,
            }],
        };
        let place = self.place(count)?;
        Ok(Entry {
            term,
            count,
            forms,
            place,
            spots: self.spots(count)?,
        })
    }

    fn place(&mut self, count: usize) -> Result<Place> {
        let documents = self.frame.documents as u32;
        if count == 1 {
            let document = self.bits.below(documents)?;
            let mut page = Vec::new();
            put_page(
                &mut page,
                &[document],
                &[self.bits.bits(4)? as u8],
                documents,
            );
            return Ok(Place::Here(page));
        }
        let inline = self.take(Alphabet::Inline)?;
        if inline > 0 {
            if pages(count) != 1 {
                return Err(bad("postings that stand in a leaf are too many"));
            }
            let bytes = (0..inline).map(|_| Ok(self.bits.bits(8)? as u8));
            return Ok(Place::Here(bytes.collect::<Result<_>>()?));
        }
        if pages(count) > self.bits.left() / (8 + 8 * MARK_BYTES) {
            return Err(bad("a term has fewer pages than postings"));
        }
        let mut list = Vec::with_capacity(pages(count));
        for _ in 0..pages(count) {
            let start = self.postings;
            self.postings = after(start, self.bits.varint()?)?;
            list.push((start..self.postings, self.bits.array()?));
        }
        Ok(Place::Pages(list))
    }

    fn spots(&mut self, count: usize) -> Result<Vec<SpotsPlace>> {
        let mut places = Vec::new();
        for _ in 0..pages(count) {
            let number = self.take(Alphabet::Spots)?;
            let length = self.further(number, LONG_SPOTS, usize::MAX)? as u64;
            let start = self.spots;
            self.spots = after(start, length >> 1)?;
            places.push(SpotsPlace {
                range: start..self.spots,
                is_stored: length & 1 == 1,
                digest: match length >> 1 > MARKED_BYTES {
                    true => Some(self.bits.array()?),
                    false => None,
                },
            });
        }
        Ok(places)
    }

    fn forms(&mut self, term: &str) -> Result<Vec<Form>> {
        let count = self.take(Alphabet::Forms)?;
        let most = self.bits.left();
        let count = self.further(count, LONG, most)? + 1;
        let mut forms: Vec<Form> = Vec::new();
        for _ in 0..count {
            let (cut, rest) = (
                self.length(Alphabet::Cut)?,
                self.length(Alphabet::FormRest)?,
            );
            let shared = term.len().checked_sub(cut);
            let shared = shared.ok_or_else(|| bad("a form has less than nothing of its term"))?;
            let form = self.text(term, shared, rest, Alphabet::FormByte)?;
            let number = self.take(Alphabet::FormDocuments)?;
            let most = self.frame.documents << 1 | 1;
            let documents = self.further(number / 3, MANY_OF_FORM, most)?;
            let is_whole = documents & 1 == 1;
            let follows =
                |last: &Form| (last.form.as_str(), last.is_whole) < (form.as_str(), is_whole);
            if documents > most || !forms.last().is_none_or(follows) {
                return Err(bad("the forms of a term are not in order"));
            }
            forms.push(Form {
                form,
                is_whole,
                documents: (documents >> 1) as u32,
                code: self.code(number % 3)?,
            });
        }
        Ok(forms)
    }

    /// No code, a code, or the signs of one that has no other components than -1 and 1.
    fn code(&mut self, kind: usize) -> Result<Option<ShortCode>> {
        let code = match kind {
            0 => return Ok(None),
            1 => self.bits.array()?,
            _ => short::of_signs(&self.bits.array()?),
        };
        if !self.frame.has_codes {
            return Err(bad("a form has a code where none has"));
        }
        if !short::is_code(&code) || (kind == 1 && short::signs(&code).is_some()) {
            return Err(bad(
                "the code of a form is none, or not in its shortest spelling",
            ));
        }
        Ok(Some(code))
    }
}

fn after(from: u64, by: u64) -> Result<u64> {
    from.checked_add(by)
        .ok_or_else(|| bad("a part of it lies beyond 2^64 bytes"))
}
