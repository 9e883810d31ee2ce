//! What is shown of a text for a query.
//!
//! Owns small cases by kind of query and the promises about any text; knows nothing of indexes.
//! Invariant under test: pieces joined are a stretch of the text, bounded whatever the text is.

use findling_core::Engine;
use findling_core::analysis::{Language, analyse, stems};
use findling_core::plan::Text;
use findling_core::snippet::{
    Choose, Clause, Piece, Query, Request, Words, answer, mark, sentences, snippet,
};
use findling_core::sorted::SortedMap;
use proptest::prelude::*;
use serde_json::{Value, json};

const ENGLISH: &[Language] = &[Language::English];

fn clause(text: &str) -> Clause {
    Clause {
        text: Text(text.to_owned()),
        field: None,
    }
}

/// Words are free, a part in quotation marks is a phrase, `…` behind the last word says that it is being typed.
fn words(query: &str) -> Words {
    let (query, typing) = match query.strip_suffix('…') {
        Some(rest) => (rest, true),
        None => (query, false),
    };
    let parts: Vec<&str> = query.split('"').collect();
    let free: Vec<&str> = parts.iter().step_by(2).copied().collect();
    Words {
        text: Some(Text(free.join(" "))),
        phrases: parts
            .iter()
            .skip(1)
            .step_by(2)
            .map(|text| clause(text))
            .collect(),
        typing,
        ..Words::default()
    }
}

fn query(asked: &str, languages: &[Language]) -> Query {
    Query::new(
        &words(asked),
        languages,
        &SortedMap::new(),
        &SortedMap::new(),
    )
}

/// Pieces as a text, those that are hits in brackets.
fn told(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| {
            if piece.hit {
                format!("[{}]", piece.text)
            } else {
                piece.text.clone()
            }
        })
        .collect()
}

fn marked(text: &str, asked: &str, languages: &[Language]) -> String {
    told(&mark(text, &query(asked, languages)))
}

/// The snippet of `words` words, with dots where a sentence was cut.
fn shown(text: &str, asked: &str, words: usize) -> String {
    let cut = snippet(text, &query(asked, ENGLISH), 0..text.len(), words);
    let dots = |cut: bool| if cut { "…" } else { "" };
    format!(
        "{}{}{}",
        dots(cut.cut_before),
        told(&cut.pieces),
        dots(cut.cut_after)
    )
}

#[test]
fn words_are_marked_by_their_stems() {
    for (text, asked, expected) in [
        ("", "run", ""),
        ("Nothing here", "run", "Nothing here"),
        (
            "The runner was running; RUN!",
            "runs",
            "The runner was [running]; [RUN]!",
        ),
        ("Café or cafes", "cafe", "[Café] or [cafes]"),
        ("x b", "x b", "[x] [b]"),
        ("written in C++ and C#", "c++", "written in [C++] and [C]#"),
        ("call snake_case now", "snake_case", "call [snake_case] now"),
        ("open camelCase", "case", "open camel[Case]"),
        (
            "see https://example.org/a now",
            "example.org",
            "see https://[example].[org]/a now",
        ),
        ("a 🧑‍💻 at work", "🧑‍💻", "a [🧑‍💻] at work"),
        (
            "<b>bold</b> & <script>",
            "bold script",
            "<b>[bold]</b> & <[script]>",
        ),
    ] {
        assert_eq!(marked(text, asked, ENGLISH), expected, "{asked}");
    }
}

#[test]
fn words_are_marked_in_every_language_of_the_query() {
    let both = [Language::German, Language::English];
    assert_eq!(
        marked("Die Häuser, the houses", "Haus houses", &both),
        "Die [Häuser], the [houses]"
    );
    assert_eq!(
        marked("Die Häuser, the houses", "Haus houses", ENGLISH),
        "Die Häuser, the [houses]"
    );
    assert_eq!(marked("nación", "nacion", &[Language::None]), "[nación]");
}

