//! What the tests share: a seeded generator, small indexes, a small model, and a reader that answers needs.
//!
//! Owns test material; knows nothing of what is asserted. Invariant: the same seed gives the same material.

use findling_core::analysis::Language;
use findling_core::facets::Row;
use findling_core::format::{Container, Kind, digest, pack};
use findling_core::index::{Entry, Index, Space};
use findling_core::words::Source;
use findling_core::{Code, Engine, Error};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// SplitMix64 (Steele, Lea, Flood, 2014).
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Between -1 and 1.
    pub fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn vector(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.float()).collect()
    }
}

pub fn space(dim: usize) -> Space {
    Space {
        id: "5".repeat(64),
        dim,
    }
}

pub fn entry(id: &str, passages: usize, record: &Value) -> Entry {
    Entry {
        id: id.to_owned(),
        passages,
        words: None,
        values: Default::default(),
        record: RawValue::from_string(record.to_string()).unwrap(),
    }
}

/// What the document of that number says: of some much, of some nothing.
fn sample_words(number: usize) -> Option<Source> {
    let said = [
        "",
        "a calm harbour",
        "boats in node.js, été",
        "harbours and boats",
    ][number % 4];
    let is_long = number % 16 == 5;
    (!number.is_multiple_of(8)).then(|| Source {
        title: format!("Title {number}"),
        text: if is_long {
            "boats and calm ".repeat(70)
        } else {
            said.to_owned()
        },
        tags: vec!["calm".to_owned(); number % 3],
        path: String::new(),
        language: [None, Some(Language::French)][usize::from(number % 5 == 1)],
    })
}

/// Documents "d0".. with one to three passages each, and words, of which some are long.
pub fn sample_index(documents: usize, dim: usize, seed: u64) -> Index {
    let mut seeded = Seeded(seed);
    let entries: Vec<Entry> = (0..documents)
        .map(|number| {
            let record = json!({"title": format!("Title {number}"), "n": number});
            let kind = ["even", "odd"][number % 2];
            let values = json!({"n": [number % 3], "kind": [kind]});
            Entry {
                words: sample_words(number),
                values: Row::new(&serde_json::from_value(values).unwrap()).unwrap(),
                ..entry(&format!("d{number}"), 1 + number % 3, &record)
            }
        })
        .collect();
    let passages: usize = entries.iter().map(|entry| entry.passages).sum();
    let vectors = seeded.vector(passages * dim);
    let mut index = Index::new();
    index.add(&space(dim), &entries, &vectors).unwrap();
    index
}

/// A container with any header text, rightly signed.
pub fn signed(header: &str, after: &[u8]) -> Vec<u8> {
    let mut bytes = b"FINDLING".to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(digest(header.as_bytes()));
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    bytes.extend(after);
    bytes
}

pub const WORDS: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##a\n##b\n##c\nfever\nsick\nrocket\nmoon\ncake\n!\n.\nthe\nto\n##s";

/// A BERT of one layer and dimension 128 with seeded weights.
pub fn tiny_model(seed: u64, query_prefix: &str) -> Vec<u8> {
    const DIM: usize = 128;
    let vocabulary = WORDS.split('\n').count();
    let mut seeded = Seeded(seed);
    let mut floats = |count: usize, middle: f32, spread: f32| -> Vec<u8> {
        (0..count)
            .flat_map(|_| (middle + spread * seeded.float()).to_le_bytes())
            .collect()
    };
    let mut layer = Vec::new();
    let mut push = |array: &[u8]| {
        layer.resize(layer.len().next_multiple_of(64), 0);
        layer.extend_from_slice(array);
    };
    let mut weights = Seeded(seed + 1);
    for outputs in [3 * DIM, DIM, DIM, DIM] {
        let packed: Vec<u8> = (0..outputs * DIM)
            .map(|_| 1 + weights.below(127) as u8)
            .collect();
        push(&packed);
        push(&floats(outputs, 2e-4, 1e-4));
        push(&floats(outputs, 0.0, 0.1));
        push(&floats(DIM, 0.0, 0.1));
    }
    push(&floats(2 * DIM, 0.5, 0.5));
    push(&floats(2 * DIM, 0.5, 0.5));
    let words: Vec<u8> = (0..vocabulary * DIM)
        .map(|_| (weights.below(255) as i16 - 127) as i8 as u8)
        .collect();
    let meta = json!({
        "name": "tiny", "architecture": "bert", "dim": DIM, "layers": 1, "heads": 4,
        "intermediate": DIM, "vocab_size": vocabulary, "max_tokens": 16,
        "layer_norm_eps": 1e-12, "pooling": "mean", "normalize": true,
        "prefixes": {"query": query_prefix, "passage": ""},
        "tokenizer": {
            "lowercase": true, "strip_accents": true, "handle_chinese_chars": true,
            "clean_text": true, "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]",
            "continuing_prefix": "##", "max_word_chars": 100,
            "special": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        },
        "space": format!("{seed:064x}"), "recipe": 1, "licence": "CC0", "source": "seeded",
    });
    let (scales, positions, norm) = (
        floats(vocabulary, 0.01, 0.005),
        floats(16 * DIM, 0.0, 0.2),
        floats(2 * DIM, 0.5, 0.5),
    );
    pack(
        Kind::Model,
        &meta,
        &[
            ("vocabulary", WORDS.as_bytes()),
            ("words", &words),
            ("words.scale", &scales),
            ("positions", &positions),
            ("embedding.norm", &norm),
            ("layer.0", &layer),
        ],
    )
    .unwrap()
}

