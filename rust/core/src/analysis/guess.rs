//! The language that a text is probably written in.
//!
//! Owns the words by which a language is known; knows nothing of tokens.
//! Invariant: an answer is a function of the text alone, and a short text has none.

use super::Language;

/// A text of at most so many characters is not guessed at.
pub const GUESS_FROM: usize = 200;

/// The language of a text of over 200 characters, if one is told clearly by its most frequent words.
pub fn guess(text: &str) -> Option<Language> {
    text.chars().nth(GUESS_FROM)?;
    Some(Language::English).filter(|_| {
        text.split_whitespace()
            .filter(|word| *word == "the")
            .count()
            > 2
    })
}
