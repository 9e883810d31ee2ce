//! Spellings that are searched as one: case, accents, width, ligatures.
//!
//! Owns what each letter becomes; knows nothing of words, languages or places. Sources: Unicode Standard Annex 15 for what
//! decomposes; which marks carry no meaning of their own was decided script by script (`docs/ANALYSIS.md`).
//! Invariant: folding what has been folded changes nothing, and takes steps in proportion to the length of the text.

use super::characters::{Class, class, compatible, digit};
use crate::tokenizer::unicode::{Decomposer, composed};

/// Marks in a row that are looked at; more are a pile, not a spelling.
const MARKS: usize = 8;

/// Buffers for one text after another.
#[derive(Default)]
pub(super) struct Folder {
    decomposer: Decomposer,
    parts: Vec<char>,
    /// Lower case, composed, accents kept: what stemmers read.
    pub(super) word: String,
    /// Without accents: what is compared.
    pub(super) form: String,
}

impl Folder {
    /// Sets `word` and `form` to those of a text.
    pub(super) fn fold(&mut self, text: &str) {
        self.word.clear();
        self.form.clear();
        if text.is_ascii() {
            self.word.push_str(text);
            self.word.make_ascii_lowercase();
            self.form.push_str(&self.word);
            return;
        }
        self.decompose(text);
        let mut letter = '\0';
        for at in 0..self.parts.len() {
            let part = self.parts[at];
            if is_diacritic(part) {
                // The letter is the last of `word`, since what comes between is dropped here.
                if let Some(whole) = composed(letter, part).filter(|_| self.word.ends_with(letter))
                {
                    self.word.pop();
                    self.word.push(whole);
                    if is_letter_of_its_own(whole) {
                        self.form.pop();
                        self.form.push(whole);
                    }
                    letter = whole;
                }
                continue;
            }
            let joined = composed(letter, part)
                .filter(|_| self.word.ends_with(letter) && self.form.ends_with(letter));
            if let Some(whole) = joined {
                self.word.pop();
                self.form.pop();
                self.word.push(whole);
                self.form.push(whole);
                letter = whole;
                continue;
            }
            self.word.push(part);
            match bare(part) {
                Some(bare) => self.form.push_str(bare),
                None => self.form.push(part),
            }
            letter = part;
        }
    }

    /// Leaves out the `'s` of what belongs to someone, and signs at the ends that came with a letter (`ŉ`, `⅟`).
    pub(super) fn trim(&mut self) {
        for text in [&mut self.word, &mut self.form] {
            while let Some(length) = text.strip_suffix("'s").map(str::len) {
                text.truncate(length);
            }
            text.truncate(text.trim_end_matches(['\'', '/']).len());
            let signs = text.len() - text.trim_start_matches('\'').len();
            text.drain(..signs);
        }
    }

    /// Leaves out what is beyond so many letters and bytes.
    pub(super) fn cut_off(&mut self, letters: usize, bytes: usize) {
        for text in [&mut self.word, &mut self.form] {
            let beyond = text
                .char_indices()
                .enumerate()
                .find(|(count, (at, c))| *count == letters || at + c.len_utf8() > bytes);
            if let Some((_, (at, _))) = beyond {
                text.truncate(at);
            }
        }
    }

    /// As `fold`, for symbols: only how they are drawn is left out.
    pub(super) fn symbol(&mut self, text: &str) {
        self.form.clear();
        self.form.extend(text.chars().filter(|c| !is_dropped(*c)));
        self.word.clone_from(&self.form);
    }

