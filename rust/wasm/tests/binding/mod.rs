//! What crosses between JavaScript and the engine, over a small model made here.
//!
//! Owns the cases for every JavaScript host; must not know which host runs them. Invariant: nothing is read or fetched.

use findling_wasm::{Engine, inspect, pack};
use js_sys::{Error, JSON, Reflect};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

const DIM: usize = 128;
const WIDE: usize = 256;
const TOKENS: usize = 16;
const WORDS: [&str; 10] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "storm", "rain", "cake", "tea", "##s", ".",
];

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn value(reply: Result<Vec<u8>, Error>) -> Value {
    let reply = reply
        .map_err(|error| String::from(error.message()))
        .expect("a reply");
    serde_json::from_slice(&reply).expect("JSON")
}

/// A model of one layer whose numbers follow a fixed sequence.
fn model() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 24
    };
    let mut floats = |count: usize, centre: f32, range: f32| -> Vec<u8> {
        (0..count)
            .flat_map(|_| (centre + range * (next() as f32 / 128.0 - 1.0)).to_le_bytes())
            .collect()
    };
    let norm = |floats: &mut dyn FnMut(usize, f32, f32) -> Vec<u8>| {
        [floats(DIM, 1.0, 0.1), floats(DIM, 0.0, 0.1)].concat()
    };
    let mut layer: Vec<u8> = Vec::new();
    let mut push = |part: Vec<u8>| {
        layer.resize(layer.len().next_multiple_of(64), 0);
        layer.extend(part);
    };
    for (inputs, outputs) in [(DIM, 3 * DIM), (DIM, DIM), (DIM, WIDE), (WIDE, DIM)] {
        push(
            (0..inputs * outputs)
                .map(|i| 1 + (i * 7919 % 127) as u8)
                .collect(),
        );
        push(floats(outputs, 1e-4, 5e-5));
        push(floats(outputs, 0.0, 0.1));
        push(floats(inputs, 0.0, 0.1));
    }
    push(norm(&mut floats));
    push(norm(&mut floats));
    let sections: Vec<(&str, Vec<u8>)> = vec![
        ("vocabulary", WORDS.join("\n").into_bytes()),
        (
            "words",
            (0..WORDS.len() * DIM)
                .map(|i| (i * 31 % 251) as u8)
                .collect(),
        ),
        ("words.scale", floats(WORDS.len(), 0.01, 0.005)),
        ("positions", floats(TOKENS * DIM, 0.0, 0.05)),
        ("embedding.norm", norm(&mut floats)),
        ("layer.0", layer),
    ];
    let lengths: Vec<Value> = sections
        .iter()
        .map(|(name, content)| json!({"name": name, "length": content.len()}))
        .collect();
    let meta = json!({
        "name": "tiny", "architecture": "bert", "dim": DIM, "layers": 1, "heads": 4, "intermediate": WIDE,
        "vocab_size": WORDS.len(), "max_tokens": TOKENS, "layer_norm_eps": 1e-12, "pooling": "mean", "normalize": true,
        "prefixes": {"query": "", "passage": ""},
        "tokenizer": {
            "lowercase": true, "strip_accents": true, "handle_chinese_chars": true, "clean_text": true,
            "unknown": "[UNK]", "start": "[CLS]", "end": "[SEP]", "continuing_prefix": "##", "max_word_chars": 100,
            "special": ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        },
        "space": "ab".repeat(32), "recipe": 1, "licence": "none", "source": {}
    });
    let payload: Vec<u8> = sections
        .into_iter()
        .flat_map(|(_, content)| content)
        .collect();
    pack(
        &bytes(&json!({"kind": "model", "meta": meta, "sections": lengths})),
        &payload,
    )
    .map_err(|error| String::from(error.message()))
    .expect("a model file")
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    assert_eq!(value(engine.load_model(model()))["dim"], DIM);
    engine
}

fn documents() -> Value {
    json!({"index": "notes", "documents": [
        {"id": "weather", "passages": ["storms. rain."], "record": {"title": "Weather"}},
        {"id": "food", "passages": ["cake.", "tea."], "record": {"title": "Food"}},
    ]})
}

#[wasm_bindgen_test]
fn the_backend_is_the_tier_that_was_compiled() {
    assert!(
        ["wasm-relaxed", "wasm-simd", "wasm-scalar", "js"]
            .contains(&Engine::new().backend().as_str())
    );
}

