//! Corrections in memory and from pages against the definition of the edit distance.
//!
//! Owns made-up words; knows nothing private of the pages but their bytes. Invariant: fixed seeds.

use super::*;
use crate::error::Result;
use crate::file::{Answer, Need};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// The distance by the textbook: one table, deletions, insertions, replacements and swaps of neighbours.
fn distance(one: &str, other: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(table[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    table[a.len()][b.len()]
}

type Pieces = Result<Answer<Vec<Vec<u8>>>>;

fn read_from(bytes: &[u8]) -> impl FnMut(&[Range<u64>]) -> Pieces {
    |ranges| {
        let part = |range: &Range<u64>| bytes[range.start as usize..range.end as usize].to_vec();
        Ok(Answer::Ready(ranges.iter().map(part).collect()))
    }
}

fn open(bytes: &[u8]) -> Result<Pages> {
    match Pages::open(bytes.len() as u64, &mut read_from(bytes))? {
        Answer::Ready(pages) => Ok(pages),
        Answer::Need(needs) => panic!("{needs:?} is there"),
    }
}

fn correct_from(bytes: &[u8], form: &str) -> Result<Option<Candidate>> {
    match open(bytes)?.correct(form, &mut read_from(bytes))? {
        Answer::Ready(found) => Ok(found),
        Answer::Need(needs) => panic!("{needs:?} is there"),
    }
}

fn in_memory(forms: &BTreeMap<String, u32>, form: &str) -> Option<Candidate> {
    correct(form, forms.iter().map(|(form, df)| (form.as_str(), *df)))
}

fn pages(forms: &BTreeMap<String, u32>) -> Vec<u8> {
    write(forms.iter().map(|(form, df)| (form.as_str(), *df))).unwrap()
}

/// Words of few letters, so that many are close to each other.
fn vocabulary() -> BTreeMap<String, u32> {
    let mut state = 11_u32;
    let mut next = |end: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % end
    };
    let mut forms = BTreeMap::new();
    for _ in 0..3000 {
        let word: String = (0..3 + next(9))
            .map(|_| ['a', 'b', 'ä', 'n', '語'][next(5) as usize])
            .collect();
        forms.insert(word, 1 + next(6));
    }
    forms
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(9), ..ProptestConfig::default() })]

    #[test]
    fn one_edit_is_a_distance_of_one(one in "[abä]{0,6}", other in "[abä]{0,6}") {
        prop_assert_eq!(is_one_edit(&one, &other), distance(&one, &other) == 1);
    }

    #[test]
    fn the_best_of_all_words_at_one_edit_is_taken(form in "[abnä語]{3,10}") {
        let forms = vocabulary();
        let close = forms.iter().filter(|(other, _)| distance(&form, other) == 1);
        let candidates = close.map(|(form, df)| Candidate { form: form.clone(), df: *df });
        let best = candidates.reduce(Candidate::better).filter(|_| form.chars().count() >= 4);
        prop_assert_eq!(in_memory(&forms, &form), best);
    }

    #[test]
    fn pages_tell_what_memory_tells(form in "[abnä語]{3,13}") {
        let forms = vocabulary();
        prop_assert_eq!(correct_from(&pages(&forms), &form).unwrap(), in_memory(&forms, &form));
    }
}

#[test]
fn only_words_are_corrected_and_only_to_words() {
    for form in ["café", "naïve", "don't", "слово", "ありがとう"] {
        assert!(is_correctable(form), "{form}");
    }
    for form in [
        "",
        "abc",
        "utf8",
        "2019",
        "a.b.c.d",
        "x86_64",
        "one two",
        &"x".repeat(41),
        "１２３４",
    ] {
        assert!(!is_correctable(form), "{form}");
    }
    let forms = BTreeMap::from(["cats", "cat5", "dogs"].map(|form| (form.to_owned(), 9)));
    assert_eq!(in_memory(&forms, "cat").map(|best| best.form), None);
    assert_eq!(
        in_memory(&forms, "catt").map(|best| best.form),
        Some("cats".to_owned())
    );
    assert_eq!(in_memory(&forms, "god"), None);
    assert_eq!(
        in_memory(&forms, "odgs").map(|best| best.form),
        Some("dogs".to_owned())
    );
}