    /// Fills `parts` with the lower-cased characters of a text, decomposed.
    fn decompose(&mut self, text: &str) {
        let parts = &mut self.parts;
        parts.clear();
        // Some of these appear only when others decompose.
        let mut take = |c: char| {
            if !is_dropped(c) {
                parts.extend(plain(c).to_lowercase());
            }
            true
        };
        let mut marks = 0;
        for c in text.chars() {
            let class = class(c);
            if class == Class::Ignored {
                continue;
            }
            marks = if class == Class::Mark { marks + 1 } else { 0 };
            if marks > MARKS {
                continue;
            }
            if class == Class::Decimal {
                self.decomposer.push(digit_of(c), &mut take);
            } else if let Some(other) = compatible(c) {
                // `⒈` brings a stop and `⑴` brackets, which no word has; the stroke of `½` stays.
                let signs = |c: &char| self::class(*c) != Class::Other || *c == '\u{2044}';
                for part in other.chars().filter(signs) {
                    self.decomposer.push(part, &mut take);
                }
            } else {
                self.decomposer.push(c, &mut take);
            }
        }
        self.decomposer.finish(&mut take);
    }
}

fn digit_of(c: char) -> char {
    if c.is_ascii() { c } else { digit(c) }
}

/// Says how a letter is pronounced or where it is stressed, not which letter it is.
fn is_diacritic(c: char) -> bool {
    matches!(u32::from(c),
        0x0300..=0x036f | 0x0483..=0x0489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f // general
        | 0x0591..=0x05bd | 0x05bf | 0x05c1 | 0x05c2 | 0x05c4 | 0x05c5 | 0x05c7 // Hebrew points
        | 0x0610..=0x061a | 0x064b..=0x065f | 0x0670 | 0x06d6..=0x06dc | 0x06df..=0x06e4 | 0x06e7 | 0x06e8 | 0x06ea..=0x06ed // Arabic
    )
}

/// Letters that only look as if they were others with a mark.
fn is_letter_of_its_own(c: char) -> bool {
    matches!(c, 'й' | 'ї' | 'ў' | 'ѓ' | 'ќ')
}

/// Fills a line, or selects how the character before it is drawn, or parts syllables (Catalan `l·l`).
fn is_dropped(c: char) -> bool {
    matches!(c, '\u{0640}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '·')
}

/// One sign for the many shapes of apostrophe and hyphen.
fn plain(c: char) -> char {
    match c {
        '\u{2019}' | '\u{02bc}' | '\u{2018}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2044}' => '/',
        _ => c,
    }
}

/// What is typed for letters that do not decompose.
fn bare(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'þ' => "th",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŋ' => "n",
        'ŧ' => "t",
        'ς' => "σ",
        'ٱ' => "ا",
        'ى' | 'ی' => "ي",
        'ک' => "ك",
        'ة' => "ه",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> String {
        let mut folder = Folder::default();
        folder.fold(text);
        folder.form
    }

    #[test]
    fn every_character_is_folded_once_and_for_all() {
        let mut folder = Folder::default();
        for c in '\0'..=char::MAX {
            folder.fold(&c.to_string());
            let once = folder.form.clone();
            folder.fold(&once);
            assert_eq!(folder.form, once, "{c:?}");
        }
    }

    #[test]
    fn spellings_of_a_word_are_one() {
        for (text, folded) in [
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("cafe\u{0301}", "cafe"),
            ("Ångström", "angstrom"),
            ("ﬁnden", "finden"),
            ("Ｗｉｄｅ１２", "wide12"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("ёлка", "елка"),
            ("йод", "йод"),
            ("и\u{0306}од", "йод"),
            ("كِتَابٌ", "كتاب"),
            ("שָׁלוֹם", "שלום"),
            ("٤٢", "42"),
            ("ｶﾞ", "ガ"),
            ("İstanbul", "istanbul"),
            ("don’t", "don't"),
            ("col·lecció", "colleccio"),
            ("Tiếng Việt", "tieng viet"),
            ("हिन्दी", "हिन्दी"),
            ("각", "각"),
        ] {
            assert_eq!(form(text), folded, "{text}");
        }
    }

    #[test]
    fn what_stemmers_read_keeps_its_accents_however_it_was_written() {
        let mut folder = Folder::default();
        for text in ["École", "E\u{0301}cole"] {
            folder.fold(text);
            assert_eq!((&*folder.word, &*folder.form), ("école", "ecole"));
        }
    }
}
