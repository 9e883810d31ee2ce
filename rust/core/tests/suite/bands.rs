//! Which scores are good ones in a collection: what is learned, where it is kept, and what a search says of it.
//!
//! Owns what is asserted; knows no thresholds. Invariant: seeded.

use super::support::tiny_model;
use findling_core::{Code, Engine, Result, inspect};
use serde_json::{Value, json};

const TITLES: [&str; 6] = [
    "fever and cake",
    "rocket to the moon",
    "moon cake",
    "sick of fever",
    "a b c",
    "the rocket",
];

fn engine(order: impl Iterator<Item = usize>) -> Engine {
    let mut engine = Engine::new("native");
    engine.load_model(tiny_model(3, "")).unwrap();
    engine.open(br#"{"index":"i"}"#).unwrap();
    let documents: Vec<Value> = order
        .map(|number| {
            let title = TITLES[number % TITLES.len()];
            json!({
                "id": format!("d{number}"),
                "fields": {"title": title, "text": "a cake"},
                "language": "en",
                "passages": [title],
                "record": number,
            })
        })
        .collect();
    let request = json!({"index": "i", "documents": documents}).to_string();
    engine.add(request.as_bytes()).unwrap();
    engine
}

fn meta(file: &[u8]) -> Value {
    let header: Value = serde_json::from_slice(&inspect(file).unwrap()).unwrap();
    header["meta"].clone()
}

fn searched(engine: &mut Engine, index: &str, more: Value) -> Value {
    let mut plan = json!({"index": index, "limit": 30});
    for (key, value) in more.as_object().unwrap() {
        plan[key] = value.clone();
    }
    serde_json::from_slice(&engine.search(plan.to_string().as_bytes()).unwrap()).unwrap()
}

#[test]
fn bands_are_learned_when_they_are_asked_for_and_do_not_depend_on_the_order_of_adding() {
    let (mut one, mut other) = (engine(0..20), engine((0..20).rev()));
    let plain = one.dump(br#"{"index":"i"}"#).unwrap();
    assert_eq!(meta(&plain)["bands"], Value::Null);
    let request = br#"{"index":"i","calibrate":true}"#;
    let bands = meta(&one.dump(request).unwrap())["bands"].clone();
    assert!(bands["words"].is_array() && bands["static"].is_null());
    assert_eq!(meta(&other.dump(request).unwrap())["bands"], bands);
    // They are kept from then on, and go into what is published.
    assert_eq!(
        meta(&one.dump(br#"{"index":"i"}"#).unwrap())["bands"],
        bands
    );
    let files = one.publish(br#"{"index":"i"}"#).unwrap();
    let length = u32::from_be_bytes(*files.first_chunk::<4>().unwrap()) as usize;
    assert_eq!(meta(&files[4..4 + length])["bands"], bands);
}

#[test]
fn hits_say_how_good_they_are_by_the_scores_of_their_collection() {
    let mut engine = engine(0..20);
    let file = engine.dump(br#"{"index":"i","calibrate":true}"#).unwrap();
    let bands = meta(&file)["bands"].clone();
    let words = json!({"text": "moon"});
    for (plan, cuts) in [
        (json!({"text": "moon"}), &bands["model"]["meaning"]),
        (
            json!({"text": "moon", "words": words}),
            &bands["model"]["both"],
        ),
        (json!({"words": words}), &bands["words"]),
    ] {
        let reply = searched(&mut engine, "i", plan);
        let hits = reply["hits"].as_array().unwrap();
        let band = |score: f64| match score {
            score if score >= cuts[1].as_f64().unwrap() => "strong",
            score if score >= cuts[0].as_f64().unwrap() => "fair",
            _ => "weak",
        };
        for hit in hits {
            assert_eq!(hit["band"], band(hit["score"].as_f64().unwrap()), "{hit}");
        }
        assert_eq!(reply["close"], json!(hits[0]["band"] != "weak"));
    }
    // Whether anything is close is no matter of the page or the order that is shown.
    let plan = json!({"text": "moon", "words": {"text": "moon"}});
    let close = searched(&mut engine, "i", plan.clone())["close"].clone();
    let mut later = plan.clone();
    later["offset"] = json!(15);
    assert_eq!(searched(&mut engine, "i", later)["close"], close);
    let mut sorted = plan;
    sorted["sort"] = json!([{"field": "n"}]);
    assert_eq!(searched(&mut engine, "i", sorted)["close"], close);
}

#[test]
fn nothing_is_close_where_nothing_is_found() {
    let mut engine = engine(0..20);
    engine.dump(br#"{"index":"i","calibrate":true}"#).unwrap();
    let reply = searched(&mut engine, "i", json!({"words": {"text": "zebra"}}));
    assert_eq!(
        (&reply["total"], &reply["close"]),
        (&json!(0), &json!(false))
    );
}

#[test]
fn scores_of_another_kind_have_no_band() {
    let mut engine = engine(0..20);
    engine.dump(br#"{"index":"i","calibrate":true}"#).unwrap();
    for plan in [
        json!({"like": "d3"}),
        json!({"words": {"text": ""}}),
        json!({"text": "moon", "words": {"text": "moon"}, "weights": {"words": 1}}),
    ] {
        let reply = searched(&mut engine, "i", plan);
        assert!(reply.get("close").is_none() && reply["hits"][0].get("band").is_none());
    }
}

#[test]
fn bands_come_back_from_a_file_and_damaged_ones_are_refused() {
    let mut first = engine(0..20);
    let file = first.dump(br#"{"index":"i","calibrate":true}"#).unwrap();
    let bands = meta(&file)["bands"].clone();
    let files = first.publish(br#"{"index":"i"}"#).unwrap();
    let (length, files) = files.split_first_chunk::<4>().unwrap();
    let (pointer, segment) = files.split_at(u32::from_be_bytes(*length) as usize);
    let mut second = engine(0..0);
    for (name, file) in [("flat", &file[..]), ("pointer", pointer)] {
        let mut answered = |method: fn(&mut Engine, &[u8]) -> Result<Vec<u8>>, request: Value| loop {
            let reply = method(&mut second, request.to_string().as_bytes()).unwrap();
            let needs = serde_json::from_slice::<Value>(&reply).unwrap_or_default();
            let Some(needs) = needs["need"].as_array() else {
                return reply;
            };
            for need in needs {
                let source = need["file"].as_str().unwrap();
                let bytes = if source == name { file } else { segment };
                let start = need["offset"].as_u64().unwrap() as usize;
                let end = start + need["length"].as_u64().unwrap() as usize;
                let bytes = bytes[start..end].to_vec();
                second.provide(source, start as f64, bytes).unwrap();
            }
        };
        let length = file.len();
        let open = json!({"index": name, "file": name, "length": length, "whole": true});
        answered(Engine::open, open);
        let again = answered(Engine::dump, json!({"index": name}));
        assert_eq!(meta(&again)["bands"], bands);
    }
    let mut parts = super::support::Parts::of(&file);
    parts.meta["bands"]["words"] = json!([0.5, 0.4]);
    let error = findling_core::index::Index::load(&parts.pack()).unwrap_err();
    assert_eq!(error.code, Code::BadFormat);
}

#[test]
fn a_collection_cannot_be_calibrated_without_a_model() {
    let mut engine = Engine::new("native");
    engine.open(br#"{"index":"i"}"#).unwrap();
    let error = engine
        .dump(br#"{"index":"i","calibrate":true}"#)
        .unwrap_err();
    assert_eq!(error.code, Code::NotReady);
}
