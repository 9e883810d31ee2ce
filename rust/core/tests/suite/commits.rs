//! Collections that are written change by change: random work against a dictionary, writes that fail, segments in any number.
//!
//! Owns what is asserted; knows no offsets. Invariant: seeded; what a collection answers is compared byte for
//! byte with an index of the same documents that was never written.

use super::disk::{
    DIM, Disk, PLAIN, POINTER, add, answered, commit, digest, named_by, new_engine, open, remove,
    status, taken_apart, write,
};
use super::support::{Parts, Seeded};
use findling_core::Engine;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const IDS: usize = 28;

/// What is asked of a collection.
fn plans() -> Vec<Value> {
    let facets = json!([{"field": "kind"}, {"field": "year"}]);
    let vector: Vec<f32> = Seeded(5).vector(DIM);
    vec![
        json!({"words": {"text": "boats rocket"}, "limit": 30, "facets": facets, "explain": true}),
        json!({"vector": vector, "limit": 30}),
        json!({"vector": vector, "words": {"text": "ete harbour node.js"}, "limit": 30}),
        json!({"words": {"text": ""}, "filter": {"field": "kind", "any": ["fever"]}, "facets": facets, "sort": [{"field": "year"}]}),
        json!({"words": {"text": "riviere fevr", "correct": true, "phrases": [{"text": "one"}]}, "limit": 30}),
        json!({"words": {"text": "bo", "typing": true, "not": [{"text": "rocket boats"}]}, "limit": 30}),
    ]
}

