//! The engine as its bindings call it: bytes in, bytes out, needs, and nothing lost on a bad request.
//!
//! Owns the cases; must not know how the engine keeps anything. Invariant: a refused request changes nothing.

use super::support::{answer, sample_index, tiny_model};
use findling_core::format::{Header, digest};
use findling_core::{Code, Engine, inspect, pack};
use serde_json::{Value, json};

fn engine() -> Engine {
    let mut engine = Engine::new("native");
    engine.load_model(tiny_model(1, "")).unwrap();
    engine
}

pub fn ask(reply: findling_core::Result<Vec<u8>>) -> Value {
    serde_json::from_slice(&reply.unwrap()).unwrap()
}

pub fn bytes(request: &Value) -> Vec<u8> {
    request.to_string().into_bytes()
}

pub fn filled() -> Engine {
    let mut engine = engine();
    engine.open(br#"{"index":"a"}"#).unwrap();
    let documents = json!({"index": "a", "documents": [
        {"id": "ill", "passages": ["sick", "fever fever"], "record": {"title": "Ill", "z": 1, "a": [2]}},
        {"id": "space", "passages": ["the rocket to the moon"], "record": null},
        {"id": "food", "passages": ["a cake!"], "record": "cake"},
    ]});
    assert_eq!(
        ask(engine.add(&bytes(&documents))),
        json!({"added": 3, "replaced": 0, "passages": 4})
    );
    engine
}

fn vector(engine: &mut Engine, text: &str) -> Vec<f32> {
    let raw = engine
        .embed(&bytes(&json!({"texts": [text], "kind": "query"})))
        .unwrap();
    raw.chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

#[test]
fn a_text_finds_itself() {
    let mut engine = filled();
    for (text, id, passage) in [
        ("fever fever", "ill", 1),
        ("the rocket to the moon", "space", 0),
        ("A CAKE!", "food", 0),
    ] {
        let found = ask(engine.search(&bytes(&json!({"index": "a", "text": text, "limit": 2}))));
        let hits = found["hits"].as_array().unwrap();
        assert_eq!(hits.len(), 2);
        assert_eq!(
            (&hits[0]["id"], &hits[0]["passage"]),
            (&json!(id), &json!(passage))
        );
        assert!((hits[0]["score"].as_f64().unwrap() - 1.0).abs() < 0.01);
        assert!(hits[0]["score"].as_f64() >= hits[1]["score"].as_f64());
    }
}

#[test]
fn a_ready_vector_finds_what_its_text_finds() {
    let mut engine = filled();
    let by_text = ask(engine.search(br#"{"index":"a","text":"sick"}"#));
    let vector = vector(&mut engine, "sick");
    let space = &by_text["hits"][0]["id"];
    assert_eq!(space, "ill");
    let by_vector = ask(engine.search(&bytes(
        &json!({"index": "a", "vector": vector, "space": format!("{:064x}", 1)}),
    )));
    assert_eq!(by_vector["hits"], by_text["hits"]);
    let error = engine
        .search(&bytes(
            &json!({"index": "a", "vector": vector, "space": "another"}),
        ))
        .unwrap_err();
    assert_eq!(error.code, Code::WrongSpace);
    let error = engine
        .search(br#"{"index":"a","vector":[1,2]}"#)
        .unwrap_err();
    assert_eq!(
        (error.code, error.detail),
        (Code::WrongDim, json!({"found": 2, "wanted": 128}))
    );
    let error = engine
        .search(&bytes(&json!({"index": "a", "vector": vec![0; 128]})))
        .unwrap_err();
    assert_eq!(error.code, Code::BadInput);
    let error = engine
        .search(br#"{"index":"a","vector":[1e39]}"#)
        .unwrap_err();
    assert_eq!(error.code, Code::BadInput);
}

#[test]
fn records_come_back_as_they_were_given() {
    let mut engine = filled();
    let reply = engine.records(br#"{"index":"a"}"#).unwrap();
    assert_eq!(
        std::str::from_utf8(&reply).unwrap(),
        r#"{"records":[{"id":"ill","record":{"a":[2],"title":"Ill","z":1}},{"id":"space","record":null},{"id":"food","record":"cake"}]}"#
    );
    let request = br#"{"index":"a","documents":[{"id":"x","passages":["a"],"record":{"b":1.50,"a":"\u00e9"}}]}"#;
    engine.add(request).unwrap();
    let reply = engine
        .records(br#"{"index":"a","ids":["x","unknown","x"]}"#)
        .unwrap();
    assert_eq!(
        std::str::from_utf8(&reply).unwrap(),
        r#"{"records":[{"id":"x","record":{"b":1.50,"a":"\u00e9"}}]}"#
    );
    let reply = ask(engine.records(br#"{"index":"a","ids":["x","ill"]}"#));
    assert_eq!(reply["records"][0]["id"], "ill");
}

#[test]
fn weights_scale_the_score_and_explain_says_so() {
    let mut engine = filled();
    let plain = ask(engine.search(br#"{"index":"a","text":"sick"}"#));
    assert!(plain.get("explain").is_none());
    let double = ask(
        engine.search(br#"{"index":"a","text":"sick","weights":{"meaning":2},"explain":true}"#)
    );
    let score = |reply: &Value| reply["hits"][0]["score"].as_f64().unwrap();
    assert_eq!(score(&double), 2.0 * score(&plain));
    assert_eq!(
        double["explain"],
        json!({"meaning": {"weight": 2.0, "scan": "flat", "documents": 3, "passages": 4}})
    );
}

#[test]
fn a_query_gets_the_prefix_of_queries() {
    let mut engine = Engine::new("native");
    engine.load_model(tiny_model(1, "a b ")).unwrap();
    let ids = |engine: &Engine, kind: Value| {
        ask(engine.tokenize(&bytes(
            &json!({"text": "sick", "kind": kind, "max_tokens": null}),
        )))
    };
    assert_eq!(
        ids(&engine, json!("query")),
        json!({"ids": [2, 5, 6, 12, 3]})
    );
    assert_eq!(ids(&engine, json!("passage")), json!({"ids": [2, 12, 3]}));
    assert_eq!(ids(&engine, json!(null)), json!({"ids": [2, 12, 3]}));
    let as_query = engine
        .embed(br#"{"texts":["sick"],"kind":"query"}"#)
        .unwrap();
    let as_passage = engine
        .embed(br#"{"texts":["sick","a b sick"],"kind":"passage"}"#)
        .unwrap();
    assert_eq!(as_query[..], as_passage[512..]);
    assert_ne!(as_query[..], as_passage[..512]);
}

#[test]
fn a_text_is_cut_at_max_tokens() {
    let mut engine = engine();
    let long = "fever ".repeat(40);
    let ids = |engine: &Engine, max: Value| {
        let reply = ask(engine.tokenize(&bytes(
            &json!({"text": long, "kind": null, "max_tokens": max}),
        )));
        reply["ids"].as_array().unwrap().len()
    };
    assert_eq!(
        [
            ids(&engine, json!(null)),
            ids(&engine, json!(2)),
            ids(&engine, json!(9))
        ],
        [42, 2, 9]
    );
    let whole = engine
        .embed(&bytes(&json!({"texts": [long], "kind": "query"})))
        .unwrap();
    let cut = engine
        .embed(&bytes(
            &json!({"texts": ["fever ".repeat(14)], "kind": "query"}),
        ))
        .unwrap();
    assert_eq!(whole, cut);
    let short = engine
        .embed(&bytes(
            &json!({"texts": [long], "kind": "query", "max_tokens": 5}),
        ))
        .unwrap();
    assert_eq!(
        short,
        engine
            .embed(br#"{"texts":["fever fever fever"],"kind":"query"}"#)
            .unwrap()
    );
}

#[test]
fn half_a_surrogate_pair_is_the_replacement_character() {
    let engine = engine();
    let lone = ask(engine.tokenize(br#"{"text":"fev\ud83der","kind":null,"max_tokens":null}"#));
    let replaced = ask(engine
        .tokenize("{\"text\":\"fev\u{fffd}er\",\"kind\":null,\"max_tokens\":null}".as_bytes()));
    assert_eq!(lone, replaced);
    assert_eq!(lone, json!({"ids": [2, 11, 3]}));
}

#[test]
fn without_a_model_texts_are_refused_and_vectors_are_not() {
    let mut engine = Engine::new("native");
    engine.open(br#"{"index":"a"}"#).unwrap();
    let calls = [
        engine.tokenize(br#"{"text":"a","kind":null,"max_tokens":null}"#),
        engine.embed(br#"{"texts":["a"],"kind":"query"}"#),
        engine.add(br#"{"index":"a","documents":[]}"#),
        engine.search(br#"{"index":"a","text":"a"}"#),
    ];
    for call in calls {
        assert_eq!(call.unwrap_err().code, Code::NotReady);
    }
    assert_eq!(
        ask(engine.search(br#"{"index":"a","vector":[1]}"#)),
        json!({"hits": [], "total": 0, "exact": true})
    );
}

#[test]
fn a_bad_request_is_refused_and_changes_nothing() {
    let mut engine = filled();
    let before = engine.dump(br#"{"index":"a"}"#).unwrap();
    for request in [
        "",
        "null",
        "[]",
        "{",
        "{\"index\":",
        "\u{0}",
        "{\"index\":\"a\",\"surplus\":1}",
        "{\"index\":7}",
        "{\"index\":\"a\",\"documents\":[{\"id\":\"x\"}]}",
        "{\"index\":\"a\",\"documents\":[{\"id\":\"x\",\"passages\":[\"a\"],\"record\":1,\"k\":1}]}",
        "{\"index\":\"a\",\"documents\":[{\"id\":\"x\",\"passages\":\"a\",\"record\":1}]}",
        "{\"index\":\"a\",\"documents\":[{\"id\":\"\\ud83d\",\"passages\":[\"a\"],\"record\":1}]}",
        "{\"index\":\"a\",\"ids\":\"x\"}",
        "{\"index\":\"a\",\"meta\":[]}",
        "{\"index\":\"a\",\"file\":\"f\"}",
        "{\"index\":\"a\",\"length\":5}",
        "{\"index\":\"a\",\"file\":\"f\",\"length\":-1}",
        "{\"index\":\"a\",\"file\":\"f\",\"length\":9007199254740992}",
        "{\"texts\":[\"a\"],\"kind\":\"both\"}",
        "{\"texts\":[\"a\"],\"kind\":\"query\",\"max_tokens\":17}",
        "{\"text\":\"a\",\"kind\":null,\"max_tokens\":1}",
        "{\"texts\":[1],\"kind\":\"query\"}",
    ] {
        let request = request.as_bytes();
        let calls = [
            engine.tokenize(request),
            engine.embed(request),
            engine.open(request),
            engine.add(request),
            engine.add_vectors(request, b""),
            engine.remove(request),
            engine.search(request),
            engine.records(request),
            engine.dump(request),
            engine.close(request),
            pack(request, b""),
        ];
        for call in calls {
            assert_eq!(
                call.unwrap_err().code,
                Code::BadRequest,
                "{}",
                String::from_utf8_lossy(request)
            );
        }
    }
    for offset in [-1.0, 0.5, f64::NAN, f64::INFINITY] {
        assert_eq!(
            engine.provide("f", offset, b"").unwrap_err().code,
            Code::BadRequest
        );
    }
    assert_eq!(engine.dump(br#"{"index":"a"}"#).unwrap(), before);
}

#[test]
fn an_unknown_index_is_not_found() {
    let mut engine = engine();
    let request = br#"{"index":"b"}"#;
    let calls = [
        engine.add(br#"{"index":"b","documents":[]}"#),
        engine.remove(br#"{"index":"b","ids":[]}"#),
        engine.search(br#"{"index":"b","text":"x"}"#),
        engine.records(request),
        engine.dump(request),
        engine.close(request),
    ];
    for call in calls {
        assert_eq!(call.unwrap_err().code, Code::NotFound);
    }
}

#[test]
fn status_tells_what_there_is() {
    let mut engine = filled();
    let status = ask(engine.status());
    assert_eq!(status["backend"], "native");
    assert_eq!(status["model"]["name"], "tiny");
    assert_eq!(
        (&status["model"]["dim"], &status["model"]["max_tokens"]),
        (&json!(128), &json!(16))
    );
    assert_eq!(
        (
            &status["indexes"]["a"]["documents"],
            &status["indexes"]["a"]["passages"]
        ),
        (&json!(3), &json!(4))
    );
    assert!(
        status["indexes"]["a"]["size_bytes"]["vectors"]
            .as_u64()
            .unwrap()
            >= 4 * 132
    );
    assert_eq!(ask(engine.close(br#"{"index":"a"}"#)), json!({}));
    assert_eq!(ask(engine.status())["indexes"], json!({}));
    assert_eq!(ask(Engine::new("js").status())["model"], Value::Null);
}

#[test]
fn a_model_that_cannot_be_used_leaves_the_one_before() {
    let mut engine = engine();
    let mut damaged = tiny_model(2, "");
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(
        engine.load_model(damaged).unwrap_err().code,
        Code::WrongDigest
    );
    assert_eq!(
        ask(engine.status())["model"]["space"],
        format!("{:064x}", 1)
    );
}

#[test]
fn another_model_cannot_search_or_extend_an_index() {
    let mut engine = filled();
    engine.load_model(tiny_model(2, "")).unwrap();
    let added =
        engine.add(br#"{"index":"a","documents":[{"id":"x","passages":["a"],"record":1}]}"#);
    assert_eq!(added.unwrap_err().code, Code::WrongSpace);
    let found = engine.search(br#"{"index":"a","text":"a"}"#);
    assert_eq!(found.unwrap_err().code, Code::WrongSpace);
}

#[test]
fn a_file_is_read_piece_by_piece() {
    let stored = sample_index(3000, 128, 8).dump(None).unwrap();
    let open = bytes(&json!({"index": "far", "file": "far.findling", "length": stored.len()}));
    let mut engine = Engine::new("native");
    let (reply, read) = answer(&mut engine, &stored, |engine| engine.open(&open)).unwrap();
    let opened: Value = serde_json::from_slice(&reply).unwrap();
    assert_eq!(
        (&opened["documents"], &opened["passages"]),
        (&json!(3000), &json!(6000))
    );
    let fetched: u64 = read.iter().map(|range| range.1).sum();
    assert!(fetched < 200_000, "opening reads no codes: {fetched} bytes");

    let search = bytes(&json!({"index": "far", "vector": vec![1; 128], "limit": 3}));
    let (reply, read) = answer(&mut engine, &stored, |engine| engine.search(&search)).unwrap();
    let fetched: u64 = read.iter().map(|range| range.1).sum();
    assert!(
        fetched > 6000 * 132 && fetched < 6000 * 132 + 4 * 65_536 + 1,
        "{fetched} bytes"
    );
    let (again, read) = answer(&mut engine, &stored, |engine| engine.search(&search)).unwrap();
    assert_eq!((again, read.len()), (reply.clone(), 0));

    // The same as with everything in memory.
    let (dumped, _) = answer(&mut engine, &stored, |engine| {
        engine.dump(br#"{"index":"far"}"#)
    })
    .unwrap();
    assert_eq!(dumped, stored);
    let (whole, read) = answer(&mut engine, &stored, |engine| engine.search(&search)).unwrap();
    assert_eq!((whole, read.len()), (reply, 0));
    let (removed, _) = answer(&mut engine, &stored, |engine| {
        engine.remove(br#"{"index":"far","ids":["d7","d7"]}"#)
    })
    .unwrap();
    assert_eq!(removed, br#"{"removed":1}"#);
}

#[test]
fn a_flipped_byte_is_never_used_and_fetched_again() {
    let stored = sample_index(3000, 16, 8).dump(None).unwrap();
    let open = bytes(&json!({"index": "far", "file": "f", "length": stored.len()}));
    let mut engine = Engine::new("native");
    let mut damaged = stored.clone();
    damaged[40] ^= 1;
    let error = answer(&mut engine, &damaged, |engine| engine.open(&open)).unwrap_err();
    assert_eq!(error.code, Code::WrongDigest);
    answer(&mut engine, &stored, |engine| engine.open(&open)).unwrap();

    let search = br#"{"index":"far","vector":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"#;
    let (expected, _) = {
        let mut other = Engine::new("native");
        answer(&mut other, &stored, |engine| engine.open(&open)).unwrap();
        answer(&mut other, &stored, |engine| engine.search(search)).unwrap()
    };
    let mut refused = 0;
    for at in (80_000..stored.len()).step_by(9_001) {
        let mut engine = Engine::new("native");
        answer(&mut engine, &stored, |engine| engine.open(&open)).unwrap();
        let mut damaged = stored.clone();
        damaged[at] ^= 0x20;
        match answer(&mut engine, &damaged, |engine| engine.search(search)) {
            // The damage lies in a block of records that no hit needs.
            Ok((reply, _)) => assert_eq!(reply, expected),
            Err(error) => {
                assert_eq!(error.code, Code::WrongDigest);
                refused += 1;
            }
        }
        let (reply, _) = answer(&mut engine, &stored, |engine| engine.search(search)).unwrap();
        assert_eq!(reply, expected);
    }
    assert!(refused > 5, "{refused}");
}

#[test]
fn a_block_with_a_forged_entry_in_the_digest_table_is_refused() {
    let stored = sample_index(50, 16, 8).dump(None).unwrap();
    let header = Header::parse(&stored).unwrap();
    let section = header.section("codes").unwrap();
    let mut forged = stored.clone();
    forged[section.offset as usize] ^= 1;
    let block = section.block_range(0);
    let entry = digest(&forged[block.start as usize..block.end as usize]);
    let at = section.table_offset as usize;
    forged[at..at + 16].copy_from_slice(&entry);
    let open = bytes(&json!({"index": "far", "file": "f", "length": stored.len()}));
    let mut engine = Engine::new("native");
    let error = answer(&mut engine, &forged, |engine| engine.open(&open)).unwrap_err();
    assert_eq!(error.code, Code::WrongDigest);
}

#[test]
fn bytes_that_were_not_asked_for_are_not_kept() {
    let stored = sample_index(500, 16, 8).dump(None).unwrap();
    let open = bytes(&json!({"index": "far", "file": "f", "length": stored.len()}));
    let mut engine = Engine::new("native");
    engine.provide("f", 0.0, &stored[..]).unwrap();
    let first = ask(engine.open(&open));
    engine.provide("g", 0.0, &stored[..]).unwrap();
    engine.provide("f", 1.0, &stored[1..]).unwrap();
    engine.provide("f", 9e15, &stored[..]).unwrap();
    assert_eq!(ask(engine.open(&open)), first);
    engine.provide("f", 0.0, &stored[..]).unwrap();
    assert_eq!(ask(engine.open(&open))["documents"], 500);
}

#[test]
fn a_file_of_the_wrong_length_or_kind_is_refused() {
    let stored = sample_index(50, 16, 8).dump(None).unwrap();
    let open = |length: usize| bytes(&json!({"index": "far", "file": "f", "length": length}));
    for length in [0, 10, 31, 32, 100, stored.len() - 1] {
        let mut engine = Engine::new("native");
        let error = answer(&mut engine, &stored, |engine| engine.open(&open(length))).unwrap_err();
        assert_eq!(error.code, Code::BadFormat, "{length}");
    }
    let mut longer = stored.clone();
    longer.push(0);
    let error = answer(&mut Engine::new("native"), &longer, |engine| {
        engine.open(&open(longer.len()))
    })
    .unwrap_err();
    assert_eq!(error.code, Code::BadFormat);
    let model = tiny_model(1, "");
    let error = answer(&mut Engine::new("native"), &model, |engine| {
        engine.open(&open(model.len()))
    })
    .unwrap_err();
    assert_eq!(error.code, Code::BadFormat);
}

#[test]
fn a_failed_open_leaves_the_index_that_was_open() {
    let mut engine = filled();
    let error = answer(
        &mut engine,
        b"not a container, but long enough to be one",
        |engine| engine.open(br#"{"index":"a","file":"f","length":42}"#),
    )
    .unwrap_err();
    assert_eq!(error.code, Code::BadFormat);
    assert_eq!(ask(engine.status())["indexes"]["a"]["documents"], 3);
}

#[test]
fn an_index_survives_dump_and_open_in_another_engine() {
    let mut engine = filled();
    let stored = engine
        .dump(br#"{"index":"a","meta":{"title":"T"}}"#)
        .unwrap();
    let expected = engine
        .search(br#"{"index":"a","text":"moon cake"}"#)
        .unwrap();
    let mut other = self::engine();
    let open = bytes(&json!({"index": "b", "file": "f", "length": stored.len()}));
    let (opened, _) = answer(&mut other, &stored, |engine| engine.open(&open)).unwrap();
    let opened: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!(opened["meta"], json!({"title": "T"}));
    assert_eq!(opened["space"], format!("{:064x}", 1));
    let (found, _) = answer(&mut other, &stored, |engine| {
        engine.search(br#"{"index":"b","text":"moon cake"}"#)
    })
    .unwrap();
    assert_eq!(found, expected);
    let add = br#"{"index":"b","documents":[{"id":"ill","passages":["moon cake"],"record":2}]}"#;
    let (added, _) = answer(&mut other, &stored, |engine| engine.add(add)).unwrap();
    assert_eq!(added, br#"{"added":0,"replaced":1,"passages":1}"#);
    let found = ask(other.search(br#"{"index":"b","text":"moon cake","limit":1}"#));
    assert_eq!(
        (&found["hits"][0]["id"], &found["hits"][0]["record"]),
        (&json!("ill"), &json!(2))
    );
    assert_eq!(ask(other.status())["indexes"]["b"]["passages"], 3);
}

#[test]
fn pack_takes_sections_end_to_end_and_inspect_reads_them() {
    let request = br#"{"kind":"index","meta":{"a":1},"sections":[{"name":"x","length":2},{"name":"y","length":3}]}"#;
    let packed = pack(request, b"12345").unwrap();
    let header = ask(inspect(&packed));
    assert_eq!(
        (&header["kind"], &header["meta"], &header["version"]),
        (&json!("index"), &json!({"a": 1}), &json!(1))
    );
    assert_eq!(header["size_bytes"], packed.len());
    let offset = header["sections"][1]["offset"].as_u64().unwrap() as usize;
    assert_eq!(&packed[offset..offset + 3], b"345");
    for payload in [&b"1234"[..], b"123456"] {
        assert_eq!(pack(request, payload).unwrap_err().code, Code::BadRequest);
    }
    assert_eq!(inspect(&packed[1..]).unwrap_err().code, Code::BadFormat);
}