#[test]
fn stems_begin_as_their_words_do_in_all_languages_but_three() {
    let vocabulary = include_str!("../../../../tests/golden/vocabulary.txt");
    for language in Language::ALL {
        let mut changed = 0;
        for word in vocabulary
            .lines()
            .filter(|word| !word.starts_with(['#', '[']))
        {
            analyse(word, Language::None, |token| {
                let is_same = |stem: &String| stem.chars().next() == token.form.chars().next();
                if token.stemmed {
                    changed += usize::from(!stems(token.word, &[language]).iter().all(is_same));
                }
            });
        }
        let may_change = matches!(
            language,
            Language::Arabic | Language::Tamil | Language::Turkish
        );
        assert!(changed == 0 || may_change, "{language:?}: {changed}");
    }
    assert_eq!(marked("الكتاب", "كتاب", &[Language::Arabic]), "[الكتاب]");
}

#[test]
fn pairs_of_letters_make_one_run() {
    assert_eq!(marked("私は東京都庁へ", "東京都", &[]), "私は[東京都]庁へ");
    assert_eq!(marked("東京と京都", "東京都", &[]), "[東京]と[京都]");
    assert_eq!(marked("ภาษาไทยง่าย", "ไทย", &[]), "ภาษา[ไทย]ง่าย");
}

#[test]
fn a_phrase_is_marked_as_one_and_only_where_it_stands() {
    for (text, asked, expected) in [
        (
            "big cat, big black cat",
            "\"big cat\"",
            "[big cat], big black cat",
        ),
        (
            "Big cats — a big, cat",
            "\"big cat\"",
            "[Big cats] — a [big, cat]",
        ),
        (
            "cat big cat big cat",
            "\"big cat big\"",
            "cat [big cat big] cat",
        ),
        ("a a a a", "\"a a\"", "[a a a a]"),
        (
            "GitHub actions and github actions",
            "\"github actions\"",
            "[GitHub actions] and [github actions]",
        ),
        (
            "GitHub actions and github actions",
            "\"GitHub actions\"",
            "[GitHub actions] and [github actions]",
        ),
        (
            "an snake_case name",
            "\"snake_case name\"",
            "an [snake_case name]",
        ),
        ("one", "\"one\"", "[one]"),
        ("one", "\"one two\"", "one"),
        ("one", "\"?\"", "one"),
        (
            "the cat saw a big cat",
            "cat \"big cat\"",
            "the [cat] saw a [big cat]",
        ),
        ("東京都庁", "\"京都\"", "東[京都]庁"),
    ] {
        assert_eq!(marked(text, asked, ENGLISH), expected, "{asked}");
    }
}

#[test]
fn the_last_word_is_a_beginning_while_it_is_typed() {
    assert_eq!(
        marked("searching the sea", "sea sear…", ENGLISH),
        "[searching] the [sea]"
    );
    assert_eq!(
        marked("searching the sea", "sear", ENGLISH),
        "searching the sea"
    );
    assert_eq!(
        marked("runner, running", "runni…", ENGLISH),
        "runner, [running]"
    );
    assert_eq!(marked("ax and axes", "a…", ENGLISH), "ax and axes");
    assert_eq!(marked("use node.js", "node.j…", ENGLISH), "use [node.js]");
}

#[test]
fn the_corrected_word_is_marked() {
    let corrections = SortedMap::from([("serach".to_owned(), "search".to_owned())]);
    for asked in ["Serach me", "\"serach me\""] {
        let query = Query::new(&words(asked), ENGLISH, &corrections, &SortedMap::new());
        assert!(told(&mark("serach, search me", &query)).starts_with("serach, [search"));
    }
}

#[test]
fn what_is_everywhere_is_not_marked_where_weights_tell() {
    let weights = SortedMap::from([("the".to_owned(), 0.05), ("cat".to_owned(), 4.0)]);
    let marks = |asked: &str| {
        told(&mark(
            "the cat and the dog",
            &Query::new(&words(asked), ENGLISH, &SortedMap::new(), &weights),
        ))
    };
    assert_eq!(marks("the cat"), "the [cat] and the dog");
    assert_eq!(marks("the"), "[the] cat and [the] dog");
    assert_eq!(marks("the dog"), "the cat and the [dog]");
    assert_eq!(marks("\"the dog\" cat"), "the [cat] and [the dog]");
}

