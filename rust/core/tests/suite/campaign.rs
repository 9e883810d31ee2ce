//! Broken files by the thousand: what each gave and what it cost.
//!
//! Owns the samples and what their answers have to be; must not know who runs it or how often. Invariant: round `n` of a
//! sample breaks the same file in the same way in every run, and whatever happens is an outcome, a panic too.

use super::broken::{forge, mutate};
use super::collection::{ask_collection, ask_collection_in_pieces, ask_live, live, pointer};
use super::memory::most_held;
use super::pieces::{ask_table, table};
use super::segments::{ask_remote, ask_whole, files, sample_contents};
use super::support::{Parts, Seeded, answer, sample_index, tiny_model};
use findling_core::format::Header;
use findling_core::index::Index;
use findling_core::segment::Layout;
use findling_core::vectors::{Hit, VectorIndex};
use findling_core::{Code, Engine, Error, Result, inspect};
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

const DIM: usize = 8;
const ROWS: u32 = 60;

/// A sound file, and what is done with it.
pub struct Sample {
    /// What kind of file it is.
    pub name: &'static str,
    bytes: Vec<u8>,
    parts: Parts,
    answers: Vec<u8>,
    ask: fn(&[u8]) -> Result<Vec<u8>>,
}

/// How a file is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its digests are those of the sound file.
    Damaged,
    /// Its digests are right.
    Forged,
}

/// What came of a broken file.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A coded error.
    Refused(Code),
    /// The answers of the sound file.
    Same,
    /// Other answers, which are well formed: those of another index.
    Other,
    /// What must not happen.
    Broken(String),
}

/// One broken file.
pub struct Run {
    /// What came of it.
    pub outcome: Outcome,
    /// The length of the file.
    pub bytes: usize,
    /// The most bytes that were held at once.
    pub held: usize,
}

impl Sample {
    fn new(name: &'static str, bytes: Vec<u8>, ask: fn(&[u8]) -> Result<Vec<u8>>) -> Sample {
        Sample {
            name,
            parts: Parts::of(&bytes),
            answers: ask(&bytes).unwrap(),
            bytes,
            ask,
        }
    }

    /// The sound file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The answers of a file of this kind.
    pub fn ask(&self, file: &[u8]) -> Result<Vec<u8>> {
        (self.ask)(file)
    }

    /// Breaks the file in the way of round `round`, and uses it.
    pub fn run(&self, way: Way, round: u64) -> Run {
        let mut seeded = Seeded(round << 1 | u64::from(way == Way::Forged));
        let file = match way {
            Way::Forged => forge(&self.parts, &mut seeded),
            Way::Damaged => {
                let mut file = self.bytes.clone();
                for _ in 0..1 + seeded.below(3) {
                    mutate(&mut file, &mut seeded);
                }
                file
            }
        };
        let unbroken = file == self.bytes;
        let (used, held) = most_held(|| catch_unwind(AssertUnwindSafe(|| (self.ask)(&file))));
        let outcome = match used {
            Err(panic) => Outcome::Broken(said(panic.as_ref())),
            Ok(Ok(answers)) if answers == self.answers => Outcome::Same,
            Ok(Ok(_)) if way == Way::Damaged => Outcome::Broken("other answers".to_owned()),
            Ok(Ok(_)) => Outcome::Other,
            Ok(Err(error)) if unbroken || !may_refuse(way, error.code) => {
                Outcome::Broken(error.to_string())
            }
            Ok(Err(error)) => Outcome::Refused(error.code),
        };
        Run {
            outcome,
            bytes: file.len(),
            held,
        }
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("without a message"))
}

/// What is wrong with a file has a name; a forged one may also be sound and not fit the question or the engine.
pub fn may_refuse(way: Way, code: Code) -> bool {
    match code {
        Code::BadFormat | Code::WrongDigest | Code::WrongVersion => true,
        Code::Unsupported | Code::WrongDim => way == Way::Forged,
        _ => false,
    }
}

