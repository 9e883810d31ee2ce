//! The languages that words are stemmed in.
//!
//! Owns their codes and the stemmer of each; knows nothing of texts. The stemmers are those of Snowball
//! (M. Porter, <https://snowballstem.org>) as the crate `rust-stemmers` has them.
//! Invariant: a code that this module writes it reads back as the same language.

use rust_stemmers::{Algorithm, Stemmer};

/// A language with a stemmer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[allow(missing_docs)]
pub enum Language {
    /// Words stay as they are: the language has no stemmer, or is not known.
    #[default]
    None,
    Arabic,
    Danish,
    German,
    Greek,
    English,
    Spanish,
    Finnish,
    French,
    Hungarian,
    Italian,
    Dutch,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Swedish,
    Tamil,
    Turkish,
}

/// Every language with its ISO 639-1 code, by code; `und` ("undetermined", ISO 639-2) stands for none.
const CODES: [(&str, Language, Option<Algorithm>); 19] = [
    ("und", Language::None, None),
    ("ar", Language::Arabic, Some(Algorithm::Arabic)),
    ("da", Language::Danish, Some(Algorithm::Danish)),
    ("de", Language::German, Some(Algorithm::German)),
    ("el", Language::Greek, Some(Algorithm::Greek)),
    ("en", Language::English, Some(Algorithm::English)),
    ("es", Language::Spanish, Some(Algorithm::Spanish)),
    ("fi", Language::Finnish, Some(Algorithm::Finnish)),
    ("fr", Language::French, Some(Algorithm::French)),
    ("hu", Language::Hungarian, Some(Algorithm::Hungarian)),
    ("it", Language::Italian, Some(Algorithm::Italian)),
    ("nl", Language::Dutch, Some(Algorithm::Dutch)),
    ("no", Language::Norwegian, Some(Algorithm::Norwegian)),
    ("pt", Language::Portuguese, Some(Algorithm::Portuguese)),
    ("ro", Language::Romanian, Some(Algorithm::Romanian)),
    ("ru", Language::Russian, Some(Algorithm::Russian)),
    ("sv", Language::Swedish, Some(Algorithm::Swedish)),
    ("ta", Language::Tamil, Some(Algorithm::Tamil)),
    ("tr", Language::Turkish, Some(Algorithm::Turkish)),
];

impl Language {
    /// Every language, `None` first and then by code: the order in which a number may stand for one.
    pub const ALL: [Language; 19] = {
        let mut all = [Language::None; 19];
        let mut at = 0;
        while at < all.len() {
            all[at] = CODES[at].1;
            at += 1;
        }
        all
    };

    /// The ISO 639-1 code, such as `en`; `und` for none.
    pub const fn code(self) -> &'static str {
        CODES[self as usize].0
    }

    /// The language of an ISO 639 code, with or without a region (`en-GB`), in any case. Languages that have a code but no
    /// stemmer are `Language::None`; what is no code at all gives nothing.
    pub fn from_code(code: &str) -> Option<Language> {
        let primary = code.split(['-', '_']).next().unwrap_or_default();
        if !matches!(primary.len(), 2 | 3) || !primary.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let primary = primary.to_ascii_lowercase();
        // Both written forms of Norwegian share the stemmer.
        let primary = match primary.as_str() {
            "nb" | "nn" => "no",
            other => other,
        };
        let known = CODES.iter().find(|(code, ..)| *code == primary);
        Some(known.map_or(Language::None, |(_, language, _)| *language))
    }

    /// The stem of a lower-case word.
    pub(super) fn stem<'a>(self, word: &'a str) -> std::borrow::Cow<'a, str> {
        match CODES[self as usize].2 {
            Some(algorithm) => Stemmer::create(algorithm).stem(word),
            None => word.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_as_its_language() {
        for (at, language) in Language::ALL.into_iter().enumerate() {
            assert_eq!(language as usize, at);
            assert_eq!(Language::from_code(language.code()), Some(language));
        }
    }

    #[test]
    fn regions_case_and_languages_without_a_stemmer_are_understood() {
        for (code, language) in [
            ("en-GB", Some(Language::English)),
            ("PT_br", Some(Language::Portuguese)),
            ("nb", Some(Language::Norwegian)),
            ("nn-NO", Some(Language::Norwegian)),
            ("pl", Some(Language::None)),
            ("ja", Some(Language::None)),
            ("", None),
            ("e", None),
            ("english", None),
            ("é1", None),
            ("-en", None),
        ] {
            assert_eq!(Language::from_code(code), language, "{code}");
        }
    }
}
