//! The target `search`: choices as the life of a vector index, or of an engine with indexes.
//!
//! Owns the steps; knows nothing of how they are carried out. Invariant: after every step the index holds what a plain set
//! would hold, a step that fails has changed nothing, and every answer is well formed.

use super::{Choices, FREE_BYTES, request};
use crate::campaign::{assert_well_formed, bytes_of};
use crate::memory::most_held;
use findling_core::vectors::{Search, VectorIndex};
use findling_core::{Code, Engine, Result, compute, inspect, pack};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const STEPS: usize = 64;

/// Runs at most 64 steps.
pub fn search(data: &[u8]) {
    let mut choices = Choices(data);
    let ((), held) = most_held(|| match choices.byte() % 2 {
        0 => vectors(&mut choices),
        _ => engine(&mut choices),
    });
    assert!(held <= 2 * data.len() + FREE_BYTES, "{held} bytes held");
}

fn fails_with<T>(result: Result<T>, codes: &[Code]) {
    if let Err(error) = result {
        assert!(codes.contains(&error.code), "{error}");
    }
}

fn vectors(choices: &mut Choices<'_>) {
    let dim = 1 + choices.below(20);
    let spec = json!({
        "dim": dim,
        "metric": choices.one_of(&["cosine", "dot", "euclidean", "manhattan"]),
        "store": choices.one_of(&["int8", "f32", "int4"]),
        "sketch": choices.byte() > 200,
        "index": choices.one_of(&["graph", "flat", "auto"]),
        "graph_from": choices.below(40),
        "m": choices.below(8),
        "ef_construction": choices.below(40),
    });
    let mut vectors = match VectorIndex::create(spec.to_string().as_bytes()) {
        Ok(vectors) => vectors,
        Err(error) => {
            assert!(
                matches!(error.code, Code::BadRequest | Code::Unsupported),
                "{error}"
            );
            return;
        }
    };
    let mut known = BTreeSet::new();
    for _ in 0..STEPS {
        if choices.done() {
            break;
        }
        match choices.below(9) {
            0..=2 => add(&mut vectors, choices, &mut known),
            3 => {
                let ids: Vec<u32> = (0..choices.below(20)).map(|_| choices.number()).collect();
                vectors.remove(&bytes_of(&ids, u32::to_le_bytes)).unwrap();
                ids.iter().for_each(|id| _ = known.remove(id));
            }
            4 => {
                vectors.link(choices.below(9)).unwrap();
            }
            5 => find(&mut vectors, choices, &known),
            6 => {
                let hostile = request::object(choices, 2);
                let query = choices.floats(dim);
                let query = bytes_of(&query, f32::to_le_bytes);
                let codes = [Code::BadRequest, Code::BadInput];
                fails_with(vectors.search(&hostile, &query, choices.take(8)), &codes);
                fails_with(
                    vectors.search(b"{}", choices.take(9), &[]),
                    &[Code::BadRequest, Code::WrongDim, Code::BadInput],
                );
            }
            7 => {
                let id = choices.number();
                match vectors.get(&id.to_le_bytes()) {
                    Ok(row) => assert!(known.contains(&id) && row.len() == 4 * dim),
                    Err(error) => assert!(error.code == Code::NotFound && !known.contains(&id)),
                }
            }
            _ => {
                let dumped = vectors.dump().unwrap();
                vectors = VectorIndex::load(&dumped).unwrap();
                assert!(
                    vectors.dump().unwrap() == dumped,
                    "what is written is read back"
                );
            }
        }
        assert_eq!(vectors.len(), known.len());
        vectors.status().unwrap();
    }
}

fn add(vectors: &mut VectorIndex, choices: &mut Choices<'_>, known: &mut BTreeSet<u32>) {
    let count = 1 + choices.below(8);
    // Neighbours mostly, so that few are named twice.
    let first = choices.number();
    let ids: Vec<u32> = (0..count as u32)
        .map(|at| first.wrapping_add(at * choices.one_of(&[1, 1, 1, 1, 1, 1, 1, 0])))
        .collect();
    let mut given = choices.floats(count * vectors.spec().dim);
    if choices.byte() == 255 {
        given.pop();
    }
    let added = vectors.add(
        &bytes_of(&ids, u32::to_le_bytes),
        &bytes_of(&given, f32::to_le_bytes),
    );
    match added {
        Ok(reply) => {
            let reply: Value = serde_json::from_slice(&reply).unwrap();
            let before = known.len();
            known.extend(&ids);
            assert_eq!(reply["added"], known.len() - before);
            assert_eq!(reply["replaced"], count - (known.len() - before));
        }
        Err(error) => assert!(
            matches!(
                error.code,
                Code::BadRequest | Code::BadInput | Code::WrongDim
            ),
            "{error}"
        ),
    }
}

fn find(vectors: &mut VectorIndex, choices: &mut Choices<'_>, known: &BTreeSet<u32>) {
    let search: Search = serde_json::from_value(json!({
        "limit": choices.number(),
        "ef_search": 1 + choices.below(60),
        "rescore": 1 + choices.below(60),
        "index": choices.one_of(&[None, None, Some("flat"), Some("graph"), Some("auto")]),
    }))
    .unwrap();
    let query = choices.floats(vectors.spec().dim);
    let length = choices.below(33);
    let filter = choices.take(length);
    let lets = |id: &u32| {
        let byte = filter.get(*id as usize / 8).copied().unwrap_or(0);
        filter.is_empty() || byte >> (id % 8) & 1 == 1
    };
    match vectors.find(&search, &query, filter) {
        Ok((hits, _)) => {
            let allowed = known.iter().filter(|id| lets(id)).count();
            assert_well_formed(&hits, search.limit.min(allowed));
            assert!(
                hits.iter()
                    .all(|hit| known.contains(&hit.id) && lets(&hit.id))
            );
        }
        Err(error) => assert!(
            matches!(error.code, Code::BadRequest | Code::BadInput),
            "{error}"
        ),
    }
}