/// What an index answers, and its records in the order of their ids.
fn answers(engine: &mut Engine) -> Vec<Value> {
    let mut all: Vec<Value> = plans()
        .into_iter()
        .map(|mut plan| {
            plan["index"] = json!("i");
            let reply = engine.search(plan.to_string().as_bytes()).unwrap();
            serde_json::from_slice(&reply).unwrap()
        })
        .collect();
    let records = engine.records(br#"{"index":"i"}"#).unwrap();
    let mut records: Value = serde_json::from_slice(&records).unwrap();
    let list = records["records"].as_array_mut().unwrap();
    list.sort_by_key(|each| each["id"].to_string());
    all.push(records);
    all
}

/// What an index of these documents answers that was never written.
fn expected(documents: &BTreeMap<usize, u64>) -> Vec<Value> {
    let mut engine = new_engine();
    let all: Vec<(usize, u64)> = documents
        .iter()
        .map(|(id, version)| (*id, *version))
        .collect();
    add(&mut engine, &all);
    answers(&mut engine)
}

/// An index answers what one of these documents does that was never written.
fn alike(engine: &mut Engine, documents: &BTreeMap<usize, u64>) {
    for (own, other) in answers(engine).iter().zip(&expected(documents)) {
        if own != other {
            let (own, other) = (own.to_string(), other.to_string());
            let bytes = own.bytes().zip(other.bytes());
            let at = bytes
                .take_while(|(a, b)| a == b)
                .count()
                .saturating_sub(300);
            let end = |text: &str| (at + 500).min(text.len());
            panic!(
                "{}\nis not\n{}",
                &own[at..end(&own)],
                &other[at..end(&other)]
            );
        }
    }
}

/// The files of the segments that are stored, as the engine tells them.
fn stored(status: &Value) -> Vec<String> {
    let segments = status["segments"].as_array().unwrap().iter();
    segments
        .map(|each| each["file"].as_str().unwrap().to_owned())
        .collect()
}

/// Random work on one collection.
fn work(seed: u64, publish: bool) {
    let mut seeded = Seeded(seed);
    let (mut engine, mut disk) = (new_engine(), Disk::new());
    // What is in the index, what is on the disk, and which pointer that is.
    let mut held: BTreeMap<usize, u64> = BTreeMap::new();
    let mut safe = held.clone();
    let mut on: Option<String> = None;
    let mut strays = Disk::new();
    let first = if publish { PLAIN } else { 1 };
    for step in 0..40_u64 {
        match seeded.below(8) {
            0..=2 => {
                let ids: BTreeSet<usize> = (0..1 + seeded.below(4))
                    .map(|_| seeded.below(IDS))
                    .collect();
                let some: Vec<(usize, u64)> =
                    ids.into_iter().map(|id| (id, step + first)).collect();
                add(&mut engine, &some);
                held.extend(some);
            }
            3 => {
                let ids: Vec<usize> = (0..1 + seeded.below(3))
                    .map(|_| seeded.below(IDS))
                    .collect();
                remove(&mut engine, &ids);
                held.retain(|id, _| !ids.contains(id));
            }
            4 | 5 => {
                let status = status(&engine);
                // What is stored is the base, or the draft where that was written.
                let current = match on
                    .as_ref()
                    .is_some_and(|on| status["next"]["stored"] == json!(on))
                {
                    true => &status["next"],
                    false => &status,
                };
                if on.is_some() {
                    assert_eq!(current["stored"], json!(on));
                    assert_eq!(stored(current).len() + 1, disk.len());
                }
                let mut merge = if on.is_some() {
                    stored(current)
                } else {
                    Vec::new()
                };
                merge.retain(|_| seeded.below(3) == 0);
                let written = commit(&mut engine, on.as_deref(), &merge).unwrap();
                match seeded.below(4) {
                    // The disk was full, or the tab was closed.
                    0 => {}
                    // The segment came through, and the pointer did not.
                    1 => strays.extend(written.1),
                    _ => {
                        on = Some(digest(&written.0));
                        write(&mut disk, written);
                        safe = held.clone();
                    }
                }
            }
            6 if on.is_some() => {
                let mut all = disk.clone();
                all.append(&mut strays);
                engine = open(&all, true).unwrap().0;
                held = safe.clone();
                let status = status(&engine);
                assert_eq!(
                    (&status["pending"], &status["gone"]),
                    (&json!(0), &json!(false))
                );
                assert_eq!(status["documents"], json!(held.len()));
                alike(&mut engine, &held);
            }
            7 if publish && !held.is_empty() && on.is_some() && seeded.below(2) == 0 => {
                let files = engine.publish(br#"{"index":"i"}"#).unwrap();
                let written = taken_apart(&files);
                on = Some(digest(&written.0));
                write(&mut disk, written);
                safe = held.clone();
                engine = open(&disk, true).unwrap().0;
            }
            _ => {}
        }
    }
    alike(&mut engine, &held);
    let written = commit(&mut engine, on.as_deref(), &[]).unwrap();
    write(&mut disk, written);
    alike(&mut open(&disk, true).unwrap().0, &held);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn random_work_is_what_a_dictionary_makes_of_it(seed in any::<u64>(), publish in any::<bool>()) {
        work(seed, publish);
    }
}

/// A disk with the documents in so many segments, of which some are replaced and some removed.
fn in_segments(count: usize) -> (Disk, String, BTreeMap<usize, u64>) {
    let (mut engine, mut disk, mut on) = (new_engine(), Disk::new(), None::<String>);
    let mut held = BTreeMap::new();
    let ids: Vec<usize> = (0..IDS).collect();
    for (turn, some) in ids.chunks(IDS.div_ceil(count)).enumerate() {
        // The first of each slice is gone again, and the last of the slice before comes anew.
        let last = some[0].checked_sub(1);
        let some: Vec<(usize, u64)> = some.iter().copied().chain(last).map(|id| (id, 1)).collect();
        add(&mut engine, &some);
        held.extend(some.iter().copied());
        if turn > 0 {
            remove(&mut engine, &[some[0].0 - 3]);
            held.remove(&(some[0].0 - 3));
        }
        let written = commit(&mut engine, on.as_deref(), &[]).unwrap();
        on = Some(digest(&written.0));
        write(&mut disk, written);
    }
    (disk, on.unwrap(), held)
}

#[test]
fn one_segment_or_seven_merged_or_not_are_found_alike() {
    for count in [1, 2, 7] {
        let (mut disk, on, held) = in_segments(count);
        assert_eq!(disk.len(), 1 + count);
        let (mut engine, opened) = open(&disk, true).unwrap();
        assert_eq!(
            (&opened["documents"], &opened["meta"]["of"]),
            (&json!(held.len()), &json!("mine"))
        );
        alike(&mut engine, &held);
        let merge = stored(&status(&engine));
        let written = commit(&mut engine, Some(&on), &merge).unwrap();
        write(&mut disk, written);
        assert_eq!(disk.len(), 2);
        alike(&mut engine, &held);
        alike(&mut open(&disk, true).unwrap().0, &held);
    }
}

#[test]
fn records_of_live_segments_are_read_when_they_are_shown_or_all_of_them_are_needed() {
    for count in [1, 3] {
        let (mut disk, on, held) = in_segments(count);
        let (mut engine, opened) = open(&disk, false).unwrap();
        assert_eq!(opened["documents"], json!(held.len()));
        for (mut plan, expected) in plans().into_iter().zip(expected(&held)) {
            plan["index"] = json!("i");
            let plan = plan.to_string();
            // As the first of all searches, and behind others.
            for engine in [&mut open(&disk, false).unwrap().0, &mut engine] {
                let found = answered(engine, &disk, |engine| engine.search(plan.as_bytes()));
                assert_eq!(found.unwrap(), expected);
            }
        }
        // A change takes all of it, were it none: the files may go then.
        let nothing = br#"{"index":"i","ids":[]}"#;
        answered(&mut engine, &disk, |engine| engine.remove(nothing)).unwrap();
        alike(&mut engine, &held);
        let merge = stored(&status(&engine));
        let written = commit(&mut engine, Some(&on), &merge).unwrap();
        write(&mut disk, written);
        alike(&mut open(&disk, true).unwrap().0, &held);
    }
}

#[test]
fn a_damaged_record_is_refused_when_it_is_shown_and_read_again() {
    let (disk, ..) = in_segments(2);
    let mut damaged = disk.clone();
    for (_, bytes) in damaged.iter_mut().filter(|(name, _)| *name != POINTER) {
        *bytes.last_mut().unwrap() ^= 1;
    }
    let all = br#"{"index":"i","words":{"text":""},"limit":30}"#;
    let nothing = br#"{"index":"i","ids":[]}"#;
    let (mut engine, _) = open(&damaged, false).unwrap();
    for _ in 0..2 {
        let shown = answered(&mut engine, &damaged, |engine| engine.search(all));
        assert_eq!(shown.unwrap_err().code(), "wrong_digest");
        let taken = answered(&mut engine, &damaged, |engine| engine.remove(nothing));
        assert_eq!(taken.unwrap_err().code(), "wrong_digest");
    }
    let whole = open(&damaged, true).map(|_| ());
    assert_eq!(whole.unwrap_err().code(), "wrong_digest");
    answered(&mut engine, &disk, |engine| engine.search(all)).unwrap();
}

#[test]
fn tokens_of_a_segment_alone_are_read_when_places_are_asked_for_or_all_of_it_is_needed() {
    let (disk, ..) = in_segments(1);
    let mut damaged = disk.clone();
    for (_, bytes) in damaged.iter_mut().filter(|(name, _)| *name != POINTER) {
        let parts = Parts::of(bytes);
        let tokens = parts.names.iter().position(|name| name == "tokens");
        let tokens = &parts.contents[tokens.unwrap()];
        let mut places = bytes.windows(tokens.len());
        let at = places.rposition(|place| place == tokens).unwrap();
        bytes[at + tokens.len() / 2] ^= 1;
    }
    let (mut engine, _) = open(&damaged, false).unwrap();
    let ask = |engine: &mut Engine, disk: &Disk, more: &str| {
        let plan = format!(r#"{{"index":"i","words":{{"text":"boats rocket"{more}}}"#);
        answered(engine, disk, |engine| engine.search(plan.as_bytes()))
    };
    let found = ask(&mut engine, &damaged, "}").unwrap();
    assert!(found["total"].as_u64().unwrap() > 5);
    for more in [r#","phrases":[{"text":"boats"}]}"#, r#"},"explain":true"#] {
        let refused = ask(&mut engine, &damaged, more);
        assert_eq!(refused.unwrap_err().code(), "wrong_digest");
    }
    let nothing = br#"{"index":"i","ids":[]}"#;
    let taken = answered(&mut engine, &damaged, |engine| engine.remove(nothing));
    assert_eq!(taken.unwrap_err().code(), "wrong_digest");
    assert_eq!(ask(&mut engine, &damaged, "}").unwrap(), found);
    ask(&mut engine, &disk, r#"},"explain":true"#).unwrap();
}

#[test]
fn a_commit_that_was_not_written_loses_nothing() {
    let (mut engine, mut disk) = (new_engine(), Disk::new());
    add(&mut engine, &[(1, 1), (2, 1), (3, 1)]);
    let written = commit(&mut engine, None, &[]).unwrap();
    let first = digest(&written.0);
    write(&mut disk, written);
    add(&mut engine, &[(4, 1), (2, 2)]);
    remove(&mut engine, &[1]);
    let lost = commit(&mut engine, Some(&first), &[]).unwrap();
    add(&mut engine, &[(5, 1)]);
    // Said of the old pointer: what was lost is computed again, with what came since.
    let again = commit(&mut engine, Some(&first), &[]).unwrap();
    assert_ne!(again, lost);
    // The one that was lost is not known any more.
    let error = commit(&mut engine, Some(&digest(&lost.0)), &[]).unwrap_err();
    assert_eq!(error.code(), "bad_request");
    // Nor did that error change anything.
    assert_eq!(commit(&mut engine, Some(&first), &[]).unwrap(), again);
    let second = digest(&again.0);
    write(&mut disk, again);
    let held = BTreeMap::from([(2, 2), (3, 1), (4, 1), (5, 1)]);
    alike(&mut open(&disk, true).unwrap().0, &held);
    let status = status(&engine);
    assert_eq!(
        (&status["stored"], &status["next"]["stored"]),
        (&json!(first), &json!(second))
    );
    assert_eq!(
        (&status["pending"], &status["next"]["pending"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(
        (&status["gone"], &status["next"]["gone"]),
        (&json!(true), &json!(false))
    );
    // Nothing new: the same pointer, and no segment.
    let (pointer, segment) = commit(&mut engine, Some(&second), &[]).unwrap();
    assert_eq!((digest(&pointer), segment), (second.clone(), None));
    // Only what is gone: a pointer with tombstones.
    remove(&mut engine, &[3]);
    let (pointer, segment) = commit(&mut engine, Some(&second), &[]).unwrap();
    assert!(digest(&pointer) != second && segment.is_none());
    // A segment that is all gone is named no more.
    assert_eq!(named_by(&pointer).len(), 1);
    write(&mut disk, (pointer, None));
    let held = BTreeMap::from([(2, 2), (4, 1), (5, 1)]);
    alike(&mut open(&disk, true).unwrap().0, &held);
}

#[test]
fn a_published_collection_goes_on_in_live_segments() {
    let mut engine = new_engine();
    let all: Vec<(usize, u64)> = (0..IDS).map(|id| (id, PLAIN)).collect();
    add(&mut engine, &all);
    let mut disk = Disk::new();
    let written = taken_apart(&engine.publish(br#"{"index":"i"}"#).unwrap());
    let on = digest(&written.0);
    write(&mut disk, written);
    let (mut engine, _) = open(&disk, true).unwrap();
    let segments = &status(&engine)["segments"];
    assert_eq!(
        (&segments[0]["live"], &segments[0]["living"]),
        (&json!(false), &json!(IDS))
    );
    // Nothing has changed, so that nothing is written but the same pointer, in the same version.
    let same = commit(&mut engine, Some(&on), &[]).unwrap();
    assert_eq!(
        findling_core::inspect(&same.0).unwrap().len(),
        findling_core::inspect(&disk[POINTER]).unwrap().len() + r#""of":"mine""#.len()
    );
    add(&mut engine, &[(2, PLAIN + 9), (77, PLAIN + 9)]);
    remove(&mut engine, &[5, 6]);
    let written = commit(&mut engine, Some(&on), &[]).unwrap();
    write(&mut disk, written);
    assert_eq!(disk.len(), 3);
    let mut held: BTreeMap<usize, u64> = all.into_iter().collect();
    held.extend([(2, PLAIN + 9), (77, PLAIN + 9)]);
    held.retain(|id, _| ![5, 6].contains(id));
    let (mut engine, _) = open(&disk, true).unwrap();
    alike(&mut engine, &held);
    let segments = status(&engine)["segments"].clone();
    assert_eq!(
        (&segments[0]["documents"], &segments[0]["living"]),
        (&json!(IDS), &json!(IDS - 3))
    );
    assert_eq!(
        (&segments[1]["documents"], &segments[1]["live"]),
        (&json!(2), &json!(true))
    );
}

#[test]
fn what_cannot_be_committed_is_refused_and_changes_nothing() {
    let mut engine = new_engine();
    add(&mut engine, &[(1, 1)]);
    for (on, merge) in [
        (Some("0".repeat(32)), vec![]),
        (None, vec!["segment-x.findling".to_owned()]),
    ] {
        let error = commit(&mut engine, on.as_deref(), &merge).unwrap_err();
        assert_eq!(error.code(), "bad_request");
    }
    assert_eq!(status(&engine)["next"], Value::Null);
    assert_eq!(
        engine.commit(br#"{"index":"x"}"#).unwrap_err().code(),
        "not_found"
    );
    // A collection without documents is a pointer alone.
    let (pointer, segment) = commit(&mut new_engine(), None, &[]).unwrap();
    assert_eq!((named_by(&pointer).len(), &segment), (0, &None));
    let disk = Disk::from([(POINTER.to_owned(), pointer)]);
    for whole in [true, false] {
        let (engine, opened) = open(&disk, whole).unwrap();
        assert_eq!(
            (&opened["documents"], &opened["space"]),
            (&json!(0), &Value::Null)
        );
        assert_eq!(status(&engine)["stored"], json!(digest(&disk[POINTER])));
    }
}
