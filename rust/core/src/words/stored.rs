//! Words as sections of a container (docs/FORMAT.md).
//!
//! Owns the layout of three sections; knows nothing of the container. Invariant: what is read back finds what was found, the
//! same documents give the same bytes, and nothing in a section is believed before it has been compared with the others.

use super::{ACCENTS, Document, FIELDS, Mark, Words};
use crate::analysis::Language;

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
            let mut before = "";
            for entry in lexicon.split('\n') {
                if entry <= before {
                    return Err("its lexicon is not in order, or a word is empty");
                }
                before = entry;
                let head = match entry.split_once(ACCENTS) {
                    None => None,
                    Some((form, _)) => {
                        let head = words.lexicon.find(form);
                        Some(head.ok_or("a word of its lexicon has no form there")?)
                    }
                };
                words
                    .enter(entry, head)
                    .ok_or("its lexicon has more than 2^29 words")?;
            }
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
        words.tokens.reserve_exact(tokens.len());
        for bytes in tokens {
            let token = u32::from_le_bytes(*bytes);
            let mark = Mark(token);
            if mark != Mark::GAP && mark.word() as usize >= words.lexicon.len() {
                return Err("a token has a word that is not there");
            }
            words.tokens.push(token);
        }
        Ok(words)
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
