//! Where sentences begin and end.
//!
//! Owns the signs that end one; knows nothing of queries. After Unicode Standard Annex 29 (sentences), without its tables: a line
//! that stands alone (a heading, an item, a row) is a sentence too.
//! Invariant: sentences are in order, do not overlap, begin and end with a sign that is no blank, and hold all of these.

use std::ops::Range;

/// A line of fewer characters was ended on purpose, not because the page was full.
const SHORT_LINE: usize = 40;
/// Letters before a full stop that are looked at.
const ABBREVIATION_CAP: usize = 8;
/// Words that are written with a full stop.
const ABBREVIATIONS: [&str; 28] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "no", "nr", "fig", "figs",
    "cf", "al", "inc", "ltd", "co", "vol", "p", "pp", "ed", "eds", "approx", "resp", "bzw", "usw",
];

/// The sentences of a text, in bytes.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut line = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let mut end = at + c.len_utf8();
        let ends = match c {
            '\n' => {
                let follows_blank = chars
                    .peek()
                    .is_some_and(|(_, next)| matches!(next, '\n' | '\r'));
                let short = text[line..at].chars().take(SHORT_LINE).count() < SHORT_LINE;
                line = end;
                follows_blank || short
            }
            '.' | '!' | '?' | '…' | '。' | '！' | '？' | '।' | '؟' | '۔' => {
                let mut spaced = !matches!(c, '。' | '！' | '？');
                while let Some((at, next)) =
                    chars.next_if(|(_, next)| is_terminal(*next) || is_closing(*next))
                {
                    spaced &= !matches!(next, '。' | '！' | '？');
                    end = at + next.len_utf8();
                }
                let follows = text[end..].chars().next();
                !spaced || (follows.is_none_or(char::is_whitespace) && !continues(text, at, end, c))
            }
            _ => false,
        };
        if ends {
            push(&mut found, text, start..end);
            start = end;
        }
    }
    push(&mut found, text, start..text.len());
    found
}

fn is_terminal(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』' | '）'
    )
}

/// Whether the sentence goes on behind a full stop: after an abbreviation or a number, or where a small letter follows.
fn continues(text: &str, stop: usize, end: usize, sign: char) -> bool {
    let next = text[end..].chars().find(|c| !c.is_whitespace());
    if next.is_some_and(char::is_lowercase) {
        return true;
    }
    if sign != '.' || end != stop + 1 {
        return false;
    }
    let before = text[..stop]
        .char_indices()
        .rev()
        .take(ABBREVIATION_CAP)
        .take_while(|(_, c)| c.is_alphanumeric())
        .last()
        .map_or(stop, |(at, _)| at);
    let word = &text[before..stop];
    let mut letters = word.chars();
    let single = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
    // An item's number stands alone on its line; another number ends a sentence.
    let item = !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_digit())
        && text[..before]
            .chars()
            .rev()
            .find(|c| !matches!(c, ' ' | '\t'))
            .is_none_or(|c| c == '\n');
    single
        || item
        || ABBREVIATIONS
            .iter()
            .any(|each| word.eq_ignore_ascii_case(each))
}

fn push(found: &mut Vec<Range<usize>>, text: &str, range: Range<usize>) {
    let range = trimmed(text, range);
    if !range.is_empty() {
        found.push(range);
    }
}

/// A stretch without the blanks at its ends.
pub(super) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let inner = &text[range.clone()];
    let start = range.end - inner.trim_start().len();
    start..(start + inner.trim().len())
}
