//! What follows from the tokens of documents, as sections of a container (docs/FORMAT.md): enough to find words, before the tokens are at hand.
//!
//! Owns the layout of three sections; knows nothing of the container. Invariant: the same documents give the same bytes, words that were
//! read from these sections find what those do that were made of the tokens, and a number that leads nowhere is refused.

use super::inverted::{Inverted, Posting};
use super::lexicon::NONE;
use super::stems::{Stem, Stems, Table};
use super::stored::{read_language, spelled};
use super::{Field, Lexicon, Mark, Words};
use crate::{calls, varint};

/// What a table says of a word: nothing, that its term is its form, that its term is spelled out, or from here on how many terms back it came.
const ABSENT: u32 = 0;
const ITSELF: u32 = 1;
const SPELLED: u32 = 2;
const KNOWN: u32 = 3;
const SHORT: &str = "its terms or postings end early, or hold what is no number";
/// More documents than this have no such sections: the gaps between their numbers are written with a mark beside them.
const DOCUMENTS_CAP: usize = 1 << 31;

/// The contents of the sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// The tokens of all titles, four bytes each.
    pub titles: Vec<u8>,
    /// Of each word how many documents have it as a form, and its terms.
    pub terms: Vec<u8>,
    /// The lengths of documents, and the documents of each term.
    pub postings: Vec<u8>,
}

impl Words {
    /// What follows from the tokens, where words have the `numbers` in the section of the lexicon, of which `kept` are there in that order;
    /// none before [`Words::settle`], or for too many documents.
    pub(super) fn lookup(&self, kept: &[u32], numbers: &[u32]) -> Option<Lookup> {
        let inverted = self.inverted.as_ref()?;
        if self.documents.len() >= DOCUMENTS_CAP {
            return None;
        }
        let mut lookup = Lookup::default();
        for document in &self.documents {
            for token in &self.tokens[document.tokens(Field::Title)] {
                let kept = Mark(*token).renumbered(numbers).0;
                lookup.titles.extend_from_slice(&kept.to_le_bytes());
            }
        }
        let order = self.write_terms(inverted, kept, &mut lookup.terms);
        let postings = &mut lookup.postings;
        for length in &inverted.lengths {
            varint::write(postings, *length);
        }
        let all = order.iter().map(|term| inverted.postings(*term));
        let count: usize = all.clone().map(<[Posting]>::len).sum();
        varint::write(postings, u32::try_from(count).ok()?);
        for own in all {
            varint::write(postings, own.len() as u32);
            let mut next = 0;
            for Posting {
                document,
                frequency,
            } in own
            {
                varint::write(postings, (document - next) << 1 | u32::from(*frequency > 1));
                if *frequency > 1 {
                    varint::write(postings, frequency - 2);
                }
                next = document + 1;
            }
        }
        Some(lookup)
    }

    /// Writes the terms of all words, and gives their numbers in the order of their first.
    fn write_terms(&self, inverted: &Inverted, kept: &[u32], bytes: &mut Vec<u8>) -> Vec<u32> {
        let is_used = |table: &&Table| table.stems.iter().any(|stem| stem.tokens > 0);
        let mut tables: Vec<&Table> = self.stems.tables().iter().filter(is_used).collect();
        tables.sort_unstable_by_key(|table| spelled(table.language));
        let (mut order, mut places) = (Vec::new(), vec![NONE; self.terms().len()]);
        let mut words = Vec::new();
        for word in kept {
            varint::write(&mut words, inverted.form_df(*word));
            let form = self.lexicon.get(self.heads[*word as usize]);
            for table in &tables {
                let stem = table.stems.get(*word as usize);
                let Some(stem) = stem.filter(|stem| stem.tokens > 0) else {
                    varint::write(&mut words, ABSENT);
                    continue;
                };
                let (text, place) = (self.terms().get(stem.term), &mut places[stem.term as usize]);
                if *place != NONE {
                    varint::write(&mut words, order.len() as u32 - 1 - *place + KNOWN);
                } else {
                    *place = order.len() as u32;
                    order.push(stem.term);
                    if text == form {
                        varint::write(&mut words, ITSELF);
                    } else {
                        varint::write(&mut words, SPELLED);
                        varint::write(&mut words, text.len() as u32);
                        words.extend_from_slice(text.as_bytes());
                    }
                }
                varint::write(&mut words, stem.tokens - 1);
            }
        }
        varint::write(bytes, order.len() as u32);
        varint::write(bytes, tables.len() as u32);
        for table in &tables {
            varint::write(bytes, spelled(table.language));
        }
        bytes.extend_from_slice(&words);
        order
    }

