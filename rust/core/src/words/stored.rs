//! Words as sections of a container (docs/FORMAT.md).
//!
//! Owns the layout of lexicon, fields and tokens; knows nothing of the container. Invariant: what is read back finds what was found, the
//! same documents give the same bytes, and nothing in a section is believed before it has been compared with the others.

use super::{ACCENTS, Document, Early, FIELDS, Field, Lexicon, Lookup, Mark, Words};
use crate::analysis::Language;
use crate::calls;
use std::ops::Range;

const JOINED: &str = "a field begins with a token that joins another";
/// Bytes of one entry of the section "fields": the language, and the number of tokens of each field.
pub const ENTRY_BYTES: usize = 4 * (1 + FIELDS);

/// The contents of the sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    /// The words in bytewise order, a line each; one with accents as its form, a tab, and the word, or two tabs and its term.
    pub lexicon: Vec<u8>,
    /// An entry for each document.
    pub fields: Vec<u8>,
    /// The tokens of all documents, four bytes each; empty where they are to come later.
    pub tokens: Vec<u8>,
    /// What follows from the tokens.
    pub lookup: Option<Lookup>,
}

impl Words {
    /// The words as sections, brought up to date; words that no document has are left out.
    pub fn sections(&mut self) -> Sections {
        self.settle();
        let used = self.used();
        let mut sections = Sections::default();
        let mut numbers = vec![0; self.lexicon.len()];
        let order = self.lexicon.sorted();
        let kept = order.into_iter().filter(|word| used[*word as usize]);
        let kept: Vec<u32> = kept.collect();
        for (number, word) in (0_u32..).zip(&kept) {
            if number > 0 {
                sections.lexicon.push(b'\n');
            }
            let entry = self.lexicon.get(*word).as_bytes();
            sections.lexicon.extend_from_slice(entry);
            numbers[*word as usize] = number;
        }
        sections
            .fields
            .reserve_exact(self.documents.len() * ENTRY_BYTES);
        for document in &self.documents {
            let language = spelled(document.language);
            let entry = [language].into_iter().chain(document.counts);
            entry.for_each(|number| sections.fields.extend_from_slice(&number.to_le_bytes()));
        }
        sections
            .tokens
            .reserve_exact(self.tokens.len() * size_of::<u32>());
        for token in &self.tokens {
            let kept = Mark(*token).renumbered(&numbers).0;
            sections.tokens.extend_from_slice(&kept.to_le_bytes());
        }
        sections.lookup = self.lookup(&kept, &numbers);
        sections
    }

