//! The vector index against brute force, with every store and metric, by scan and through the graph.
//!
//! Owns what a caller of `VectorIndex` may rely on; knows nothing of how it is done. Invariant: recall has a written threshold,
//! everything else is exact.

use super::support::Seeded;
use findling_core::Code;
use findling_core::vectors::{Keep, Metric, Route, Search, Spec, VectorIndex, Way};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const METRICS: [Metric; 4] = [
    Metric::Cosine,
    Metric::Dot,
    Metric::Euclidean,
    Metric::Manhattan,
];

fn spec(dim: usize, change: impl FnOnce(&mut Value)) -> Spec {
    let mut request = json!({ "dim": dim });
    change(&mut request);
    Spec::read(request.to_string().as_bytes()).unwrap()
}

fn bytes<const N: usize, T: Copy>(values: &[T], to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| to(*value)).collect()
}

fn ids(values: &[u32]) -> Vec<u8> {
    bytes(values, u32::to_le_bytes)
}

fn floats(values: &[f32]) -> Vec<u8> {
    bytes(values, f32::to_le_bytes)
}

fn search(change: impl FnOnce(&mut Value)) -> Search {
    let mut request = json!({});
    change(&mut request);
    serde_json::from_value(request).unwrap()
}

/// VectorIndex in clusters, as texts are: a random centre plus noise.
fn clustered(seeded: &mut Seeded, count: usize, dim: usize) -> Vec<f32> {
    let centres = seeded.vector(40 * dim);
    let mut vectors = Vec::with_capacity(count * dim);
    for _ in 0..count {
        let centre = seeded.below(40) * dim;
        vectors.extend((0..dim).map(|at| centres[centre + at] + 0.6 * seeded.float()));
    }
    vectors
}

/// `count` vectors to be added and `queries` others of the same clusters.
fn split(seed: u64, count: usize, queries: usize, dim: usize) -> (Vec<f32>, Vec<f32>) {
    let mut given = clustered(&mut Seeded(seed), count + queries, dim);
    let queries = given.split_off(count * dim);
    (given, queries)
}

fn reference(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let dot: f64 = pairs().map(|(a, b)| a * b).sum();
    let length = |v: &[f32]| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    match metric {
        Metric::Cosine => dot / length(a) / length(b),
        Metric::Dot => dot,
        Metric::Euclidean => -pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(),
        Metric::Manhattan => -pairs().map(|(a, b)| (a - b).abs()).sum::<f64>(),
    }
}

fn link_all(vectors: &mut VectorIndex) {
    let reply: Value = serde_json::from_slice(&vectors.link(usize::MAX).unwrap()).unwrap();
    assert_eq!(reply["done"], true);
}

