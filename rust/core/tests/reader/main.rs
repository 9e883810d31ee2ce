//! The build for readers of collections: what it refuses, and that it searches all the same.
//!
//! Owns one collection, made with ready vectors and a piece table; knows nothing of models. With the features `encoder` or `authoring`
//! there is nothing here. Invariant under test: words and vectors by pieces find what they find in the full build.
#![cfg(not(any(feature = "encoder", feature = "authoring")))]

#[allow(dead_code)]
#[path = "../suite/pieces.rs"]
mod pieces;
#[allow(dead_code)]
#[path = "../suite/support.rs"]
mod support;

use findling_core::{Code, Engine};
use serde_json::{Value, json};

fn ask(request: Value) -> Vec<u8> {
    request.to_string().into_bytes()
}

fn reply(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn it_refuses_models_and_says_what_there_is_instead() {
    let mut engine = Engine::new("here");
    let refused = engine.load_model(vec![1, 2, 3]).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
    assert_eq!(refused.detail["missing"], "encoder");
    assert_eq!(reply(&engine.status().unwrap())["model"], Value::Null);
    for encoder in ["model", "auto", "static"] {
        let request = ask(json!({"texts": ["a"], "kind": "query", "encoder": encoder}));
        assert_eq!(engine.embed(&request).unwrap_err().code, Code::NotReady);
    }
}

#[test]
fn it_finds_by_words_and_by_vectors_of_pieces() {
    let mut engine = Engine::new("here");
    engine.load_pieces(&pieces::table()).unwrap();
    let texts = ["runners run", "a swim"];
    let vectors = engine
        .embed(&ask(
            json!({"texts": texts, "kind": "passage", "encoder": "static"}),
        ))
        .unwrap();
    engine.open(&ask(json!({"index": "x"}))).unwrap();
    let documents: Vec<Value> = texts
        .iter()
        .map(|text| json!({"id": text, "fields": {"text": text}, "passages": [text], "record": {}}))
        .collect();
    engine
        .add_vectors(
            &ask(json!({"index": "x", "space": "0".repeat(64), "documents": documents})),
            &vectors,
        )
        .unwrap();
    let refused = engine.add(&ask(json!({"index": "x", "documents": documents})));
    assert_eq!(refused.unwrap_err().code, Code::NotReady);
    let refused = engine.publish(&ask(json!({"index": "x"}))).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
    assert_eq!(refused.detail["missing"], "authoring");
    for text in texts {
        let first = |engine: &mut Engine, plan: Value| {
            let found = reply(&engine.search(&ask(plan)).unwrap());
            found["hits"][0]["id"].as_str().unwrap().to_owned()
        };
        let word = text.split(' ').next_back().unwrap();
        let by_words = json!({"index": "x", "words": {"text": word}});
        assert_eq!(first(&mut engine, by_words), text);
        let by_both =
            json!({"index": "x", "text": text, "encoder": "static", "words": {"text": word}});
        assert_eq!(first(&mut engine, by_both), text);
        let by_pieces = json!({"index": "x", "text": text, "encoder": "static"});
        assert_eq!(first(&mut engine, by_pieces), text);
    }
}