#[test]
fn what_a_language_says_everywhere_is_not_marked_beside_other_words() {
    let text = "to be with the cat or not to be";
    for (asked, expected) in [
        ("with a cat", "to be with the [cat] or not to be"),
        (
            "to be or not",
            "[to] [be] with the cat [or] [not] [to] [be]",
        ),
        ("\"with the\" cat", "to be [with the] [cat] or not to be"),
    ] {
        assert_eq!(marked(text, asked, ENGLISH), expected, "{asked}");
    }
    let german = &[Language::German];
    assert_eq!(marked("with a cat", "with cat", german), "[with] a [cat]");
}

#[test]
fn words_that_have_to_be_there_are_marked_and_those_that_must_not_are_not() {
    let words = Words {
        within: vec![clause("tea pot")],
        not: vec![clause("cup")],
        ..Words::default()
    };
    let query = Query::new(&words, ENGLISH, &SortedMap::new(), &SortedMap::new());
    assert_eq!(told(&mark("pot, cup, tea", &query)), "[pot], cup, [tea]");
}

#[test]
fn a_short_text_is_shown_whole() {
    assert_eq!(
        shown("  One cat.\n Two dogs. ", "dog", 30),
        "One cat.\n Two [dogs]."
    );
    assert_eq!(shown("", "dog", 30), "");
    assert_eq!(shown(" \n\t ", "dog", 30), "");
    assert_eq!(shown("One cat.", "", 30), "One cat.");
}

#[test]
fn a_window_is_the_sentences_around_the_words() {
    let text = "The first sentence is about tea and nothing else. The second tells of a cat on a roof. Then a third one about rain follows. \
        And a fourth has bread in it, with butter.";
    assert_eq!(
        shown(text, "cat", 8),
        "The second tells of a [cat] on a roof."
    );
    assert_eq!(
        shown(text, "bread", 16),
        "Then a third one about rain follows. And a fourth has [bread] in it, with butter."
    );
    assert_eq!(
        shown(text, "bread tea", 8),
        "The first sentence is about [tea] and nothing…"
    );
    assert_eq!(
        shown(text, "", 10),
        "The first sentence is about tea and nothing else."
    );
}

#[test]
fn the_window_with_the_most_distinct_words_wins() {
    let filler = "Some words that say nothing at all stand here for a while. ".repeat(4);
    let text = format!("Cat cat cat cat. {filler}A cat and a dog. {filler}A dog.");
    assert_eq!(shown(&text, "cat dog", 5), "A [cat] and a [dog].");
    assert_eq!(shown(&text, "cat", 4), "[Cat] [cat] [cat] [cat].");
    let weights = SortedMap::from([
        ("rain".to_owned(), 9.0),
        ("cat".to_owned(), 2.0),
        ("dog".to_owned(), 2.0),
    ]);
    let text = format!("{text} {filler}It will rain.");
    let query = Query::new(&words("cat dog rain"), ENGLISH, &SortedMap::new(), &weights);
    assert_eq!(
        told(&snippet(&text, &query, 0..text.len(), 6).pieces),
        "It will [rain]."
    );
}

#[test]
fn among_equals_the_best_passage_is_shown() {
    let filler = "Some words that say nothing at all stand here for a while. ".repeat(4);
    let text = format!("A cat here. {filler}A cat there. {filler}A cat and a dog.");
    let best = text.find("A cat there").unwrap();
    let shown =
        |asked: &str| told(&snippet(&text, &query(asked, ENGLISH), best..best + 40, 4).pieces);
    assert_eq!(shown("cat"), "A [cat] there.");
    assert_eq!(shown("cat dog"), "A [cat] and a [dog].");
    assert_eq!(shown("tree"), "A cat there.");
}

#[test]
fn long_runs_are_cut_where_their_script_allows() {
    let text = format!("{}東京都{}", "漢字".repeat(200), "仮名".repeat(200));
    let cut = snippet(&text, &query("東京都", &[]), 0..text.len(), 5);
    assert!(cut.cut_before && cut.cut_after);
    assert!(
        told(&cut.pieces).contains("[東京都]"),
        "{}",
        told(&cut.pieces)
    );
    assert!(cut.range.len() <= 15 * 3, "{}", told(&cut.pieces));
    let text = format!("{} {}", "x".repeat(19), "x".repeat(6));
    let cut = snippet(&text, &query("", &[]), 20..20, 1);
    assert!(!cut.range.is_empty());
    let text = "x".repeat(10_000);
    for (asked, best) in [
        ("x", 0..10_000),
        ("", 0..10_000),
        ("", 50..60),
        ("", 10_000..10_000),
    ] {
        let cut = snippet(&text, &query(asked, &[]), best, 5);
        assert!((1..=60).contains(&cut.range.len()));
    }
}