fn engine(choices: &mut Choices<'_>) {
    let mut engine = Engine::new("native");
    let mut file = Vec::new();
    engine.open(br#"{"index":"a"}"#).unwrap();
    for _ in 0..STEPS {
        if choices.done() {
            break;
        }
        let name = choices.one_of(&["a", "a", "a", "b"]);
        let result = match choices.below(9) {
            0 | 1 => {
                let (documents, vectors) = documents(choices);
                let request = json!({"index": name, "space": choices.one_of(&["s", "s", "s", "t", ""]), "documents": documents});
                engine.add_vectors(request.to_string().as_bytes(), &vectors)
            }
            2 => {
                let ids: Vec<String> = (0..choices.below(5)).map(|_| id(choices)).collect();
                engine.remove(json!({"index": name, "ids": ids}).to_string().as_bytes())
            }
            3 | 4 => ask(&mut engine, choices, name),
            5 => engine
                .dump(json!({"index": name}).to_string().as_bytes())
                .inspect(|dumped| {
                    // A need is a reply too, for an index that lies in a file.
                    if dumped.starts_with(b"FINDLING") {
                        file.clone_from(dumped);
                    }
                }),
            6 if !file.is_empty() => open_pieces(&mut engine, choices, name, &file),
            7 => engine.records(json!({"index": name}).to_string().as_bytes()),
            _ => hostile(&mut engine, choices),
        };
        if let Err(error) = result {
            assert!(error.code != Code::Bug, "{error}");
        }
        engine.status().unwrap();
    }
}

fn id(choices: &mut Choices<'_>) -> String {
    format!("d{}", choices.below(12))
}

/// Documents of one or two passages, and their vectors.
fn documents(choices: &mut Choices<'_>) -> (Vec<Value>, Vec<u8>) {
    let dim = choices.one_of(&[3, 3, 3, 3, 4]);
    let mut passages = 0;
    let documents = (0..choices.below(4))
        .map(|_| {
            let count = choices.one_of(&[1, 1, 2, 0]);
            passages += count;
            json!({"id": id(choices), "passages": vec![""; count], "record": {"n": choices.byte()}})
        })
        .collect();
    let vectors = choices.floats(passages * dim);
    (documents, bytes_of(&vectors, f32::to_le_bytes))
}

fn ask(engine: &mut Engine, choices: &mut Choices<'_>, name: &str) -> Result<Vec<u8>> {
    let limit = 1 + choices.below(9);
    let query: Vec<Value> = choices.floats(3).iter().map(|x| json!(x)).collect();
    let ids: Vec<String> = (0..choices.below(4)).map(|_| id(choices)).collect();
    let mut plan = json!({"index": name, "vector": query, "limit": limit});
    match choices.below(4) {
        0 => plan["filter"] = json!({"ids": ids}),
        1 => plan["filter"] = json!({"not_ids": ids}),
        2 => plan["explain"] = json!(true),
        _ => {}
    }
    let reply = engine.search(plan.to_string().as_bytes())?;
    let parsed: Value = serde_json::from_slice(&reply).unwrap();
    if let Some(hits) = parsed["hits"].as_array() {
        assert!(hits.len() <= limit);
        let found: BTreeSet<&str> = hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect();
        assert_eq!(found.len(), hits.len());
        let scores: Vec<f64> = hits
            .iter()
            .map(|hit| hit["score"].as_f64().unwrap())
            .collect();
        assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
        let listed = |id: &&str| ids.iter().any(|listed| listed == id);
        assert!(plan["filter"]["ids"].is_null() || found.iter().all(listed));
        assert!(plan["filter"]["not_ids"].is_null() || !found.iter().any(listed));
    }
    Ok(reply)
}

/// Opens the file that was written before, its pieces provided as they are asked for, or not quite.
fn open_pieces(
    engine: &mut Engine,
    choices: &mut Choices<'_>,
    name: &str,
    file: &[u8],
) -> Result<Vec<u8>> {
    let request = json!({"index": name, "file": "f", "length": file.len()}).to_string();
    for _ in 0..4 {
        let reply = engine.open(request.as_bytes())?;
        let parsed: Value = serde_json::from_slice(&reply).unwrap();
        let Some(needs) = parsed["need"].as_array() else {
            return Ok(reply);
        };
        for need in needs {
            let (offset, length) = (
                need["offset"].as_u64().unwrap(),
                need["length"].as_u64().unwrap(),
            );
            let mut piece = file[offset as usize..(offset + length) as usize].to_vec();
            match choices.byte() {
                255 => piece.truncate(piece.len() / 2),
                254 => piece.reverse(),
                _ => {}
            }
            engine.provide("f", offset as f64, piece.as_slice())?;
        }
    }
    engine.status()
}

fn hostile(engine: &mut Engine, choices: &mut Choices<'_>) -> Result<Vec<u8>> {
    let method = choices.below(14);
    let request = request::object(choices, 2);
    let length = choices.below(64);
    let payload = choices.take(length);
    match method {
        0 => engine.tokenize(&request),
        1 => engine.embed(&request),
        2 => engine.open(&request),
        3 => engine
            .provide("f", f64::from(choices.float()), payload)
            .map(|()| Vec::new()),
        4 => engine.add(&request),
        5 => engine.add_vectors(&request, payload),
        6 => engine.remove(&request),
        7 => engine.search(&request),
        8 => engine.records(&request),
        9 => engine.dump(&request),
        10 => engine.close(&request),
        11 => pack(&request, payload),
        12 => inspect(payload),
        _ => compute(&request, payload),
    }
}
