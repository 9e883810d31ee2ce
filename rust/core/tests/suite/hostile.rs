//! Hostile files: whatever the bytes are, a typed error or the same answers, and no large allocation.
//!
//! Owns which damage is tried; knows no offsets but those of docs/FORMAT.md. Invariant: seeded, and no panic is caught.

use super::campaign::{Outcome, Sample, Way, samples};
use super::memory::largest_allocation;
use super::support::{Parts, sample_index, signed, tiny_model};
use findling_core::format::{Container, Kind, pack};
use findling_core::index::Index;
use findling_core::model::Model;
use findling_core::vectors::VectorIndex;
use findling_core::{Code, Engine};
use serde_json::{Value, json};

const DIM: usize = 8;
/// Broken files of each way, over all samples.
const ROUNDS: u64 = 20_000;
/// What a small file may hold beside twice its length, for answers, errors, a graph's room and the codes of leaves.
const ALLOWANCE: usize = 288 << 10;

/// Runs the rounds of one way over a sample; gives how many files were answered.
fn rounds(sample: &Sample, way: Way, count: u64) -> u64 {
    let mut answered = 0;
    for round in 0..count {
        let run = sample.run(way, round);
        let place = format!("{}, {way:?}, round {round}", sample.name);
        assert!(
            !matches!(run.outcome, Outcome::Broken(_)),
            "{place}: {:?}",
            run.outcome
        );
        assert!(
            run.held <= 2 * run.bytes + ALLOWANCE,
            "{place}: {} held",
            run.held
        );
        answered += u64::from(!matches!(run.outcome, Outcome::Refused(_)));
    }
    answered
}

#[test]
fn damaged_files_are_refused_or_give_the_same_answers() {
    let samples = samples();
    let answered: u64 = samples
        .iter()
        .map(|sample| rounds(sample, Way::Damaged, ROUNDS / samples.len() as u64))
        .sum();
    // What lies between sections is not looked at in a file that is read in pieces.
    assert!(answered > 0);
}

