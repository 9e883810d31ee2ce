//! Words whose terms are known already: those of a published collection.
//!
//! Owns the way back from the places of terms to the tokens of documents; knows nothing of files. Invariant: every document
//! gets the tokens it was published with, by place; of those at one place wholes come first, and then terms in their order.

use super::{ACCENTS, Document, FIELDS, Mark, Words, is_odd};
use crate::analysis::{Language, stems};

/// A term at a place of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// The field in the highest byte, then the position, then whether it is a part.
    at: u64,
    mark: u32,
}

/// Takes terms one after the other, and then makes words of them.
#[derive(Debug, Default)]
pub struct Given {
    words: Words,
    languages: Vec<Option<Language>>,
    main: Language,
    places: Vec<Vec<Place>>,
}

impl Given {
    /// For documents of these languages; those of none have the main one.
    pub fn new(languages: Vec<Option<Language>>, main: Language) -> Given {
        Given {
            words: Words::default(),
            places: vec![Vec::new(); languages.len()],
            languages,
            main,
        }
    }

    /// Takes a term with one of its forms; [`Given::place`] takes what this gives. None where there are too many forms, or for what
    /// no file can keep.
    pub fn form(&mut self, form: &str, term: &str, whole: bool, document: usize) -> Option<u32> {
        let language = self.languages[document].unwrap_or(self.main);
        let head = self.words.number(form, form)?;
        if whole && form == term {
            return Some(head | Mark::WHOLE | Mark::VERBATIM);
        }
        let marks = if whole { Mark::WHOLE } else { 0 };
        if stems(form, &[language])
            .first()
            .is_some_and(|stem| stem == term)
        {
            return Some(head | marks);
        }
        if form == term {
            return Some(head | marks | Mark::VERBATIM);
        }
        if is_odd(term) {
            return None;
        }
        // It was written with accents, of which only its stem is left.
        let entry = format!("{form}{ACCENTS}{ACCENTS}{term}");
        Some(self.words.enter(&entry, Some(head))? | marks)
    }

    /// Takes a place of what [`Given::form`] gave, in a document.
    pub fn place(&mut self, document: usize, field: usize, position: u32, form: u32) {
        let part = u64::from(form & Mark::WHOLE == 0);
        self.places[document].push(Place {
            at: (field as u64) << 40 | u64::from(position) << 1 | part,
            mark: form,
        });
    }

    /// The words. Places between two tokens of a field that are further apart than neighbours become one.
    pub fn finish(mut self) -> Words {
        let documents = self.languages.into_iter().zip(self.places);
        for (language, mut places) in documents {
            places.sort_by_key(|place| place.at);
            let tokens = &mut self.words.tokens;
            let start = tokens.len();
            let mut counts = [0; FIELDS];
            let mut before: Option<(u64, u64)> = None;
            for place in places {
                let (field, position) = (place.at >> 40, place.at >> 1 & u64::from(u32::MAX));
                let count = &mut counts[field as usize];
                let apart = before
                    .filter(|before| before.0 == field)
                    .map(|before| position - before.1);
                if apart.is_some_and(|apart| apart > 1) {
                    tokens.push(Mark::GAP.0);
                    *count += 1;
                }
                let joined = if apart == Some(0) { Mark::JOINED } else { 0 };
                tokens.push(place.mark | joined);
                *count += 1;
                before = Some((field, position));
            }
            self.words.documents.push(Document {
                language,
                start,
                counts,
            });
        }
        self.words
    }
}
