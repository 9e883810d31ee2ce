//! The characters of a text as BERT sees them: cleaned, decomposed, stripped of accents, lower-cased, classed.
//!
//! Owns what each character becomes; knows nothing of words or vocabularies. Source: `BertNormalizer` and
//! `BertPreTokenizer` of Hugging Face `tokenizers`.
//! Invariant: the sequence of characters equals theirs, and each is produced in constant amortised time.

use super::TokenizerConfig;
use super::unicode::{Decomposer, is_nonspacing_mark, is_other, is_punctuation};

/// What a normalised character does to the current word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Joins it.
    Letter,
    /// Ends it.
    Space,
    /// Ends it and is a word of its own.
    Punctuation,
}

/// The class of a character after normalisation.
pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c {
            '\t'..='\r' | ' ' => Class::Space,
            '!'..='/' | ':'..='@' | '['..='`' | '{'..='~' => Class::Punctuation,
            _ => Class::Letter,
        };
    }
    if c.is_whitespace() {
        Class::Space
    } else if is_punctuation(c) {
        Class::Punctuation
    } else {
        Class::Letter
    }
}

/// Hands the normalised characters of `text` to `take` until it answers false.
pub(super) fn normalize(text: &str, config: &TokenizerConfig, take: &mut impl FnMut(char) -> bool) {
    let mut rest = text;
    while !rest.is_empty() {
        // ASCII neither decomposes nor is reordered, so each stretch of it can be read byte by byte.
        let mut ascii = 0;
        for byte in rest.bytes() {
            if !byte.is_ascii() {
                break;
            }
            ascii += 1;
            if let Some(c) = ascii_character(byte, config)
                && !take(c)
            {
                return;
            }
        }
        rest = &rest[ascii..];
        // Removed control characters stay inside the stretch: marks on both sides of one are reordered together.
        let other = rest
            .char_indices()
            .find(|(_, c)| c.is_ascii() && !(config.clean_text && is_removed(*c)))
            .map_or(rest.len(), |(at, _)| at);
        let (stretch, after) = rest.split_at(other);
        if !unicode(stretch, config, take) {
            return;
        }
        rest = after;
    }
}

fn ascii_character(byte: u8, config: &TokenizerConfig) -> Option<char> {
    let mut c = byte as char;
    if config.clean_text {
        if is_removed(c) {
            return None;
        }
        if matches!(c, '\t' | '\n' | '\r') {
            c = ' ';
        }
    }
    Some(if config.lowercase {
        c.to_ascii_lowercase()
    } else {
        c
    })
}

/// The general path; false when `take` has had enough.
fn unicode(text: &str, config: &TokenizerConfig, take: &mut impl FnMut(char) -> bool) -> bool {
    let mut lower = |c: char| {
        if !config.lowercase {
            take(c)
        } else if c.is_ascii() {
            take(c.to_ascii_lowercase())
        } else {
            c.to_lowercase().all(&mut *take)
        }
    };
    let cleaned = text
        .chars()
        .filter(|c| !(config.clean_text && is_removed(*c)))
        .map(|c| {
            if config.clean_text && c.is_whitespace() {
                ' '
            } else {
                c
            }
        });
    let mut spaced = cleaned.flat_map(|c| {
        let chinese = config.handle_chinese_chars && is_chinese(c);
        let pad = chinese.then_some(' ');
        pad.into_iter().chain(Some(c)).chain(pad)
    });
    if !config.strip_accents {
        return spaced.all(&mut lower);
    }
    let mut decomposer = Decomposer::default();
    let mut without_marks = |c| is_nonspacing_mark(c) || lower(c);
    spaced.all(|c| decomposer.push(c, &mut without_marks)) && decomposer.finish(&mut without_marks)
}

/// NUL, the replacement character, and everything of category C except tab, line feed and carriage return.
fn is_removed(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\0' | '\u{fffd}' => true,
        _ => is_other(c),
    }
}

/// The blocks that BERT pads with spaces. NOTE: the seventh begins at U+2B920, as in `tokenizers`, not at U+2B820.
fn is_chinese(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4e00..=0x9fff
            | 0x3400..=0x4dbf
            | 0x20000..=0x2a6df
            | 0x2a700..=0x2b73f
            | 0x2b740..=0x2b81f
            | 0x2b920..=0x2ceaf
            | 0xf900..=0xfaff
            | 0x2f800..=0x2fa1f
    )
}