/// A file of every kind.
pub fn samples() -> Vec<Sample> {
    let vectors = |change: Value| {
        let mut spec = json!({"dim": DIM, "m": 3, "ef_construction": 8});
        let change = change.as_object().unwrap().clone();
        spec.as_object_mut().unwrap().extend(change);
        vector_file(&spec)
    };
    let index = || sample_index(12, DIM, 1).dump(None).unwrap();
    let published = |has_vectors| {
        let [segment, _] = files(&sample_contents(40, 3, has_vectors), Layout::Two);
        segment
    };
    vec![
        Sample::new("published", published(true), ask_whole),
        Sample::new("published words", published(false), ask_whole),
        Sample::new("published in pieces", published(true), ask_remote),
        Sample::new("pointer", pointer(), ask_collection),
        Sample::new("pointer in pieces", pointer(), ask_collection_in_pieces),
        Sample::new("live segment", live(), ask_live),
        Sample::new("flat", vectors(json!({"index": "flat"})), ask_vectors),
        Sample::new("graph", vectors(json!({"index": "graph"})), ask_vectors),
        Sample::new(
            "graph of int4 by euclidean",
            vectors(json!({"index": "graph", "store": "int4", "metric": "euclidean"})),
            ask_vectors,
        ),
        Sample::new(
            "graph of f32 by manhattan",
            vectors(json!({"index": "graph", "store": "f32", "metric": "manhattan"})),
            ask_vectors,
        ),
        Sample::new("sketches", vectors(json!({"sketch": true})), ask_vectors),
        Sample::new("index", index(), ask_index),
        Sample::new("index in pieces", index(), ask_pieces),
        Sample::new("container", index(), inspect),
        Sample::new("model", tiny_model(1, ""), ask_model),
        Sample::new("piece table", table(), ask_table),
    ]
}

/// Numbers as they cross.
pub fn bytes_of<const N: usize, T: Copy>(values: &[T], to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| to(*value)).collect()
}

/// Sixty vectors; of a graph the last ones wait for their round.
fn vector_file(spec: &Value) -> Vec<u8> {
    let mut vectors = VectorIndex::create(spec.to_string().as_bytes()).unwrap();
    let names: Vec<u32> = (0..ROWS).map(|id| id * 3 + 1).collect();
    let given = Seeded(11).vector(names.len() * DIM);
    let (names, given) = (
        bytes_of(&names, u32::to_le_bytes),
        bytes_of(&given, f32::to_le_bytes),
    );
    let most = 4 * (ROWS as usize - 6);
    vectors.add(&names[..most], &given[..most * DIM]).unwrap();
    vectors.link(usize::MAX).unwrap();
    vectors.add(&names[most..], &given[most * DIM..]).unwrap();
    vectors.dump().unwrap()
}