#[test]
fn sentences_end_where_people_end_them() {
    for (text, expected) in [
        ("", vec![]),
        (
            "One. Two! Three? (Four.) Five",
            vec!["One.", "Two!", "Three?", "(Four.)", "Five"],
        ),
        (
            "Dr. Who met J. Smith at 3.14 p.m. today. Yes.",
            vec!["Dr. Who met J. Smith at 3.14 p.m. today.", "Yes."],
        ),
        ("It was 1999. Then", vec!["It was 1999.", "Then"]),
        ("1. one\n2. two", vec!["1. one", "2. two"]),
        ("Title\n\nText goes on", vec!["Title", "Text goes on"]),
        ("「はい。」次。", vec!["「はい。」", "次。"]),
        (
            "Wait... what? No!!! Yes.",
            vec!["Wait... what?", "No!!!", "Yes."],
        ),
    ] {
        let found: Vec<&str> = sentences(text)
            .into_iter()
            .map(|range| &text[range])
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_megabyte_has_a_bounded_window() {
    for (text, asked) in [
        ("a ".repeat(500_000), "a \"a a a a a a a a\""),
        (" ".repeat(1_000_000), "a"),
        (format!("a{}b", ",".repeat(1_000_000)), "\"a b\""),
        ("漢".repeat(333_333), "漢漢漢"),
        ("\u{301}".repeat(500_000), "a"),
        (".".repeat(1_000_000), "a"),
        ("a.\n".repeat(300_000), "a b c"),
    ] {
        let cut = snippet(&text, &query(asked, ENGLISH), 0..text.len(), 30);
        assert!(cut.range.len() <= 2 * 180 * 4, "{}", cut.range.len());
        sentences(&text);
    }
}

fn asked(request: Value) -> Result<Value, String> {
    match Engine::new("test").snippets(request.to_string().as_bytes()) {
        Ok(reply) => Ok(serde_json::from_slice(&reply).unwrap()),
        Err(error) => Err(error.code().to_owned()),
    }
}

#[test]
fn the_request_tells_passages_in_code_points() {
    let filler = "ß und äöü sagen gar nichts aus, aber sie stehen da. ".repeat(6);
    let text = format!("Anfang. {filler}Am Ende ein Haus.");
    let length = text.chars().count();
    let item = json!({"title": "Haus am See", "text": text, "spans": [[0, 100], [100, length]], "passage": 0});
    let reply =
        asked(json!({"items": [item], "query": {"text": "haus"}, "languages": ["de"], "words": 4}))
            .unwrap();
    assert_eq!(
        reply["items"][0],
        json!({
            "title": [{"text": "Haus", "hit": true}, {"text": " am See", "hit": false}],
            "snippet": [{"text": "Am Ende ein ", "hit": false}, {"text": "Haus", "hit": true}, {"text": ".", "hit": false}],
            "passage": 1,
        })
    );
}

#[test]
fn a_sentence_is_chosen_where_no_word_is_found() {
    let text =
        "A cat sat on the mat. It rained all day. Then it was over, and nobody went out any more.";
    let mut offered = Vec::new();
    let mut choose = |texts: &[&str]| {
        offered.push(texts.len());
        Ok(1)
    };
    let shown = |query: &str, choose: Option<&mut Choose<'_>>| -> Value {
        let request = json!({"items": [{"text": text}, {"text": "It rained. A cat."}, {"text": "One."}, {}], "query": {"text": query}, "words": 4});
        let request: Request = serde_json::from_value(request).unwrap();
        serde_json::from_slice(&answer(&request, ENGLISH, SortedMap::new(), choose).unwrap())
            .unwrap()
    };
    let texts = |reply: &Value| -> Vec<String> {
        let items = reply["items"].as_array().unwrap().iter();
        items
            .map(|item| {
                item["snippet"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|piece| piece["text"].as_str().unwrap())
                    .collect()
            })
            .collect()
    };
    assert_eq!(
        texts(&shown("storm", Some(&mut choose)))[0],
        "It rained all day."
    );
    assert_eq!(offered, [3, 2]);
    assert_eq!(texts(&shown("storm", None))[0], "A cat sat on the mat.");
    assert_eq!(texts(&shown("rain", None))[0], "It rained all day.");
}

#[test]
fn an_ellipsis_is_a_piece_of_its_own() {
    let text = format!(
        "It {} cat {} end",
        "goes on ".repeat(40),
        "and on ".repeat(40)
    );
    let reply =
        asked(json!({"items": [{"text": text}], "query": {"text": "cat"}, "words": 5})).unwrap();
    let pieces = reply["items"][0]["snippet"].as_array().unwrap();
    assert_eq!(
        pieces.first().unwrap(),
        &json!({"text": "… ", "hit": false})
    );
    assert_eq!(pieces.last().unwrap(), &json!({"text": " …", "hit": false}));
}

#[test]
fn a_malformed_request_is_refused() {
    for request in [
        json!({}),
        json!({"items": []}),
        json!({"items": [], "query": {"colour": 1}}),
        json!({"items": [], "query": {}, "words": 0}),
        json!({"items": [], "query": {}, "words": 1001}),
        json!({"items": [], "query": {}, "languages": ["english"]}),
        json!({"items": [{"text": "a", "spans": [[0, 2]]}], "query": {}}),
        json!({"items": [{"text": "ab", "spans": [[1, 0]]}], "query": {}}),
        json!({"items": [{"text": "ab", "passage": 1}], "query": {}}),
        json!({"items": [{"text": "ab", "spans": [[0, 1]], "passage": 1}], "query": {}}),
        json!({"items": [{"html": "ab"}], "query": {}}),
    ] {
        assert_eq!(
            asked(request.clone()),
            Err("bad_request".to_owned()),
            "{request}"
        );
    }
    assert_eq!(
        asked(json!({"items": [], "query": {}})),
        Ok(json!({"items": []}))
    );
}

fn text() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        6 => "[a-c]{1,3}".prop_map(String::from),
        2 => Just(" ".to_owned()),
        1 => prop::sample::select(vec![". ", "\n", "\n\n", "東", "京", "都", "。", "é", "e\u{301}", "🧑‍💻", "C++", "a_b", "\u{200d}", "<b>", "…"]).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(atom, 0..120).prop_map(|atoms| atoms.concat())
}

