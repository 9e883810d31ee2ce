//! What stands between the values of records again and again, a byte each.
//!
//! Owns which phrases those are and the bytes that stand for them; must not know what a record means. Invariant: what is
//! shortened comes back byte for byte, and bytes that no text has are the only ones that stand for anything.

use super::bytes::{Cursor, bad, put};
use crate::error::Result;
use std::collections::BTreeMap;

/// Stands behind an id and behind a record: no text in UTF-8 has it.
pub(super) const END: u8 = 0xff;
/// The longest phrase, in bytes.
const PHRASE_BYTES: usize = 255;

/// Phrases in the order of the bytes that stand for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Phrases(Vec<Vec<u8>>);

/// The bytes that stand for phrases: those that neither UTF-8 nor, as they are, a JSON text can have.
fn marks() -> impl Iterator<Item = u8> {
    let controls = (0..0x20).filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r'));
    controls.chain([0xc0, 0xc1]).chain(0xf5..END)
}

/// Which phrase each byte stands for.
fn places() -> [Option<usize>; 256] {
    let mut places = [None; 256];
    for (place, mark) in marks().enumerate() {
        places[usize::from(mark)] = Some(place);
    }
    places
}

impl Phrases {
    /// Those that save most in these records.
    pub fn choose<'a>(records: impl Iterator<Item = &'a [u8]>) -> Phrases {
        let mut counts: BTreeMap<&[u8], usize> = BTreeMap::new();
        for record in records {
            each_part(record, |part, is_frame| {
                if is_frame && (2..=PHRASE_BYTES).contains(&part.len()) {
                    *counts.entry(part).or_default() += 1;
                }
            });
        }
        let mut all: Vec<(&[u8], usize)> = counts.into_iter().filter(|each| each.1 > 1).collect();
        all.sort_by_key(|(part, count)| std::cmp::Reverse((part.len() - 1) * count));
        let phrases = all.into_iter().map(|(part, _)| part.to_vec());
        Phrases(phrases.take(marks().count()).collect())
    }

    /// Their bytes: a varint, their number; for each a varint, its length, and itself.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.0.len() as u64);
        for phrase in &self.0 {
            put(bytes, phrase.len() as u64);
            bytes.extend_from_slice(phrase);
        }
    }

    /// Reads what [`Phrases::write`] wrote.
    ///
    /// # Errors
    /// `bad_format` when the bytes hold anything else.
    pub fn read(cursor: &mut Cursor<'_>) -> Result<Phrases> {
        let mut phrases = Phrases::default();
        for _ in 0..cursor.number(marks().count())? {
            let length = cursor.number(PHRASE_BYTES)?;
            phrases.0.push(cursor.bytes(length)?.to_vec());
        }
        Ok(phrases)
    }

    /// Whether a text has none of the bytes that stand for phrases.
    pub fn is_free(&self, text: &[u8]) -> bool {
        let places = places();
        !text
            .iter()
            .any(|byte| *byte == END || places[usize::from(*byte)].is_some())
    }

    /// The text with bytes for phrases; none for one that has such bytes itself.
    pub fn shortened(&self, text: &[u8]) -> Option<Vec<u8>> {
        if !self.is_free(text) {
            return None;
        }
        let known: BTreeMap<&[u8], u8> = self.0.iter().map(Vec::as_slice).zip(marks()).collect();
        let mut short = Vec::with_capacity(text.len());
        each_part(text, |part, _| match known.get(part) {
            Some(mark) => short.push(*mark),
            None => short.extend_from_slice(part),
        });
        Some(short)
    }

    /// Texts with their phrases in full, `most` bytes at most.
    ///
    /// # Errors
    /// `bad_format` for more, or a byte that stands for nothing.
    pub fn full(&self, short: &[u8], most: usize) -> Result<Vec<u8>> {
        let places = places();
        let mut text = Vec::with_capacity(short.len());
        for byte in short {
            match places[usize::from(*byte)] {
                None => text.push(*byte),
                Some(place) => {
                    let phrase = self.0.get(place);
                    text.extend_from_slice(phrase.ok_or_else(|| bad("a phrase is missing"))?);
                }
            }
            if text.len() > most {
                return Err(bad("a block holds more than 1 MiB"));
            }
        }
        Ok(text)
    }
}

