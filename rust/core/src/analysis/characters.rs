//! What the analysis has to know of a character: its class and what it stands for.
//!
//! Owns the look-up in the tables that `build.rs` writes; knows nothing of tokens. The classes follow Unicode Standard Annex 29,
//! but for scripts that put no spaces between words.
//! Invariant: every answer is found in a number of steps that the tables alone bound.

use crate::tokenizer::unicode::value;

mod tables {
    include!(concat!(env!("OUT_DIR"), "/analysis.rs"));
}

#[cfg(test)]
thread_local! {
    /// How many characters were looked at: tests hold it to the length of the text.
    pub(super) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What a character is in a text that is cut into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Ends a word; may join words to a whole.
    Other,
    /// Ends a word and a whole.
    Space,
    /// Of a script that puts spaces between words.
    Letter,
    /// A digit of a decimal number.
    Decimal,
    /// Another number, such as ½ or ².
    Number,
    /// Belongs to the character before it.
    Mark,
    /// Is as if it were not there: soft hyphens, directions of writing.
    Ignored,
    /// A letter of a script that puts no spaces between words, or of Hangul.
    Dense,
    /// A token of its own: emoji and other symbols.
    Symbol,
}

impl Class {
    /// Whether words of a spaced script consist of it.
    pub(super) fn is_alphanumeric(self) -> bool {
        matches!(self, Class::Letter | Class::Decimal | Class::Number)
    }

    /// Whether it belongs to whatever stands before it.
    pub(super) fn continues(self) -> bool {
        matches!(self, Class::Mark | Class::Ignored)
    }
}

/// The class of a character.
pub(super) fn class(c: char) -> Class {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
    if c.is_ascii() {
        return match c {
            'a'..='z' | 'A'..='Z' => Class::Letter,
            '0'..='9' => Class::Decimal,
            '\t'..='\r' | ' ' => Class::Space,
            _ => Class::Other,
        };
    }
    match value(&tables::CLASSES, c) {
        1 => Class::Space,
        2 => Class::Letter,
        3 => Class::Decimal,
        4 => Class::Number,
        5 => Class::Mark,
        6 => Class::Ignored,
        7 => Class::Dense,
        8 => Class::Symbol,
        _ => Class::Other,
    }
}

/// The ASCII digit of a decimal digit of any script. Unicode encodes each set of ten in order from nought.
pub(super) fn digit(c: char) -> char {
    let stretches = &tables::CLASSES;
    let after = stretches.partition_point(|stretch| stretch >> 8 <= u32::from(c));
    let start = stretches[after - 1] >> 8;
    char::from(b'0' + ((u32::from(c) - start) % 10) as u8)
}

/// What a character stands for (`ﬁ` for `fi`, a full-width letter for the letter), without spaces.
pub(super) fn compatible(c: char) -> Option<&'static str> {
    let code = u32::from(c);
    let runs = &tables::COMPATIBLE_RUNS;
    let after = runs.partition_point(|(start, _)| *start <= code);
    let (start, offset) = *runs.get(after.checked_sub(1)?)?;
    let at = code - start;
    if at >= tables::COMPATIBLE_STEP {
        return None;
    }
    let end = runs
        .get(after)
        .map_or(tables::COMPATIBLE_TEXTS.len(), |(_, end)| usize::from(*end));
    tables::COMPATIBLE_TEXTS[usize::from(offset)..end]
        .split_terminator('\n')
        .nth(at as usize)
}