proptest! {
    #[test]
    fn pieces_joined_are_a_stretch_of_any_text(text in text(), asked in text(), span in (any::<prop::sample::Index>(), any::<prop::sample::Index>()), words in 1usize..12) {
        let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let (a, b) = (*span.0.get(&borders), *span.1.get(&borders));
        let best = a.min(b)..a.max(b);
        let query = query(&asked, ENGLISH);
        let whole = mark(&text, &query);
        let joined = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
        prop_assert_eq!(joined(&whole), text.clone());
        let cut = snippet(&text, &query, best, words);
        prop_assert_eq!(joined(&cut.pieces), &text[cut.range.clone()]);
        prop_assert!(text[cut.range.clone()].chars().count() <= words * 12);
        prop_assert_eq!(cut.pieces.is_empty(), text.trim().is_empty());
        for pieces in [&whole, &cut.pieces] {
            prop_assert!(pieces.iter().all(|piece| !piece.text.is_empty()));
            prop_assert!(pieces.windows(2).all(|pair| pair[0].hit != pair[1].hit));
        }
        prop_assert_eq!(whole.iter().any(|piece| piece.hit), cut.pieces.iter().any(|piece| piece.hit));
        let found = sentences(&text);
        prop_assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let covered: usize = found.iter().map(|range| text[range.clone()].chars().filter(|c| !c.is_whitespace()).count()).sum();
        prop_assert_eq!(covered, text.chars().filter(|c| !c.is_whitespace()).count());
    }
}
