//! What of a text is shown for a query: its title with the words that were searched for, and a window of its text.
//!
//! Owns which words are marked and where a window begins and ends; tokens come from `analysis`. Must not know indexes, records
//! or how anything is drawn.
//! Invariant: the pieces of a window, joined, are a stretch of the text; a window is bounded whatever the text holds; the time
//! is in proportion to the length of the text.

mod marks;
mod query;
mod request;
mod sentence;
mod window;

pub use query::{Clause, Query, Words};
pub use request::{Choose, Request, answer};
pub use sentence::sentences;

use marks::Highlight;
use std::ops::Range;

/// Columns that a word takes with the blank behind it, about, by which a window is measured; a letter of a script without spaces
/// takes two, so that a window is about as wide in every script.
pub const WORD_COLUMNS: usize = 6;
/// The least and the most words that a window may be asked to have.
pub const WORDS: std::ops::RangeInclusive<usize> = 1..=1000;

/// A stretch of a text, and whether it was searched for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Piece {
    /// As it stands in the text.
    pub text: String,
    /// Whether a word of the query is in it.
    pub hit: bool,
}

/// A window of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The window in order; none for a text of blanks.
    pub pieces: Vec<Piece>,
    /// Which bytes of the text it is.
    pub range: Range<usize>,
    /// Where what it is about begins: the first marked word of those it was chosen for.
    pub focus: usize,
    /// Whether a sentence was cut where it begins.
    pub cut_before: bool,
    /// Whether a sentence was cut where it ends.
    pub cut_after: bool,
}

/// The whole text in pieces, marked.
pub fn mark(text: &str, query: &Query) -> Vec<Piece> {
    pieces(text, 0..text.len(), &query.marks(text))
}

/// The window of about `words` words (of [`WORDS`]) that has the most of the query in it: distinct words first, by their weights;
/// among equals those within `best` (bytes), then the first. Where no word is found, the window begins where `best` does.
pub fn snippet(text: &str, query: &Query, best: Range<usize>, words: usize) -> Snippet {
    let columns = words * WORD_COLUMNS;
    let marks = query.marks(text);
    let core = window::densest(text, &marks, query.weights(), &best, columns);
    let framed = match &core {
        Some(core) => window::around(text, core.clone(), columns),
        None => window::from(text, &best, columns),
    };
    Snippet {
        pieces: pieces(text, framed.range.clone(), &marks),
        focus: core.map_or(framed.range.start, |core| core.start),
        range: framed.range,
        cut_before: framed.cut_before,
        cut_after: framed.cut_after,
    }
}

/// A stretch of a text in pieces; marks that touch are one.
fn pieces(text: &str, range: Range<usize>, marks: &[Highlight]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |range: Range<usize>, hit: bool| match pieces.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.hit == hit => last.text.push_str(&text[range]),
        _ => pieces.push(Piece {
            text: text[range].to_owned(),
            hit,
        }),
    };
    let mut at = range.start;
    for mark in marks {
        let (start, end) = (mark.start.max(at), mark.end.min(range.end));
        if start < end {
            push(at..start, false);
            push(start..end, true);
            at = end;
        }
    }
    push(at..range.end, false);
    pieces
}

/// How wide a character is, about.
fn columns(c: char) -> usize {
    1 + usize::from(crate::analysis::is_dense(c))
}
