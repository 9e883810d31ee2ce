//! Published collections that are read whole: an index like any other.
//!
//! Owns what is asserted; knows nothing of the format. Invariant: what was published is found with the scores it had.

use super::segments::files;
use super::support::{Seeded, entry, sample_index, space};
use findling_core::analysis::Language;
use findling_core::codes::quantize_query;
use findling_core::file::Answer;
use findling_core::index::{Ask, Buffers, Entry, Index};
use findling_core::segment::{Contents, Layout, segment_of};
use findling_core::words::{Clause, Request, Source};
use findling_core::{Code, Engine};
use serde_json::{Map, Value, json};

const DIM: usize = 24;

#[test]
fn contents_become_an_index_that_finds_what_was_found() {
    let mut index = sample_index(60, DIM, 4);
    let contents = index.contents().unwrap();
    let user = json!({"title": "T"}).as_object().unwrap().clone();
    let mut read = Index::of_contents(&contents, Language::English, user.clone()).unwrap();
    assert_eq!(read.meta(), &user);
    assert_eq!(read.contents().unwrap(), contents);
    let mut written = Index::load(&read.dump(None).unwrap()).unwrap();
    let query = quantize_query(&Seeded(5).vector(DIM)).unwrap();
    let clause = |text: &str| Clause {
        text: text.to_owned(),
        field: None,
    };
    for (text, phrase, not) in [
        ("boats in harbour", "", ""),
        ("node.js title 7 unheard", "", "calm harbour"),
        ("ete", "boats and", "odd"),
    ] {
        let request = Request {
            text: text.to_owned(),
            phrases: vec![clause(phrase)],
            not: vec![clause(not)],
            ..Request::default()
        };
        let found = |index: &mut Index, meaning: bool| -> Vec<(String, f32, usize)> {
            let ask = Ask {
                meaning: meaning.then_some((&query, 0.6)),
                words: Some((&request, 0.4)),
                ..Ask::new(60)
            };
            let mut buffers = Buffers::default();
            let Answer::Ready(found) = index.search(&ask, &mut buffers).unwrap() else {
                panic!("everything is at hand");
            };
            let found = found.iter();
            found
                .map(|found| {
                    (
                        index.id(found.document).to_owned(),
                        found.score,
                        found.passage,
                    )
                })
                .collect()
        };
        for meaning in [true, false] {
            let expected = found(&mut index, meaning);
            assert!(!expected.is_empty());
            assert_eq!(found(&mut read, meaning), expected);
            assert_eq!(found(&mut written, meaning), expected);
        }
    }
    // What was read is worked on like any other.
    read.remove(["d7"].into_iter()).unwrap();
    index.remove(["d7"].into_iter()).unwrap();
    assert_eq!(read.contents().unwrap(), index.contents().unwrap());
}

#[test]
fn words_whose_accents_were_left_out_keep_their_terms_in_a_file() {
    const WORDS: &str = "généralités réalisées détermination intéressantes élégamment éventuellement préférées nécessaires démocratiquement écrivaines ménagerie crédulités étrangères légèrement sévérités célébrées répétitions égalités déçues créées privilégiées épées années armées";
    let entries = [Entry {
        words: Some(Source {
            text: WORDS.to_owned(),
            language: Some(Language::French),
            ..Source::default()
        }),
        ..entry("d", 1, &json!({}))
    }];
    let mut index = Index::new();
    index
        .add(&space(DIM), &entries, &Seeded(6).vector(DIM))
        .unwrap();
    let contents = index.contents().unwrap();
    let mut read = Index::of_contents(&contents, Language::English, Map::new()).unwrap();
    let mut written = Index::load(&read.dump(None).unwrap()).unwrap();
    assert_eq!(written.contents().unwrap(), contents);
    let mut joined = Index::new();
    joined.append(&written).unwrap();
    assert_eq!(joined.contents().unwrap(), contents);
}

