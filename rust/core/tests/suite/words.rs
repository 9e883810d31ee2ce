//! The leg of words: scores, phrases and what adding and removing do to them, against a plain scorer.
//!
//! Owns that scorer, which counts tokens of texts anew for every query; knows nothing of how words are kept. Invariant: it
//! takes nothing from the index but the number of documents.

use super::support::Seeded;
use findling_core::analysis::{Language, analyse, guess};
use findling_core::facets::Set;
use findling_core::words::{Clause, Field, Query, Request, Scores, Sections, Source, Words};
use std::collections::{BTreeMap, BTreeSet};

const VOCABULARY: [&str; 24] = [
    "harbour",
    "harbours",
    "boat",
    "boats",
    "boating",
    "sail",
    "sailing",
    "sails",
    "storm",
    "calm",
    "the",
    "and",
    "node.js",
    "e-mail",
    "camelCase",
    "3.14",
    "naïve",
    "été",
    "日本語",
    "anchor",
    "anchored",
    "rope",
    "x",
    "wind",
];
const K1: f64 = 1.2;
const B: f64 = 0.75;

pub fn text(seeded: &mut Seeded, most: usize) -> String {
    let words: Vec<&str> = (0..seeded.below(most + 1))
        // The square makes some words common and others rare.
        .map(|_| {
            VOCABULARY
                [seeded.below(VOCABULARY.len()) * seeded.below(VOCABULARY.len()) / VOCABULARY.len()]
        })
        .collect();
    words.join(if seeded.below(9) == 0 { ", " } else { " " })
}

pub fn source(seeded: &mut Seeded) -> Source {
    Source {
        title: text(seeded, 4),
        text: text(seeded, 60),
        tags: (0..seeded.below(3)).map(|_| text(seeded, 2)).collect(),
        path: text(seeded, 2),
        language: [
            None,
            None,
            None,
            Some(Language::English),
            Some(Language::French),
        ][seeded.below(5)],
    }
}

pub fn filled(sources: &[Source]) -> Words {
    let mut words = Words::default();
    for source in sources {
        words.add(Some(source));
    }
    words.settle();
    words
}

pub fn scored(words: &Words, request: &Request) -> (Query, Vec<f32>) {
    let mut scores = Scores::default();
    let query = words.prepare(request, &mut scores);
    words.score(&query, None, &mut scores);
    let shares = (0..words.documents()).map(|document| scores.share(document, &query));
    (query.clone(), shares.collect())
}

fn allowed(words: &Words, request: &Request) -> Vec<bool> {
    let mut scores = Scores::default();
    let query = words.prepare(request, &mut scores);
    let mut allowed = Set::all(words.documents());
    words.narrow(&query, &mut allowed, &mut scores);
    (0..words.documents())
        .map(|document| allowed.contains(document))
        .collect()
}

pub fn asking(text: &str) -> Request {
    Request {
        text: text.to_owned(),
        ..Request::default()
    }
}

fn clause(text: &str, field: Option<Field>) -> Clause {
    Clause {
        text: text.to_owned(),
        field,
    }
}

/// A token as the plain scorer has it: term, position, whether it is a whole.
type Plain = (String, u32, bool);

/// The documents of a plain scorer: of each the tokens of its four fields.
struct Plainly {
    documents: Vec<[Vec<Plain>; 4]>,
    languages: Vec<Language>,
}

impl Plainly {
    fn of(sources: &[Source]) -> Plainly {
        let own: Vec<Option<Language>> = sources
            .iter()
            .map(|each| {
                each.language
                    .or_else(|| guess(&format!("{}\n{}", each.title, each.text)))
            })
            .collect();
        let mut counts: BTreeMap<&str, (usize, Language)> = BTreeMap::new();
        for language in own.iter().flatten() {
            counts.entry(language.code()).or_insert((0, *language)).0 += 1;
        }
        let most = counts.values().map(|count| count.0).max();
        let main = counts
            .values()
            .find(|count| Some(count.0) == most)
            .map_or(Language::English, |count| count.1);
        let resolved: Vec<Language> = own.iter().map(|each| each.unwrap_or(main)).collect();
        let documents: Vec<[Vec<Plain>; 4]> = sources
            .iter()
            .zip(&resolved)
            .map(|(source, language)| {
                [
                    read(&[&source.title], *language),
                    read(&[&source.text], *language),
                    read(
                        &source.tags.iter().map(String::as_str).collect::<Vec<_>>(),
                        *language,
                    ),
                    read(&[&source.path], *language),
                ]
            })
            .collect();
        let mut languages = resolved.clone();
        languages.sort();
        languages.dedup();
        languages.retain(|language| {
            resolved.iter().filter(|each| *each == language).count() * 20 >= resolved.len()
        });
        if languages.is_empty() {
            languages.push(main);
        }
        Plainly {
            documents,
            languages,
        }
    }