#[test]
fn forged_files_are_refused_or_answer_well() {
    let samples = samples();
    for sample in &samples {
        let count = ROUNDS / samples.len() as u64;
        let answered = rounds(sample, Way::Forged, count);
        // Other codes, ids or records of the same lengths are another index, not a broken one.
        assert!(
            answered > count / 20,
            "{}: {answered} of {count}",
            sample.name
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    for sample in samples() {
        let bytes = sample.bytes();
        // A model is long; its end is as good as any other place.
        let step = 1 + bytes.len() / 8192;
        for end in (0..bytes.len()).step_by(step) {
            let cut = &bytes[..end];
            assert!(
                Container::parse(cut).is_err(),
                "{} cut at {end}",
                sample.name
            );
            assert!(VectorIndex::load(cut).is_err() && Index::load(cut).is_err());
            assert!(sample.ask(cut).is_err(), "{} cut at {end}", sample.name);
        }
    }
}

/// A header of little but values, rightly signed.
fn header_of(value: &str) -> Vec<u8> {
    let values = vec![value; 900_000 / (1 + value.len())].join(",");
    let header = format!(r#"{{"kind":"index","meta":{{"a":[{values}]}},"sections":[]}}"#);
    signed(&header, &[])
}

/// Documents with the shortest ids, vectors and records there are.
fn index_of_least_documents(count: usize) -> Vec<u8> {
    let (mut documents, mut ids) = (Vec::new(), String::new());
    for number in 0..count {
        let id = format!("{number:x}");
        let lengths = [id.len() as u32, 1, 1];
        documents.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
        ids += &id;
    }
    let meta = json!({"type": "flat", "version": 1, "space": "s", "dim": 1, "user": {}});
    let scales = 1_f32.to_le_bytes().repeat(count);
    let (codes, records) = (vec![1; count], vec![b'1'; count]);
    let sections: [(&str, &[u8]); 5] = [
        ("documents", &documents),
        ("ids", ids.as_bytes()),
        ("codes", &codes),
        ("scales", &scales),
        ("records", &records),
    ];
    pack(Kind::Index, &meta, &sections).unwrap()
}

/// Vectors of one component in a graph without links, every one of them on layer `level`.
fn graph_without_links(rows: u32, level: u8) -> Vec<u8> {
    let count = rows as usize;
    let spec = json!({
        "dim": 1, "metric": "euclidean", "store": "int8", "sketch": false, "index": "graph",
        "graph_from": 0, "m": 64, "ef_construction": 100,
    });
    let meta = json!({"type": "vectors", "version": 1, "spec": spec, "rows": rows, "entry": 0, "serial": rows});
    let ids: Vec<u8> = (0..rows).flat_map(u32::to_le_bytes).collect();
    let mut row = [0; 16];
    row[0] = 127;
    let (rows, scales) = (row.repeat(count), 1_f32.to_le_bytes().repeat(count));
    let (levels, links) = (
        vec![level; count],
        vec![0; count * (1 + usize::from(level))],
    );
    let sections: [(&str, &[u8]); 5] = [
        ("ids", &ids),
        ("rows", &rows),
        ("scales", &scales),
        ("levels", &levels),
        ("links", &links),
    ];
    pack(Kind::Index, &meta, &sections).unwrap()
}

#[test]
fn a_graph_takes_no_more_memory_than_it_has_links() {
    for (level, code) in [
        (0, None),
        (1, Some(Code::BadFormat)),
        (31, Some(Code::BadFormat)),
    ] {
        let file = graph_without_links(60_000, level);
        let (loaded, largest) = largest_allocation(|| VectorIndex::load(&file));
        assert!(
            largest <= 2 * file.len() + (4 << 20),
            "level {level}: {largest} bytes at once"
        );
        assert_eq!(
            loaded.as_ref().err().map(|error| error.code),
            code,
            "level {level}"
        );
        if let Ok(mut vectors) = loaded {
            assert!(vectors.dump().unwrap() == file);
        }
    }
}

#[test]
fn a_file_of_little_but_structure_takes_no_large_block() {
    for (file, code) in [
        (header_of("0"), Some(Code::BadFormat)),
        (header_of("[]"), Some(Code::BadFormat)),
        (header_of(r#"{"":0}"#), Some(Code::BadFormat)),
        (index_of_least_documents(60_000), None),
    ] {
        let (loaded, largest) = largest_allocation(|| Index::load(&file).map(|_| ()));
        assert_eq!(loaded.err().map(|error| error.code), code);
        let most = 2 * file.len() + (4 << 20);
        assert!(largest <= most, "{largest} bytes at once, {most} allowed");
    }
}

#[test]
fn a_forged_meta_of_an_index_is_refused() {
    let good = Parts::of(&sample_index(5, DIM, 1).dump(None).unwrap());
    let refusal = |parts: &Parts| Index::load(&parts.pack()).map(|_| ()).unwrap_err().code;
    let with = |key: &str, value: Value| {
        let mut meta = good.meta.clone();
        meta[key] = value;
        meta
    };
    let cases = [
        (json!({}), Code::BadFormat),
        (with("extra", json!(1)), Code::BadFormat),
        (with("type", json!("graph")), Code::BadFormat),
        (with("version", json!(4)), Code::WrongVersion),
        (with("version", json!(0)), Code::WrongVersion),
        (with("version", json!(-1)), Code::BadFormat),
        (with("dim", json!(0)), Code::BadFormat),
        (with("dim", json!(7)), Code::BadFormat),
        (with("dim", json!(1_u64 << 32)), Code::BadFormat),
        (with("dim", json!(u64::MAX)), Code::BadFormat),
        (with("dim", json!(null)), Code::BadFormat),
        (with("space", json!(null)), Code::BadFormat),
        (with("space", json!("")), Code::BadFormat),
        (with("user", json!([])), Code::BadFormat),
    ];
    for (meta, code) in cases {
        let mut forged = good.clone();
        forged.meta = meta;
        assert_eq!(refusal(&forged), code, "{}", forged.meta);
    }
    for missing in 0..good.names.len() {
        let mut fewer = good.clone();
        fewer.names.remove(missing);
        fewer.contents.remove(missing);
        assert_eq!(refusal(&fewer), Code::BadFormat);
    }
    let mut model = good.clone();
    model.kind = Kind::Model;
    assert_eq!(refusal(&model), Code::BadFormat);
}

#[test]
fn forged_tables_and_scales_are_refused() {
    let bytes = sample_index(3, DIM, 1).dump(None).unwrap();
    let good = Parts::of(&bytes);
    let forge = |name: &str, at: usize, value: [u8; 4]| good.clone().set(name, at, &value).pack();
    for scale in [
        0.0,
        -1.0,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1e30,
        1e-45,
    ] {
        let forged = forge("scales", 8, scale.to_le_bytes());
        assert_eq!(
            Index::load(&forged).map(|_| ()).unwrap_err().code,
            Code::BadFormat,
            "{scale}"
        );
    }
    for at in (0..36).step_by(4) {
        for edge in [0, 1 << 16, 1 << 31, u32::MAX] {
            let forged = forge("documents", at, edge.to_le_bytes());
            assert_eq!(
                Index::load(&forged).map(|_| ()).unwrap_err().code,
                Code::BadFormat,
                "{at} {edge}"
            );
        }
    }
    // "d1" becomes a second "d0".
    let forged = forge("ids", 0, *b"d0d0");
    assert_eq!(
        Index::load(&forged).map(|_| ()).unwrap_err().code,
        Code::BadFormat
    );
    let forged = forge("ids", 0, [0xff; 4]);
    assert_eq!(
        Index::load(&forged).map(|_| ()).unwrap_err().code,
        Code::BadFormat
    );
    let forged = forge("records", 0, *b"{{{{");
    assert_eq!(
        Index::load(&forged).map(|_| ()).unwrap_err().code,
        Code::BadFormat
    );
}

#[test]
fn a_model_whose_numbers_overflow_gives_no_vectors() {
    let good = Parts::of(&tiny_model(1, ""));
    // The weights of the last norm: the last section's last two rows are its weights and its biases.
    let (dim, last) = (128, good.contents.last().unwrap().len());
    let huge = f32::MAX.to_le_bytes().repeat(dim);
    let overflowing = good.set("layer.0", last - 2 * huge.len(), &huge).pack();

    let mut engine = Engine::new("native");
    engine.load_model(overflowing).unwrap();
    engine.open(br#"{"index":"i"}"#).unwrap();
    for result in [
        engine.embed(br#"{"texts":["fever"],"kind":"query"}"#),
        engine.add(br#"{"index":"i","documents":[{"id":"d","passages":["fever"],"record":{}}]}"#),
        engine.search(br#"{"index":"i","text":"fever"}"#),
    ] {
        assert_eq!(result.unwrap_err().code, Code::BadFormat);
    }
    let records = engine.records(br#"{"index":"i"}"#).unwrap();
    assert_eq!(records, br#"{"records":[]}"#);
}

/// What the caller of `adopt_model` vouches for is not hashed; what the encoder relies on is checked all the same.
#[test]
fn a_model_that_is_adopted_is_checked_in_all_but_its_digests() {
    let good = tiny_model(1, "");
    let sections = Container::parse(&good).unwrap().header().sections.clone();
    let weights = sections.iter().find(|each| each.name == "layer.0").unwrap();
    let damaged = |change: &dyn Fn(&mut u8)| {
        let mut bytes = good.clone();
        change(&mut bytes[weights.offset as usize]);
        let mut engine = Engine::new("native");
        let loaded = engine.load_model(bytes.clone()).unwrap_err();
        assert_eq!(loaded.code, Code::WrongDigest);
        engine.adopt_model(bytes)
    };
    assert!(damaged(&|byte| *byte ^= 1).is_ok());
    let refused = damaged(&|byte| *byte = 0x80).unwrap_err();
    assert_eq!(refused.code, Code::BadFormat);

    let mut engine = Engine::new("native");
    assert_eq!(
        engine.adopt_model(good.clone()).unwrap(),
        engine.load_model(good.clone()).unwrap()
    );
    for end in [0, 15, 700, good.len() - 1] {
        assert!(engine.adopt_model(good[..end].to_vec()).is_err());
    }
}

#[test]
fn an_index_is_no_model_and_a_model_no_index() {
    let index = sample_index(2, DIM, 1).dump(None).unwrap();
    assert_eq!(
        Model::open(index).map(|_| ()).unwrap_err().code,
        Code::BadFormat
    );
    let model = tiny_model(1, "");
    assert_eq!(
        Index::load(&model).map(|_| ()).unwrap_err().code,
        Code::BadFormat
    );
}
