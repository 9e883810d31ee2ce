//! Vectors that come ready, beside the documents: the same index as from their texts, and nothing taken on trust.
//!
//! Owns the cases; knows nothing of who made the vectors. Invariant: equal bytes, not equal hits.

use super::engine::{ask, bytes, filled};
use findling_core::{Code, Engine};
use serde_json::{Value, json};

#[test]
fn ready_vectors_make_the_index_that_their_texts_make_without_a_model() {
    let mut with_model = filled();
    let records = ask(with_model.records(br#"{"index":"a"}"#));
    let texts = ["sick", "fever fever", "the rocket to the moon", "a cake!"];
    let raw = with_model
        .embed(&bytes(&json!({"texts": texts, "kind": "passage"})))
        .unwrap();
    let passages = [&texts[..2], &texts[2..3], &texts[3..]];
    let documents: Vec<Value> = records["records"]
        .as_array()
        .unwrap()
        .iter()
        .zip(passages)
        .map(|(each, passages)| json!({"id": each["id"], "passages": passages, "record": each["record"]}))
        .collect();
    let mut request = json!({"index": "a", "space": format!("{:064x}", 1), "documents": documents});
    let mut bare = Engine::new("native");
    bare.open(br#"{"index":"a"}"#).unwrap();
    assert_eq!(
        ask(bare.add_vectors(&bytes(&request), &raw)),
        json!({"added": 3, "replaced": 0, "passages": 4})
    );
    let dump = |engine: &mut Engine| engine.dump(br#"{"index":"a"}"#).unwrap();
    let wanted = dump(&mut with_model);
    assert!(dump(&mut bare) == wanted);

    for (vectors, code) in [
        (&raw[..raw.len() / 2], Code::WrongDim),
        (&raw[1..], Code::BadRequest),
        (&[][..], Code::BadRequest),
    ] {
        let error = bare.add_vectors(&bytes(&request), vectors).unwrap_err();
        assert_eq!(error.code, code);
    }
    request["space"] = json!("another");
    let error = bare.add_vectors(&bytes(&request), &raw).unwrap_err();
    assert_eq!(error.code, Code::WrongSpace);
    assert!(dump(&mut bare) == wanted);

    // A new index takes the space it is given, but not with another length than the loaded model's.
    with_model.open(br#"{"index":"b"}"#).unwrap();
    request["index"] = json!("b");
    request["space"] = json!(format!("{:064x}", 1));
    let error = with_model
        .add_vectors(&bytes(&request), &raw[..raw.len() / 2])
        .unwrap_err();
    assert_eq!(error.code, Code::WrongDim);
    request["space"] = json!("another");
    with_model
        .add_vectors(&bytes(&request), &raw[..raw.len() / 2])
        .unwrap();
    let error = with_model
        .search(br#"{"index":"b","text":"sick"}"#)
        .unwrap_err();
    assert_eq!(error.code, Code::WrongSpace);
}
