//! Any number of threads gives the same bytes: those of every text embedded by itself.
//!
//! Owns the numbers of threads; must not know how texts are shared out. Invariant: no tolerance.

use super::support::{Seeded, WORDS, tiny_model};
use findling_core::Engine;
use findling_core::embedder::Embedder;
use findling_core::model::Model;
use findling_core::plan::TextKind;
use serde_json::json;

const THREADS: [usize; 3] = [1, 2, 8];

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(work)
}

/// Texts of no to twenty words: the model takes 16 tokens, so that the longest are cut.
fn texts(count: usize) -> Vec<String> {
    let words: Vec<&str> = WORDS.split('\n').collect();
    let mut seeded = Seeded(7);
    (0..count)
        .map(|_| {
            let length = seeded.below(21);
            let words: Vec<&str> = (0..length)
                .map(|_| words[seeded.below(words.len())])
                .collect();
            words.join(" ")
        })
        .collect()
}

fn alone(engine: &mut Engine, texts: &[String]) -> Vec<u8> {
    texts
        .iter()
        .flat_map(|text| {
            let request = json!({"texts": [text], "kind": "passage"}).to_string();
            engine.embed(request.as_bytes()).unwrap()
        })
        .collect()
}

#[test]
fn vectors_are_the_same_bytes_on_any_number_of_threads() {
    let mut engine = Engine::new("native");
    engine.load_model(tiny_model(1, "")).unwrap();
    for count in [0, 1, 2, 17, 300] {
        let texts = texts(count);
        let wanted = alone(&mut engine, &texts);
        let request = json!({"texts": texts, "kind": "passage"}).to_string();
        for threads in THREADS {
            let found = on(threads, || engine.embed(request.as_bytes()).unwrap());
            assert!(found == wanted, "{count} texts on {threads} threads");
        }
    }
}

#[test]
fn an_index_is_the_same_bytes_on_any_number_of_threads() {
    let documents: Vec<_> = texts(300)
        .iter()
        .enumerate()
        .map(|(n, text)| json!({"id": n.to_string(), "passages": [text, "the moon"], "record": n}))
        .collect();
    let request = json!({"index": "a", "documents": documents}).to_string();
    let dumped = THREADS.map(|threads| {
        on(threads, || {
            let mut engine = Engine::new("native");
            engine.load_model(tiny_model(1, "")).unwrap();
            engine.open(br#"{"index":"a"}"#).unwrap();
            engine.add(request.as_bytes()).unwrap();
            engine.dump(br#"{"index":"a"}"#).unwrap()
        })
    });
    assert!(dumped.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn encoders_are_kept_and_are_no_more_than_threads() {
    let model = Model::open(tiny_model(1, "")).unwrap();
    let texts = texts(300);
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut embedder = Embedder::new();
    on(3, || {
        for _ in 0..20 {
            let most = model.meta().max_tokens;
            embedder
                .embed(&model, TextKind::Passage, &texts, most)
                .unwrap();
            assert!((1..=3).contains(&embedder.encoders()));
        }
    });
}

#[test]
fn a_text_whose_numbers_overflow_is_named_by_its_place() {
    let mut parts = super::support::Parts::of(&tiny_model(1, ""));
    let scales = parts
        .names
        .iter()
        .position(|name| name == "embedding.norm")
        .unwrap();
    for float in parts.contents[scales].chunks_exact_mut(4) {
        float.copy_from_slice(&f32::MAX.to_le_bytes());
    }
    let mut engine = Engine::new("native");
    engine.load_model(parts.pack()).unwrap();
    let request = json!({"texts": texts(100), "kind": "passage"}).to_string();
    for threads in THREADS {
        let error = on(threads, || engine.embed(request.as_bytes()).unwrap_err());
        assert_eq!(
            (error.code(), &error.detail["text"]),
            ("bad_format", &json!(0))
        );
    }
}

#[test]
fn a_query_has_the_vector_that_its_model_gives_it_whatever_was_asked_before() {
    let models = [(1, ""), (2, ""), (1, "moon ")];
    let models = models.map(|(seed, prefix)| Model::open(tiny_model(seed, prefix)).unwrap());
    let mut embedder = Embedder::new();
    for (model, text) in [(0, "a"), (0, "a"), (0, "b"), (1, "b"), (2, "b"), (0, "b")] {
        let model = &models[model];
        let most = model.meta().max_tokens;
        let fresh = Embedder::new().embed(model, TextKind::Query, &[text], most);
        assert_eq!(embedder.query(model, text).unwrap(), fresh.unwrap());
    }
}
