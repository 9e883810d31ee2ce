//! The terms of words in each language, and how many tokens have them.
//!
//! Owns stemming by word, so that a word is stemmed once in a language; knows nothing of documents. Invariant: the term of a word stays what
//! it is, and the tokens that are counted are those that were taken in and not let go.

use super::lexicon::NONE;
use super::{ACCENTS, Lexicon, Mark};
use crate::analysis::{self, Language};

/// The term of a word in one language, and how many tokens have it there; side by side, since both are looked at together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stem {
    pub(super) term: u32,
    pub(super) tokens: u32,
}

impl Stem {
    pub(super) const UNKNOWN: Stem = Stem {
        term: NONE,
        tokens: 0,
    };
}

/// The terms of words, by their numbers, in one language; those of words that are not stemmed without one.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) language: Option<Language>,
    pub(super) stems: Vec<Stem>,
}

/// Terms by language and word, kept when documents come and go.
#[derive(Clone, Debug)]
pub(super) struct Stems {
    terms: Lexicon,
    /// The first is that of words that are not stemmed.
    tables: Vec<Table>,
}

impl Default for Stems {
    fn default() -> Stems {
        Stems::new(Lexicon::default(), Vec::new())
    }
}

impl Stems {
    /// These terms; no two tables are of one language.
    pub(super) fn new(terms: Lexicon, mut tables: Vec<Table>) -> Stems {
        match tables.iter().position(|table| table.language.is_none()) {
            Some(at) => tables.swap(0, at),
            None => {
                let (language, stems) = (None, Vec::new());
                tables.insert(0, Table { language, stems });
            }
        }
        Stems { terms, tables }
    }

    /// All terms; some may have no tokens any more, or not yet.
    pub(super) fn terms(&self) -> &Lexicon {
        &self.terms
    }

    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The place of the table of a language, which is made where there is none.
    pub(super) fn table(&mut self, language: Language) -> usize {
        self.place(language).unwrap_or_else(|| {
            let (language, stems) = (Some(language), Vec::new());
            self.tables.push(Table { language, stems });
            self.tables.len() - 1
        })
    }

    /// The place of the table of a language.
    pub(super) fn place(&self, language: Language) -> Option<usize> {
        let mut tables = self.tables.iter();
        tables.position(|table| table.language == Some(language))
    }

    /// Takes in a token of a document whose language has its table at `table`; gives its term.
    pub(super) fn take(&mut self, lexicon: &Lexicon, mark: Mark, table: usize) -> u32 {
        let word = mark.word() as usize;
        let Table { language, stems } = &mut self.tables[of(mark, table)];
        if word >= stems.len() {
            stems.resize(lexicon.len(), Stem::UNKNOWN);
        }
        let stem = &mut stems[word];
        if stem.term == NONE {
            let entry = lexicon.get(mark.word());
            let (form, letters) = entry.split_once(ACCENTS).unwrap_or((entry, entry));
            let stemmed = match letters.strip_prefix(ACCENTS) {
                Some(term) => Some(term.to_owned()),
                None => {
                    language.and_then(|own| analysis::stems(letters, &[own]).into_iter().next())
                }
            };
            // Terms are not more than words times languages; 2^32 of them do not fit any memory.
            let term = self.terms.add(stemmed.as_deref().unwrap_or(form), NONE);
            stem.term = term.unwrap_or(0);
        }
        stem.tokens += 1;
        stem.term
    }

    /// Lets go of a token that was taken in with this table.
    pub(super) fn let_go(&mut self, mark: Mark, table: usize) {
        let stems = &mut self.tables[of(mark, table)].stems;
        if let Some(stem) = stems.get_mut(mark.word() as usize) {
            stem.tokens = stem.tokens.saturating_sub(1);
        }
    }

    /// Lets go of all tokens.
    pub(super) fn let_all_go(&mut self) {
        let stems = self.tables.iter_mut().flat_map(|table| &mut table.stems);
        stems.for_each(|stem| stem.tokens = 0);
    }

    /// The term of a token with this table; none where no such token was taken in.
    pub(super) fn term(&self, mark: Mark, table: usize) -> Option<u32> {
        let stem = self.tables[of(mark, table)]
            .stems
            .get(mark.word() as usize)?;
        (stem.term != NONE).then_some(stem.term)
    }

    pub(super) fn size_bytes(&self) -> usize {
        let stems: usize = self.tables.iter().map(|table| table.stems.capacity()).sum();
        self.terms.size_bytes() + stems * size_of::<Stem>()
    }
}

/// The place of the table that a token has its term in, where that of its document's language is `table`.
fn of(mark: Mark, table: usize) -> usize {
    if mark.has(Mark::VERBATIM) { 0 } else { table }
}
