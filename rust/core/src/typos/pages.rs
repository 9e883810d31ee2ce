//! Words in two orders, so that all that may have been meant by a mistyped one stands in a few short stretches of them.
//!
//! Owns the orders, which stretches are looked at and how a page of words is spelled; knows nothing of files, digests and
//! compression. One edit leaves the first half of a word as it is, or the second, or swaps the letters where they meet (the
//! pigeonhole principle), so words are kept by their number of letters and then by spelling, once forwards, once backwards.
//! Invariant: the stretches of a word hold every word at one edit from it, and pages that nobody wrote give wrong words or
//! nothing, never a panic or more memory than they have bytes.

use super::{LETTERS_MAX, LETTERS_MIN, is_candidate};
use crate::varint;
use std::cmp::Ordering;

/// A page is closed before it becomes longer than this.
pub const PAGE_BYTES: usize = 2 << 10;
/// Letters that a word can share with the one before, as they are written down; and the most documents that fit beside.
const SHARED_MAX: usize = 15;
const COUNT_MAX: u32 = 15;

/// A place in one of the orders: words by their number of letters, equal ones bytewise.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// How many letters the words there have.
    pub letters: u32,
    /// What they begin with.
    pub text: String,
}

/// A page of one of the orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The least place that no page before reaches.
    pub first: Place,
    /// Runs of words of equal length: how many letters, how many words, and for each word a byte, its high half the letters
    /// it shares with the start of the word before in the run (at most 15), its low half the documents that have it less
    /// one; 15 there: less 16 they follow behind the word. The rest of the word is in between. Numbers are varints.
    pub bytes: Vec<u8>,
}

/// The words of one number of letters that begin, or end, in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Whether it is one of the words spelled backwards.
    pub backwards: bool,
    /// Where it begins; it ends with the last word that begins like that.
    pub place: Place,
}

/// A word as one of the orders spells it.
pub fn spelled(form: &str, backwards: bool) -> String {
    match backwards {
        false => form.to_owned(),
        true => form.chars().rev().collect(),
    }
}

/// The stretches that hold whatever is at one edit from `form`, and `form` itself; [`super::is_correctable`] says whether
/// it is worth to look.
pub fn stretches(form: &str) -> Vec<Stretch> {
    let mut letters: Vec<char> = form.chars().collect();
    let (count, half) = (letters.len(), letters.len() / 2);
    let head: String = letters[..half].iter().collect();
    let tail: String = letters[half..].iter().rev().collect();
    let stretch = |backwards: bool, letters: usize, text: &str| Stretch {
        backwards,
        place: Place {
            letters: letters as u32,
            text: text.to_owned(),
        },
    };
    let mut all = Vec::new();
    for letters in [count, count + 1, count.saturating_sub(1)] {
        all.push(stretch(false, letters, &head));
        all.push(stretch(true, letters, &tail));
    }
    if half > 0 {
        letters.swap(half - 1, half);
        let swapped: String = letters.into_iter().collect();
        all.push(stretch(false, count, &swapped));
    }
    all
}

impl Stretch {
    /// Which pages of its order may hold a part of it; `firsts` are where they begin, ascending.
    pub fn pages(&self, firsts: &[Place]) -> std::ops::Range<usize> {
        let start = firsts.partition_point(|first| *first <= self.place);
        let end = firsts.partition_point(|first| match first.letters.cmp(&self.place.letters) {
            Ordering::Equal => {
                first.text <= self.place.text || first.text.starts_with(&self.place.text)
            }
            order => order == Ordering::Less,
        });
        start.saturating_sub(1)..end
    }
}

