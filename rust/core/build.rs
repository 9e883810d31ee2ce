//! The Unicode tables of the tokenizer and of the analysis, written at compile time in a compact form.
//!
//! Owns the layout that `tokenizer/unicode.rs` and `analysis/characters.rs` read; knows nothing of tokens. The crates that
//! Hugging Face `tokenizers` uses hold the same facts in five times the space, which a browser would have to fetch.
//! Invariant: every character has exactly the properties that the crates give it, of the versions that the lock file names.

use std::fmt::Write as _;
use std::path::Path;
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{
    canonical_combining_class, decompose_canonical, decompose_compatible,
};
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_script::{Script, UnicodeScript};

const REMOVED: u32 = 1;
const NONSPACING: u32 = 2;
const PUNCTUATION: u32 = 4;

/// Syllables are decomposed by rule.
fn is_hangul_syllable(c: char) -> bool {
    ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

fn kind(c: char) -> u32 {
    REMOVED * u32::from(c.is_other())
        + NONSPACING * u32::from(c.is_mark_nonspacing())
        + PUNCTUATION * u32::from(c.is_punctuation())
}

// The classes of `analysis/characters.rs`, in its order.
const OTHER: u32 = 0;
const SPACE: u32 = 1;
const LETTER: u32 = 2;
const DECIMAL: u32 = 3;
const NUMBER: u32 = 4;
const MARK: u32 = 5;
const IGNORED: u32 = 6;
const DENSE: u32 = 7;
const SYMBOL: u32 = 8;

/// Entries of the compatibility table between two places where a look-up can begin.
const COMPATIBILITY_STEP: u32 = 32;

/// What a character is in a text that is cut into words: Unicode Standard Annex 29, but by script where words have no spaces.
fn class(c: char) -> u32 {
    use GeneralCategory as G;
    match c {
        // Halfwidth voicing marks belong to the letter before them, the prolonged sound mark to the scripts of Japan.
        '\u{ff9e}' | '\u{ff9f}' => return MARK,
        '\u{30fc}' | '\u{ff70}' => return DENSE,
        // Lines, blocks and dots draw; the replacement character stands for nothing.
        '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}' | '\u{fffc}' | '\u{fffd}' => {
            return OTHER;
        }
        // A word may end at the zero-width space and nowhere else.
        '\u{200b}' => return SPACE,
        _ => {}
    }
    let dense = matches!(
        c.script(),
        Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Hangul
            | Script::Bopomofo
            | Script::Yi
            | Script::Thai
            | Script::Lao
            | Script::Khmer
            | Script::Myanmar
            | Script::Tai_Le
            | Script::New_Tai_Lue
            | Script::Tai_Tham
            | Script::Tai_Viet
            | Script::Javanese
            | Script::Balinese
    );
    match c.general_category() {
        _ if c.is_whitespace() => SPACE,
        G::UppercaseLetter
        | G::LowercaseLetter
        | G::TitlecaseLetter
        | G::ModifierLetter
        | G::OtherLetter
        | G::LetterNumber => {
            if dense {
                DENSE
            } else {
                LETTER
            }
        }
        G::DecimalNumber => DECIMAL,
        G::OtherNumber => NUMBER,
        G::NonspacingMark | G::SpacingMark | G::EnclosingMark => MARK,
        G::Format => IGNORED,
        G::MathSymbol | G::CurrencySymbol | G::OtherSymbol if !c.is_ascii() => SYMBOL,
        _ if !c.is_ascii() && c.is_emoji_char() => SYMBOL,
        _ => OTHER,
    }
}

/// `start << 8 | value` of every stretch of characters with the same value; each reaches to the next.
fn stretches(name: &str, value: impl Fn(char) -> u32) -> String {
    let mut table = String::new();
    let (mut count, mut last) = (0, None);
    for c in '\0'..=char::MAX {
        let value = value(c);
        if last != Some(value) {
            write!(table, "{},", u32::from(c) << 8 | value).unwrap();
            (count, last) = (count + 1, Some(value));
        }
    }
    format!("pub(super) static {name}: [u32; {count}] = [{table}];\n")
}

fn main() {
    let mut keys = String::new();
    let mut ends = String::new();
    let mut text = String::new();
    let mut count = 0;
    for c in ('\0'..=char::MAX).filter(|c| !is_hangul_syllable(*c)) {
        let mut decomposed = String::new();
        decompose_canonical(c, |part| decomposed.push(part));
        if !decomposed.chars().eq([c]) {
            text.push_str(&decomposed);
            write!(keys, "{},", u32::from(c)).unwrap();
            write!(ends, "{},", text.len()).unwrap();
            count += 1;
        }
    }
    write_tables(
        "analysis.rs",
        &[stretches("CLASSES", class), compatibility()],
    );
    let tables = [
        stretches("KINDS", kind),
        stretches("COMBINING_CLASSES", |c| {
            u32::from(canonical_combining_class(c))
        }),
        format!("pub(super) static DECOMPOSED: [u32; {count}] = [{keys}];\n"),
        format!("pub(super) static DECOMPOSITION_ENDS: [u16; {count}] = [{ends}];\n"),
        format!("pub(super) static DECOMPOSITIONS: &str = {text:?};\n"),
    ];
    write_tables("unicode.rs", &tables);
    println!("cargo::rerun-if-changed=build.rs");
}

/// Characters that stand for others (Unicode Standard Annex 15, NFKD without NFD): runs of neighbours as their first character
/// and where their texts begin, and the texts of all in order, each ended by
/// a line feed. Only of characters that words consist of.
fn compatibility() -> String {
    let mut runs = String::new();
    let mut texts = String::new();
    let (mut count, mut start, mut next) = (0, 0, 0);
    for c in ('\0'..=char::MAX).filter(|c| !is_hangul_syllable(*c)) {
        let (mut canonical, mut compatible) = (String::new(), String::new());
        decompose_canonical(c, |part| canonical.push(part));
        decompose_compatible(c, |part| compatible.push(part));
        let code = u32::from(c);
        let in_words = matches!(class(c), LETTER | NUMBER | MARK | DENSE);
        if canonical == compatible || !in_words {
            continue;
        }
        if code != next || code - start == COMPATIBILITY_STEP {
            write!(runs, "({code},{}),", texts.len()).unwrap();
            (count, start) = (count + 1, code);
        }
        next = code + 1;
        texts.extend(compatible.chars().filter(|part| !part.is_whitespace()));
        texts.push('\n');
    }
    format!(
        "pub(super) static COMPATIBLE_RUNS: [(u32, u16); {count}] = [{runs}];\n\
         pub(super) static COMPATIBLE_STEP: u32 = {COMPATIBILITY_STEP};\n\
         pub(super) static COMPATIBLE_TEXTS: &str = {texts:?};\n"
    )
}

fn write_tables(file: &str, tables: &[String]) {
    let folder = std::env::var_os("OUT_DIR").expect("cargo names the folder");
    std::fs::write(Path::new(&folder).join(file), tables.concat())
        .expect("cargo's folder can be written");
}