/// The hits are as many as they can be, different, finite, and in order.
pub fn assert_well_formed(hits: &[Hit], most: usize) {
    assert_eq!(hits.len(), most, "as many hits as there are");
    assert!(hits.iter().all(|hit| hit.score.is_finite()));
    for pair in hits.windows(2) {
        let order = pair[1].score.total_cmp(&pair[0].score);
        assert!(order.then(pair[0].id.cmp(&pair[1].id)).is_lt(), "{pair:?}");
    }
    let mut ids: Vec<u32> = hits.iter().map(|hit| hit.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
}

/// Loads a vector index, searches it in every way, writes it and works on it; gives the hits.
///
/// # Errors
/// What loading and searching say.
pub fn ask_vectors(file: &[u8]) -> Result<Vec<u8>> {
    let mut vectors = VectorIndex::load(file)?;
    let query = Seeded(77).vector(vectors.spec().dim);
    let mut answers = Vec::new();
    let every_other = vec![0b0101_0101; 1 << 13];
    for (request, filter) in [
        (json!({}), &[][..]),
        (json!({"limit": 100, "rescore": 100}), &[]),
        (json!({"limit": 3, "rescore": 5, "ef_search": 4}), &[]),
        (json!({"limit": 7, "index": "flat"}), &every_other),
        (json!({"index": "graph"}), &every_other),
    ] {
        let search = serde_json::from_value(request).unwrap();
        let (hits, explain) = vectors.find(&search, &query, filter)?;
        let allowed = explain.allowed;
        assert_well_formed(&hits, allowed.min(search.limit));
        for hit in hits {
            answers.extend(hit.id.to_le_bytes());
            answers.extend(hit.score.to_le_bytes());
        }
    }
    let dumped = vectors.dump()?;
    assert!(VectorIndex::load(&dumped)?.dump()? == dumped);
    // What was loaded is also worked on: rows out of it, into it, and linked.
    let names: Vec<u32> = (0..2 * ROWS).collect();
    vectors.remove(&bytes_of(&names, u32::to_le_bytes))?;
    vectors.link(usize::MAX)?;
    let dim = vectors.spec().dim;
    let given = Seeded(78).vector(4 * dim);
    vectors.add(
        &bytes_of(&names[..4], u32::to_le_bytes),
        &bytes_of(&given, f32::to_le_bytes),
    )?;
    vectors.link(usize::MAX)?;
    let (hits, _) = vectors.find(&serde_json::from_value(json!({})).unwrap(), &query, &[])?;
    assert_well_formed(&hits, vectors.len().min(10));
    Ok(answers)
}

/// Loads an index whole, writes it, and asks what was written and what is left of it; gives the answers.
///
/// # Errors
/// What loading says.
pub fn ask_index(file: &[u8]) -> Result<Vec<u8>> {
    let mut index = Index::load(file)?;
    let every: Vec<usize> = (0..index.documents()).collect();
    index.records(&every)?;
    assert!(index.number("no such document").is_none());
    let dumped = index.dump(None)?;
    assert!(Index::load(&dumped)?.dump(None)? == dumped);
    let answers = ask_pieces(&dumped)?;
    index.remove(["d0", "d1"].into_iter())?;
    ask_pieces(&index.dump(None)?)?;
    Ok(answers)
}

/// Opens an index piece by piece; gives hits, records and what it is written as.
///
/// # Errors
/// What the engine says.
pub fn ask_pieces(file: &[u8]) -> Result<Vec<u8>> {
    // What lies in several files is asked elsewhere, where the others are.
    if Header::parse(file).is_ok_and(|header| header.meta["type"] == "collection") {
        return Err(Error::new(Code::BadFormat, "it is a pointer"));
    }
    let mut engine = Engine::new("native");
    let open = json!({"index": "i", "file": "f", "length": file.len()}).to_string();
    let (opened, _) = answer(&mut engine, file, |engine| engine.open(open.as_bytes()))?;
    let opened: Value = serde_json::from_slice(&opened).unwrap();
    let documents = opened["documents"].as_u64().unwrap() as usize;
    let query = Seeded(77).vector(DIM);
    let mut answers = Vec::new();
    for plan in [
        json!({"index": "i", "vector": query, "limit": 5, "explain": true}),
        json!({"index": "i", "vector": query, "filter": {"not_ids": ["d1", "d4"]}}),
        json!({"index": "i", "words": {"text": "boat harbour title 7"}, "explain": true}),
        json!({"index": "i", "vector": query, "limit": 7, "explain": true, "words": {
            "text": "calm", "phrases": [{"text": "boats and"}], "not": [{"text": "ete"}],
        }}),
    ] {
        let plan = plan.to_string();
        let (found, _) = answer(&mut engine, file, |engine| engine.search(plan.as_bytes()))?;
        let reply: Value = serde_json::from_slice(&found).unwrap();
        let hits = reply["hits"].as_array().unwrap();
        assert!(hits.len() <= documents.min(10));
        let scores: Vec<f64> = hits
            .iter()
            .map(|hit| hit["score"].as_f64().unwrap())
            .collect();
        assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
        answers.extend(found);
    }
    let (records, _) = answer(&mut engine, file, |engine| {
        engine.records(br#"{"index":"i"}"#)
    })?;
    let (dumped, _) = answer(&mut engine, file, |engine| engine.dump(br#"{"index":"i"}"#))?;
    answers.extend(records);
    answers.extend(dumped);
    Ok(answers)
}

/// Loads a model and embeds some texts; gives the vectors.
///
/// # Errors
/// What the engine says.
pub fn ask_model(file: &[u8]) -> Result<Vec<u8>> {
    let mut engine = Engine::new("native");
    engine.load_model(file.to_vec())?;
    let texts = br#"{"texts":["fever!","","the rocket to the moon abc"],"kind":"query"}"#;
    let vectors = engine.embed(texts)?;
    let (numbers, _) = vectors.as_chunks::<4>();
    assert!(numbers.iter().all(|x| f32::from_le_bytes(*x).is_finite()));
    Ok(vectors)
}
