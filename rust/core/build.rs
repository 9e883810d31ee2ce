//! The Unicode tables of the tokenizer, written at compile time in a compact form.
//!
//! Owns the layout that `tokenizer/unicode.rs` reads; knows nothing of tokenising. The crates that Hugging Face `tokenizers`
//! uses hold the same facts in five times the space, which a browser would have to fetch.
//! Invariant: every character has exactly the properties that those crates give it.

use std::fmt::Write as _;
use std::path::Path;
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

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
    let tables = [
        stretches("KINDS", kind),
        stretches("COMBINING_CLASSES", |c| {
            u32::from(canonical_combining_class(c))
        }),
        format!("pub(super) static DECOMPOSED: [u32; {count}] = [{keys}];\n"),
        format!("pub(super) static DECOMPOSITION_ENDS: [u16; {count}] = [{ends}];\n"),
        format!("pub(super) static DECOMPOSITIONS: &str = {text:?};\n"),
    ];
    let folder = std::env::var_os("OUT_DIR").expect("cargo names the folder");
    std::fs::write(Path::new(&folder).join("unicode.rs"), tables.concat())
        .expect("cargo's folder can be written");
    println!("cargo::rerun-if-changed=build.rs");
}
