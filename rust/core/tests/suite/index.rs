//! The flat index: what is found, in which order, and what adding and removing do to it.
//!
//! Owns the cases; must not know how rows are kept. Invariant: scores are those of the kept codes.

use super::support::{Parts, Seeded, entry, sample_index, space};
use findling_core::Code;
use findling_core::codes::{Query, quantize, quantize_query, score};
use findling_core::facets::Filter;
use findling_core::file::Answer;
use findling_core::index::{Ask, Buffers, Found, Index};
use findling_core::words::Request;
use proptest::prelude::*;
use serde_json::json;

const DIM: usize = 24;

fn ask<'a>(query: &'a Query, filter: &'a Filter, limit: usize) -> Ask<'a> {
    Ask {
        meaning: Some((query, 1.0)),
        filter,
        ..Ask::new(limit)
    }
}

fn search(index: &mut Index, query: &Query, filter: &Filter, limit: usize) -> Vec<Found> {
    let mut buffers = Buffers::default();
    match index
        .search(&ask(query, filter, limit), &mut buffers)
        .unwrap()
    {
        Answer::Ready(found) => found.to_vec(),
        Answer::Need(needs) => panic!("an index in memory needs {needs:?}"),
    }
}

fn ids(index: &mut Index, query: &[f32], filter: &Filter, limit: usize) -> Vec<String> {
    let query = quantize_query(query).unwrap();
    let found = search(index, &query, filter, limit);
    found
        .iter()
        .map(|found| index.id(found.document).to_owned())
        .collect()
}

fn one_hot(at: usize, scale: f32) -> Vec<f32> {
    let mut vector = vec![0.0; DIM];
    vector[at] = scale;
    vector
}

#[test]
fn an_empty_index_finds_nothing() {
    let mut index = Index::new();
    assert!(ids(&mut index, &[1.0, 2.0], &Filter::All, 10).is_empty());
    assert_eq!(
        (index.documents(), index.passages(), index.space()),
        (0, 0, None)
    );
}

#[test]
fn documents_are_ranked_by_their_best_passage() {
    let mut index = Index::new();
    let vectors = [
        one_hot(0, 1.0),
        one_hot(1, 1.0),
        one_hot(2, 1.0),
        one_hot(1, 0.5),
    ]
    .concat();
    let entries = [
        entry("two", 2, &json!(1)),
        entry("one", 1, &json!(2)),
        entry("half", 1, &json!(3)),
    ];
    index.add(&space(DIM), &entries, &vectors).unwrap();
    let query = quantize_query(&one_hot(1, 1.0)).unwrap();
    let found = search(&mut index, &query, &Filter::All, 10);
    let scores: Vec<f32> = found.iter().map(|found| found.score).collect();
    assert_eq!(
        found.iter().map(|found| found.document).collect::<Vec<_>>(),
        [0, 2, 1]
    );
    assert_eq!(found[0].passage, 1);
    assert!((scores[0] - 1.0).abs() < 1e-6 && (scores[1] - 0.5).abs() < 1e-6 && scores[2] == 0.0);
}

#[test]
fn of_equal_passages_the_first_is_named() {
    let mut index = Index::new();
    let vectors = [one_hot(0, 0.5), one_hot(1, 1.0), one_hot(1, 1.0)].concat();
    index
        .add(&space(DIM), &[entry("a", 3, &json!(1))], &vectors)
        .unwrap();
    let query = quantize_query(&one_hot(1, 1.0)).unwrap();
    assert_eq!(search(&mut index, &query, &Filter::All, 1)[0].passage, 1);
}

