//! Collections with live segments and tombstones read in pieces, against the same ones opened whole.
//!
//! Owns what is asserted; knows no offsets. Invariant: seeded.

use super::collection::disk;
use super::disk::{answered, open};
use super::segments::{DIM, files, query, shorten};
use super::support::sample_index;
use findling_core::file::Answer;
use findling_core::index::Index;
use findling_core::pieces::short;
use findling_core::segment::{
    Contents, Found, Layout, POINTER, Pointer, Query, Remote, SegmentFile,
};
use findling_core::{Code, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn ids(reply: &Value) -> Vec<&str> {
    let hits = reply["hits"].as_array().unwrap().iter();
    let mut ids: Vec<&str> = hits.map(|hit| hit["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn pieces_and_live_segments_find_what_the_whole_finds() {
    let (mut whole, all) = open(disk(), true).unwrap();
    let (mut pieces, opened) = open(disk(), false).unwrap();
    assert_eq!(
        [&opened["documents"], &opened["values"]],
        [&all["documents"], &json!(["kind", "year"])]
    );
    let kind = json!({"field": "kind", "any": ["fever", "boats"]});
    let facets = json!([{"field": "kind"}, {"field": "year"}, {"field": "none"}]);
    let year = json!([{"field": "year", "order": "desc"}]);
    for plan in [
        json!({"words": {"text": "rocket boats"}, "facets": facets}),
        json!({"words": {"text": "rocket"}, "filter": kind, "facets": facets}),
        json!({"words": {"text": "fever"}, "filter": {"not": kind}}),
        json!({"words": {"text": ""}, "facets": facets}),
        json!({"words": {"text": ""}, "filter": kind, "sort": year, "limit": 50}),
        json!({"words": {"text": "harbour", "not": [{"text": "rocket"}]}}),
        json!({"words": {"phrases": [{"text": "boat rocket"}]}}),
        json!({"words": {"phrases": [{"text": "fever rocket", "field": "text"}]}}),
        json!({"words": {"text": "node.js", "in": [{"text": "boats", "field": "title"}]}}),
        json!({"words": {"text": "harb", "typing": true}}),
        json!({"words": {"text": "rokcet hrabour", "correct": true}}),
        json!({"words": {"text": "nothing"}}),
        json!({"words": {"text": "boats"}, "filter": {"ids": ["d03", "d21", "none", "d40"]}}),
        json!({"words": {"text": "boats"}, "filter": {"not": {"ids": ["d03", "d21"]}}, "facets": facets}),
        json!({"words": {"text": ""}, "filter": {"and": [kind, {"ids": ["d00", "d05", "d11", "d12", "d31"]}]}}),
    ] {
        let mut plan = plan;
        (plan["index"], plan["limit"]) = (json!("i"), json!(50));
        let ask = |engine: &mut findling_core::Engine, precision: Value, explain: bool| {
            let mut plan = plan.clone();
            (plan["precision"], plan["explain"]) = (precision, json!(explain));
            let plan = plan.to_string();
            answered(engine, disk(), |engine| engine.search(plan.as_bytes())).unwrap()
        };
        let found = ask(&mut pieces, Value::Null, false);
        let expected = ask(&mut whole, json!("exact"), false);
        assert_eq!(ids(&found), ids(&expected), "{plan}");
        for key in ["total", "exact", "facets", "corrections"] {
            assert_eq!(found[key], expected[key], "{key} {plan}");
        }
        // At the same precision all is the same: which hits, in which order, with which scores.
        let by_impacts = ask(&mut whole, json!("impacts"), false);
        assert_eq!(by_impacts, found, "{plan}");
        assert_eq!(ask(&mut pieces, json!("impacts"), false), found, "{plan}");
        let told = ask(&mut whole, json!("impacts"), true);
        for hit in told["hits"].as_array().unwrap() {
            let terms = hit["explain"]["words"]["terms"].as_array().unwrap().iter();
            let each = terms.map(|term| term["contribution"].as_f64().unwrap());
            let (sum, score) = (each.sum::<f64>(), hit["score"].as_f64().unwrap());
            assert!((sum - score).abs() < 1e-6, "{hit}");
        }
        if !found["hits"][0].is_null() {
            assert!(found["hits"][0]["record"]["id"].is_number());
        }
    }
    // Pages follow each other without holes, live documents among the others.
    let page = |engine: &mut findling_core::Engine, offset: usize, limit: usize| {
        let plan = json!({"index": "i", "words": {"text": "rocket boats fever"}, "offset": offset, "limit": limit});
        answered(engine, disk(), |engine| {
            engine.search(plan.to_string().as_bytes())
        })
        .unwrap()
    };
    let all = page(&mut pieces, 0, 50);
    let (first, second) = (page(&mut pieces, 0, 7), page(&mut pieces, 7, 43));
    let both = [
        first["hits"].as_array().unwrap().clone(),
        second["hits"].as_array().unwrap().clone(),
    ];
    assert_eq!(json!(both.concat().len()), all["total"]);
    let mut joined = both.concat();
    joined.sort_by_key(|hit| hit["id"].to_string());
    let mut expected = all["hits"].as_array().unwrap().clone();
    expected.sort_by_key(|hit| hit["id"].to_string());
    assert_eq!(joined, expected);
}

/// The hits that are what was asked for by title or id.
fn exact(reply: &Value) -> Vec<(String, f64)> {
    let hits = reply["hits"].as_array().unwrap().iter();
    let exact = hits.filter(|hit| !hit["explain"]["exact"].is_null());
    let mut exact: Vec<(String, f64)> = exact
        .map(|hit| {
            let lift = &hit["explain"]["exact"]["contribution"];
            (hit["id"].to_string(), lift.as_f64().unwrap())
        })
        .collect();
    exact.sort_by(|a, b| a.0.cmp(&b.0));
    exact
}

#[test]
fn titles_and_ids_come_first_in_pieces_as_in_the_whole() {
    let (mut whole, _) = open(disk(), true).unwrap();
    let (mut pieces, _) = open(disk(), false).unwrap();
    let words = [
        "Rocket", "fever", "boats", "boat", "ete", "node.js", "harbour",
    ];
    let pairs = words
        .iter()
        .flat_map(|one| words.map(|other| format!("{one}, {other}")));
    let ids = (0..45).map(|id| format!(" d{id:02} "));
    let (mut titled, mut named) = (0, 0);
    for text in pairs.chain(ids).chain(["rokcet fever".to_owned()]) {
        let words = json!({"text": text, "correct": text.starts_with("rok")});
        let plan = json!({"index": "i", "words": words, "limit": 50, "explain": true}).to_string();
        let ask = |engine: &mut findling_core::Engine| {
            answered(engine, disk(), |engine| engine.search(plan.as_bytes())).unwrap()
        };
        let (found, expected) = (ask(&mut pieces), ask(&mut whole));
        assert_eq!(exact(&found), exact(&expected), "{text}");
        assert_eq!(found["total"], expected["total"], "{text}");
        match text.starts_with(' ') {
            true => named += exact(&found).len(),
            false => titled += exact(&found).len(),
        }
        if !exact(&found).is_empty() {
            assert!(!found["hits"][0]["explain"]["exact"].is_null());
        }
    }
    assert!(titled > 9 && named > 9, "{titled} {named}");
}

/// Reads from files by name until nothing is lacking.
fn served<T>(
    remote: &mut Remote,
    files: &BTreeMap<String, Vec<u8>>,
    mut call: impl FnMut(&mut Remote) -> Result<Answer<T>>,
) -> (T, usize) {
    for rounds in 0..20 {
        let needs = match call(remote).unwrap() {
            Answer::Ready(ready) => return (ready, rounds),
            Answer::Need(needs) => needs,
        };
        for need in needs {
            let range = need.offset as usize..(need.offset + need.length) as usize;
            assert!(remote.wants(&need.file, need.offset, range.len()));
            remote.provide(&need.file, need.offset, files[&need.file][range].to_vec());
        }
    }
    panic!("the same needs come again and again");
}

fn searched(files: &BTreeMap<String, Vec<u8>>, query: &Query) -> Found {
    let mut remote = Remote::new(POINTER, files[POINTER].len() as u64);
    let (_, rounds) = served(&mut remote, files, Remote::open);
    assert_eq!(
        rounds, 2,
        "the pointer, and then all that is needed at once"
    );
    remote.shorten_live(&shorten);
    served(&mut remote, files, |remote| remote.search(query)).0
}

/// The direction of a document in the short space, by the short codes of its rows.
fn direction(index: &Index, id: &str) -> Vec<f32> {
    let contents = index.clone().contents().unwrap();
    let at = contents
        .documents
        .iter()
        .position(|each| each.id == id)
        .unwrap();
    let first: usize = contents.documents[..at]
        .iter()
        .map(|each| each.rows())
        .sum();
    let document = &contents.documents[at];
    let passages = document.passages as usize;
    let rows = match document.has_whole {
        true => first + passages..first + passages + 1,
        false => first..first + passages,
    };
    let mut sum = vec![0.0; 256];
    for row in rows {
        let codes = contents.codes[row * DIM..(row + 1) * DIM].iter();
        let vector: Vec<f32> = codes
            .map(|code| f32::from(*code) * contents.scales[row])
            .collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        let unit: Vec<f32> = vector.iter().map(|x| x / length).collect();
        let short = short::dequantize(&shorten(&unit).unwrap());
        sum.iter_mut().zip(short).for_each(|(sum, x)| *sum += x);
    }
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    sum.iter().map(|x| x / length).collect()
}

/// A published collection of these contents.
fn published(contents: &Contents) -> BTreeMap<String, Vec<u8>> {
    let [segment, pointer] = files(contents, Layout::One);
    let name = Pointer::parse(&pointer).unwrap().segments[0].file.clone();
    BTreeMap::from([(POINTER.to_owned(), pointer), (name, segment)])
}

#[test]
fn documents_of_live_segments_are_as_near_as_if_they_had_been_published() {
    let all = sample_index(40, DIM, 4);
    let numbers: Vec<usize> = (0..40).collect();
    let mut files = published(&all.picked(&numbers[..28]).unwrap().contents().unwrap());
    let mut pointer = Pointer::parse(&files[POINTER]).unwrap();
    let (first, gone) = (&mut pointer.segments[0], vec![3, 9]);
    (first.live, first.main) = (Some(false), Some("en".to_owned()));
    first.count(28, gone.len());
    // Which ids those are that are gone is what the whole says.
    let whole = findling_core::segment::Whole::open(&files[POINTER], &files[&first.file]).unwrap();
    let contents = whole.contents().unwrap();
    let by_id = whole.numbers().unwrap();
    let lost = by_id
        .iter()
        .zip(&contents.documents)
        .filter(|(number, _)| gone.contains(number));
    let mut lost: Vec<String> = lost.map(|(_, document)| document.id.clone()).collect();
    pointer.gone = vec![gone];
    for (number, some) in [&numbers[28..34], &numbers[34..]].into_iter().enumerate() {
        let bytes = all.picked(some).unwrap().dump_documents().unwrap();
        let file = SegmentFile::live(&bytes, 6, number).unwrap();
        files.insert(file.file.clone(), bytes);
        pointer.segments.push(file);
        pointer.gone.push(vec![2; number]);
    }
    lost.push(format!("d{}", 34 + 2));
    files.insert(POINTER.to_owned(), pointer.write().unwrap());
    let mut living = all.clone();
    living.remove(lost.iter().map(String::as_str)).unwrap();
    let others = published(&living.contents().unwrap());
    let vector: Vec<f32> = (0..256).map(|at| ((at * 7) % 5) as f32 - 1.7).collect();
    let mut query = query(&[], Some(vector), 50);
    (query.asks_words, query.weights) = (false, (1.0, 0.0));
    let near = |found: &Found| -> Vec<(String, f64, Option<f64>)> {
        let hits = found.hits.iter();
        hits.map(|hit| (hit.id.clone(), hit.score, hit.meaning))
            .collect()
    };
    let (found, expected) = (searched(&files, &query), searched(&others, &query));
    assert_eq!(near(&found), near(&expected));
    assert_eq!((found.total, found.exact), (37, true));
    // Some of them stand in live segments, some in the published one.
    let left: Vec<String> = numbers.iter().map(|n| format!("d{n}")).collect();
    let left: Vec<&str> = left
        .iter()
        .filter(|id| !lost.contains(id))
        .map(String::as_str)
        .collect();
    for id in [left[1], left[17], left[27], left[35]] {
        query.vector = None;
        query.like = Some(id.to_owned());
        let (found, expected) = (searched(&files, &query), searched(&others, &query));
        assert_eq!((near(&found), found.total), (near(&expected), 36));
        let (contents, vector) = (living.contents().unwrap(), direction(&living, id));
        query.like = None;
        query.vector = Some(vector);
        let mut expected = near(&searched(&published(&contents), &query));
        expected.retain(|hit| hit.0 != id);
        let found = near(&found);
        assert!(found.len() == expected.len());
        for (one, other) in found.iter().zip(&expected) {
            assert!((one.1 - other.1).abs() < 1e-3, "{one:?} {other:?}");
        }
    }
    let mut remote = Remote::new(POINTER, files[POINTER].len() as u64);
    served(&mut remote, &files, Remote::open);
    for (id, code) in [
        (left[35], Code::Unsupported),
        (lost[0].as_str(), Code::NotFound),
    ] {
        query.like = Some(id.to_owned());
        let error = loop {
            match remote.search(&query) {
                Err(error) => break error.code,
                Ok(Answer::Ready(_)) => panic!("{id} has no codes"),
                Ok(Answer::Need(needs)) => {
                    for need in needs {
                        let range = need.offset as usize..(need.offset + need.length) as usize;
                        let bytes = files[&need.file][range].to_vec();
                        remote.provide(&need.file, need.offset, bytes);
                    }
                }
            }
        };
        assert_eq!(error, code);
    }
    let is_live =
        |hit: &findling_core::segment::Hit| numbers[28..].iter().any(|n| hit.id == format!("d{n}"));
    assert_eq!(found.hits.iter().filter(|hit| is_live(hit)).count(), 11);
}
