//! The tokenizer against the ids that Hugging Face `tokenizers` gives (tests/golden/make_tokens.py).
//!
//! Owns the comparison; must not know how words are cut. Invariant: every text, no tolerance.

use findling_core::Code;
use findling_core::tokenizer::{Tokenizer, TokenizerConfig};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Golden {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    config: TokenizerConfig,
    max_tokens: Option<usize>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    /// How often the text follows itself; long texts are not written out.
    repeat: usize,
    ids: Vec<u32>,
}

fn golden(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn config() -> TokenizerConfig {
    let golden: Golden = serde_json::from_str(&golden("tokens.json")).unwrap();
    golden.groups[0].config.clone()
}

#[test]
fn ids_equal_those_of_the_reference() {
    let vocabulary = golden("vocabulary.txt");
    let golden: Golden = serde_json::from_str(&golden("tokens.json")).unwrap();
    let mut compared = 0;
    for group in &golden.groups {
        let tokenizer = Tokenizer::new(vocabulary.trim_end_matches('\n'), &group.config).unwrap();
        for case in &group.cases {
            let mut ids = Vec::new();
            tokenizer.encode(&case.text.repeat(case.repeat), group.max_tokens, &mut ids);
            assert_eq!(ids, case.ids, "{:?} x {}", case.text, case.repeat);
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared} cases");
}

#[test]
fn ids_are_appended() {
    let tokenizer =
        Tokenizer::new(golden("vocabulary.txt").trim_end_matches('\n'), &config()).unwrap();
    let mut ids = vec![7; 300];
    tokenizer.encode("hello hello hello", Some(4), &mut ids);
    assert_eq!(ids[300..], [101, 7592, 7592, 102]);
    tokenizer.encode("hello", Some(0), &mut ids);
    assert_eq!(ids[304..], [101, 102]);
}

#[test]
fn a_vocabulary_that_cannot_work_is_refused() {
    let config = TokenizerConfig {
        special: vec!["[CLS]".to_owned()],
        ..config()
    };
    let whole = "[UNK]\n[CLS]\n[SEP]\na";
    assert_eq!(Tokenizer::new(whole, &config).unwrap().vocab_size(), 4);
    for vocabulary in [
        "",
        "[UNK]\n[CLS]\na",
        "[UNK]\n[CLS]\n[SEP]\na\na",
        "[UNK]\n[CLS]\n[SEP]\n\na",
        "[UNK]\n[CLS]\n[SEP]\na\n",
    ] {
        assert_eq!(
            Tokenizer::new(vocabulary, &config).unwrap_err().code,
            Code::BadFormat,
            "{vocabulary:?}"
        );
    }
    let empty = TokenizerConfig {
        special: vec![String::new()],
        ..config.clone()
    };
    assert_eq!(
        Tokenizer::new(whole, &empty).unwrap_err().code,
        Code::BadFormat
    );
}
