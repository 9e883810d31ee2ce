//! What a text is indexed by.
//!
//! Owns small cases by kind and the promises about any text; knows nothing of indexes.
//! Invariant under test: tokens lie in order on borders of characters, and analysing a form gives the form again.

use findling_core::analysis::{Language, analyse, guess, stems};
use proptest::prelude::*;
use serde::Deserialize;
use unicode_segmentation::UnicodeSegmentation;

/// Each token as `term@position`, a whole as `[term]@position`.
fn told(text: &str, language: Language) -> String {
    let mut told = Vec::new();
    analyse(text, language, |token| {
        let term = token.term;
        told.push(match token.whole {
            true => format!("[{term}]@{}", token.position),
            false => format!("{term}@{}", token.position),
        });
    });
    told.join(" ")
}

#[test]
fn english_words_are_stemmed_and_counted() {
    for (text, tokens) in [
        ("", ""),
        (
            "The runner was running, quickly!",
            "the@0 runner@1 was@2 run@3 quick@4",
        ),
        (
            "the dog's bones; dogs don't",
            "the@0 dog@1 bone@2 dog@3 dont@4",
        ),
        ("Café naïve RÉSUMÉ", "cafe@0 naiv@1 resum@2"),
        (
            "state-of-the-art",
            "[state-of-the-art]@0 state@0 of@1 the@2 art@3",
        ),
        (
            "camelCase HTTPServer CPUs",
            "[camelcas]@0 camel@0 case@0 [httpserver]@1 http@1 server@1 cpus@2",
        ),
        (
            "snake_case a::b x86-64",
            "[snake_case]@0 snake@0 case@1 [a::b]@2 a@2 b@3 [x86-64]@4 x86@4 64@5",
        ),
        (
            "C++ C# .NET #hash F#.",
            "[c++]@0 c@0 [c#]@1 c@1 [.net]@2 net@2 [#hash]@3 hash@3 [f#]@4 f@4",
        ),
        (
            "v1.2.3 costs 3.14, 1,000",
            "[v1.2.3]@0 v1@0 2@1 3@2 cost@3 [3.14]@4 3@4 14@5 [1,000]@6 1@6 000@7",
        ),
        ("me@example.org", "[me@example.org]@0 me@0 exampl@1 org@2"),
        (
            "(see https://example.org/a?b=c#d).",
            "see@0 [https://example.org/a?b=c#d]@1 https@1 exampl@2 org@3 a@4 b@5 c@6 d@7",
        ),
        ("l'eau d’Artagnan", "l@0 eau@1 d@2 artagnan@3"),
        ("中文字 東", "中文@0 文字@1 東@2"),
        (
            "👍 👍🏽 🇩🇪 👩‍💻 ❤️",
            "👍@0 [👍🏽]@1 👍@1 🇩🇪@2 [👩‍💻]@3 👩@3 💻@4 ❤@5",
        ),
    ] {
        assert_eq!(told(text, Language::English), tokens, "{text}");
    }
}

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    guessed: Vec<Guessed>,
}

#[derive(Deserialize)]
struct Case {
    language: String,
    text: String,
    tokens: Vec<(String, String, u32, u32, u32, bool)>,
}

#[derive(Deserialize)]
struct Guessed {
    text: String,
    language: String,
}

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/analysis.json"
    );
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn texts_have_the_tokens_that_a_person_has_read() {
    for case in golden().cases {
        let mut tokens = Vec::new();
        analyse(
            &case.text,
            Language::from_code(&case.language).unwrap(),
            |token| {
                let (term, form) = (token.term.to_owned(), token.form.to_owned());
                tokens.push((
                    term,
                    form,
                    token.position,
                    token.start,
                    token.end,
                    token.whole,
                ));
            },
        );
        assert_eq!(tokens, case.tokens, "{}", case.text);
    }
}

#[test]
fn languages_are_told_by_their_frequent_words() {
    let mut told = Vec::new();
    for case in golden().guessed {
        let language = guess(&case.text).unwrap_or_default();
        assert_eq!(language.code(), case.language, "{}", case.text);
        told.push(language);
    }
    assert!(Language::ALL.iter().all(|language| told.contains(language)));
}

#[test]
fn a_word_of_a_query_has_a_stem_in_each_language() {
    let languages = [Language::German, Language::English, Language::None];
    assert_eq!(stems("waren", &languages), ["war", "waren"]);
    assert_eq!(stems("häuser", &[Language::German]), ["haus"]);
    assert_eq!(stems("running", &[]), ["running"]);
}

/// Words as Unicode Standard Annex 29 has them, where no sign joins them to wholes.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    analyse(text, Language::None, |token| {
        words.push((token.start as usize, token.end as usize))
    });
    words
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn words_of_spaced_scripts_are_those_of_the_standard(text in r"((([a-km-pr-zéßøа-яёά-ώא-תا-يअ-ह0-9०-९][\u{300}-\u{304}\u{5b0}-\u{5b9}\u{64b}-\u{652}\u{93c}\u{93e}-\u{94d}\u{200c}\u{ad}]{0,2}){1,6}|[a-km-pr-z]{4,8}['’][a-zéа-я]{1,3})[ !?();—…]{1,2}){0,8}") {
        let standard = text.unicode_word_indices();
        let standard: Vec<(usize, usize)> = standard.map(|(at, word)| (at, at + word.len())).collect();
        assert_eq!(words(&text), standard, "{text:?}");
    }

    #[test]
    fn the_form_of_a_form_is_itself(text in any::<String>()) {
        let mut forms = Vec::new();
        // A whole can end with a word of which folding leaves nothing, and then has a sign at its end.
        analyse(&text, Language::None, |token| {
            if !token.whole {
                forms.push(token.form.to_owned());
            }
        });
        for form in forms {
            let mut again = Vec::new();
            analyse(&form, Language::None, |token| again.push(token.form.to_owned()));
            assert!(again.first() == Some(&form), "{text:?}: {form:?} became {again:?}");
        }
    }

    #[test]
    fn tokens_lie_in_order_on_borders_of_characters(text in any::<String>(), language in 0..Language::ALL.len()) {
        let (mut start, mut position) = (0, 0);
        analyse(&text, Language::ALL[language], |token| {
            assert!(token.start < token.end && token.start >= start);
            assert!(text.is_char_boundary(token.start as usize) && text.is_char_boundary(token.end as usize));
            assert!(token.position == position || token.position == position + 1);
            assert!(!token.term.is_empty() && !token.form.is_empty());
            if token.stemmed {
                assert_eq!(stems(token.word, &[Language::ALL[language]]), [token.term]);
            } else {
                assert_eq!(token.term, token.form);
            }
            (start, position) = (token.start, token.position);
        });
    }
}
