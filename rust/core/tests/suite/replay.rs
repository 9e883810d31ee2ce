//! The fuzz targets on their corpus, and on a fixed number of inputs made from it, without a fuzzer.
//!
//! Owns the making of inputs; knows nothing of what a target does. Invariant: the same inputs in every run.

use super::broken::mutate;
use super::fuzz;
use super::support::Seeded;
use findling_core::format::hex;
use std::panic::catch_unwind;
use std::path::Path;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let inputs: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(inputs.len() >= 8, "the corpus of {target} is there");
    inputs
}

fn run(target: fn(&[u8]), input: &[u8]) {
    if catch_unwind(|| target(input)).is_err() {
        panic!("the target panicked on {}", hex(input));
    }
}

fn replay(name: &str, target: fn(&[u8]), runs: usize) {
    let corpus = corpus(name);
    corpus.iter().for_each(|input| run(target, input));
    let mut seeded = Seeded(5);
    for _ in 0..runs {
        let mut input = corpus[seeded.below(corpus.len())].clone();
        if seeded.below(4) == 0 {
            let other = &corpus[seeded.below(corpus.len())];
            input.truncate(seeded.below(input.len()));
            input.extend_from_slice(&other[seeded.below(other.len())..]);
        }
        for _ in 0..1 + seeded.below(4) {
            mutate(&mut input, &mut seeded);
        }
        run(target, &input);
    }
}

#[test]
fn the_target_open_ends_well() {
    let taken: usize = corpus("open").iter().map(|input| fuzz::open(input)).sum();
    assert!(taken > 0, "the seeds are files");
    replay(
        "open",
        |input| {
            fuzz::open(input);
        },
        4_000,
    );
}

#[test]
fn the_target_search_ends_well() {
    replay("search", fuzz::search, 10_000);
}
