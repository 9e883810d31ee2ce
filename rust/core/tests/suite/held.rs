//! What an engine holds in memory: buffers are used again, parts are told, and what is closed is given back.
//!
//! Knows nothing of what is found. Invariant: figures come from the counting allocator, on one thread.

use super::memory::measured;
use super::support::{Seeded, answer, tiny_model};
use findling_core::Engine;
use findling_core::file::Answer;
use findling_core::plan::{Search, read_search};
use serde_json::{Value, json};

const DIM: usize = 128;
const SIZES: [usize; 2] = [100, 10_000];

fn engine() -> Engine {
    let mut engine = Engine::new("native");
    engine.load_model(tiny_model(1, "the ")).unwrap();
    engine
}

/// Adds that many documents of one passage to a new index "a".
fn fill(engine: &mut Engine, documents: usize) {
    let mut seeded = Seeded(11);
    let vectors: Vec<u8> = (0..documents * DIM)
        .flat_map(|_| seeded.float().to_le_bytes())
        .collect();
    let documents: Vec<Value> = (0..documents)
        .map(|n| json!({"id": format!("document {n:05}"), "passages": [""], "record": {"title": format!("Title {n:05}")}}))
        .collect();
    let space = format!("{:064x}", 1);
    let request = json!({"index": "a", "space": space, "documents": documents}).to_string();
    engine.open(br#"{"index":"a"}"#).unwrap();
    engine.add_vectors(request.as_bytes(), &vectors).unwrap();
}

fn close(engine: &mut Engine) {
    engine.close(br#"{"index":"a"}"#).unwrap();
}

fn plan(request: &Value) -> Search {
    read_search(request.to_string().as_bytes()).unwrap()
}

fn found(engine: &mut Engine, plan: &Search) -> usize {
    match engine.find(plan).unwrap() {
        Answer::Ready(found) => found.len(),
        Answer::Need(needs) => panic!("an index in memory needs {needs:?}"),
    }
}

#[test]
fn a_search_after_the_first_allocates_nothing_however_large_the_collection() {
    let plans = [
        json!({"index": "a", "text": "the fever and the rocket to the moon"}),
        json!({"index": "a", "text": "caKe!", "limit": 3, "filter": {"not_ids": ["document 00007"]}}),
        json!({"index": "a", "text": "moon", "filter": {"ids": ["document 00001", "nowhere"]}}),
        json!({"index": "a", "vector": Seeded(3).vector(DIM)}),
    ]
    .map(|request| plan(&request));
    for size in SIZES {
        let mut engine = engine();
        fill(&mut engine, size);
        let first: Vec<usize> = plans.iter().map(|plan| found(&mut engine, plan)).collect();
        assert_eq!(first, [10, 3, 1, 10]);
        for (plan, hits) in plans.iter().zip(first) {
            let (again, counts) = measured(|| found(&mut engine, plan));
            assert_eq!(
                (again, counts.total),
                (hits, 0),
                "{size} documents, {plan:?}"
            );
        }
    }
}

#[test]
fn a_search_by_request_allocates_for_its_request_and_its_reply() {
    let request = br#"{"index":"a","text":"the fever and the rocket to the moon","filter":{"not_ids":["document 00007"]}}"#;
    let cost = |size: usize| {
        let mut engine = engine();
        fill(&mut engine, size);
        engine.search(request).unwrap();
        let (reply, counts) = measured(|| engine.search(request).unwrap());
        // Strings of the request; of each hit its number, range and record, twice while records are checked; and the
        // reply, which doubles as it is written.
        let bound = 4 * request.len() + 8 * reply.len();
        assert!(
            counts.total <= bound,
            "{} > {bound} for {size}",
            counts.total
        );
        assert_eq!(counts.live as usize, reply.capacity());
        counts.total
    };
    assert_eq!(cost(SIZES[0]), cost(SIZES[1]));
}

#[test]
fn what_is_added_is_told_and_what_is_closed_is_given_back() {
    let mut engine = engine();
    let search =
        plan(&json!({"index": "a", "text": "fever", "filter": {"ids": ["document 00001"]}}));
    // The map of indexes keeps its first node.
    engine.open(br#"{"index":"a"}"#).unwrap();
    close(&mut engine);
    let empty = engine.parts();
    assert!(empty.model > 100_000 && empty.text == 0 && empty.vectors == 0);
    for (turn, size) in [1_000, 2_000, 2_000].into_iter().enumerate() {
        let before = engine.parts();
        let ((), counts) = measured(|| {
            fill(&mut engine, size);
            found(&mut engine, &search);
            let full = engine.parts();
            assert!(full.vectors >= size * (DIM + 4), "{full:?}");
            // Id and title of each.
            assert!(full.text >= size * (14 + 11), "{full:?}");
            assert_eq!((full.model, full.graph), (empty.model, 0));
            close(&mut engine);
        });
        let after = engine.parts();
        assert_eq!((after.vectors, after.text), (0, 0));
        let kept = after.buffers - before.buffers;
        assert_eq!(counts.live, kept as isize, "turn {turn}");
        assert_eq!(kept > 0, turn < 2);
    }
}

#[test]
fn the_parts_are_what_the_allocator_gave() {
    let (engine, counts) = measured(|| {
        let mut engine = engine();
        fill(&mut engine, 5_000);
        found(&mut engine, &plan(&json!({"index": "a", "text": "fever"})));
        engine
    });
    let parts = engine.parts();
    let told = parts.model + parts.vectors + parts.graph + parts.text + parts.buffers;
    // Nodes of the map of ids have spare room, and headers and settings are not counted.
    let live = counts.live as usize;
    assert!(told <= live && live - told < live / 8, "{told} of {live}");
}

#[test]
fn a_file_is_opened_and_searched_without_holding_its_sections_twice() {
    let mut engine = engine();
    fill(&mut engine, 10_000);
    let file = engine.dump(br#"{"index":"a"}"#).unwrap();
    close(&mut engine);
    let open = json!({"index": "a", "file": "f", "length": file.len()}).to_string();
    let search = br#"{"index":"a","text":"fever","limit":1}"#;
    answer(&mut engine, &file, |engine| engine.open(open.as_bytes())).unwrap();
    let opened = engine.parts();
    let (_, counts) =
        measured(|| answer(&mut engine, &file, |engine| engine.search(search)).unwrap());
    let grown = engine.parts().vectors - opened.vectors;
    assert!(grown >= 10_000 * (DIM + 4));
    // The codes, as they were handed over; beside them the scales, how near each document is, its number while the best are
    // picked, and a block with a record.
    let bound = grown + 10_000 * (4 + 4 + 4) + (256 << 10);
    assert!(counts.peak <= bound as isize, "{} > {bound}", counts.peak);
}

#[test]
fn a_search_for_words_after_the_first_allocates_for_its_words_only() {
    let plan = plan(
        &json!({"index": "a", "vector": Seeded(3).vector(DIM), "words": {
            "text": "title harbour", "phrases": [{"text": "calm harbour"}], "not": [{"text": "storm"}],
        }}),
    );
    let cost = |size: usize| {
        let mut engine = engine();
        fill(&mut engine, 10);
        let documents: Vec<Value> = (0..size)
            .map(|n| {
                let text = format!("a calm harbour, number {n}");
                json!({"id": n.to_string(), "fields": {"title": "Title", "text": text}, "passages": [""], "record": n})
            })
            .collect();
        let vectors: Vec<u8> = Seeded(5)
            .vector(size * DIM)
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        let space = format!("{:064x}", 1);
        let request = json!({"index": "a", "space": space, "documents": documents}).to_string();
        engine.add_vectors(request.as_bytes(), &vectors).unwrap();
        assert_eq!(found(&mut engine, &plan), 10);
        let (again, counts) = measured(|| found(&mut engine, &plan));
        assert_eq!(again, 10);
        counts.total
    };
    let least = cost(SIZES[0]);
    assert_eq!(least, cost(SIZES[1]));
    assert!(least < 16 << 10, "{least} bytes");
}

#[test]
fn words_are_told_as_text_and_given_back() {
    let mut engine = engine();
    engine.open(br#"{"index":"a"}"#).unwrap();
    let documents: Vec<Value> = (0..3_000)
        .map(|n| {
            let text = format!("calm harbour {} boats {n} and {}", n % 70, n * 3);
            json!({"id": n.to_string(), "fields": {"text": text}, "passages": [""], "record": n})
        })
        .collect();
    let space = format!("{:064x}", 1);
    let request = json!({"index": "a", "space": space, "documents": documents}).to_string();
    let vectors: Vec<u8> = [0, 0, 128, 63].repeat(3_000 * DIM);
    let (before, counts) = measured(|| {
        engine.add_vectors(request.as_bytes(), &vectors).unwrap();
        let search = plan(&json!({"index": "a", "words": {"text": "calm"}}));
        assert_eq!(found(&mut engine, &search), 10);
        engine.parts()
    });
    let live = counts.live as usize;
    let told = before.text + before.vectors + before.buffers;
    assert!(before.text > 3_000 * 6 * 12, "{before:?}");
    assert!(told <= live && live - told < live / 8, "{told} of {live}");
    close(&mut engine);
    assert_eq!(engine.parts().text, 0);
}
