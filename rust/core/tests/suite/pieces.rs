//! A small piece table through the engine: what it answers, and a sample for the campaign.
//!
//! Owns that table and the texts it is asked; knows nothing of how it is read. Invariant: every number of an answer is finite.

use super::support::Seeded;
use findling_core::format::{Kind, pack_in_blocks};
use findling_core::pieces::short;
use findling_core::{Engine, Result};
use serde_json::json;

const DIM: usize = 16;
const PIECES: [&str; 7] = ["!", "##er", "##ers", "a", "run", "runn", "swim"];
const TEXTS: [&str; 3] = ["a runners!", "", "swim quux runner"];

/// A table with seven pieces on one page.
pub fn table() -> Vec<u8> {
    let mut page = Vec::new();
    for piece in PIECES {
        page.extend([0, piece.len() as u8]);
        page.extend(piece.as_bytes());
    }
    page.resize(1024, 0);
    let mut pages = 0_u32.to_le_bytes().to_vec();
    pages.push(PIECES[0].len() as u8);
    pages.extend(PIECES[0].as_bytes());
    let mut seeded = Seeded(5);
    let rows = PIECES.map(|_| short::quantize(&seeded.vector(short::DIM)).unwrap());
    let projection: Vec<u8> = seeded
        .vector(short::DIM * DIM)
        .iter()
        .map(|x| (x * 127.0) as i8 as u8)
        .collect();
    let scales = [0.01_f32; short::DIM].map(f32::to_le_bytes);
    let meta = json!({
        "name": "small", "version": 1, "space": "0".repeat(64), "dim": DIM, "short": short::DIM, "pieces": PIECES.len(),
        "tokenizer": {
            "lowercase": true, "strip_accents": true, "handle_chinese_chars": true, "clean_text": true, "unknown": "[UNK]",
            "start": "[CLS]", "end": "[SEP]", "continuing_prefix": "##", "max_word_chars": 100, "special": [],
        },
        "made": "here",
    });
    let sections: [(&str, &[u8], u32); 5] = [
        ("pages", &pages, 1024),
        ("words", &page, 1024),
        ("rows", rows.as_flattened(), 1024),
        ("projection", &projection, 65536),
        ("projection.scale", scales.as_flattened(), 65536),
    ];
    pack_in_blocks(Kind::Pieces, &meta, &sections).unwrap()
}

/// Loads a table and encodes some texts; gives the vectors.
///
/// # Errors
/// What the engine says.
pub fn ask_table(file: &[u8]) -> Result<Vec<u8>> {
    let mut engine = Engine::new("native");
    engine.load_pieces(file)?;
    let texts = json!({"texts": TEXTS, "kind": "query", "encoder": "static"}).to_string();
    let vectors = engine.embed(texts.as_bytes())?;
    let (numbers, _) = vectors.as_chunks::<4>();
    assert!(numbers.iter().all(|x| f32::from_le_bytes(*x).is_finite()));
    Ok(vectors)
}

#[test]
fn a_table_that_cannot_be_used_leaves_the_one_before() {
    let mut engine = Engine::new("native");
    let embed = br#"{"texts":["a"],"kind":"query","encoder":"auto"}"#;
    assert_eq!(
        engine.embed(embed).unwrap_err().code,
        findling_core::Code::NotReady
    );
    let told: serde_json::Value =
        serde_json::from_slice(&engine.load_pieces(&table()).unwrap()).unwrap();
    assert_eq!((&told["pieces"], &told["dim"]), (&json!(7), &json!(DIM)));
    let before = engine.embed(embed).unwrap();
    assert_eq!(before.len(), 4 * DIM);
    let mut damaged = table();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert_eq!(
        engine.load_pieces(&damaged).unwrap_err().code,
        findling_core::Code::WrongDigest
    );
    assert_eq!(engine.embed(embed).unwrap(), before);
    let status: serde_json::Value = serde_json::from_slice(&engine.status().unwrap()).unwrap();
    assert_eq!(status["pieces"], told);
    assert!(status["size_bytes"]["model"].as_u64().unwrap() > 1024);
}