#[test]
fn contents_that_do_not_fit_together_are_refused() {
    let good = sample_index(9, DIM, 4).contents().unwrap();
    let refusal = |change: &dyn Fn(&mut Contents)| {
        let mut contents = good.clone();
        change(&mut contents);
        let read = Index::of_contents(&contents, Language::English, Map::new());
        read.map(|_| ()).unwrap_err().code
    };
    let changes: [&dyn Fn(&mut Contents); 8] = [
        &|contents| contents.scales.truncate(3),
        &|contents| contents.codes.truncate(3),
        &|contents| contents.terms[0].documents[0] = 9,
        &|contents| contents.terms[0].spots.clear(),
        &|contents| contents.terms[0].spots[0].form = 9,
        &|contents| contents.terms[0].term = "two\nlines".to_owned(),
        &|contents| contents.documents[1].id = "d0".to_owned(),
        &|contents| contents.documents[1].record.truncate(3),
    ];
    for change in changes {
        assert_eq!(refusal(change), Code::BadFormat);
    }
    assert_eq!(
        refusal(&|contents| contents.space = None),
        Code::Unsupported
    );
    let far = |contents: &mut Contents| {
        contents.terms[0]
            .spots
            .iter_mut()
            .for_each(|spot| spot.position = u32::MAX)
    };
    let mut contents = good.clone();
    far(&mut contents);
    assert!(Index::of_contents(&contents, Language::English, Map::new()).is_ok());
}

/// Opens the collection `a/c.findling` whole; `change` may change what is provided.
fn open_whole(
    engine: &mut Engine,
    [segment, pointer]: &[Vec<u8>; 2],
    change: impl Fn(&str, Vec<u8>) -> Vec<u8>,
) -> findling_core::Result<Value> {
    let beside = format!("a/{}", segment_of(pointer).unwrap().0);
    let request =
        json!({"index": "i", "file": "a/c.findling", "length": pointer.len(), "whole": true});
    for _ in 0..8 {
        let reply: Value =
            serde_json::from_slice(&engine.open(request.to_string().as_bytes())?).unwrap();
        let Some(needs) = reply.get("need") else {
            return Ok(reply);
        };
        for need in needs.as_array().unwrap() {
            let name = need["file"].as_str().unwrap();
            let bytes = if name == beside { segment } else { pointer };
            assert!(name == beside || name == "a/c.findling", "{name}");
            let start = need["offset"].as_u64().unwrap() as usize;
            let end = start + need["length"].as_u64().unwrap() as usize;
            let bytes = change(name, bytes[start..end].to_vec());
            engine.provide(name, start as f64, bytes).unwrap();
        }
    }
    panic!("the same needs come again and again");
}

#[test]
fn an_engine_opens_both_files_whole_and_works_on_them() {
    // The files of tests are of another dimension.
    let mut index = sample_index(40, super::segments::DIM, 9);
    let files = files(&index.contents().unwrap(), Layout::One);
    let mut engine = Engine::new("native");
    let damaged = |name: &str, mut bytes: Vec<u8>| {
        if name != "a/c.findling" {
            bytes[900] ^= 1;
        }
        bytes
    };
    let error = open_whole(&mut engine, &files, damaged).unwrap_err();
    assert_eq!(error.code, Code::WrongDigest);
    let opened = open_whole(&mut engine, &files, |_, bytes| bytes).unwrap();
    assert_eq!(
        (&opened["documents"], &opened["meta"]["of"]),
        (&json!(40), &json!("mine"))
    );
    let mut answer = |request: Value| -> Value {
        let reply = engine.search(request.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&reply).unwrap()
    };
    let plan = json!({"index": "i", "words": {"text": "calm harbour"}, "filter": {"field": "kind", "any": ["odd"]}});
    let found = answer(plan.clone());
    let hits = found["hits"].as_array().unwrap();
    assert!(
        hits.len() > 5
            && hits
                .iter()
                .all(|hit| hit["record"]["n"].as_u64().unwrap() % 2 == 1)
    );
    engine.remove(br#"{"index":"i","ids":["d9"]}"#).unwrap();
    assert_eq!(engine.close(br#"{"index":"i"}"#).unwrap(), b"{}");
    // A flat file is what it was.
    let flat = index.dump(None).unwrap();
    let open = json!({"index": "f", "file": "f", "length": flat.len(), "whole": true}).to_string();
    let (reply, _) =
        super::support::answer(&mut engine, &flat, |engine| engine.open(open.as_bytes())).unwrap();
    let reply: Value = serde_json::from_slice(&reply).unwrap();
    assert_eq!(reply["documents"], 40);
}
