//! The target `open`: bytes as a file of every kind, as they are and signed anew.
//!
//! Owns which readers see them; knows nothing of what is inside. Invariant: each reader gives a coded error or answers that
//! are well formed, and an index in pieces answers as the whole one does.

use super::FREE_BYTES;
use crate::broken::parts_of_damaged;
use crate::campaign::{Way, ask_index, ask_model, ask_pieces, ask_vectors, may_refuse};
use crate::collection::{ask_collection, ask_collection_in_pieces, ask_live, disk};
use crate::memory::most_held;
use crate::segments::{ask_remote, ask_whole};
use crate::support::{Parts, tiny_model};
use findling_core::format::{Kind, pack};
use findling_core::{Engine, Result, inspect};
use serde_json::json;
use std::sync::OnceLock;

/// Gives how many readers took the bytes.
pub fn open(data: &[u8]) -> usize {
    let signed = parts_of_damaged(data).map(completed).and_then(|parts| {
        let names = parts.names.iter().map(String::as_str);
        let sections: Vec<(&str, &[u8])> = names
            .zip(parts.contents.iter().map(Vec::as_slice))
            .collect();
        pack(parts.kind, &parts.meta, &sections).ok()
    });
    read(data) + signed.map_or(0, |file| read(&file))
}

/// A model needs more weights than an input should have: sections that are empty are those of the small model.
fn completed(mut parts: Parts) -> Parts {
    static TINY: OnceLock<Parts> = OnceLock::new();
    if parts.kind == Kind::Model {
        let tiny = TINY.get_or_init(|| Parts::of(&tiny_model(1, "")));
        for (name, content) in parts.names.iter().zip(&mut parts.contents) {
            let known = tiny.names.iter().position(|known| known == name);
            if let (true, Some(known)) = (content.is_empty(), known) {
                content.clone_from(&tiny.contents[known]);
            }
        }
    }
    parts
}

fn read(file: &[u8]) -> usize {
    // Made before what is held is counted.
    disk();
    let mut taken = 0;
    let mut with = |reader: fn(&[u8]) -> Result<Vec<u8>>| {
        let (answers, held) = most_held(|| reader(file));
        assert!(
            held <= 2 * file.len() + FREE_BYTES,
            "{held} bytes held for {}",
            file.len()
        );
        if let Err(error) = &answers {
            assert!(may_refuse(Way::Forged, error.code), "{error}");
        }
        taken += usize::from(answers.is_ok());
        answers.ok()
    };
    with(inspect);
    with(ask_vectors);
    with(ask_whole);
    with(ask_remote);
    with(ask_collection);
    with(ask_collection_in_pieces);
    with(ask_live);
    with(ask_model);
    with(embed_all);
    let whole = with(ask_index);
    let pieces = with(ask_pieces);
    assert!(
        whole.is_none() || whole == pieces,
        "pieces differ from the whole"
    );
    taken
}

/// What the file says in clear, as a text to be embedded.
fn embed_all(file: &[u8]) -> Result<Vec<u8>> {
    let mut engine = Engine::new("native");
    engine.load_model(file.to_vec())?;
    let text = String::from_utf8_lossy(&file[..file.len().min(2048)]);
    let request = json!({"text": text, "kind": "passage", "max_tokens": null}).to_string();
    engine.tokenize(request.as_bytes())?;
    engine.embed(
        json!({"texts": [text], "kind": "passage"})
            .to_string()
            .as_bytes(),
    )
}