    fn asked(&self, text: &str) -> Vec<(BTreeSet<String>, u32, bool)> {
        let mut all: Vec<(BTreeSet<String>, u32, bool)> = Vec::new();
        for (turn, language) in self.languages.iter().enumerate() {
            for (at, (term, position, whole)) in read(&[text], *language).into_iter().enumerate() {
                if turn == 0 {
                    all.push((BTreeSet::new(), position, whole));
                }
                all[at].0.insert(term);
            }
        }
        all
    }

    fn shares(&self, text: &str) -> Vec<f64> {
        let words: BTreeSet<BTreeSet<String>> =
            self.asked(text).into_iter().map(|each| each.0).collect();
        let weights = [2.0, 1.0, 1.0, 1.0];
        let count = self.documents.len() as f64;
        let length = |fields: &[Vec<Plain>; 4]| -> f64 {
            let parts = fields
                .iter()
                .map(|field| field.iter().filter(|token| !token.2).count() as f64);
            parts
                .zip(weights)
                .map(|(parts, weight)| parts * weight)
                .sum()
        };
        let total: f64 = self.documents.iter().map(length).sum();
        let average = if total == 0.0 { 1.0 } else { total / count };
        let mut sums = vec![0.0; self.documents.len()];
        let mut bound = 0.0;
        for word in &words {
            let tf = |fields: &[Vec<Plain>; 4]| -> f64 {
                let counts = fields.iter().map(|field| {
                    field.iter().filter(|token| word.contains(&token.0)).count() as f64
                });
                counts.zip(weights).map(|(tf, weight)| tf * weight).sum()
            };
            let tfs: Vec<f64> = self.documents.iter().map(tf).collect();
            let df = tfs.iter().filter(|tf| **tf > 0.0).count() as f64;
            let idf = (1.0 + (count - df + 0.5) / (df + 0.5)).ln();
            bound += idf * (K1 + 1.0);
            for ((sum, tf), fields) in sums.iter_mut().zip(tfs).zip(&self.documents) {
                let norm = K1 * (1.0 - B + B * length(fields) / average);
                *sum += idf * (K1 + 1.0) * tf / (tf + norm);
            }
        }
        sums.into_iter()
            .map(|sum| if bound == 0.0 { 0.0 } else { sum / bound })
            .collect()
    }

    fn meets(&self, text: &str, field: Option<Field>, ordered: bool) -> Vec<bool> {
        let parts: Vec<_> = self
            .asked(text)
            .into_iter()
            .filter(|each| !each.2)
            .collect();
        let in_field = |tokens: &Vec<Plain>| {
            let has = |part: &(BTreeSet<String>, u32, bool), at: Option<u32>| {
                tokens.iter().any(|token| {
                    (!ordered || !token.2)
                        && part.0.contains(&token.0)
                        && at.is_none_or(|at| at == token.1)
                })
            };
            match ordered {
                false => parts.iter().all(|part| has(part, None)),
                true => tokens.iter().any(|start| {
                    parts
                        .iter()
                        .all(|part| has(part, Some(start.1 + part.1 - parts[0].1)))
                }),
            }
        };
        let wanted = |number: usize| field.is_none_or(|field| field as usize == number);
        self.documents
            .iter()
            .map(|fields| {
                parts.is_empty() || (0..4).any(|number| wanted(number) && in_field(&fields[number]))
            })
            .collect()
    }
}

