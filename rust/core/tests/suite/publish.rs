//! An index of the engine published, opened from its files piece by piece, and searched.
//!
//! Owns what is asserted; knows no offsets. Invariant: seeded.

use super::support::{Seeded, served};
use findling_core::segment::{POINTER, Whole, segment_of};
use findling_core::{Engine, Result};
use serde_json::{Value, json};

const DIM: usize = 8;

/// Documents of the given numbers, in that order, with words, values and vectors of their own.
fn engine(numbers: &[usize]) -> Engine {
    let words = ["rocket", "fever", "cakes", "moons", "rivers"];
    let mut vectors = Vec::new();
    let mut documents = Vec::new();
    for number in numbers {
        let long = "very ".repeat(if number % 7 == 0 { 210 } else { 1 });
        documents.push(json!({
            "id": format!("d{number:03}"),
            "fields": {
                "title": format!("The {} of number {number}", words[number % 5]),
                "text": format!("{long} {} and {}", words[number % 3], words[number % 4]),
                "tags": ["one", "two"],
            },
            "language": "en",
            "values": {"kind": [words[number % 2]], "year": [1990 + number % 31]},
            "passages": ["a", "b"],
            "record": {"n": number},
        }));
        let given = Seeded(*number as u64).vector(2 * DIM);
        vectors.extend(given.iter().flat_map(|x| x.to_le_bytes()));
    }
    let mut engine = Engine::new("native");
    engine.open(br#"{"index":"i"}"#).unwrap();
    let request = json!({"index": "i", "space": "s", "documents": documents}).to_string();
    engine.add_vectors(request.as_bytes(), &vectors).unwrap();
    engine
}

/// The pointer and the segment of the engine's index.
fn published(engine: &mut Engine) -> [Vec<u8>; 2] {
    let files = engine
        .publish(br#"{"index":"i","meta":{"of":"mine"}}"#)
        .unwrap();
    let (length, files) = files.split_first_chunk::<4>().unwrap();
    let (pointer, segment) = files.split_at(u32::from_be_bytes(*length) as usize);
    [pointer.to_vec(), segment.to_vec()]
}

/// Calls until nothing is lacking.
fn answered(
    engine: &mut Engine,
    files: &[Vec<u8>; 2],
    call: impl FnMut(&mut Engine) -> Result<Vec<u8>>,
) -> Result<Value> {
    let read = |name: &str| {
        assert!(name == POINTER || name == segment_of(&files[0]).unwrap().0);
        files[usize::from(name != POINTER)].as_slice()
    };
    served(engine, read, call)
}

fn open(files: &[Vec<u8>; 2]) -> (Engine, Value) {
    let mut engine = Engine::new("native");
    let request = json!({"index": "p", "file": POINTER, "length": files[0].len()}).to_string();
    let opened = answered(&mut engine, files, |engine| engine.open(request.as_bytes())).unwrap();
    (engine, opened)
}

#[test]
fn the_same_documents_in_any_order_are_the_same_files() {
    let forward: Vec<usize> = (0..60).collect();
    let shuffled: Vec<usize> = (0..60).map(|at| at * 37 % 60).collect();
    let files = published(&mut engine(&forward));
    assert!(files == published(&mut engine(&shuffled)));
    let whole = Whole::open(&files[0], &files[1]).unwrap();
    whole.verify().unwrap();
    let contents = whole.contents().unwrap();
    assert_eq!(contents.documents.len(), 60);
    assert_eq!(
        contents
            .documents
            .iter()
            .filter(|each| each.has_whole)
            .count(),
        9
    );
    let term = contents
        .terms
        .iter()
        .find(|term| term.term == "rocket")
        .unwrap();
    assert!(term.documents.contains(&0) && term.forms[0].form == "rocket");
}

#[test]
fn a_published_index_is_searched_by_words_through_the_engine() {
    let all: Vec<usize> = (0..60).collect();
    let mut local = engine(&all);
    let files = published(&mut local);
    let (mut engine, opened) = open(&files);
    assert_eq!(
        (&opened["documents"], &opened["meta"]["of"]),
        (&json!(60), &json!("mine"))
    );
    assert_eq!(opened["values"], json!(["kind", "year"]));
    let plan = json!({"index": "p", "words": {"text": "cake cakes"}, "limit": 50}).to_string();
    let found = answered(&mut engine, &files, |engine| engine.search(plan.as_bytes())).unwrap();
    let plan = plan.replace("\"p\"", "\"i\"");
    let expected: Value = serde_json::from_slice(&local.search(plan.as_bytes()).unwrap()).unwrap();
    let ids = |found: &Value| -> Vec<String> {
        let hits = found["hits"].as_array().unwrap().iter();
        let mut ids: Vec<String> = hits.map(|hit| hit["id"].to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&found), ids(&expected));
    assert_eq!(found["exact"], json!(true));
    let (first, best) = (&found["hits"][0], &expected["hits"][0]);
    let score = |hit: &Value| hit["score"].as_f64().unwrap();
    assert!((score(first) - score(best)).abs() < 0.1, "{first} {best}");
    assert!(first["record"]["n"].is_number() && first["legs"]["words"].is_number());
    engine.close(br#"{"index":"p"}"#).unwrap();
    assert_eq!(
        engine.search(plan.as_bytes()).unwrap_err().code(),
        "not_found"
    );
}

#[test]
fn typing_errors_are_corrected_as_in_memory() {
    let all: Vec<usize> = (0..60).collect();
    let mut local = engine(&all);
    let files = published(&mut local);
    let (mut engine, _) = open(&files);
    for (text, corrected) in [
        ("rocekt fever", true),
        ("ROCKETT! and moms", true),
        ("vry cakse rievrs", true),
        ("rocket cakes", false),
        ("xylophone rcket7", false),
        ("", false),
    ] {
        let plan = json!({"index": "p", "words": {"text": text, "correct": true}, "limit": 60});
        let found = answered(&mut engine, &files, |engine| {
            engine.search(plan.to_string().as_bytes())
        });
        let found = found.unwrap();
        let plan = plan.to_string().replace("\"p\"", "\"i\"");
        let expected = local.search(plan.as_bytes()).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        assert_eq!(found["corrections"], expected["corrections"], "{text}");
        assert_eq!(found["corrections"].is_array(), corrected, "{text}");
    }
}

#[test]
fn words_that_may_be_mistyped_are_looked_up_together_with_the_others() {
    let all: Vec<usize> = (0..900).collect();
    let files = published(&mut engine(&all));
    let rounds = |text: &str, correct: bool| {
        let (mut engine, _) = open(&files);
        let plan = json!({"index": "p", "words": {"text": text, "correct": correct}}).to_string();
        let (mut rounds, mut read) = (0, 0);
        let mut seen: Vec<(u64, u64)> = Vec::new();
        answered(&mut engine, &files, |engine| {
            let reply = engine.search(plan.as_bytes())?;
            let parsed: Value = serde_json::from_slice(&reply).unwrap();
            for need in parsed["need"].as_array().into_iter().flatten() {
                let (start, length) = (need["offset"].as_u64(), need["length"].as_u64());
                let (start, end) = (start.unwrap(), start.unwrap() + length.unwrap());
                assert!(seen.iter().all(|each| each.1 <= start || end <= each.0));
                seen.push((start, end));
                read += end - start;
            }
            rounds += usize::from(parsed["need"].is_array());
            Ok(reply)
        })
        .unwrap();
        (rounds, read)
    };
    // Numbers are never corrected, and stand in another leaf.
    assert_eq!(rounds("rocket 217", true), rounds("rocket 217", false));
    assert!(rounds("rocekt 217", true).0 <= rounds("rocket 217", true).0 + 2);
}

/// The reply of the engine that reads in pieces, and that of the one that has the index.
fn both_replies(
    remote: &mut Engine,
    files: &[Vec<u8>; 2],
    local: &mut Engine,
    plan: &Value,
) -> [Value; 2] {
    let mut plan = plan.clone();
    plan["index"] = json!("p");
    let found = answered(remote, files, |engine| {
        engine.search(plan.to_string().as_bytes())
    });
    plan["index"] = json!("i");
    let expected = local.search(plan.to_string().as_bytes()).unwrap();
    [found.unwrap(), serde_json::from_slice(&expected).unwrap()]
}

fn ids(reply: &Value) -> Vec<&str> {
    let hits = reply["hits"].as_array().unwrap().iter();
    hits.map(|hit| hit["id"].as_str().unwrap()).collect()
}

#[test]
fn pieces_find_what_the_whole_index_finds() {
    let all: Vec<usize> = (0..90).map(|at| at * 37 % 90).collect();
    let mut local = engine(&all);
    let files = published(&mut local);
    let (mut remote, _) = open(&files);
    let kind = json!({"field": "kind", "any": ["rocket"]});
    let year = json!({"field": "year", "any": [{"min": 1995, "max": 2010}]});
    let facets = json!([{"field": "kind"}, {"field": "year", "limit": 3}, {"field": "none"}]);
    let year_first = json!([{"field": "year", "order": "desc"}, {"field": "kind"}]);
    for (plan, is_empty) in [
        (
            json!({"words": {"text": "rocket"}, "filter": kind, "facets": facets}),
            false,
        ),
        (
            json!({"words": {"text": "fever cakes"}, "filter": {"and": [kind, year]}, "facets": facets}),
            false,
        ),
        (
            json!({"words": {"text": "moons"}, "filter": {"not": year}}),
            false,
        ),
        (
            json!({"words": {"text": ""}, "filter": year, "facets": facets}),
            false,
        ),
        (
            json!({"words": {"text": ""}, "offset": 7, "limit": 9}),
            false,
        ),
        (
            json!({"words": {"text": "rocket"}, "filter": {"field": "kind", "any": ["nothing"]}}),
            true,
        ),
        (
            json!({"words": {"text": "rivers rocket"}, "sort": year_first}),
            false,
        ),
        (
            json!({"words": {"text": "rivers rocket"}, "sort": year_first, "offset": 5, "limit": 4}),
            false,
        ),
        (
            json!({"words": {"phrases": [{"text": "the rocket of"}]}}),
            false,
        ),
        (
            json!({"words": {"phrases": [{"text": "rocket the"}]}}),
            true,
        ),
        (
            json!({"words": {"phrases": [{"text": "rockets of number", "field": "title"}]}}),
            false,
        ),
        (
            json!({"words": {"phrases": [{"text": "rocket of", "field": "text"}]}}),
            true,
        ),
        (
            json!({"words": {"text": "number", "in": [{"text": "cakes", "field": "title"}]}}),
            false,
        ),
        (
            json!({"words": {"text": "number", "in": [{"text": "one", "field": "tags"}], "not": [{"text": "cakes"}]}}),
            false,
        ),
        (
            json!({"words": {"text": "number", "not": [{"text": "rocket and"}, {"text": "moons", "field": "title"}]}}),
            false,
        ),
        (
            json!({"words": {"text": "fever", "phrases": [{"text": "one two"}]}}),
            true,
        ),
        (json!({"words": {"text": "roc", "typing": true}}), false),
        (
            json!({"words": {"text": "the riv", "typing": true}, "facets": facets}),
            false,
        ),
        (json!({"words": {"text": "xyz", "typing": true}}), true),
    ] {
        let mut plan = plan;
        if plan["limit"].is_null() {
            plan["limit"] = json!(90);
        }
        let [found, expected] = both_replies(&mut remote, &files, &mut local, &plan);
        let (mut own, mut others) = (ids(&found), ids(&expected));
        assert_eq!(own.is_empty(), is_empty, "{plan}");
        assert_eq!(found["total"], expected["total"], "{plan}");
        assert_eq!(found["exact"], json!(true), "{plan}");
        assert_eq!(found["facets"], expected["facets"], "{plan}");
        if plan["sort"].is_null() && plan["words"]["text"] != json!("") {
            own.sort_unstable();
            others.sort_unstable();
        }
        assert_eq!(own, others, "{plan}");
    }
}

#[test]
fn a_hit_in_pieces_is_explained_by_what_adds_up() {
    let all: Vec<usize> = (0..60).collect();
    let mut local = engine(&all);
    let files = published(&mut local);
    let (mut remote, _) = open(&files);
    let plan = json!({"words": {"text": "rocket fever"}, "explain": true, "limit": 60});
    let [found, expected] = both_replies(&mut remote, &files, &mut local, &plan);
    assert_eq!(found["explain"], expected["explain"]);
    for hit in found["hits"].as_array().unwrap() {
        let leg = &hit["explain"]["words"];
        let terms = leg["terms"].as_array().unwrap().iter();
        let sum: f64 = terms
            .map(|term| term["contribution"].as_f64().unwrap())
            .sum();
        assert!((sum - hit["score"].as_f64().unwrap()).abs() < 1e-6, "{hit}");
        assert!(
            (sum - leg["contribution"].as_f64().unwrap()).abs() < 1e-6,
            "{hit}"
        );
    }
}

#[test]
fn impacts_of_what_was_not_published_are_refused() {
    let mut engine = engine(&[1, 2, 3]);
    let plan = br#"{"index":"i","words":{"text":"cake"},"precision":"impacts"}"#;
    assert_eq!(engine.search(plan).unwrap_err().code(), "unsupported");
    let plan = br#"{"index":"i","words":{"text":"cake"},"precision":"exact"}"#;
    assert!(engine.search(plan).is_ok());
}

#[test]
fn what_needs_more_than_is_read_in_pieces_is_refused_by_name() {
    let files = published(&mut engine(&[1, 2, 3]));
    let (mut engine, _) = open(&files);
    for plan in [
        json!({"index": "p", "like": "d001"}),
        json!({"index": "p", "vector": vec![1.0; DIM]}),
        json!({"index": "p", "words": {"text": "cake"}, "precision": "exact"}),
    ] {
        let error = answered(&mut engine, &files, |engine| {
            engine.search(plan.to_string().as_bytes())
        });
        assert_eq!(error.unwrap_err().code(), "unsupported", "{plan}");
    }
    let other = json!({"index": "p", "vector": [1.0], "space": "other"}).to_string();
    let error = answered(&mut engine, &files, |engine| {
        engine.search(other.as_bytes())
    });
    assert_eq!(error.unwrap_err().code(), "wrong_space");
}