/// The pages of one order of forms, each given once with the number of documents that have it, in any order; what cannot
/// have been meant is left out.
pub fn pages<'a>(forms: impl Iterator<Item = (&'a str, u32)>, backwards: bool) -> Vec<Page> {
    let mut sorted: Vec<(Place, u32)> = forms
        .filter(|(form, _)| is_candidate(form))
        .map(|(form, df)| {
            let place = Place {
                letters: form.chars().count() as u32,
                text: spelled(form, backwards),
            };
            (place, df)
        })
        .collect();
    sorted.sort_unstable();
    let mut pages: Vec<Page> = Vec::new();
    let mut from = 0;
    while from < sorted.len() {
        let first = match from.checked_sub(1).map(|last| &sorted[last].0) {
            None => Place::default(),
            Some(last) => after(last, &sorted[from].0),
        };
        let mut bytes = Vec::new();
        while from < sorted.len() {
            let letters = sorted[from].0.letters;
            let run = &sorted[from..];
            let run = &run[..run.partition_point(|each| each.0.letters == letters)];
            let (words, count) = fill(run, PAGE_BYTES.saturating_sub(bytes.len()));
            // A page has room for one word at least.
            if count == 0 {
                break;
            }
            varint::write(&mut bytes, letters);
            varint::write(&mut bytes, count as u32);
            bytes.extend(words);
            from += count;
            if count < run.len() {
                break;
            }
        }
        pages.push(Page { first, bytes });
    }
    pages
}

/// The shortest place that is above `last` and not above `next`.
fn after(last: &Place, next: &Place) -> Place {
    if last.letters < next.letters {
        return Place {
            letters: next.letters,
            text: String::new(),
        };
    }
    let shared = common(&last.text, &next.text);
    let end = next.text.char_indices().nth(shared + 1);
    Place {
        letters: next.letters,
        text: next.text[..end.map_or(next.text.len(), |(at, _)| at)].to_owned(),
    }
}

/// How many letters two words begin with alike.
fn common(one: &str, other: &str) -> usize {
    let both = one.chars().zip(other.chars());
    both.take_while(|(a, b)| a == b).count()
}

/// As many words of a run as `room` has place for, with their number.
fn fill(run: &[(Place, u32)], room: usize) -> (Vec<u8>, usize) {
    let (mut bytes, mut before) = (Vec::new(), "");
    for (count, (place, df)) in run.iter().enumerate() {
        let start = bytes.len();
        let shared = common(before, &place.text).min(SHARED_MAX);
        let beside = df.saturating_sub(1).min(COUNT_MAX);
        bytes.push((shared as u8) << 4 | beside as u8);
        let rest = place.text.char_indices().nth(shared);
        bytes.extend_from_slice(
            &place.text.as_bytes()[rest.map_or(place.text.len(), |(at, _)| at)..],
        );
        if beside == COUNT_MAX {
            varint::write(&mut bytes, df - COUNT_MAX - 1);
        }
        // The numbers before the words of a run take four bytes at most.
        if bytes.len() + 4 > room {
            bytes.truncate(start);
            return (bytes, count);
        }
        before = &place.text;
    }
    (bytes, run.len())
}

/// Hands on the words of a page as its order spells them, each with its place and the number of documents that have it; none where
/// the bytes are no page.
pub fn read(page: &[u8], take: &mut dyn FnMut(&Place, u32)) -> Option<()> {
    let (mut rest, mut last) = (page, 0);
    let mut place = Place::default();
    while !rest.is_empty() {
        place.letters = varint::read(&mut rest)?;
        let letters = place.letters as usize;
        if place.letters <= last || !(LETTERS_MIN - 1..=LETTERS_MAX).contains(&letters) {
            return None;
        }
        last = place.letters;
        place.text.clear();
        for at in 0..varint::read(&mut rest)? {
            let byte = *varint::take(&mut rest, 1)?.first()?;
            let shared = usize::from(byte >> 4);
            let mut text: String = place.text.chars().take(shared).collect();
            if shared > letters || text.chars().count() != shared {
                return None;
            }
            for _ in shared..letters {
                // The first byte of a letter tells how many it has.
                let length = rest.first()?.leading_ones().max(1) as usize;
                text.push_str(str::from_utf8(varint::take(&mut rest, length)?).ok()?);
            }
            if at > 0 && text <= place.text {
                return None;
            }
            place.text = text;
            let df = match u32::from(byte & 15) {
                COUNT_MAX => varint::read(&mut rest)?.checked_add(COUNT_MAX + 1)?,
                beside => beside + 1,
            };
            take(&place, df);
        }
    }
    Some(())
}
