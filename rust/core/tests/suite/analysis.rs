//! What a text is indexed by.
//!
//! Owns small cases by kind and the promises about any text; knows nothing of indexes.
//! Invariant under test: tokens lie in order on borders of characters, and analysing a form gives the form again.

use findling_core::analysis::{Language, analyse, stems};
use proptest::prelude::*;

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

#[test]
fn a_word_of_a_query_has_a_stem_in_each_language() {
    let languages = [Language::German, Language::English, Language::None];
    assert_eq!(stems("waren", &languages), ["war", "waren"]);
    assert_eq!(stems("häuser", &[Language::German]), ["haus"]);
    assert_eq!(stems("running", &[]), ["running"]);
}

proptest! {
    #[test]
    fn tokens_lie_in_order_on_borders_of_characters(text in any::<String>(), language in 0..Language::ALL.len()) {
        let (mut start, mut position) = (0, 0);
        analyse(&text, Language::ALL[language], |token| {
            assert!(token.start < token.end && token.start >= start);
            assert!(text.is_char_boundary(token.start as usize) && text.is_char_boundary(token.end as usize));
            assert!(token.position == position || token.position == position + 1);
            assert!(!token.term.is_empty() && !token.form.is_empty());
            (start, position) = (token.start, token.position);
        });
    }
}
