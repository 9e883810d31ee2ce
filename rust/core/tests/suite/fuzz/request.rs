//! Requests that nobody should send, made of choices.
//!
//! Owns keys and values; knows nothing of which request has which. Invariant: what comes out is often JSON that a method
//! might take, sometimes not JSON at all.

use super::Choices;

const KEYS: [&str; 44] = [
    "index",
    "file",
    "length",
    "documents",
    "id",
    "passages",
    "record",
    "ids",
    "text",
    "vector",
    "space",
    "limit",
    "weights",
    "meaning",
    "words",
    "phrases",
    "in",
    "not",
    "field",
    "fields",
    "language",
    "title",
    "tags",
    "path",
    "filter",
    "not_ids",
    "explain",
    "meta",
    "kind",
    "texts",
    "max_tokens",
    "sections",
    "name",
    "op",
    "dim",
    "bits",
    "how",
    "metric",
    "components",
    "ef_search",
    "rescore",
    "queries",
    "over",
    "x",
];
const VALUES: [&str; 48] = [
    "\"a\"",
    "\"b\"",
    "\"s\"",
    "\"\"",
    "\"f\"",
    "\"d0\"",
    "0",
    "1",
    "2",
    "3",
    "8",
    "-1",
    "0.5",
    "1e9",
    "1e39",
    "1e999",
    "4096",
    "4097",
    "1048576",
    "4294967295",
    "9007199254740992",
    "18446744073709551615",
    "18446744073709551616",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "\"title\"",
    "[\"a\"]",
    "\"query\"",
    "\"passage\"",
    "\"index\"",
    "\"model\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "[1,2]",
    "[0,0]",
    "[[1]]",
    "\"flat\"",
    "\"graph\"",
    "\"normalize\"",
    "\"quantize\"",
    "\"distances\"",
    "\"fit\"",
    "\"pool\"",
    "\"weighted\"",
    "\"statistics\"",
];

/// An object of up to seven keys.
pub fn object(choices: &mut Choices<'_>, depth: usize) -> Vec<u8> {
    let mut text = b"{".to_vec();
    for at in 0..choices.below(8) {
        if at > 0 {
            text.push(b',');
        }
        let key = choices.one_of(&KEYS);
        text.extend(format!("\"{key}\":").bytes());
        value(choices, depth, &mut text);
    }
    text.push(b'}');
    // Now and then it is cut, or holds a byte that no text has.
    match choices.byte() {
        0..=3 => text.truncate(text.len() / 2),
        4..=5 => {
            let at = choices.below(256) % text.len();
            text[at] = choices.byte();
        }
        _ => {}
    }
    text
}

fn value(choices: &mut Choices<'_>, depth: usize, text: &mut Vec<u8>) {
    match choices.byte() {
        0..=39 if depth > 0 => text.extend(object(choices, depth - 1)),
        40..=79 if depth > 0 => {
            text.push(b'[');
            for at in 0..choices.below(4) {
                if at > 0 {
                    text.push(b',');
                }
                value(choices, depth - 1, text);
            }
            text.push(b']');
        }
        80..=83 => text.extend("[".repeat(1 + choices.below(200)).bytes()),
        _ => text.extend(choices.one_of(&VALUES).bytes()),
    }
}