#[test]
fn the_same_words_in_any_order_give_the_same_pages() {
    let forms = vocabulary();
    let backwards = write(forms.iter().rev().map(|(form, df)| (form.as_str(), *df))).unwrap();
    assert_eq!(backwards, pages(&forms));
    assert!(forms.len() > 2000 && backwards.len().is_multiple_of(PAGE_BYTES));
    let none = pages(&BTreeMap::new());
    assert_eq!(
        (none.len(), correct_from(&none, "word").unwrap()),
        (PAGE_BYTES, None)
    );
}

#[test]
fn more_words_of_one_hash_than_a_page_holds_lose_the_rarest() {
    let forms: BTreeMap<String, u32> = (0..2000_u32)
        .map(|at| {
            (
                format!(
                    "prefixed{}",
                    ('a'..='z')
                        .cycle()
                        .skip(at as usize % 26)
                        .take(2 + at as usize / 26 % 30)
                        .collect::<String>()
                ),
                1 + at,
            )
        })
        .collect();
    let bytes = pages(&forms);
    let (common, _) = forms.iter().max_by_key(|(_, df)| **df).unwrap();
    let typed = common.replacen('p', "q", 1);
    assert_eq!(
        correct_from(&bytes, &typed).unwrap(),
        in_memory(&forms, &typed)
    );
}

#[test]
fn what_is_missing_is_asked_for_in_two_steps() {
    let forms = vocabulary();
    let bytes = pages(&forms);
    let directory = open(&bytes).unwrap();
    let (mut asked, mut there): (Vec<Range<u64>>, Vec<Range<u64>>) = (Vec::new(), Vec::new());
    let mut steps = 0;
    let found = loop {
        asked.clear();
        let answer = directory.correct("nabnaab", &mut |ranges| {
            let missing: Vec<_> = ranges
                .iter()
                .filter(|range| !there.contains(range))
                .cloned()
                .collect();
            if missing.is_empty() {
                return read_from(&bytes)(ranges);
            }
            asked.extend(missing);
            let need = |range: &Range<u64>| Need {
                file: String::new(),
                offset: range.start,
                length: range.end - range.start,
            };
            Ok(Answer::Need(asked.iter().map(need).collect()))
        });
        match answer.unwrap() {
            Answer::Ready(found) => break found,
            Answer::Need(_) => there.append(&mut asked),
        }
        steps += 1;
    };
    assert_eq!((steps, found), (2, in_memory(&forms, "nabnaab")));
    assert!(
        there
            .iter()
            .all(|range| range.end - range.start == PAGE_BYTES as u64)
    );
    // Eight letters left out one by one, the word itself, and the pages of the words.
    assert!(there.len() <= 9 + 15, "{}", there.len());
}

#[test]
fn broken_pages_are_refused_or_answer() {
    let forms = vocabulary();
    let bytes = pages(&forms);
    for length in [
        0,
        3,
        11,
        12,
        PAGE_BYTES - 1,
        PAGE_BYTES,
        bytes.len() - 1,
        bytes.len() - PAGE_BYTES,
    ] {
        assert!(open(&bytes[..length]).is_err(), "{length}");
    }
    let mut state = 5_usize;
    let mut next = |end: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & 0xffff_ffff;
        (state >> 8) % end
    };
    let mut answers = 0;
    for turn in 0..4000 {
        let mut broken = bytes.clone();
        for _ in 0..1 + next(40) {
            let within = if turn % 2 == 0 {
                2 * PAGE_BYTES
            } else {
                bytes.len()
            };
            let at = next(within);
            broken[at] = [0, 1, 0x7f, 0x80, 0xff, 3][next(6)];
        }
        answers += usize::from(correct_from(&broken, "nabnaab").is_ok());
    }
    assert!(answers > 100, "{answers}");
    let mut claims = vec![0xff; PAGE_BYTES];
    assert!(open(&claims).is_err());
    claims[4..].fill(0);
    assert!(open(&claims).is_err());
}