/// A container taken apart, to be changed and put together again with right digests.
#[derive(Clone)]
pub struct Parts {
    pub kind: Kind,
    pub meta: Value,
    pub names: Vec<String>,
    pub contents: Vec<Vec<u8>>,
}

impl Parts {
    pub fn of(bytes: &[u8]) -> Parts {
        let container = Container::parse(bytes).unwrap();
        let header = container.header();
        let names: Vec<String> = header
            .sections
            .iter()
            .map(|each| each.name.clone())
            .collect();
        let contents = names
            .iter()
            .map(|name| container.section(name).unwrap().to_vec())
            .collect();
        Parts {
            kind: header.kind,
            meta: header.meta.clone(),
            names,
            contents,
        }
    }

    /// Puts `value` in the place of what lies from byte `at` on.
    pub fn set(mut self, section: &str, at: usize, value: &[u8]) -> Parts {
        let number = self.names.iter().position(|name| name == section).unwrap();
        self.contents[number][at..at + value.len()].copy_from_slice(value);
        self
    }

    pub fn pack(&self) -> Vec<u8> {
        let sections: Vec<(&str, &[u8])> = self
            .names
            .iter()
            .zip(&self.contents)
            .map(|(name, content)| (name.as_str(), content.as_slice()))
            .collect();
        pack(self.kind, &self.meta, &sections).unwrap()
    }
}

/// A reply with the ranges (offset, length) that were read for it.
pub type Answered = (Vec<u8>, Vec<(u64, u64)>);

/// Calls until there is no need left, reading from `bytes`; gives the reply and the ranges that were read.
pub fn answer(
    engine: &mut Engine,
    bytes: &[u8],
    mut call: impl FnMut(&mut Engine) -> findling_core::Result<Vec<u8>>,
) -> findling_core::Result<Answered> {
    let mut read = Vec::new();
    for _ in 0..8 {
        let reply = call(engine)?;
        let Ok(parsed) = serde_json::from_slice::<Value>(&reply) else {
            return Ok((reply, read));
        };
        let Some(needs) = parsed.get("need") else {
            return Ok((reply, read));
        };
        let needs = needs.as_array().unwrap();
        assert!(!needs.is_empty(), "a need names what it needs");
        for need in needs {
            let offset = need["offset"].as_u64().unwrap();
            let length = need["length"].as_u64().unwrap();
            let range = offset as usize..(offset + length) as usize;
            assert!(
                range.end <= bytes.len() && length > 0,
                "{need} lies in the file"
            );
            let file = need["file"].as_str().unwrap();
            engine.provide(file, offset as f64, &bytes[range]).unwrap();
            read.push((offset, length));
        }
    }
    panic!("the same needs come again and again");
}

/// Calls until nothing is lacking, reading ranges of the files that `read` gives by name.
///
/// # Errors
/// What the calls say; `bad_format` for a range that a file does not have, as of a store.
pub fn served<'a>(
    engine: &mut Engine,
    read: impl Fn(&str) -> &'a [u8],
    mut call: impl FnMut(&mut Engine) -> findling_core::Result<Vec<u8>>,
) -> findling_core::Result<Value> {
    for _ in 0..20 {
        let reply: Value = serde_json::from_slice(&call(engine)?).unwrap();
        let Some(needs) = reply["need"].as_array() else {
            return Ok(reply);
        };
        for need in needs {
            let name = need["file"].as_str().unwrap();
            let start = need["offset"].as_u64().unwrap() as usize;
            let length = need["length"].as_u64().unwrap() as usize;
            let end = start.checked_add(length);
            let bytes = end.and_then(|end| read(name).get(start..end));
            let bytes =
                bytes.ok_or_else(|| Error::new(Code::BadFormat, "a store has no such bytes"))?;
            engine.provide(name, start as f64, bytes)?;
        }
    }
    panic!("the same needs come again and again");
}