    /// Words of that many documents from their sections; where the tokens lie elsewhere, what follows from them has to be there, and
    /// [`Words::complete`] takes them later.
    ///
    /// # Errors
    /// What is wrong with them, as part of a sentence.
    pub fn read(sections: &Sections, documents: usize) -> Result<Words, &'static str> {
        let mut words = Words::default();
        words.read_lexicon(&sections.lexicon)?;
        words.read_fields(&sections.fields, documents)?;
        match &sections.lookup {
            None => words.take_tokens(&Field::ALL, &sections.tokens)?,
            Some(lookup) => {
                words.take_tokens(&[Field::Title], &lookup.titles)?;
                words.look_up(lookup)?;
                words.expect_tokens()?;
            }
        }
        Ok(words)
    }

    /// Takes the section of tokens that was not there when the others were read; documents may have come and gone since.
    ///
    /// # Errors
    /// What is wrong with them, as part of a sentence; nothing is changed then.
    pub fn complete(&mut self, tokens: &[u8]) -> Result<(), &'static str> {
        let theirs = self.numbers_of(tokens)?;
        if theirs.len() != self.early.end {
            return Err("it has other than as many tokens as its documents");
        }
        let (early, late) = self.documents.split_at(self.early.starts.len());
        let behind = late
            .first()
            .map_or(self.tokens.len(), |document| document.start);
        let mut all = Vec::with_capacity(theirs.len() + self.tokens.len() - behind);
        for (document, start) in early.iter().zip(&self.early.starts) {
            let own = document.at(*start);
            if Field::ALL
                .iter()
                .any(|field| is_joined(&theirs[own.tokens(*field)]))
            {
                return Err(JOINED);
            }
            all.extend_from_slice(&theirs[own.all()]);
        }
        all.extend_from_slice(&self.tokens[behind..]);
        self.tokens = all;
        let mut start = 0;
        for document in &mut self.documents {
            document.start = start;
            start = document.all().end;
        }
        self.early = Early::default();
        Ok(())
    }

    /// Where the tokens of an early document stand in the section that is to come, in bytes; none for one whose tokens are here, or lent.
    pub fn early(&self, document: usize) -> Option<Range<u64>> {
        let start = *self.early.starts.get(document)?;
        if self.early.lent.iter().any(|lent| lent.0 == document) {
            return None;
        }
        let own = self.documents[document].at(start).all();
        Some(own.start as u64 * 4..own.end as u64 * 4)
    }

    /// Takes the tokens of an early document that is to be removed.
    ///
    /// # Errors
    /// What is wrong with them, as part of a sentence.
    pub fn lend(&mut self, document: usize, tokens: &[u8]) -> Result<(), &'static str> {
        let tokens = self.numbers_of(tokens)?;
        self.early.lent.push((document, tokens));
        Ok(())
    }

    /// Notes where tokens will stand that are yet to come.
    fn expect_tokens(&mut self) -> Result<(), &'static str> {
        let mut end = 0_usize;
        for document in &self.documents {
            self.early.starts.push(end);
            for count in document.counts {
                let next = end.checked_add(count as usize);
                end = next.ok_or("a document has more tokens than there can be")?;
            }
        }
        self.early.end = end;
        Ok(())
    }

    fn read_lexicon(&mut self, lexicon: &[u8]) -> Result<(), &'static str> {
        let lexicon = std::str::from_utf8(lexicon).map_err(|_| "its lexicon is not UTF-8")?;
        if lexicon.is_empty() {
            return Ok(());
        }
        let count = lexicon.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.lexicon = Lexicon::with_room(count, lexicon.len() + 1 - count);
        self.heads.reserve_exact(count);
        let (mut entries, mut before) = (lexicon.split('\n'), "");
        let mut entered = Ok(());
        calls::each(count, &mut |_| {
            if let Some(entry) = entries.next().filter(|_| entered.is_ok()) {
                entered = self.enter_behind(before, entry);
                before = entry;
            }
        });
        entered
    }

    /// Takes the languages of documents, and how many tokens each of their fields has.
    fn read_fields(&mut self, fields: &[u8], documents: usize) -> Result<(), &'static str> {
        let (entries, rest) = fields.as_chunks::<ENTRY_BYTES>();
        if entries.len() != documents || !rest.is_empty() {
            return Err("its list of fields is not that of its documents");
        }
        self.documents.reserve_exact(documents);
        for entry in entries {
            let (numbers, _) = entry.as_chunks::<4>();
            let mut numbers = numbers.iter().map(|bytes| u32::from_le_bytes(*bytes));
            let language = read_language(numbers.next().unwrap_or(0))?;
            let mut counts = [0; FIELDS];
            counts
                .iter_mut()
                .zip(numbers)
                .for_each(|(count, number)| *count = number);
            self.documents.push(Document {
                language,
                start: 0,
                counts,
            });
        }
        Ok(())
    }

    /// Takes the tokens of these fields, the first ones, of all documents.
    fn take_tokens(&mut self, fields: &[Field], tokens: &[u8]) -> Result<(), &'static str> {
        let tokens = self.numbers_of(tokens)?;
        let mut start = 0;
        for document in &mut self.documents {
            document.start = start;
            for field in fields {
                let end = usize::checked_add(start, document.counts[*field as usize] as usize);
                let own = end.and_then(|end| tokens.get(start..end));
                let own = own.ok_or("a document has more tokens than there are")?;
                if is_joined(own) {
                    return Err(JOINED);
                }
                start += own.len();
            }
        }
        if start != tokens.len() {
            return Err("it has tokens of no document");
        }
        self.tokens = tokens;
        Ok(())
    }

    /// Tokens from their bytes.
    fn numbers_of(&self, tokens: &[u8]) -> Result<Vec<u32>, &'static str> {
        let (tokens, rest) = tokens.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("its tokens end inside one");
        }
        let tokens = tokens.iter().map(|bytes| u32::from_le_bytes(*bytes));
        let tokens: Vec<u32> = tokens.collect();
        let known = self.lexicon.len() as u32;
        let is_known = |mark: Mark| mark.word() < known || mark == Mark::GAP;
        match tokens.iter().all(|token| is_known(Mark(*token))) {
            true => Ok(tokens),
            false => Err("a token has a word that is not there"),
        }
    }

    /// Takes in an entry of a lexicon, of which the one before it is known.
    fn enter_behind(&mut self, before: &str, entry: &str) -> Result<(), &'static str> {
        if entry <= before {
            return Err("its lexicon is not in order, or a word is empty");
        }
        let head = match entry.split_once(ACCENTS) {
            None => None,
            Some((form, _)) => {
                let head = self.lexicon.find(form);
                Some(head.ok_or("a word of its lexicon has no form there")?)
            }
        };
        let number = self.lexicon.push(entry, Mark::NUMBER);
        let number = number.ok_or("its lexicon has more than 2^29 words")?;
        self.heads.push(head.unwrap_or(number));
        Ok(())
    }
}

/// Whether the first token stands at another's place, which there is none of before it.
fn is_joined(tokens: &[u32]) -> bool {
    tokens
        .first()
        .is_some_and(|token| Mark(*token).has(Mark::JOINED))
}

/// The letters of a language's code, the first in the lowest byte; 0 for none.
pub(super) fn spelled(language: Option<Language>) -> u32 {
    let mut bytes = [0; 4];
    if let Some(language) = language {
        for (byte, letter) in bytes.iter_mut().zip(language.code().bytes()) {
            *byte = letter;
        }
    }
    u32::from_le_bytes(bytes)
}

pub(super) fn read_language(number: u32) -> Result<Option<Language>, &'static str> {
    if number == 0 {
        return Ok(None);
    }
    let bytes = number.to_le_bytes();
    let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(4);
    std::str::from_utf8(&bytes[..length])
        .ok()
        .and_then(Language::from_code)
        .filter(|language| spelled(Some(*language)) == number)
        .map(Some)
        .ok_or("a document has a language that is not known")
}
