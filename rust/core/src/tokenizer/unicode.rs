//! What the tokenizer has to know of a character: its kind, its combining class, its decomposition.
//!
//! Owns the look-up in the tables that `build.rs` writes; knows nothing of words.
//! Invariant: the answers are those of the Unicode tables that Hugging Face `tokenizers` uses.

use std::sync::OnceLock;

mod tables {
    include!(concat!(env!("OUT_DIR"), "/unicode.rs"));
}

const REMOVED: u32 = 1;
const NONSPACING: u32 = 2;
const PUNCTUATION: u32 = 4;

// Hangul syllables, The Unicode Standard, section 3.12.
const SYLLABLES: u32 = 0xac00;
const SYLLABLE_COUNT: u32 = 11_172;
const LEADING: u32 = 0x1100;
const VOWELS: u32 = 0x1161;
const TRAILING: u32 = 0x11a7;
const LEADING_COUNT: u32 = 19;
const VOWEL_COUNT: u32 = 21;
const TRAILING_COUNT: u32 = 28;

/// A control, format or private-use character.
pub(super) fn is_other(c: char) -> bool {
    value(&tables::KINDS, c) & REMOVED != 0
}

/// A mark that takes no space of its own, such as an accent.
pub(super) fn is_nonspacing_mark(c: char) -> bool {
    value(&tables::KINDS, c) & NONSPACING != 0
}

/// Any punctuation; symbols are not.
pub(super) fn is_punctuation(c: char) -> bool {
    value(&tables::KINDS, c) & PUNCTUATION != 0
}

/// The letter that a letter and one mark make, if there is one.
pub(crate) fn composed(letter: char, mark: char) -> Option<char> {
    static PAIRS: OnceLock<Vec<[char; 3]>> = OnceLock::new();
    let pairs = PAIRS.get_or_init(|| {
        let mut pairs = Vec::new();
        for (at, code) in tables::DECOMPOSED.iter().enumerate() {
            let mut parts = decomposition(at).chars();
            if let (Some(letter), Some(mark), None) = (parts.next(), parts.next(), parts.next())
                && let Some(whole) = char::from_u32(*code)
            {
                pairs.push([letter, mark, whole]);
            }
        }
        pairs.sort_unstable();
        pairs
    });
    if let Some(syllable) = syllable(u32::from(letter), u32::from(mark)) {
        return char::from_u32(syllable);
    }
    let at = pairs.partition_point(|pair| pair[..2] < [letter, mark][..]);
    let pair = pairs.get(at)?;
    (pair[..2] == [letter, mark]).then_some(pair[2])
}

/// The syllable of Hangul that a consonant and a vowel make, or a syllable without a trailing consonant and one.
fn syllable(first: u32, second: u32) -> Option<u32> {
    if let Some(vowel) = second.checked_sub(VOWELS).filter(|n| *n < VOWEL_COUNT) {
        let leading = first.checked_sub(LEADING).filter(|n| *n < LEADING_COUNT)?;
        return Some(SYLLABLES + (leading * VOWEL_COUNT + vowel) * TRAILING_COUNT);
    }
    let trailing = second.checked_sub(TRAILING);
    let trailing = trailing.filter(|n| (1..TRAILING_COUNT).contains(n))?;
    let syllable = first.checked_sub(SYLLABLES)?;
    (syllable < SYLLABLE_COUNT && syllable % TRAILING_COUNT == 0).then_some(first + trailing)
}

/// What the character at a place of the table becomes.
fn decomposition(at: usize) -> &'static str {
    let ends = &tables::DECOMPOSITION_ENDS;
    let start = at.checked_sub(1).map_or(0, |before| ends[before]);
    &tables::DECOMPOSITIONS[start as usize..ends[at] as usize]
}

/// The value of the stretch that a character lies in.
pub(crate) fn value(stretches: &[u32], c: char) -> u32 {
    let after = stretches.partition_point(|stretch| stretch >> 8 <= u32::from(c));
    // The first stretch begins at 0, so at least one does not begin after `c`.
    stretches[after - 1] & 0xff
}

/// Canonical decomposition (NFD, Unicode Standard Annex 15) of characters that come one by one.
#[derive(Default)]
pub(crate) struct Decomposer {
    /// Marks since the last starter with their combining classes.
    marks: Vec<(u32, char)>,
}

impl Decomposer {
    /// Takes a character and hands on what is then in order, until `take` answers false, which it gives back.
    pub(crate) fn push(&mut self, c: char, take: &mut impl FnMut(char) -> bool) -> bool {
        let code = u32::from(c);
        if let Some(syllable) = code.checked_sub(SYLLABLES).filter(|n| *n < SYLLABLE_COUNT) {
            let trailing = syllable % TRAILING_COUNT;
            let vowel = syllable / TRAILING_COUNT % VOWEL_COUNT;
            let leading = syllable / (TRAILING_COUNT * VOWEL_COUNT);
            let parts = [
                LEADING + leading,
                VOWELS + vowel,
                // The first trailing consonant stands for none.
                TRAILING + trailing,
            ];
            let count = if trailing == 0 { 2 } else { 3 };
            return parts[..count]
                .iter()
                .filter_map(|part| char::from_u32(*part))
                .all(|part| self.part(part, take));
        }
        match tables::DECOMPOSED.binary_search(&code) {
            Err(_) => self.part(c, take),
            Ok(at) => decomposition(at).chars().all(|part| self.part(part, take)),
        }
    }

    /// Hands on the marks that still wait for a starter.
    pub(crate) fn finish(&mut self, take: &mut impl FnMut(char) -> bool) -> bool {
        // Stable, so that marks of the same class keep their order.
        self.marks.sort_by_key(|(class, _)| *class);
        self.marks.drain(..).all(|(_, mark)| take(mark))
    }

    fn part(&mut self, c: char, take: &mut impl FnMut(char) -> bool) -> bool {
        let class = value(&tables::COMBINING_CLASSES, c);
        if class != 0 {
            self.marks.push((class, c));
            return true;
        }
        (self.marks.is_empty() || self.finish(take)) && take(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_categories::UnicodeCategories;
    use unicode_normalization_alignments::UnicodeNormalization;

    fn nfd(text: &str) -> String {
        let mut out = String::new();
        let mut decomposer = Decomposer::default();
        let mut take = |c| {
            out.push(c);
            true
        };
        assert!(text.chars().all(|c| decomposer.push(c, &mut take)));
        decomposer.finish(&mut take);
        out
    }

    #[test]
    fn every_character_has_the_properties_that_the_reference_tables_give_it() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_other(c), c.is_other(), "{c:?}");
            assert_eq!(is_nonspacing_mark(c), c.is_mark_nonspacing(), "{c:?}");
            assert_eq!(is_punctuation(c), c.is_punctuation(), "{c:?}");
            let text = format!("\u{302e}{c}\u{0327}\u{0301}\u{0323}");
            let expected: String = text.chars().nfd().map(|(c, _)| c).collect();
            assert_eq!(nfd(&text), expected, "{c:?}");
        }
    }

    #[test]
    fn decomposition_stops_when_it_is_told_to() {
        let mut decomposer = Decomposer::default();
        let mut taken = Vec::new();
        let mut take = |c| {
            taken.push(c);
            taken.len() < 2
        };
        assert!(decomposer.push('a', &mut take));
        assert!(!decomposer.push('각', &mut take));
        assert_eq!(taken, ['a', '\u{1100}']);
    }
}
