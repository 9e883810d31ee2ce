//! Collections on a disk of names and bytes: documents, commits, writing and opening.
//!
//! Owns test material; knows nothing of what is asserted. Invariant: the same numbers give the same documents.

use super::support::{Seeded, served};
use findling_core::{Engine, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const DIM: usize = 8;
pub const POINTER: &str = "c/collection.findling";
/// Documents of such versions have no accents, which a published segment does not keep.
pub const PLAIN: u64 = 1000;

/// Files by name.
pub type Disk = BTreeMap<String, Vec<u8>>;

/// A document with words, values and vectors that follow from both numbers.
fn document(id: usize, version: u64) -> (Value, Vec<u8>) {
    let mut seeded = Seeded(version << 8 | id as u64);
    let accents = [["ete", "rivieres"], ["été", "rivières"]][usize::from(version < PLAIN)];
    let words = [
        "rocket", "fever", "boats", "boat", accents[0], accents[1], "node.js", "harbour",
    ];
    let mut text = String::new();
    let most = if seeded.below(6) == 0 { 450 } else { 12 };
    for _ in 0..seeded.below(most) {
        text.push_str(words[seeded.below(words.len())]);
        text.push(' ');
    }
    let passages = 1 + seeded.below(3);
    let mut document = json!({
        "id": format!("d{id:02}"),
        "fields": {
            "title": format!("{} {}", words[seeded.below(8)], words[seeded.below(8)]),
            "text": text,
            "tags": ["one", words[seeded.below(8)]],
        },
        "values": {"kind": [words[seeded.below(3)]], "year": [1990 + seeded.below(9)]},
        "passages": vec!["p"; passages],
        "record": {"id": id, "version": version},
    });
    match seeded.below(4) {
        0 => document["language"] = json!("fr"),
        1 => document["language"] = json!("en"),
        2 => document["values"] = json!({}),
        _ => {}
    }
    let vectors = seeded.vector(passages * DIM);
    (
        document,
        vectors.iter().flat_map(|x| x.to_le_bytes()).collect(),
    )
}

pub fn add(engine: &mut Engine, documents: &[(usize, u64)]) {
    let (mut given, mut vectors) = (Vec::new(), Vec::new());
    for (id, version) in documents {
        let (document, own) = document(*id, *version);
        given.push(document);
        vectors.extend(own);
    }
    let request = json!({"index": "i", "space": "s", "documents": given}).to_string();
    engine.add_vectors(request.as_bytes(), &vectors).unwrap();
}

pub fn remove(engine: &mut Engine, ids: &[usize]) {
    let ids: Vec<String> = ids.iter().map(|id| format!("d{id:02}")).collect();
    let request = json!({"index": "i", "ids": ids}).to_string();
    engine.remove(request.as_bytes()).unwrap();
}

pub fn new_engine() -> Engine {
    let mut engine = Engine::new("native");
    engine.open(br#"{"index":"i"}"#).unwrap();
    engine
}

/// The digest of a pointer file, as its bytes tell it.
pub fn digest(pointer: &[u8]) -> String {
    pointer[16..32]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The answer of a commit: the pointer, and the name and bytes of the new segment.
pub type Written = (Vec<u8>, Option<(String, Vec<u8>)>);

pub fn commit(engine: &mut Engine, on: Option<&str>, merge: &[String]) -> Result<Written> {
    let request = json!({"index": "i", "on": on, "merge": merge, "meta": {"of": "mine"}});
    Ok(taken_apart(&engine.commit(request.to_string().as_bytes())?))
}

pub fn taken_apart(files: &[u8]) -> Written {
    let (length, files) = files.split_first_chunk::<4>().unwrap();
    let (pointer, segment) = files.split_at(u32::from_be_bytes(*length) as usize);
    let named = named_by(pointer);
    let segment = (!segment.is_empty()).then(|| (named.last().unwrap().clone(), segment.to_vec()));
    (pointer.to_vec(), segment)
}

/// The files that a pointer names.
pub fn named_by(pointer: &[u8]) -> Vec<String> {
    let header: Value = serde_json::from_slice(&findling_core::inspect(pointer).unwrap()).unwrap();
    let segments = header["meta"]["segments"].as_array().unwrap().iter();
    segments
        .map(|each| format!("c/{}", each["file"].as_str().unwrap()))
        .collect()
}

/// Writes a commit, and takes out what the new pointer does not name.
pub fn write(disk: &mut Disk, (pointer, segment): Written) {
    if let Some((name, bytes)) = segment {
        disk.insert(name, bytes);
    }
    let named = named_by(&pointer);
    disk.insert(POINTER.to_owned(), pointer);
    disk.retain(|name, _| name == POINTER || named.contains(name));
}

/// Calls until nothing is lacking.
pub fn answered(
    engine: &mut Engine,
    disk: &Disk,
    call: impl FnMut(&mut Engine) -> Result<Vec<u8>>,
) -> Result<Value> {
    served(engine, |name| &disk[name], call)
}

pub fn open(disk: &Disk, whole: bool) -> Result<(Engine, Value)> {
    let mut engine = Engine::new("native");
    let length = disk[POINTER].len();
    let request = json!({"index": "i", "file": POINTER, "length": length, "whole": whole});
    let reply = answered(&mut engine, disk, |engine| {
        engine.open(request.to_string().as_bytes())
    })?;
    Ok((engine, reply))
}

pub fn status(engine: &Engine) -> Value {
    let status: Value = serde_json::from_slice(&engine.status().unwrap()).unwrap();
    status["indexes"]["i"].clone()
}
