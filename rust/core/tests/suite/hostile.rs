//! Hostile files: whatever the bytes are, a typed error or the same answers, and no large allocation.

use super::memory::largest_allocation;
use super::support::{Parts, Seeded, sample_index, tiny_model};
use findling_core::codes::quantize_query;
use findling_core::file::Answer;
use findling_core::format::Kind;
use findling_core::index::{Filter, Found, Index};
use findling_core::model::Model;
use findling_core::{Code, Engine, Result};
use serde_json::{Value, json};

const DIM: usize = 8;
/// What an error with its message and a small table may take, whatever the size of the file.
const ALLOWANCE: usize = 64 << 10;

const EDGES: [u32; 12] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
];

fn search(index: &mut Index) -> Result<Vec<Found>> {
    let query = quantize_query(&Seeded(77).vector(DIM)).unwrap();
    match index.search(&query, 1.0, &Filter::All, 5)? {
        Answer::Ready(found) => Ok(found),
        Answer::Need(_) => panic!("a loaded index needs nothing"),
    }
}

fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::BadFormat | Code::WrongDigest | Code::WrongVersion | Code::WrongDim
    )
}

/// Loads and uses everything; gives the hits.
fn use_all(bytes: &[u8]) -> Result<Vec<Found>> {
    let mut index = Index::load(bytes)?;
    let found = search(&mut index)?;
    assert!(found.iter().all(|found| found.score.is_finite()));
    let every: Vec<usize> = (0..index.documents()).collect();
    index.records(&every)?;
    assert!(index.number("no such document").is_none());
    let dumped = index.dump(None).unwrap();
    assert_eq!(Index::load(&dumped).unwrap().dump(None).unwrap(), dumped);
    index.remove(["d0", "d1"].into_iter())?;
    search(&mut index)?;
    Ok(found)
}

fn mutate(bytes: &mut Vec<u8>, seeded: &mut Seeded) {
    if bytes.is_empty() {
        bytes.push(seeded.next() as u8);
        return;
    }
    let at = seeded.below(bytes.len());
    match seeded.below(7) {
        0 => bytes[at] ^= 1 << seeded.below(8),
        1 => bytes[at] = seeded.next() as u8,
        2 => bytes.truncate(at),
        3 => {
            let more = bytes.len() + 1 + seeded.below(130);
            bytes.resize(more, seeded.next() as u8);
        }
        4 | 5 => {
            let at = at / 4 * 4;
            let edge = EDGES[seeded.below(EDGES.len())].to_le_bytes();
            let end = bytes.len().min(at + 4);
            bytes[at..end].copy_from_slice(&edge[..end - at]);
        }
        _ => {
            let other = seeded.below(bytes.len());
            bytes[at.min(other)..at.max(other)].fill(0);
        }
    }
}

#[test]
fn a_damaged_index_is_refused() {
    let bytes = sample_index(12, DIM, 1).dump(None).unwrap();
    let mut seeded = Seeded(2);
    for round in 0..20_000 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + seeded.below(3) {
            mutate(&mut damaged, &mut seeded);
        }
        if damaged == bytes {
            continue;
        }
        let (loaded, largest) = largest_allocation(|| Index::load(&damaged).map(|_| ()));
        assert!(is_refusal(loaded.unwrap_err().code), "round {round}");
        assert!(
            largest <= 2 * damaged.len() + ALLOWANCE,
            "round {round}: {largest}"
        );
    }
}

#[test]
fn a_forged_index_with_right_digests_is_refused_or_harmless() {
    let bytes = sample_index(12, DIM, 1).dump(None).unwrap();
    let good = Parts::of(&bytes);
    let mut seeded = Seeded(3);
    let mut harmless = 0;
    for round in 0..20_000 {
        let mut parts = good.clone();
        for _ in 0..1 + seeded.below(2) {
            let section = seeded.below(parts.contents.len());
            if seeded.below(8) == 0 {
                let other = seeded.below(parts.contents.len());
                parts.contents.swap(section, other);
            } else {
                mutate(&mut parts.contents[section], &mut seeded);
            }
        }
        let forged = parts.pack();
        let (used, largest) = largest_allocation(|| use_all(&forged));
        match used {
            Ok(_) => harmless += 1,
            Err(error) => assert!(is_refusal(error.code), "round {round}: {error}"),
        }
        assert!(
            largest <= 2 * forged.len() + ALLOWANCE,
            "round {round}: {largest}"
        );
    }
    // Other codes, ids or records of the same lengths are another index, not a broken one.
    assert!(harmless > 1000, "{harmless}");
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
        (with("version", json!(2)), Code::WrongVersion),
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
fn a_forged_model_is_refused_or_harmless() {
    let bytes = tiny_model(1, "");
    let good = Parts::of(&bytes);
    let keys: Vec<String> = good.meta.as_object().unwrap().keys().cloned().collect();
    let mut seeded = Seeded(4);
    for round in 0..400 {
        let mut parts = good.clone();
        if seeded.below(2) == 0 {
            let key = &keys[seeded.below(keys.len())];
            let value = [
                json!(null),
                json!(0),
                json!(1),
                json!(-1),
                json!(1e300),
                json!(u64::MAX),
                json!(1_u64 << 40),
                json!(""),
                json!([]),
                json!({}),
            ];
            parts.meta[key] = value[seeded.below(value.len())].clone();
        } else {
            let section = seeded.below(parts.contents.len());
            mutate(&mut parts.contents[section], &mut seeded);
        }
        let forged = parts.pack();
        let mut engine = Engine::new("native");
        let length = forged.len();
        let (loaded, largest) = largest_allocation(|| engine.load_model(forged));
        assert!(
            largest <= 2 * length + ALLOWANCE,
            "round {round}: {largest}"
        );
        match loaded {
            Err(error) => assert!(
                matches!(error.code, Code::BadFormat | Code::Unsupported),
                "round {round}: {error}"
            ),
            Ok(_) => {
                let texts = br#"{"texts":["fever!","","the rocket to the moon"],"kind":"query"}"#;
                if let Err(error) = engine.embed(texts) {
                    assert_eq!(error.code, Code::BadFormat, "round {round}: {error}");
                }
            }
        }
    }
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