/// Hands on the parts of a JSON text, which together are all of it, in turn what stands between values (names, quotes and brackets)
/// and a value's own letters; whatever else the text is, it is handed on somehow.
fn each_part<'a>(text: &'a [u8], mut take: impl FnMut(&'a [u8], bool)) {
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        let is_string = text[at] == b'"';
        let end = match is_string {
            true => string_end(text, at),
            false => at + 1,
        };
        let is_name = is_string && text.get(end) == Some(&b':');
        let is_frame = matches!(text[at], b'[' | b']' | b'{' | b'}' | b',' | b':');
        if is_name || is_frame {
            at = end;
            continue;
        }
        // The quotes of a value belong to what is around it.
        let value = match is_string {
            true => at + 1..(end - 1).max(at + 1),
            false => {
                at..at
                    + text[at..]
                        .iter()
                        .take_while(|byte| is_bare(**byte))
                        .count()
                        .max(1)
            }
        };
        if start < value.start {
            take(&text[start..value.start], true);
        }
        if !value.is_empty() {
            take(&text[value.clone()], false);
        }
        start = value.end;
        at = end.max(value.end);
    }
    if start < text.len() {
        take(&text[start..], true);
    }
}

/// Whether a byte may stand in a number, `true`, `false` or `null`.
fn is_bare(byte: u8) -> bool {
    !matches!(byte, b'[' | b']' | b'{' | b'}' | b',' | b':' | b'"')
}

/// Where the string that begins at `start` ends, its quote included.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != b'"' {
        at += 1 + usize::from(text[at] == b'\\');
    }
    (at + 1).min(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_stands_around_values_is_a_phrase() {
        let record =
            |n: usize| format!(r#"{{"title":"a \" {n}","kinds":["x","y{n}"],"n":{n},"e":""}}"#);
        let records: Vec<String> = (0..9).map(record).collect();
        let phrases = Phrases::choose(records.iter().map(String::as_bytes));
        let mut found: Vec<&str> = Vec::new();
        for phrase in &phrases.0 {
            found.push(std::str::from_utf8(phrase).unwrap());
        }
        let expected = [
            r#"","kinds":[""#,
            r#"{"title":""#,
            r#","e":""#,
            r#""],"n":"#,
            r#"","#,
            r#""}"#,
        ];
        for each in expected.iter().take(4) {
            assert!(found.contains(each), "{each} {found:?}");
        }
        for record in &records {
            let short = phrases.shortened(record.as_bytes()).unwrap();
            assert!(short.len() < record.len() / 2, "{short:?}");
            assert_eq!(phrases.full(&short, 1000).unwrap(), record.as_bytes());
            assert!(phrases.full(&short, record.len() - 1).is_err());
        }
        assert_eq!(phrases.shortened(b"\"\x01\""), None);
        assert!(Phrases::default().full(&[1], 9).is_err());
        let mut bytes = Vec::new();
        phrases.write(&mut bytes);
        assert_eq!(Phrases::read(&mut Cursor::new(&bytes)).unwrap(), phrases);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(texts in prop::collection::vec("[\\[\\]{},:\"a1\\\\é ]{0,30}", 1..9)) {
            let phrases = Phrases::choose(texts.iter().map(String::as_bytes));
            for text in &texts {
                let short = phrases.shortened(text.as_bytes()).unwrap();
                prop_assert_eq!(phrases.full(&short, 1000).unwrap(), text.as_bytes());
            }
        }

        #[test]
        fn any_bytes_are_made_full_or_refused(short in prop::collection::vec(any::<u8>(), 0..99)) {
            let _ = Phrases(vec![b"ab".to_vec()]).full(&short, 100);
        }
    }
}
