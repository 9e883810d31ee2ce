//! Words as sections of a container (docs/FORMAT.md).
//!
//! Owns the layout of three sections; knows nothing of the container. Invariant: what is read back finds what was found, the
//! same documents give the same bytes, and nothing in a section is believed before it has been compared with the others.

use super::{ACCENTS, Document, FIELDS, Lexicon, Mark, Words};
use crate::analysis::Language;
use crate::calls;

/// Bytes of one entry of the section "fields": the language, and the number of tokens of each field.
pub const ENTRY_BYTES: usize = 4 * (1 + FIELDS);

/// The contents of the sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    /// The words in bytewise order, a line each; one with accents as its form, a tab, and the word.
    pub lexicon: Vec<u8>,
    /// An entry for each document.
    pub fields: Vec<u8>,
    /// The tokens of all documents, four bytes each.
    pub tokens: Vec<u8>,
}

impl Words {
    /// The words as sections; words that no document has are left out.
    pub fn sections(&self) -> Sections {
        let used = self.used();
        let mut sections = Sections::default();
        let mut numbers = vec![0; self.lexicon.len()];
        let order = self.lexicon.sorted();
        let kept = order.iter().filter(|word| used[**word as usize]);
        for (number, word) in (0_u32..).zip(kept) {
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
        sections
    }

    /// Words of that many documents from their sections.
    ///
    /// # Errors
    /// What is wrong with them, as part of a sentence.
    pub fn read(sections: &Sections, documents: usize) -> Result<Words, &'static str> {
        let mut words = Words::default();
        let lexicon =
            std::str::from_utf8(&sections.lexicon).map_err(|_| "its lexicon is not UTF-8")?;
        if !lexicon.is_empty() {
            let count = lexicon.bytes().filter(|byte| *byte == b'\n').count() + 1;
            words.lexicon = Lexicon::with_room(count, lexicon.len() + 1 - count);
            words.heads.reserve_exact(count);
            let (mut entries, mut before) = (lexicon.split('\n'), "");
            let mut entered = Ok(());
            calls::each(count, &mut |_| {
                if let Some(entry) = entries.next().filter(|_| entered.is_ok()) {
                    entered = words.enter_behind(before, entry);
                    before = entry;
                }
            });
            entered?;
        }
        let (entries, rest) = sections.fields.as_chunks::<ENTRY_BYTES>();
        if entries.len() != documents || !rest.is_empty() {
            return Err("its list of fields is not that of its documents");
        }
        let (tokens, rest) = sections.tokens.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("its tokens end inside one");
        }
        words.documents.reserve_exact(documents);
        let mut start = 0;
        for entry in entries {
            let (numbers, _) = entry.as_chunks::<4>();
            let mut numbers = numbers.iter().map(|bytes| u32::from_le_bytes(*bytes));
            let language = read_language(numbers.next().unwrap_or(0))?;
            let mut counts = [0; FIELDS];
            let first = start;
            for (count, number) in counts.iter_mut().zip(numbers) {
                *count = number;
                let end = tokens.len().min(start + number as usize);
                let own = &tokens[start..end];
                if own.len() != number as usize {
                    return Err("a document has more tokens than there are");
                }
                // The first stands at no other's place.
                if own
                    .first()
                    .is_some_and(|bytes| Mark(u32::from_le_bytes(*bytes)).has(Mark::JOINED))
                {
                    return Err("a field begins with a token that joins another");
                }
                start = end;
            }
            words.documents.push(Document {
                language,
                start: first,
                counts,
            });
        }
        if start != tokens.len() {
            return Err("it has tokens of no document");
        }
        let tokens = tokens.iter().map(|bytes| u32::from_le_bytes(*bytes));
        words.tokens = tokens.collect();
        let known = words.lexicon.len() as u32;
        let is_known = |mark: Mark| mark.word() < known || mark == Mark::GAP;
        if !words.tokens.iter().all(|token| is_known(Mark(*token))) {
            return Err("a token has a word that is not there");
        }
        Ok(words)
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

/// The letters of a language's code, the first in the lowest byte; 0 for none.
fn spelled(language: Option<Language>) -> u32 {
    let mut bytes = [0; 4];
    if let Some(language) = language {
        for (byte, letter) in bytes.iter_mut().zip(language.code().bytes()) {
            *byte = letter;
        }
    }
    u32::from_le_bytes(bytes)
}

fn read_language(number: u32) -> Result<Option<Language>, &'static str> {
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
