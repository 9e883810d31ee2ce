//! Typing errors: which word of a collection was meant by one that it does not have.
//!
//! Owns what one edit is and which of several words is taken; knows nothing of queries, and of a collection only the forms
//! of its words with the number of documents that have each.
//! Invariant: a word that the collection has is never corrected, and looking in pages finds what looking at all forms finds.

mod pages;
#[cfg(test)]
mod tests;

pub use pages::{Page, Place, Stretch, pages, read, spelled, stretches};

/// Letters of the shortest word that is corrected.
const LETTERS_MIN: usize = 4;
/// Letters of the longest word that is corrected or comes into question.
const LETTERS_MAX: usize = 40;
/// Bytes of the longest letter.
const LETTER_BYTES: usize = 4;

/// A word of a collection that may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its form.
    pub form: String,
    /// How many documents have it.
    pub df: u32,
}

/// Whether a form that the collection does not have may be corrected: it has at least four letters, and nothing in it but letters and
/// apostrophes, because numbers, names of versions and addresses that differ by one sign are different things.
pub fn is_correctable(form: &str) -> bool {
    is_word(form, LETTERS_MIN)
}

/// Whether a form comes into question as what was meant.
pub fn is_candidate(form: &str) -> bool {
    // One letter may be missing in it.
    is_word(form, LETTERS_MIN - 1)
}

fn is_word(form: &str, least: usize) -> bool {
    let mut letters = 0;
    for char in form.chars() {
        if char.is_numeric() || char.is_whitespace() || char.is_ascii_punctuation() && char != '\''
        {
            return false;
        }
        letters += 1;
    }
    (least..=LETTERS_MAX).contains(&letters)
}

/// What was meant by `form`, out of all forms of a collection that does not have it.
pub fn correct<'a>(form: &str, forms: impl Iterator<Item = (&'a str, u32)>) -> Option<Candidate> {
    if !is_correctable(form) {
        return None;
    }
    let mut best = None;
    for (other, df) in forms {
        offer(form, other, df, &mut best);
    }
    best
}

/// Makes `other` the best of what was meant by `form`, if it is.
pub fn offer(form: &str, other: &str, df: u32, best: &mut Option<Candidate>) {
    let is_better = |best: &Candidate| (df, best.form.as_str()) > (best.df, other);
    if best.as_ref().is_none_or(is_better)
        // Most forms are passed over by the cheapest of the tests.
        && other.len().abs_diff(form.len()) <= LETTER_BYTES
        && is_candidate(other)
        && is_one_edit(form, other)
    {
        *best = Some(Candidate {
            form: other.to_owned(),
            df,
        });
    }
}

/// Whether one word becomes the other by inserting, deleting or replacing one letter or by swapping two that stand side by
/// side (the restricted edit distance of F. Damerau, "A technique for computer detection and correction of spelling
/// errors", is 1).
pub fn is_one_edit(one: &str, other: &str) -> bool {
    let same = |(a, b): &(char, char)| a == b;
    let start: usize = one
        .chars()
        .zip(other.chars())
        .take_while(same)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let (one, other) = (&one[start..], &other[start..]);
    let end: usize = one
        .chars()
        .rev()
        .zip(other.chars().rev())
        .take_while(same)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let mut one = one[..one.len() - end].chars();
    let mut other = other[..other.len() - end].chars();
    // What is left in the middle differs at both ends.
    match (
        one.next(),
        one.next(),
        one.next(),
        other.next(),
        other.next(),
        other.next(),
    ) {
        (Some(_), None, _, None, ..) | (None, _, _, Some(_), None, _) => true,
        (Some(_), None, _, Some(_), None, _) => true,
        (Some(a), Some(b), None, Some(c), Some(d), None) => (a, b) == (d, c),
        _ => false,
    }
}
