//! Corrections in memory and from pages against the definition of the edit distance.
//!
//! Owns made-up words; knows nothing private of the pages but their bytes. Invariant: fixed seeds.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

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

/// What the pages of the stretches of a word say of it: whether it is there, and what was meant.
fn in_pages(lists: &[Vec<Page>; 2], form: &str) -> (bool, Option<Candidate>) {
    let (mut is_there, mut best) = (false, None);
    for stretch in stretches(form) {
        let list = &lists[usize::from(stretch.backwards)];
        let firsts: Vec<Place> = list.iter().map(|page| page.first.clone()).collect();
        for page in &list[stretch.pages(&firsts)] {
            read(&page.bytes, &mut |place, df| {
                let other = spelled(&place.text, stretch.backwards);
                is_there |= other == form;
                offer(form, &other, df, &mut best);
            })
            .unwrap();
        }
    }
    (is_there, best.filter(|_| is_correctable(form)))
}

fn in_memory(forms: &BTreeMap<String, u32>, form: &str) -> Option<Candidate> {
    correct(form, forms.iter().map(|(form, df)| (form.as_str(), *df)))
}

fn both(forms: &BTreeMap<String, u32>) -> [Vec<Page>; 2] {
    let forms = || forms.iter().map(|(form, df)| (form.as_str(), *df));
    [pages(forms(), false), pages(forms(), true)]
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
        let best = candidates.max_by(|a, b| (a.df, &b.form).cmp(&(b.df, &a.form))).filter(|_| form.chars().count() >= 4);
        prop_assert_eq!(in_memory(&forms, &form), best);
    }

    #[test]
    fn pages_tell_what_memory_tells(form in "[abnä語]{3,13}") {
        let forms = vocabulary();
        let (is_there, best) = in_pages(&both(&forms), &form);
        prop_assert_eq!(is_there, forms.contains_key(&form) && form.chars().count() >= 3);
        prop_assert_eq!(best, in_memory(&forms, &form));
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
fn every_word_stands_in_the_page_that_its_place_says() {
    let forms = vocabulary();
    for (list, backwards) in both(&forms).iter().zip([false, true]) {
        assert!(list.len() > 3 && list[0].first == Place::default());
        let firsts: Vec<Place> = list.iter().map(|page| page.first.clone()).collect();
        assert!(firsts.is_sorted_by(|a, b| a < b));
        let mut found = BTreeMap::new();
        for (at, page) in list.iter().enumerate() {
            read(&page.bytes, &mut |place, df| {
                assert!(*place >= firsts[at] && firsts.get(at + 1).is_none_or(|next| place < next));
                found.insert(spelled(&place.text, backwards), df);
            })
            .unwrap();
        }
        let mut expected = forms.clone();
        expected.retain(|form, _| form.chars().count() >= 3);
        assert_eq!(found, expected);
    }
    let none = BTreeMap::new();
    assert!(both(&none).concat().is_empty());
}

#[test]
fn broken_pages_are_refused_or_answer() {
    let mut bytes = both(&vocabulary())[0][1].bytes.clone();
    let mut state = 5_usize;
    let mut next = |end: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & 0xffff_ffff;
        (state >> 8) % end
    };
    let mut answers = 0;
    for _ in 0..4000 {
        let mut broken = bytes.clone();
        for _ in 0..1 + next(3) {
            broken[next(bytes.len())] = [0, 1, 0x7f, 0x80, 0xff, 3][next(6)];
        }
        broken.truncate(1 + next(2 * bytes.len()));
        let mut words = 0;
        answers += usize::from(read(&broken, &mut |_, _| words += 1).is_some());
        assert!(words <= broken.len());
    }
    assert!((1..4000).contains(&answers), "{answers}");
    bytes.push(0);
    assert!(read(&bytes, &mut |_, _| ()).is_none());
}
