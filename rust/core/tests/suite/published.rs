//! The published format from outside: what is written comes back, the same contents give the same bytes, and files that
//! are old, foreign or put together wrongly are refused.
//!
//! Owns what is asserted; knows no offsets. Invariant: seeded.

use super::segments::{files, new_term, pointer_to, sample_contents};
use super::support::Parts;
use findling_core::Code;
use findling_core::segment::{self, Contents, Layout, Options, Spot, Whole};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn what_is_written_comes_back(documents in 0_usize..90, seed in any::<u64>(), has_vectors in any::<bool>(), layout in 0..3) {
        let layout = [Layout::Flat, Layout::One, Layout::Two][layout as usize];
        let contents = sample_contents(documents, seed, has_vectors);
        let [segment, pointer] = files(&contents, layout);
        let whole = Whole::open(&pointer, &segment).unwrap();
        whole.verify().unwrap();
        prop_assert_eq!(whole.user()["of"].as_str(), Some("mine"));
        let read = whole.contents().unwrap();
        prop_assert_eq!(&read, &contents);
        prop_assert_eq!(files(&read, layout), [segment, pointer]);
    }
}

#[test]
fn a_term_of_many_documents_takes_several_pages_and_comes_back() {
    let mut contents = sample_contents(1300, 3, true);
    let all: Vec<u32> = (0..1300).collect();
    let spots = all
        .iter()
        .map(|at| Spot {
            position: at % 7,
            form: 0,
        })
        .collect();
    let mut common = new_term("common", true);
    (common.frequencies, common.documents, common.spots) = (vec![[0, 1, 0, 0]; 1300], all, spots);
    contents.terms.insert(0, common);
    let [segment, pointer] = files(&contents, Layout::Two);
    let whole = Whole::open(&pointer, &segment).unwrap();
    assert_eq!(whole.contents().unwrap(), contents);
    let info = whole.info();
    assert!(info["clusters"]["small"].as_u64() > info["clusters"]["large"].as_u64());
    let levels = whole.parameters().levels;
    assert!(
        levels.windows(2).all(|pair| pair[0] <= pair[1]) && levels[15] < 2.2 && levels[0] > 0.0
    );
}

#[test]
fn contents_out_of_order_are_refused_by_name() {
    let good = sample_contents(9, 1, true);
    let refused = |change: &dyn Fn(&mut Contents)| {
        let mut contents = good.clone();
        change(&mut contents);
        let error = segment::write(&contents, &Options::default()).unwrap_err();
        assert_eq!(error.code, Code::BadInput, "{error}");
    };
    refused(&|contents| contents.documents.swap(0, 1));
    refused(&|contents| contents.documents[1].id = contents.documents[0].id.clone());
    refused(&|contents| contents.documents[0].passages = 0);
    refused(&|contents| contents.terms.swap(0, 1));
    refused(&|contents| contents.terms[0].forms.clear());
    refused(&|contents| contents.terms[0].forms.swap(0, 1));
    refused(&|contents| contents.terms[0].documents[0] = 99);
    refused(&|contents| contents.terms[0].frequencies[0][1] += 1);
    refused(&|contents| contents.terms[0].spots[0].form = 2);
    refused(&|contents| contents.scales.truncate(3));
    refused(&|contents| contents.scales[0] = f32::NAN);
    refused(&|contents| contents.space.as_mut().unwrap().dim = 0);
    assert!(segment::write(&good, &Options::default()).is_ok());
}

#[test]
fn another_segment_and_another_version_are_refused() {
    let [segment, pointer] = files(&sample_contents(9, 1, true), Layout::One);
    let [other, _] = files(&sample_contents(9, 2, true), Layout::One);
    let code = |pointer: &[u8], segment: &[u8]| Whole::open(pointer, segment).unwrap_err().code;
    assert_eq!(code(&pointer, &other), Code::WrongDigest);
    assert_eq!(code(&segment, &segment), Code::BadFormat);
    let set = |bytes: &[u8], key: &str, value: Value| {
        let mut parts = Parts::of(bytes);
        parts.meta[key] = value;
        parts.pack()
    };
    assert_eq!(
        code(&set(&pointer, "version", json!(3)), &segment),
        Code::WrongVersion
    );
    let newer = set(&segment, "version", json!(2));
    assert_eq!(
        code(&pointer_to(&newer).unwrap(), &newer),
        Code::WrongVersion
    );
    let away = json!([{"file": "../x", "length": 1, "head": 1, "digest": ""}]);
    assert_eq!(
        code(&set(&pointer, "segments", away), &segment),
        Code::BadFormat
    );
    assert!(Whole::open(&pointer_to(&segment).unwrap(), &segment).is_ok());
}

/// The files of this version stay what they are: to be read for ever, and what is written today.
#[test]
fn the_golden_collection_is_read_and_written_byte_for_byte() {
    let contents = sample_contents(60, 7, true);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/published-1");
    let golden = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (segment, pointer) = (golden("segment.findling"), golden("collection.findling"));
    let whole = Whole::open(&pointer, &segment).unwrap();
    whole.verify().unwrap();
    assert_eq!(whole.contents().unwrap(), contents);
    assert!(
        files(&contents, Layout::Two) == [segment, pointer],
        "other bytes"
    );
}