#[test]
fn equal_scores_rank_by_id() {
    let mut index = Index::new();
    let entries: Vec<_> = (0..200)
        .map(|n| entry(&n.to_string(), 1, &json!(n)))
        .collect();
    index
        .add(&space(DIM), &entries, &one_hot(3, 1.0).repeat(200))
        .unwrap();
    let found = ids(&mut index, &one_hot(3, 1.0), &Filter::All, 7);
    assert_eq!(found, ["0", "1", "10", "100", "101", "102", "103"]);
    index.remove(["1", "100"].into_iter()).unwrap();
    let found = ids(&mut index, &one_hot(3, 1.0), &Filter::All, 4);
    assert_eq!(found, ["0", "10", "101", "102"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn the_scan_equals_sorting_every_score(seed in any::<u64>(), documents in 1..150_usize, limit in 1..20_usize) {
        let mut index = sample_index(documents, DIM, seed);
        let mut seeded = Seeded(seed);
        let vectors = seeded.vector(index.passages() * DIM);
        let query = quantize_query(&Seeded(!seed).vector(DIM)).unwrap();

        let mut all = Vec::new();
        let mut rows = vectors.chunks_exact(DIM);
        for document in 0..documents {
            let closeness = |vector: &[f32]| {
                let mut codes = Vec::new();
                let scale = quantize(vector, &mut codes).unwrap();
                let dot = codes.iter().zip(&query.codes).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                score(dot, query.scale, scale, 1.0)
            };
            let mut best = f32::NEG_INFINITY;
            let mut mean = [0.0; DIM];
            for vector in rows.by_ref().take(1 + document % 3) {
                best = best.max(closeness(vector));
                mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += f64::from(*x));
            }
            // Long documents of `sample_index` count by half as a whole.
            if document % 16 == 5 {
                let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
                let mean: Vec<f32> = mean.iter().map(|x| (x / length) as f32).collect();
                best = ((f64::from(best) + f64::from(closeness(&mean))) / 2.0) as f32;
            }
            all.push((document, best));
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all.truncate(limit);
        let found: Vec<(usize, f32)> = search(&mut index, &query, &Filter::All, limit).iter().map(|found| (found.document, found.score)).collect();
        prop_assert_eq!(found, all);
    }

    #[test]
    fn an_index_is_what_was_added_whatever_was_removed_between(seed in any::<u64>(), steps in prop::collection::vec((0..12_usize, 0..3_usize), 1..40)) {
        let mut seeded = Seeded(seed);
        let mut index = Index::new();
        let mut kept: Vec<(String, usize, Vec<f32>, serde_json::Value)> = Vec::new();
        for (number, kind) in steps {
            let id = format!("document {number}");
            let known = kept.iter().position(|each| each.0 == id);
            if kind == 0 {
                prop_assert_eq!(index.remove([id.as_str(), "unknown"].into_iter()).unwrap(), usize::from(known.is_some()));
                kept.retain(|each| each.0 != id);
            } else {
                let vectors = seeded.vector(kind * DIM);
                let record = json!({"id": id, "at": seeded.below(1000)});
                let added = index.add(&space(DIM), &[entry(&id, kind, &record)], &vectors).unwrap();
                prop_assert_eq!((added.added, added.replaced), if known.is_some() { (0, 1) } else { (1, 0) });
                kept.retain(|each| each.0 != id);
                kept.push((id, kind, vectors, record));
            }
        }
        let mut fresh = Index::new();
        for (id, passages, vectors, record) in &kept {
            fresh.add(&space(DIM), &[entry(id, *passages, record)], vectors).unwrap();
        }
        // The space of an index stays when its last document goes.
        if !kept.is_empty() {
            prop_assert_eq!(index.dump(None).unwrap(), fresh.dump(None).unwrap());
        }
        prop_assert_eq!(index.documents(), kept.len());
        let query = seeded.vector(DIM);
        prop_assert_eq!(ids(&mut index, &query, &Filter::All, 5), ids(&mut fresh, &query, &Filter::All, 5));
    }
}

#[test]
fn a_filter_names_what_may_be_found() {
    let mut index = sample_index(30, DIM, 5);
    let query = Seeded(9).vector(DIM);
    let all = ids(&mut index, &query, &Filter::All, 30);
    let some = vec![
        all[3].clone(),
        all[20].clone(),
        "unknown".to_owned(),
        all[3].clone(),
    ];
    let only = ids(&mut index, &query, &Filter::Ids(some.clone()), 30);
    assert_eq!(only, [all[3].clone(), all[20].clone()]);
    let rest = ids(&mut index, &query, &Filter::NotIds(some), 30);
    let expected: Vec<String> = all
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 3 && *at != 20)
        .map(|(_, id)| id.clone())
        .collect();
    assert_eq!(rest, expected);
    assert!(ids(&mut index, &query, &Filter::Ids(Vec::new()), 30).is_empty());
    assert_eq!(
        ids(&mut index, &query, &Filter::NotIds(Vec::new()), 30),
        all
    );
}

#[test]
fn adding_is_all_or_nothing() {
    let mut index = sample_index(4, DIM, 1);
    let before = index.dump(None).unwrap();
    let good = one_hot(0, 1.0);
    let zero = vec![0.0; DIM];
    let cases = [
        (
            vec![entry("new", 1, &json!(1)), entry("d1", 1, &json!(2))],
            [good.clone(), zero].concat(),
        ),
        (
            vec![entry("new", 1, &json!(1)), entry("new", 1, &json!(2))],
            good.repeat(2),
        ),
        (
            vec![entry("new", 1, &json!(1)), entry("", 1, &json!(2))],
            good.repeat(2),
        ),
        (
            vec![entry("d0", 1, &json!(1)), entry("none", 0, &json!(2))],
            good.clone(),
        ),
        (vec![entry("d0", 1, &json!(1))], one_hot(2, f32::NAN)),
    ];
    for (entries, vectors) in cases {
        let error = index.add(&space(DIM), &entries, &vectors).unwrap_err();
        assert_eq!(error.code, Code::BadInput);
        assert_eq!(index.dump(None).unwrap(), before);
    }
}

#[test]
fn vectors_of_another_model_are_refused() {
    let mut index = sample_index(4, DIM, 1);
    let mut other = space(DIM);
    other.id = "6".repeat(64);
    let entries = [entry("new", 1, &json!(1))];
    assert_eq!(
        index
            .add(&other, &entries, &one_hot(0, 1.0))
            .unwrap_err()
            .code,
        Code::WrongSpace
    );
    let longer = space(DIM + 1);
    assert_eq!(
        index
            .add(&longer, &entries, &[1.0; DIM + 1])
            .unwrap_err()
            .code,
        Code::WrongDim
    );
    let query = quantize_query(&[1.0]).unwrap();
    assert_eq!(
        index
            .search(&ask(&query, &Filter::All, 1), &mut Buffers::default())
            .unwrap_err()
            .code,
        Code::WrongDim
    );
}

#[test]
fn a_dump_is_read_back_whole() {
    for documents in [0, 1, 50] {
        let mut index = if documents == 0 {
            Index::new()
        } else {
            sample_index(documents, DIM, 3)
        };
        let meta = json!({"title": "T", "nested": [1, {"a": null}]})
            .as_object()
            .unwrap()
            .clone();
        let bytes = index.dump(Some(meta.clone())).unwrap();
        let mut read = Index::load(&bytes).unwrap();
        assert_eq!(read.meta(), &meta);
        assert_eq!(read.space(), index.space());
        assert_eq!(read.dump(None).unwrap(), bytes);
        assert_eq!(read.documents(), documents);
        for number in 0..documents {
            let Answer::Ready(records) = read.records(&[number]).unwrap() else {
                panic!("everything has been read");
            };
            let record: serde_json::Value = serde_json::from_str(records[0].get()).unwrap();
            assert_eq!(record["n"], number);
            assert_eq!(read.number(&format!("d{number}")), Some(number));
        }
    }
}

#[test]
fn a_file_of_the_version_without_words_is_read() {
    let mut index = Index::new();
    let entries: Vec<_> = (0..20)
        .map(|n| entry(&n.to_string(), 1, &json!(n)))
        .collect();
    let vectors = Seeded(3).vector(20 * DIM);
    index.add(&space(DIM), &entries, &vectors).unwrap();
    let written = index.dump(None).unwrap();
    let mut parts = Parts::of(&written);
    for name in [
        "wholes",
        "columns",
        "whole.codes",
        "whole.scales",
        "lexicon",
        "fields",
        "tokens",
    ] {
        let at = parts.names.iter().position(|each| each == name).unwrap();
        parts.names.remove(at);
        parts.contents.remove(at);
    }
    parts.meta["version"] = json!(1);
    let mut read = Index::load(&parts.pack()).unwrap();
    assert_eq!(read.dump(None).unwrap(), written);
    let query = Seeded(5).vector(DIM);
    assert_eq!(
        ids(&mut read, &query, &Filter::All, 5),
        ids(&mut index, &query, &Filter::All, 5)
    );
    let request = Request {
        text: "title".to_owned(),
        ..Request::default()
    };
    let ask = Ask {
        words: Some((&request, 1.0)),
        ..Ask::new(5)
    };
    let mut buffers = Buffers::default();
    let found = read.search(&ask, &mut buffers).unwrap();
    assert_eq!(found, Answer::Ready(&[][..]));
}

#[test]
fn a_file_of_the_version_without_what_follows_from_tokens_is_read() {
    let mut index = sample_index(50, DIM, 3);
    let written = index.dump(None).unwrap();
    let mut parts = Parts::of(&written);
    for name in ["titles", "terms", "postings"] {
        let at = parts.names.iter().position(|each| each == name).unwrap();
        parts.names.remove(at);
        parts.contents.remove(at);
    }
    let refused = Index::load(&parts.pack()).map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Code::BadFormat);
    parts.meta["version"] = json!(2);
    let mut read = Index::load(&parts.pack()).unwrap();
    assert_eq!(read.dump(None).unwrap(), written);
}

#[test]
fn a_file_whose_terms_do_not_follow_from_its_tokens_is_refused_where_all_of_it_is_checked() {
    let mut index = sample_index(50, DIM, 3);
    let good = Parts::of(&index.dump(None).unwrap());
    let other = Parts::of(&sample_index(49, DIM, 3).dump(None).unwrap());
    for name in ["titles", "terms", "postings"] {
        let mut forged = good.clone();
        let at = good.names.iter().position(|each| each == name).unwrap();
        forged.contents[at].clone_from(&other.contents[at]);
        let refused = Index::load(&forged.pack()).map(|_| ()).unwrap_err();
        assert_eq!(refused.code, Code::BadFormat, "{name}");
    }
}