/// The tokens of texts one behind the other, a place between.
fn read(texts: &[&str], language: Language) -> Vec<Plain> {
    let mut tokens: Vec<Plain> = Vec::new();
    for text in texts {
        let start = tokens.iter().map(|token| token.1 + 2).max().unwrap_or(0);
        analyse(text, language, |token| {
            tokens.push((token.term.to_owned(), start + token.position, token.whole))
        });
    }
    tokens
}

#[test]
fn scores_are_those_of_a_plain_scorer() {
    for seed in 0..30 {
        let mut seeded = Seeded(seed);
        let sources: Vec<Source> = (0..1 + seeded.below(60))
            .map(|_| source(&mut seeded))
            .collect();
        let (words, plainly) = (filled(&sources), Plainly::of(&sources));
        for _ in 0..12 {
            let query = format!(
                "{} {}",
                text(&mut seeded, 5),
                ["", "unheard", "zzz yyy"][seeded.below(3)]
            );
            let (_, found) = scored(&words, &asking(&query));
            for (share, plain) in found.iter().zip(plainly.shares(&query)) {
                assert!(
                    (f64::from(*share) - plain).abs() < 1e-6,
                    "{share} {plain} for {query} with seed {seed}"
                );
            }
        }
    }
}

#[test]
fn phrases_and_words_of_a_field_are_those_of_a_plain_search() {
    let mut found = 0;
    for seed in 0..30 {
        let mut seeded = Seeded(seed);
        let sources: Vec<Source> = (0..1 + seeded.below(60))
            .map(|_| source(&mut seeded))
            .collect();
        let (words, plainly) = (filled(&sources), Plainly::of(&sources));
        for _ in 0..20 {
            let query = text(&mut seeded, 3);
            let field = Field::ALL[seeded.below(4)];
            let anywhere = [None, Some(field)][seeded.below(2)];
            let (phrase, within) = (clause(&query, anywhere), clause(&query, Some(field)));
            let phrases = Request {
                phrases: vec![phrase.clone()],
                ..Request::default()
            };
            let expected = plainly.meets(&query, anywhere, true);
            assert_eq!(
                allowed(&words, &phrases),
                expected,
                "{query} with seed {seed}"
            );
            found += expected.iter().filter(|meets| **meets).count();
            let not = Request {
                not: vec![phrase],
                ..Request::default()
            };
            let without: Vec<bool> = match plainly.asked(&query).is_empty() {
                true => vec![true; sources.len()],
                false => expected.iter().map(|meets| !meets).collect(),
            };
            assert_eq!(allowed(&words, &not), without, "{query} with seed {seed}");
            let within = Request {
                within: vec![within],
                ..Request::default()
            };
            assert_eq!(
                allowed(&words, &within),
                plainly.meets(&query, Some(field), false),
                "{query} with seed {seed}"
            );
        }
    }
    assert!(found > 1000, "{found} are enough to tell");
}

#[test]
fn words_are_what_was_added_whatever_was_removed_between() {
    for seed in 0..20 {
        let mut seeded = Seeded(100 + seed);
        let (mut words, mut kept) = (Words::default(), Vec::new());
        for _ in 0..seeded.below(12) {
            for _ in 0..seeded.below(12) {
                kept.push(source(&mut seeded));
                words.add(kept.last());
            }
            let keep: Vec<bool> = kept.iter().map(|_| seeded.below(4) > 0).collect();
            words.retain(&keep);
            let mut stays = keep.iter();
            kept.retain(|_| *stays.next().unwrap());
            if seeded.below(2) == 0 {
                words.settle();
            }
        }
        words.settle();
        let mut fresh = filled(&kept);
        let sections = fresh.sections();
        assert_eq!(words.sections(), sections);
        let without = Sections {
            lookup: None,
            ..sections.clone()
        };
        let mut read = Words::read(&without, kept.len()).unwrap();
        assert_eq!(read.sections(), sections);
        for _ in 0..8 {
            let query = asking(&text(&mut seeded, 5));
            let expected = scored(&fresh, &query).1;
            assert_eq!(scored(&words, &query).1, expected);
            assert_eq!(scored(&read, &query).1, expected);
        }
        assert_eq!(forms(&read), forms(&fresh));
        assert_eq!(forms(&words), forms(&fresh));
    }
}

