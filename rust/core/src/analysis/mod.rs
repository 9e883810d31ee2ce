//! Text to tokens: what is indexed and what is searched.
//!
//! Owns folding, cutting into words, stemming and the guess of a language; no other module does any of these. Must not know of
//! documents, fields or ranking. Algorithms and their departures from the standards: `docs/ANALYSIS.md`.
//! Invariant: where tokens begin and end and what their forms are does not depend on the language, only the terms do; the same
//! text gives the same tokens on every target.

mod characters;
mod cut;
mod fold;
mod guess;
mod language;
mod request;

pub use cut::WORD_CAP;
pub use guess::{guess, says_little};
pub use language::Language;
pub use request::analyse as answer;

use cut::{Kind, Piece};
use fold::Folder;

/// The longest form, and the longest term, in bytes.
pub const FORM_CAP: usize = 255;

/// One thing that can be found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What is indexed: the stem without accents.
    pub term: &'a str,
    /// How it is written, folded: in lower case, without accents.
    pub form: &'a str,
    /// How it is written in lower case with its accents: what [`stems`] takes.
    pub word: &'a str,
    /// Counts words from 0. A whole has the position of its first part; the parts of a word such as `camelCase` have that of
    /// the word.
    pub position: u32,
    /// Where it begins, in bytes of the text.
    pub start: u32,
    /// Where it ends, in bytes of the text.
    pub end: u32,
    /// Whether its parts follow as tokens of their own.
    pub whole: bool,
    /// Whether its term is what [`stems`] makes of its word in the language; else it is its form, in every language.
    pub stemmed: bool,
}

/// Hands the tokens of a text to `take`, in the order in which they begin, a whole before its parts.
///
/// Words are those of Unicode Standard Annex 29, scripts without spaces give pairs of letters, an emoji is a token. A word of
/// more than [`WORD_CAP`] letters is cut, a whole of more than [`FORM_CAP`] bytes has only its parts; so the steps are in
/// proportion to the length of the text, whatever it holds. Of a text over 4 GiB the rest is left out.
pub fn analyse(text: &str, language: Language, mut take: impl FnMut(Token<'_>)) {
    let mut end = text.len().min(u32::MAX as usize);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let mut folder = Folder::default();
    let mut stemmer = Stemming::default();
    cut::cut(text, |piece| {
        let source = &text[piece.start..piece.end];
        if matches!(piece.kind, Kind::Symbol | Kind::Emoji) {
            folder.symbol(source);
        } else {
            folder.fold(source);
            folder.trim();
        }
        if matches!(piece.kind, Kind::Word | Kind::Humps | Kind::Dense) {
            folder.cut_off(WORD_CAP, FORM_CAP);
        }
        if folder.form.is_empty() || folder.form.len() > FORM_CAP {
            return false;
        }
        let term = match piece.kind {
            Kind::Word | Kind::Humps => stemmer.term(&folder.word, language),
            _ => &folder.form,
        };
        take(token(&piece, term, &folder));
        true
    });
}

fn token<'a>(piece: &Piece, term: &'a str, folder: &'a Folder) -> Token<'a> {
    Token {
        term,
        form: &folder.form,
        word: &folder.word,
        position: piece.position,
        start: piece.start as u32,
        end: piece.end as u32,
        whole: matches!(piece.kind, Kind::Humps | Kind::Whole | Kind::Emoji),
        stemmed: matches!(piece.kind, Kind::Word | Kind::Humps),
    }
}

/// The terms that a word of a query has in any of `languages`, without doubles, sorted bytewise; in no language, the word as it
/// stands. `word` is a token's [`Token::word`]; its form does too, less well where stemming looks at accents.
pub fn stems(word: &str, languages: &[Language]) -> Vec<String> {
    let mut stemmer = Stemming::default();
    let languages = if languages.is_empty() {
        &[Language::None]
    } else {
        languages
    };
    let mut terms: Vec<String> = languages
        .iter()
        .map(|language| stemmer.term(word, *language).to_owned())
        .collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// Whether a character belongs to the one before it, so that a text is not cut between them.
pub(crate) fn continues(c: char) -> bool {
    characters::class(c).continues()
}

/// Whether a character is a letter of a script that puts no spaces between words.
pub(crate) fn is_dense(c: char) -> bool {
    characters::class(c) == characters::Class::Dense
}

/// Stems and folds what is left.
#[derive(Default)]
struct Stemming {
    folder: Folder,
}

impl Stemming {
    fn term(&mut self, word: &str, language: Language) -> &str {
        // Nothing that holds a digit has endings.
        let stem = if word.bytes().any(|b| b.is_ascii_digit()) {
            word.to_owned()
        } else {
            match language {
                // English writes accents or leaves them out, Russian its `ё`; the other stemmers read them.
                Language::English | Language::Russian => {
                    self.folder.fold(word);
                    language.stem(&self.folder.form).into_owned()
                }
                // The stemmer knows the cedillas that stood for commas in older character sets.
                Language::Romanian => {
                    let word = word.replace('ș', "ş").replace('ț', "ţ");
                    language.stem(&word).into_owned()
                }
                _ => language.stem(word).into_owned(),
            }
        };
        self.folder.fold(&stem);
        let term = &mut self.folder.form;
        term.retain(|c| c != '\'');
        if term.is_empty() {
            self.folder.fold(word);
        }
        self.folder.cut_off(FORM_CAP, FORM_CAP);
        &self.folder.form
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use characters::STEPS;

    /// How many characters are looked at for one character of the text.
    fn steps(text: &str) -> usize {
        STEPS.set(0);
        let mut longest = 0;
        analyse(text, Language::None, |token| {
            longest = longest.max(token.form.len())
        });
        assert!(longest <= FORM_CAP, "a form of {longest} bytes");
        STEPS.get() / text.chars().count()
    }

    #[test]
    fn the_steps_are_in_proportion_to_the_text_whatever_it_holds() {
        for piece in [
            "a",
            "aB",
            "a.",
            "a-",
            "a/",
            "1,",
            "a'",
            "l'",
            ".a",
            "#",
            "C++",
            "://",
            "www.",
            "a\u{301}",
            "\u{301}",
            "\u{301}\u{ad}",
            "\u{ad}",
            "中",
            "中\u{301}",
            "각",
            "ก",
            "😀",
            "😀\u{200d}",
            "👍🏽",
            "\u{1f1e6}",
            "\u{fe0f}",
            "ß",
            "ﷺ",
            "\u{fe70}",
            "क्",
            "\0",
            "_",
            "\u{640}",
            "\u{e0061}",
        ] {
            let (short, long) = (piece.repeat(1000), piece.repeat(50_000));
            let (few, many) = (steps(&short), steps(&long));
            assert!(many <= 24, "{piece:?}: {many} steps a character");
            assert!(
                many <= few + 1,
                "{piece:?}: {few} steps a character, then {many}"
            );
        }
        // One mark after another on one letter.
        for start in ["a", "中", "😀", "#"] {
            let pile = |count| format!("{start}{}", "\u{301}".repeat(count));
            assert!(steps(&pile(100_000)) <= 24, "{start}");
        }
    }
}