#[test]
fn every_store_and_metric_ranks_as_brute_force_over_what_is_kept() {
    let mut seeded = Seeded(1);
    for dim in [1, 7, 100, 384] {
        for metric in METRICS {
            for store in [Keep::F32, Keep::Int8, Keep::Int4] {
                let spec = spec(dim, |request| {
                    request["metric"] = json!(metric);
                    request["store"] = json!(store);
                });
                let mut vectors = VectorIndex::new(spec);
                let names: Vec<u32> = (0..150).map(|at| at * 7 % 151).collect();
                vectors
                    .add(&ids(&names), &floats(&seeded.vector(150 * dim)))
                    .unwrap();
                let query = seeded.vector(dim);
                let (hits, _) = vectors
                    .find(&search(|s| s["limit"] = json!(150)), &query, &[])
                    .unwrap();
                assert_eq!(hits.len(), 150);
                for (at, hit) in hits.iter().enumerate() {
                    let kept = vectors.get(&ids(&[hit.id])).unwrap();
                    let kept: Vec<f32> = kept
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .map(|x| f32::from_le_bytes(*x))
                        .collect();
                    let wanted = reference(metric, &query, &kept);
                    // Scores of codes see the query in 12 bits.
                    let allowed = 2e-3 * wanted.abs().max((dim as f64).sqrt());
                    assert!(
                        (f64::from(hit.score) - wanted).abs() <= allowed,
                        "{metric:?} {store:?} {dim}: {} {wanted}",
                        hit.score
                    );
                    if at > 0 {
                        let before = hits[at - 1];
                        assert!(
                            before.score > hit.score
                                || before.score == hit.score && before.id < hit.id
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn kept_floats_come_back_exactly_and_codes_within_half_a_step() {
    let mut seeded = Seeded(2);
    let (dim, given) = (37, seeded.vector(37 * 3));
    for (store, step) in [
        (Keep::F32, 0.0),
        (Keep::Int8, 1.0 / 127.0),
        (Keep::Int4, 1.0 / 7.0),
    ] {
        let mut vectors = VectorIndex::new(spec(dim, |request| request["store"] = json!(store)));
        vectors.add(&ids(&[5, 6, 7]), &floats(&given)).unwrap();
        let kept = vectors.get(&ids(&[5, 6, 7])).unwrap();
        for (number, (x, kept)) in given.iter().zip(kept.as_chunks::<4>().0).enumerate() {
            let row = &given[number / dim * dim..][..dim];
            let largest = row.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            assert!((x - f32::from_le_bytes(*kept)).abs() <= largest * step * 0.5001);
        }
    }
}

#[test]
fn sketches_find_nearly_what_the_scan_finds() {
    let dim = 128;
    let (given, queries) = split(3, 5000, 60, dim);
    let mut vectors = VectorIndex::new(spec(dim, |request| request["sketch"] = json!(true)));
    let names: Vec<u32> = (0..5000).collect();
    vectors.add(&ids(&names), &floats(&given)).unwrap();
    let mut found = 0;
    for query in queries.chunks_exact(dim) {
        let (exact, why) = vectors
            .find(&search(|s| s["index"] = json!("flat")), query, &[])
            .unwrap();
        assert_eq!(why.route, Route::Scan);
        let (quick, why) = vectors.find(&search(|_| ()), query, &[]).unwrap();
        assert_eq!(why.route, Route::Sketches);
        found += quick.iter().filter(|hit| exact.contains(hit)).count();
    }
    assert!(found >= 585, "{found} of 600");
}

fn recall(vectors: &mut VectorIndex, queries: &[f32], dim: usize, filter: &[u8]) -> f64 {
    let (mut found, mut wanted) = (0, 0);
    for query in queries.chunks_exact(dim) {
        let (exact, _) = vectors
            .find(&search(|s| s["index"] = json!("flat")), query, filter)
            .unwrap();
        let (near, _) = vectors.find(&search(|_| ()), query, filter).unwrap();
        assert_eq!(near.len(), exact.len(), "never fewer hits than exist");
        found += near.iter().filter(|hit| exact.contains(hit)).count();
        wanted += exact.len();
    }
    found as f64 / wanted as f64
}

fn graph(dim: usize) -> Spec {
    spec(dim, |request| {
        request["index"] = json!("graph");
        request["m"] = json!(8);
        request["ef_construction"] = json!(64);
    })
}

#[test]
fn the_graph_finds_nearly_what_the_scan_finds() {
    let dim = 64;
    for metric in METRICS {
        let (given, queries) = split(4, 4000, 50, dim);
        let mut vectors = VectorIndex::new(Spec {
            metric,
            ..graph(dim)
        });
        let names: Vec<u32> = (0..4000).collect();
        vectors.add(&ids(&names), &floats(&given)).unwrap();
        link_all(&mut vectors);
        let (_, why) = vectors.find(&search(|_| ()), &queries[..dim], &[]).unwrap();
        assert_eq!(why.route, Route::Graph);
        let recall = recall(&mut vectors, &queries, dim, &[]);
        assert!(recall >= 0.97, "{metric:?}: {recall}");
    }
}

#[test]
fn a_filter_lets_through_only_what_it_names_and_all_of_it() {
    let dim = 32;
    let (given, queries) = split(5, 9000, 30, dim);
    let mut vectors = VectorIndex::new(graph(dim));
    let names: Vec<u32> = (0..9000).collect();
    vectors.add(&ids(&names), &floats(&given)).unwrap();
    link_all(&mut vectors);
    for one_in in [2, 20, 3000] {
        let mut filter = vec![0_u8; 9000 / 8];
        (0..9000)
            .step_by(one_in)
            .for_each(|id| filter[id / 8] |= 1 << (id % 8));
        let limit = (9000 / one_in).min(10);
        for query in queries.chunks_exact(dim) {
            let (hits, _) = vectors.find(&search(|_| ()), query, &filter).unwrap();
            assert_eq!(hits.len(), limit);
            assert!(
                hits.iter()
                    .all(|hit| (hit.id as usize).is_multiple_of(one_in))
            );
        }
        assert!(
            recall(&mut vectors, &queries, dim, &filter) >= 0.95,
            "one in {one_in}"
        );
    }
    let (hits, _) = vectors
        .find(&search(|_| ()), &queries[..dim], &[0])
        .unwrap();
    assert!(hits.is_empty());
}

#[test]
fn threads_slices_and_batches_change_no_byte_of_the_graph() {
    let dim = 48;
    let given = clustered(&mut Seeded(6), 1500, dim);
    let names: Vec<u32> = (0..1500).collect();
    let mut whole = VectorIndex::new(graph(dim));
    whole.add(&ids(&names), &floats(&given)).unwrap();
    link_all(&mut whole);
    let wanted = whole.dump().unwrap();

    for (batch, rounds) in [(1, 1), (97, 3), (700, 1000)] {
        let mut vectors = VectorIndex::new(graph(dim));
        for (ids_of_batch, rows) in names.chunks(batch).zip(given.chunks(batch * dim)) {
            vectors.add(&ids(ids_of_batch), &floats(rows)).unwrap();
            vectors.link(rounds).unwrap();
        }
        link_all(&mut vectors);
        assert!(
            vectors.dump().unwrap() == wanted,
            "batches of {batch}, slices of {rounds}"
        );
    }
}

#[cfg(feature = "threads")]
#[test]
fn any_number_of_threads_gives_the_same_graph() {
    let dim = 48;
    let given = clustered(&mut Seeded(6), 3000, dim);
    let built = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let mut vectors = VectorIndex::new(graph(dim));
            let names: Vec<u32> = (0..3000).collect();
            vectors.add(&ids(&names), &floats(&given)).unwrap();
            link_all(&mut vectors);
            vectors.remove(&ids(&names[..1500])).unwrap();
            link_all(&mut vectors);
            vectors.dump().unwrap()
        })
    };
    let wanted = built(1);
    assert!(built(2) == wanted);
    assert!(built(8) == wanted);
}

#[test]
fn what_waits_for_its_round_is_found_at_once() {
    let dim = 32;
    let given = clustered(&mut Seeded(7), 1000, dim);
    let mut vectors = VectorIndex::new(graph(dim));
    vectors
        .add(
            &ids(&(0..990).collect::<Vec<u32>>()),
            &floats(&given[..990 * dim]),
        )
        .unwrap();
    link_all(&mut vectors);
    vectors
        .add(
            &ids(&(990..1000).collect::<Vec<u32>>()),
            &floats(&given[990 * dim..]),
        )
        .unwrap();
    for id in 990..1000 {
        let query = &given[id * dim..][..dim];
        let (hits, _) = vectors
            .find(&search(|s| s["limit"] = json!(1)), query, &[])
            .unwrap();
        assert_eq!(hits[0].id as usize, id);
    }
}

#[test]
fn deleting_half_and_inserting_half_keeps_the_recall_of_a_fresh_graph() {
    let (dim, count) = (64, 4000_u32);
    let (given, queries) = split(8, count as usize * 3 / 2, 60, dim);
    let rows =
        |range: std::ops::Range<u32>| &given[range.start as usize * dim..range.end as usize * dim];
    let all = |range: std::ops::Range<u32>| ids(&range.collect::<Vec<u32>>());

    let mut churned = VectorIndex::new(graph(dim));
    churned
        .add(&all(0..count), &floats(rows(0..count)))
        .unwrap();
    link_all(&mut churned);
    let gone: Vec<u32> = (0..count).filter(|id| id % 2 == 0).collect();
    for some in gone.chunks(250) {
        churned.remove(&ids(some)).unwrap();
        link_all(&mut churned);
    }
    churned
        .add(
            &all(count..count * 3 / 2),
            &floats(rows(count..count * 3 / 2)),
        )
        .unwrap();
    link_all(&mut churned);

    let mut fresh = VectorIndex::new(graph(dim));
    for id in (0..count)
        .filter(|id| id % 2 == 1)
        .chain(count..count * 3 / 2)
    {
        fresh.add(&ids(&[id]), &floats(rows(id..id + 1))).unwrap();
    }
    link_all(&mut fresh);

    assert_eq!(churned.len(), fresh.len());
    let (churned, fresh) = (
        recall(&mut churned, &queries, dim, &[]),
        recall(&mut fresh, &queries, dim, &[]),
    );
    assert!(
        churned >= fresh - 0.01,
        "{churned} after churn, {fresh} fresh"
    );
}

#[test]
fn random_steps_give_what_a_plain_map_gives() {
    let dim = 16;
    for (seed, way) in [(9, Way::Flat), (10, Way::Graph)] {
        let mut seeded = Seeded(seed);
        let mut vectors = VectorIndex::new(Spec {
            index: way,
            store: Keep::F32,
            m: 4,
            ef_construction: 32,
            ..graph(dim)
        });
        let mut plain: BTreeMap<u32, Vec<f32>> = BTreeMap::new();
        for step in 0..400 {
            match seeded.below(6) {
                0 | 1 => {
                    let first = seeded.below(300) as u32;
                    let names: Vec<u32> = (first..first + 1 + seeded.below(30) as u32).collect();
                    let given = seeded.vector(names.len() * dim);
                    vectors.add(&ids(&names), &floats(&given)).unwrap();
                    plain.extend(
                        names
                            .iter()
                            .copied()
                            .zip(given.chunks_exact(dim).map(<[f32]>::to_vec)),
                    );
                }
                2 => {
                    let names: Vec<u32> = (0..10).map(|_| seeded.below(330) as u32).collect();
                    vectors.remove(&ids(&names)).unwrap();
                    names.iter().for_each(|id| drop(plain.remove(id)));
                }
                3 => drop(vectors.link(1 + seeded.below(5)).unwrap()),
                4 => {
                    let dumped = vectors.dump().unwrap();
                    vectors = VectorIndex::load(&dumped).unwrap();
                    assert!(vectors.dump().unwrap() == dumped, "step {step}");
                }
                _ => {
                    let query = seeded.vector(dim);
                    let limit = 1 + seeded.below(20);
                    let (hits, _) = vectors
                        .find(
                            &search(|s| {
                                s["limit"] = json!(limit);
                                s["ef_search"] = json!(400);
                            }),
                            &query,
                            &[],
                        )
                        .unwrap();
                    let mut wanted: Vec<(f64, u32)> = plain
                        .iter()
                        .map(|(id, kept)| (reference(Metric::Cosine, &query, kept), *id))
                        .collect();
                    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
                    assert_eq!(hits.len(), limit.min(plain.len()));
                    let agree = hits
                        .iter()
                        .zip(&wanted)
                        .filter(|(hit, wanted)| (f64::from(hit.score) - wanted.0).abs() < 1e-5)
                        .count();
                    assert!(
                        agree == hits.len() || way == Way::Graph && agree * 10 >= hits.len() * 9,
                        "step {step}: {agree} of {}",
                        hits.len()
                    );
                }
            }
            assert_eq!(vectors.len(), plain.len());
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_and_changes_nothing() {
    let mut vectors = VectorIndex::new(spec(3, |_| ()));
    vectors.add(&ids(&[1]), &floats(&[1.0, 2.0, 3.0])).unwrap();
    let before = vectors.dump().unwrap();
    let good = [1.0, 2.0, 3.0];
    for (names, given, code) in [
        (vec![2_u32], vec![1.0, 2.0], Code::WrongDim),
        (vec![2, 3], good.to_vec(), Code::WrongDim),
        (vec![2, 2], [good, good].concat(), Code::BadRequest),
        (vec![2, 3], [good, [0.0; 3]].concat(), Code::BadInput),
        (
            vec![2, 3],
            [good, [f32::NAN, 0.0, 1.0]].concat(),
            Code::BadInput,
        ),
        (
            vec![2, 3],
            [good, [f32::INFINITY, 0.0, 1.0]].concat(),
            Code::BadInput,
        ),
    ] {
        let error = vectors.add(&ids(&names), &floats(&given)).unwrap_err();
        assert_eq!(error.code, code, "{given:?}");
        assert!(vectors.dump().unwrap() == before);
    }
    assert_eq!(
        vectors.add(&[1, 2, 3], &[]).unwrap_err().code,
        Code::BadRequest
    );
    assert_eq!(vectors.get(&ids(&[9])).unwrap_err().code, Code::NotFound);
    for (query, code) in [
        (vec![1.0], Code::WrongDim),
        (vec![0.0; 3], Code::BadInput),
        (vec![f32::NAN; 3], Code::BadInput),
    ] {
        assert_eq!(
            vectors.find(&search(|_| ()), &query, &[]).unwrap_err().code,
            code
        );
    }
    for request in [
        "{}",
        r#"{"dim":0}"#,
        r#"{"dim":4097}"#,
        r#"{"dim":3,"m":1}"#,
        r#"{"dim":3,"unknown":1}"#,
        r#"{"dim":3,"ef_construction":4}"#,
    ] {
        assert_eq!(
            VectorIndex::create(request.as_bytes()).unwrap_err().code,
            Code::BadRequest,
            "{request}"
        );
    }
    let sketched = br#"{"dim":3,"metric":"euclidean","sketch":true}"#;
    assert_eq!(
        VectorIndex::create(sketched).unwrap_err().code,
        Code::Unsupported
    );
    assert_eq!(
        vectors
            .search(br#"{"limit":0}"#, &floats(&good), &[])
            .unwrap_err()
            .code,
        Code::BadRequest
    );
}