/// The forms of all documents, with the number of these and their terms.
pub fn forms(words: &Words) -> Vec<(String, u32, Vec<String>)> {
    let text = |term: &u32| words.terms().get(*term).to_owned();
    let mut forms: Vec<_> = words
        .forms()
        .into_iter()
        .map(|form| {
            (
                form.text.to_owned(),
                form.df,
                form.terms.iter().map(text).collect::<Vec<_>>(),
            )
        })
        .collect();
    forms.iter_mut().for_each(|form| form.2.sort());
    forms
}

#[test]
fn forms_of_documents_that_went_are_let_go() {
    let mut words = Words::default();
    let texts = |from: usize| {
        (from..from + 500)
            .map(|n| format!("word{n}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for turn in 0..40 {
        words.add(Some(&Source {
            text: texts(turn * 500),
            ..Source::default()
        }));
        words.retain(
            &[true][..words.documents().min(1)]
                .iter()
                .map(|_| false)
                .collect::<Vec<_>>(),
        );
        words.add(Some(&Source {
            text: texts(turn * 500),
            ..Source::default()
        }));
        words.settle();
        let found = scored(&words, &asking(&format!("word{}", turn * 500 + 7))).1;
        assert_eq!(found.iter().filter(|share| **share > 0.0).count(), 1);
        words.retain(&[false]);
    }
    assert!(
        words.lexicon().len() < 6_000,
        "{} words are kept",
        words.lexicon().len()
    );
}

#[test]
fn the_shares_of_words_add_up_and_name_fields() {
    let mut seeded = Seeded(3);
    let sources: Vec<Source> = (0..40).map(|_| source(&mut seeded)).collect();
    let words = filled(&sources);
    let (query, found) = scored(&words, &asking("boats sailing the calm unheard"));
    assert_eq!(query.words.len(), 5);
    for (document, share) in found.iter().enumerate() {
        let shares = words.shares(document, &query, None);
        let sum: f64 = shares.iter().map(|each| each.share).sum();
        assert!((sum - f64::from(*share)).abs() < 1e-6);
        assert_eq!(shares[4].tf, [0; 4]);
    }
    let source = Source {
        title: "calm".into(),
        tags: vec!["calm calm".into(), "calm".into()],
        ..Source::default()
    };
    let words = filled(&[source]);
    let (query, _) = scored(&words, &asking("calm"));
    assert_eq!(words.shares(0, &query, None)[0].tf, [1, 0, 3, 0]);
    assert_eq!(words.lengths(0), [1, 0, 3, 0]);
}

#[test]
fn a_phrase_ends_with_its_tag() {
    let source = Source {
        tags: vec!["calm".into(), "water".into()],
        text: "calm water".into(),
        ..Source::default()
    };
    let words = filled(&[source]);
    let phrase = |field| Request {
        phrases: vec![clause("calm water", field)],
        ..Request::default()
    };
    assert_eq!(allowed(&words, &phrase(Some(Field::Tags))), [false]);
    assert_eq!(allowed(&words, &phrase(Some(Field::Text))), [true]);
    assert_eq!(allowed(&words, &phrase(None)), [true]);
}

#[test]
fn documents_without_words_count_and_are_not_found() {
    let mut words = Words::blank(2);
    words.add(Some(&Source {
        text: "calm".into(),
        ..Source::default()
    }));
    words.add(None);
    words.settle();
    let (query, found) = scored(&words, &asking("calm storm"));
    assert_eq!((found[0], found[1], found[3]), (0.0, 0.0, 0.0));
    let idf = |df: f64| (1.0 + (4.0 - df + 0.5) / (df + 0.5)).ln();
    assert!((query.bound - (idf(1.0) + idf(0.0)) * (K1 + 1.0)).abs() < 1e-12);
    let share = idf(1.0) * (K1 + 1.0) / (1.0 + K1 * (1.0 - B + B * 4.0)) / query.bound;
    assert!((f64::from(found[2]) - share).abs() < 1e-6);
    let (query, found) = scored(&Words::default(), &asking("calm"));
    assert!(query.words.is_empty() && found.is_empty());
}