#[wasm_bindgen_test]
fn a_container_is_verified_and_described() {
    let file = model();
    assert_eq!(value(inspect(&file))["kind"], "model");
    let mut damaged = file;
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let error = inspect(&damaged).expect_err("damage is found");
    assert_eq!(
        Reflect::get(&error, &"code".into()),
        Ok(JsValue::from("wrong_digest"))
    );
}

#[wasm_bindgen_test]
fn texts_become_tokens_and_vectors_of_length_one() {
    let mut engine = engine();
    let ids = value(engine.tokenize(&bytes(
        &json!({"text": "Storms", "kind": "query", "max_tokens": null}),
    )));
    assert_eq!(ids["ids"], json!([2, 4, 8, 3]));
    let raw = engine
        .embed(&bytes(
            &json!({"texts": ["storm", "tea. tea."], "kind": "passage"}),
        ))
        .expect("vectors");
    assert_eq!(raw.len(), 2 * DIM * 4);
    for row in raw.chunks_exact(DIM * 4) {
        let length: f64 = row
            .chunks_exact(4)
            .map(|x| f64::from(f32::from_le_bytes([x[0], x[1], x[2], x[3]])).powi(2))
            .sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}

#[wasm_bindgen_test]
fn what_was_added_is_found_removed_and_forgotten() {
    let mut engine = engine();
    value(engine.open(&bytes(&json!({"index": "notes"}))));
    assert_eq!(value(engine.add(&bytes(&documents())))["passages"], 3);
    let plan = bytes(&json!({"index": "notes", "text": "cake.", "limit": 5}));
    let hits = value(engine.search(&plan));
    assert_eq!(hits["hits"][0]["id"], "food");
    assert_eq!(hits["hits"][0]["record"]["title"], "Food");
    assert_eq!(
        value(engine.remove(&bytes(&json!({"index": "notes", "ids": ["food"]}))))["removed"],
        1
    );
    assert_eq!(value(engine.search(&plan))["hits"][0]["id"], "weather");
    assert_eq!(value(engine.status())["indexes"]["notes"]["documents"], 1);
    value(engine.close(&bytes(&json!({"index": "notes"}))));
    assert_eq!(value(engine.status())["indexes"], json!({}));
}

#[wasm_bindgen_test]
fn an_index_file_is_read_piece_by_piece() {
    let mut first = engine();
    value(first.open(&bytes(&json!({"index": "notes"}))));
    value(first.add(&bytes(&documents())));
    let file = first
        .dump(&bytes(&json!({"index": "notes"})))
        .expect("an index file");

    let mut second = engine();
    let mut asked = 0;
    let mut answered =
        |engine: &mut Engine, call: &dyn Fn(&mut Engine) -> Result<Vec<u8>, Error>| loop {
            let reply = value(call(engine));
            let Some(needs) = reply.get("need").and_then(Value::as_array) else {
                return reply;
            };
            asked += needs.len();
            assert!(asked < 100, "the engine asks for ever");
            for need in needs {
                let offset = need["offset"].as_u64().expect("an offset") as usize;
                let length = need["length"].as_u64().expect("a length") as usize;
                engine
                    .provide(
                        need["file"].as_str().expect("a file"),
                        offset as f64,
                        file[offset..offset + length].to_vec(),
                    )
                    .expect("bytes are taken");
            }
        };
    let open = bytes(&json!({"index": "again", "file": "notes.findling", "length": file.len()}));
    assert_eq!(
        answered(&mut second, &|engine| engine.open(&open))["documents"],
        2
    );
    let plan = bytes(&json!({"index": "again", "text": "cake.", "limit": 1}));
    assert_eq!(
        answered(&mut second, &|engine| engine.search(&plan))["hits"][0]["id"],
        "food"
    );
    assert!(asked > 0, "the engine never asked for the file");
}

#[wasm_bindgen_test]
fn an_error_is_an_error_object_with_code_and_detail() {
    let mut engine = Engine::new();
    value(engine.open(&bytes(&json!({"index": "notes"}))));
    let error = engine
        .search(&bytes(&json!({"index": "notes", "text": "x", "limit": 1})))
        .expect_err("no model");
    assert_eq!(
        Reflect::get(&error, &"code".into()),
        Ok(JsValue::from("not_ready"))
    );
    assert!(!String::from(error.message()).is_empty());
    let error = engine.search(b"{").expect_err("not JSON");
    assert_eq!(
        Reflect::get(&error, &"code".into()),
        Ok(JsValue::from("bad_request"))
    );
    let detail = Reflect::get(&error, &"detail".into()).expect("a detail");
    assert!(JSON::stringify(&detail).is_ok_and(|text| String::from(text).starts_with('{')));
}