    /// Reads what follows from tokens that are not at hand; lexicon and documents are, and of the tokens those of titles.
    pub(super) fn look_up(&mut self, lookup: &Lookup) -> Result<(), &'static str> {
        let (main, languages) = self.languages();
        let mut terms = Reader(&lookup.terms);
        let (count, tables) = (terms.number()?, terms.number()?);
        // Each takes a byte at least.
        if count as usize > terms.0.len() || tables as usize > terms.0.len() {
            return Err(SHORT);
        }
        let form_df = self.read_terms(&mut terms, count as usize, tables as usize)?;
        if !terms.0.is_empty() {
            return Err("it has terms of no word");
        }
        for document in &self.documents {
            self.stems.table(document.language.unwrap_or(main));
        }
        let documents = self.documents.len();
        let mut postings = Reader(&lookup.postings);
        let lengths = (0..documents).map(|_| postings.number());
        let lengths: Vec<u32> = lengths.collect::<Result<_, _>>()?;
        let all = postings.number()? as usize;
        if all > postings.0.len() {
            return Err(SHORT);
        }
        let (mut starts, mut held) = (
            Vec::with_capacity(count as usize + 1),
            Vec::with_capacity(all),
        );
        starts.push(0);
        let mut read = Ok(());
        calls::each(count as usize, &mut |_| {
            if read.is_ok() {
                read = postings.postings(documents, all, &mut held);
                starts.push(held.len() as u32);
            }
        });
        read?;
        if held.len() != all || !postings.0.is_empty() {
            return Err("it has postings of no term");
        }
        self.inverted = Some(Inverted::new(
            (main, languages),
            starts,
            held,
            form_df,
            lengths,
        ));
        Ok(())
    }

    /// Reads the terms of all words; gives of each word how many documents have it as a form.
    fn read_terms(
        &mut self,
        terms: &mut Reader<'_>,
        count: usize,
        tables: usize,
    ) -> Result<Vec<u32>, &'static str> {
        let mut languages = Vec::with_capacity(tables);
        for _ in 0..tables {
            let language = read_language(terms.number()?)?;
            if languages.contains(&language) {
                return Err("it has two tables of terms of a language");
            }
            languages.push(language);
        }
        let words = self.lexicon.len();
        // Each says something of each word, in a byte at least.
        if words.saturating_mul(1 + tables) > terms.0.len() {
            return Err(SHORT);
        }
        let mut tables = vec![vec![Stem::UNKNOWN; words]; tables];
        let mut known = Lexicon::with_slots(count);
        let mut form_df = Vec::with_capacity(words);
        let mut read = Ok(());
        calls::each(words, &mut |word| {
            if read.is_ok() {
                let form = self.lexicon.get(self.heads[word]);
                let all = tables.iter_mut().map(|table| &mut table[word]);
                read = terms
                    .word(form, all, &mut known, self.documents.len())
                    .map(|df| form_df.push(df));
            }
        });
        read?;
        if known.len() != count {
            return Err("it has other than as many terms as it says");
        }
        let tables = languages.into_iter().zip(tables);
        let tables = tables.map(|(language, stems)| Table { language, stems });
        self.stems = Stems::new(known, tables.collect());
        Ok(form_df)
    }
}

/// Takes what was written from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Result<u32, &'static str> {
        varint::read(&mut self.0).ok_or(SHORT)
    }

    /// What is said of one word: how many documents have it as a form, and its term in each table.
    fn word<'t>(
        &mut self,
        form: &str,
        tables: impl Iterator<Item = &'t mut Stem>,
        known: &mut Lexicon,
        documents: usize,
    ) -> Result<u32, &'static str> {
        let df = self.number()?;
        if df as usize > documents {
            return Err("a word has more documents than there are");
        }
        for stem in tables {
            let text = match self.number()? {
                ABSENT => continue,
                ITSELF => Some(form),
                SPELLED => {
                    let length = self.number()? as usize;
                    let text = varint::take(&mut self.0, length).ok_or("a term is cut off")?;
                    Some(std::str::from_utf8(text).map_err(|_| "a term is not UTF-8")?)
                }
                back => {
                    let term = (known.len() as u32).checked_sub(back - KNOWN + 1);
                    stem.term = term.ok_or("a word has a term that is not there")?;
                    None
                }
            };
            if let Some(text) = text {
                let next = known.len() as u32;
                let term = known.add(text, NONE).filter(|term| *term == next);
                stem.term = term.ok_or("a term is spelled out twice")?;
            }
            let tokens = self.number()?.checked_add(1);
            stem.tokens = tokens.ok_or("a word has too many tokens")?;
        }
        Ok(df)
    }

    /// The documents of one term, behind those of others, of all of which there are `most`.
    fn postings(
        &mut self,
        documents: usize,
        most: usize,
        held: &mut Vec<Posting>,
    ) -> Result<(), &'static str> {
        let df = self.number()? as usize;
        if df == 0 || df > most - held.len() {
            return Err("a term has no documents, or more than there are postings");
        }
        let mut next = 0;
        for _ in 0..df {
            let said = self.number()?;
            let frequency = match said & 1 {
                0 => 1,
                _ => self
                    .number()?
                    .checked_add(2)
                    .ok_or("a term stands too often in a document")?,
            };
            let document = said >> 1;
            let document = u32::checked_add(next, document)
                .filter(|document| (*document as usize) < documents);
            let document = document.ok_or("a term stands in a document that is not there")?;
            held.push(Posting {
                document,
                frequency,
            });
            next = document + 1;
        }
        Ok(())
    }
}
