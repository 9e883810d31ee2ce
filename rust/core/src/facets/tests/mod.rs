//! Columns against the plainest thing that could do the same: a list of documents, walked each time.
//!
//! Owns that list; knows nothing private of the columns but their bytes.
//! Invariant: fixed seeds.

mod refused;

use super::*;
use serde_json::{Value as Json, json};
use std::cmp::Ordering;

/// A generator of numbers that only has to be the same every time (the SplitMix64 of G. Steele and others).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const FIELDS: [&str; 3] = ["kind", "path", "when"];
const TEXTS: [&str; 14] = [
    "a",
    "a/b",
    "a/b/c",
    "a/bc",
    "ab",
    "/a",
    "/a/b",
    "",
    "ä",
    "2024",
    "2024-02-29",
    "2024-02-29T12:00Z",
    "1999-12",
    "a//b",
];
const NUMBERS: [f64; 5] = [-1.5, 0.0, 3.0, 4.0, 1e300];

fn value(random: &mut Random) -> Json {
    if random.below(3) == 0 {
        json!(random.pick(&NUMBERS))
    } else {
        json!(random.pick(&TEXTS))
    }
}

fn some_values(random: &mut Random, most: usize) -> Vec<Json> {
    (0..random.below(most + 1)).map(|_| value(random)).collect()
}

fn document(random: &mut Random) -> Values {
    let fields = FIELDS.iter().filter_map(|name| {
        let values = some_values(random, 4);
        (random.below(4) > 0).then(|| {
            (
                (*name).to_owned(),
                serde_json::from_value(json!(values)).unwrap(),
            )
        })
    });
    fields.collect()
}

/// Documents as they are, and the columns that should say the same.
fn collection(random: &mut Random, documents: usize) -> (Vec<Values>, Columns) {
    let documents: Vec<Values> = (0..documents).map(|_| document(random)).collect();
    let columns = columns(&documents);
    (documents, columns)
}

fn columns(documents: &[Values]) -> Columns {
    let mut columns = Columns::new();
    for values in documents {
        let row = Row::new(values).unwrap();
        columns.check_room(std::slice::from_ref(&row)).unwrap();
        columns.push(&row);
    }
    columns
}

fn of<'a>(values: &'a Values, field: &str) -> &'a [Value] {
    values.get(field).map_or(&[], Vec::as_slice)
}

fn read(filter: &Json) -> Filter {
    read_filter(serde_json::from_value(filter.clone()).unwrap()).unwrap()
}

fn id_number(id: &str) -> Option<usize> {
    id.strip_prefix('d')?.parse().ok()
}

fn random_range(random: &mut Random) -> Json {
    let mut range = serde_json::Map::new();
    let bounds: &[Json] = if random.below(2) == 0 {
        &[json!(0), json!(3.5), json!(4)]
    } else {
        &[
            json!("2024"),
            json!("2024-02-29"),
            json!("2000-01-01T00:00:00Z"),
        ]
    };
    let (low, high) = (random.below(3), random.below(3));
    if low < 2 {
        range.insert(
            ["min", "above"][low].to_owned(),
            random.pick(bounds).clone(),
        );
    }
    if high < 2 || range.is_empty() {
        range.insert(
            ["max", "below"][high % 2].to_owned(),
            random.pick(bounds).clone(),
        );
    }
    Json::Object(range)
}

fn random_picks(random: &mut Random) -> Vec<Json> {
    let mut picks = some_values(random, 3);
    if random.below(4) == 0 {
        picks.push(random_range(random));
    }
    picks
}

fn random_filter(random: &mut Random, depth: usize) -> Json {
    match random.below(if depth == 0 { 5 } else { 8 }) {
        0 => json!({"ids": ["d1", "d5", "nobody"]}),
        1 => json!({"not_ids": ["d0", "nobody", "d7"]}),
        2..=4 => {
            let mut condition = json!({"field": random.pick(&["kind", "path", "when", "nowhere"]), "tree": random.below(2) == 0});
            for key in ["any", "all", "none"] {
                if random.below(3) == 0 {
                    condition[key] = json!(random_picks(random));
                }
            }
            if random.below(3) == 0 {
                condition["range"] = random_range(random);
            }
            if random.below(4) == 0 || condition.as_object().is_some_and(|keys| keys.len() == 2) {
                condition["exists"] = json!(random.below(2) == 0);
            }
            if condition.get("all").is_some_and(|all| all == &json!([])) {
                condition["exists"] = json!(true);
            }
            if condition.get("none").is_some_and(|none| none == &json!([])) {
                condition["exists"] = json!(false);
            }
            condition
        }
        5 => json!({"and": [random_filter(random, depth - 1), random_filter(random, depth - 1)]}),
        6 => json!({"or": [random_filter(random, depth - 1), random_filter(random, depth - 1)]}),
        _ => json!({"not": random_filter(random, depth - 1)}),
    }
}

/// Whether one value is what a pick asks for, straight from the JSON.
fn is_picked(value: &Value, pick: &Json, tree: bool) -> bool {
    if let Some(range) = pick.as_object() {
        return range.iter().all(|(key, bound)| match (value, bound) {
            (Value::Number(number), Json::Number(bound)) => {
                let bound = bound.as_f64().unwrap();
                match key.as_str() {
                    "min" => *number >= bound,
                    "above" => *number > bound,
                    "max" => *number <= bound,
                    _ => *number < bound,
                }
            }
            (Value::Text(text), Json::String(bound)) => {
                let (Some(date), Some(bound)) = (date::seconds(text), date::seconds(bound)) else {
                    return false;
                };
                match key.as_str() {
                    "min" => date.start >= bound.start,
                    "above" => date.start >= bound.end,
                    "max" => date.start < bound.end,
                    _ => date.start < bound.start,
                }
            }
            _ => false,
        });
    }
    match (value, pick) {
        (Value::Number(number), pick) => pick.as_f64() == Some(*number),
        (Value::Text(text), pick) => pick.as_str().is_some_and(|pick| {
            text == pick
                || tree
                    && text
                        .strip_prefix(pick)
                        .is_some_and(|below| below.starts_with('/'))
        }),
    }
}

fn passes(values: &Values, number: usize, filter: &Json) -> bool {
    let filter = filter.as_object().unwrap();
    let list = |key: &str| filter.get(key).map(|list| list.as_array().unwrap().clone());
    let has_id = |ids: &[Json]| {
        ids.iter()
            .any(|id| id_number(id.as_str().unwrap()) == Some(number))
    };
    if let Some(ids) = list("ids") {
        return has_id(&ids);
    }
    if let Some(ids) = list("not_ids") {
        return !has_id(&ids);
    }
    if let Some(filters) = list("and") {
        return filters.iter().all(|filter| passes(values, number, filter));
    }
    if let Some(filters) = list("or") {
        return filters.iter().any(|filter| passes(values, number, filter));
    }
    if let Some(filter) = filter.get("not") {
        return !passes(values, number, filter);
    }
    let own = of(values, filter["field"].as_str().unwrap());
    let tree = filter.get("tree") == Some(&json!(true));
    let has = |pick: &Json| own.iter().any(|value| is_picked(value, pick, tree));
    list("any").is_none_or(|picks| picks.iter().any(has))
        && list("all").is_none_or(|picks| picks.iter().all(has))
        && list("none").is_none_or(|picks| !picks.iter().any(has))
        && filter.get("range").is_none_or(has)
        && filter
            .get("exists")
            .is_none_or(|exists| exists == &json!(!own.is_empty()))
}

#[test]
fn filters_let_pass_what_a_walk_over_the_documents_lets_pass() {
    let mut random = Random(1);
    for turn in 0..60 {
        let (documents, columns) = collection(&mut random, turn);
        for _ in 0..20 {
            let json = random_filter(&mut random, 3);
            let expected: Vec<usize> = (0..turn)
                .filter(|at| passes(&documents[*at], *at, &json))
                .collect();
            let found: Vec<usize> = read(&json).documents(&columns, &id_number).iter().collect();
            assert_eq!(found, expected, "{json}");
        }
    }
}

#[test]
fn a_filter_that_was_asked_before_finds_what_came_since() {
    let mut columns = Columns::new();
    let filters: Vec<Filter> = (0..20)
        .map(|least| read(&json!({"field": "n", "range": {"min": least}})))
        .collect();
    let row = |number: usize| {
        Row::new(&Values::from([(
            "n".to_owned(),
            vec![Value::Number(number as f64)],
        )]))
        .unwrap()
    };
    for count in 1..=20 {
        // Every second document has no value.
        columns.push(&if count % 2 == 0 {
            row(count)
        } else {
            Row::default()
        });
        for turn in 0..2 {
            for (least, filter) in filters.iter().enumerate().take(3 + 8 * turn) {
                let found: Vec<usize> = filter.documents(&columns, &id_number).iter().collect();
                let expected = (1..=count).filter(|number| number % 2 == 0 && *number >= least);
                assert_eq!(found, expected.map(|number| number - 1).collect::<Vec<_>>());
            }
        }
    }
    let keep: Vec<bool> = (0..20).map(|at| at < 4).collect();
    columns.retain(&keep);
    let found = filters[0].documents(&columns, &id_number);
    assert_eq!(found.iter().collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn what_was_added_and_removed_leaves_no_trace() {
    let mut random = Random(2);
    for _ in 0..40 {
        let (mut documents, mut columns) = collection(&mut random, 12);
        for _ in 0..4 {
            let keep: Vec<bool> = documents.iter().map(|_| random.below(3) > 0).collect();
            columns.retain(&keep);
            let mut kept = keep.iter();
            documents.retain(|_| *kept.next().unwrap());
            for _ in 0..random.below(6) {
                documents.push(document(&mut random));
                columns.push(&Row::new(&documents[documents.len() - 1]).unwrap());
            }
            assert_eq!(columns.documents(), documents.len());
            for (number, values) in documents.iter().enumerate() {
                assert_eq!(columns.row(number), Row::new(values).unwrap());
            }
            assert_eq!(columns.dump(), self::columns(&documents).dump());
        }
        let order: Vec<usize> = (0..documents.len()).rev().collect();
        documents.reverse();
        assert_eq!(
            columns.picked(&order).dump(),
            self::columns(&documents).dump()
        );
    }
}

/// Counts by walking; what a value counts as comes from `group`.
fn walk(
    documents: &[Values],
    set: &Set,
    field: &str,
    group: impl Fn(&Value) -> Vec<Json>,
) -> Vec<(Json, usize)> {
    let mut counts: Vec<(Json, usize)> = Vec::new();
    for document in set.iter() {
        let mut groups: Vec<Json> = of(&documents[document], field)
            .iter()
            .flat_map(&group)
            .collect();
        groups.sort_by_key(Json::to_string);
        groups.dedup();
        for group in groups {
            match counts.iter_mut().find(|(known, _)| *known == group) {
                Some((_, count)) => *count += 1,
                None => counts.push((group, 1)),
            }
        }
    }
    counts
}

fn level_of(value: &Value, under: Option<&str>) -> Vec<Json> {
    let Value::Text(text) = value else {
        return Vec::new();
    };
    // A slash at the very start of what lies below belongs to the level.
    let above = under.map_or(String::new(), |under| format!("{under}/"));
    let Some(below) = text.strip_prefix(&above).filter(|below| !below.is_empty()) else {
        return Vec::new();
    };
    let first = below.chars().next().unwrap();
    let rest = below[first.len_utf8()..].split('/').next().unwrap();
    vec![json!(format!("{above}{first}{rest}"))]
}

#[test]
fn facets_count_what_a_walk_over_the_documents_counts() {
    let mut random = Random(3);
    let ranges = json!([{"min": 0, "below": 4}, {"max": 0}, {"min": "2024", "max": "2024-02"}, {"above": 3}]);
    for turn in 0..40 {
        let (documents, columns) = collection(&mut random, turn);
        let mut set = Set::none(turn);
        (0..turn)
            .filter(|_| random.below(3) > 0)
            .for_each(|document| set.insert(document));
        for field in ["kind", "path", "nowhere"] {
            let missing = set
                .iter()
                .filter(|at| of(&documents[*at], field).is_empty())
                .count();
            let count = |facet: Json| {
                let facets = read_facets(vec![serde_json::from_value(facet).unwrap()]).unwrap();
                let counts = facets[0].count(&columns, &set);
                assert_eq!((counts.field.as_str(), counts.missing), (field, missing));
                (counts.values, counts.distinct)
            };
            let same = |found: &[Bucket], expected: &[(Json, usize)]| {
                assert_eq!(found.len(), expected.len());
                for bucket in found {
                    let value = serde_json::to_value(&bucket.value).unwrap();
                    let equal = |known: &Json| match (known.as_f64(), value.as_f64()) {
                        (Some(a), Some(b)) => a == b,
                        _ => *known == value,
                    };
                    assert!(
                        expected
                            .iter()
                            .any(|(known, count)| equal(known) && *count == bucket.count),
                        "{bucket:?}"
                    );
                }
            };
            let (values, distinct) = count(json!({"field": field, "limit": 100}));
            let expected = walk(&documents, &set, field, |value| {
                vec![serde_json::to_value(value).unwrap()]
            });
            same(&values, &expected);
            assert_eq!(distinct, expected.len());
            assert!(values.is_sorted_by_key(|bucket| {
                let key = bucket.value.as_ref().unwrap().key().unwrap();
                (std::cmp::Reverse(bucket.count), key)
            }));
            let (two, distinct) = count(json!({"field": field, "limit": 2}));
            assert_eq!(
                (&two[..], distinct),
                (&values[..values.len().min(2)], expected.len())
            );
            let (sorted, _) = count(json!({"field": field, "sort": "value", "limit": 100}));
            assert!(
                sorted.is_sorted_by_key(|bucket| bucket.value.as_ref().unwrap().key().unwrap())
            );
            for under in [None, Some("a"), Some("/a"), Some("nowhere"), Some("")] {
                let (values, _) =
                    count(json!({"field": field, "tree": true, "under": under, "limit": 100}));
                same(
                    &values,
                    &walk(&documents, &set, field, |value| level_of(value, under)),
                );
            }
            let (buckets, _) = count(json!({"field": field, "ranges": ranges}));
            let expected = walk(&documents, &set, field, |value| {
                let held = (0..4).filter(|at| is_picked(value, &ranges[*at], false));
                held.map(|at| json!(at)).collect()
            });
            for (at, bucket) in buckets.iter().enumerate() {
                let count = expected
                    .iter()
                    .find(|(range, _)| *range == json!(at))
                    .map_or(0, |(_, count)| *count);
                assert_eq!((bucket.range, bucket.count), (Some(at), count), "{ranges}");
            }
        }
    }
}

#[test]
fn what_was_picked_of_a_facet_is_left_out_of_its_own_filter() {
    let without = |filter: Json, field: &str| read(&filter).without_any(field);
    let other = json!({"field": "kind", "any": ["a"], "none": ["b"]});
    assert_eq!(
        without(json!({"field": "path", "none": ["a"]}), "path"),
        None
    );
    assert_eq!(without(other.clone(), "path"), None);
    assert_eq!(
        without(json!({"or": [{"field": "path", "any": ["a"]}]}), "path"),
        None
    );
    assert_eq!(
        without(other.clone(), "kind"),
        Some(read(&json!({"field": "kind", "none": ["b"]})))
    );
    let both = json!({"and": [other, {"field": "path", "any": ["a"], "range": {"min": 1}}]});
    let left = json!({"and": [other, {"field": "path", "range": {"min": 1}}]});
    assert_eq!(without(both, "path"), Some(read(&left)));
}

/// The order of sorting: numbers, then dates, then other texts.
fn sort_rank(value: &Value) -> (u8, f64, String) {
    match value {
        Value::Number(number) => (0, *number, String::new()),
        Value::Text(text) => match date::seconds(text) {
            Some(date) => (1, date.start as f64, text.clone()),
            None => (2, 0.0, text.clone()),
        },
    }
}

#[test]
fn pages_are_parts_of_one_order_with_missing_values_last() {
    let mut random = Random(4);
    for turn in 1..40 {
        let (documents, columns) = collection(&mut random, turn);
        let sort = json!([{"field": "kind", "order": "desc"}, {"field": "when"}]);
        let keys = read_sort(serde_json::from_value(sort).unwrap()).unwrap();
        let set = Set::all(turn);
        let ties = |a: usize, b: usize| b.cmp(&a);
        let by = |a: &usize, b: &usize, field: &str, descending: bool| {
            let best = |at: usize| {
                let ranks = of(&documents[at], field).iter().map(sort_rank);
                let compare =
                    |a: &(u8, f64, String), b: &(u8, f64, String)| a.partial_cmp(b).unwrap();
                if descending {
                    ranks.max_by(compare)
                } else {
                    ranks.min_by(compare)
                }
            };
            match (best(*a), best(*b)) {
                (None, None) => Ordering::Equal,
                (None, _) => Ordering::Greater,
                (_, None) => Ordering::Less,
                (a, b) if descending => b.partial_cmp(&a).unwrap(),
                (a, b) => a.partial_cmp(&b).unwrap(),
            }
        };
        let mut expected: Vec<usize> = (0..turn).collect();
        expected.sort_by(|a, b| {
            by(a, b, "kind", true)
                .then(by(a, b, "when", false))
                .then(ties(*a, *b))
        });
        assert_eq!(page(&columns, &keys, &set, &ties, 0, turn), expected);
        for (offset, limit) in [
            (0, 3),
            (2, 5),
            (turn, 1),
            (turn - 1, 9),
            (usize::MAX, usize::MAX),
            (1, usize::MAX),
        ] {
            let part: Vec<usize> = expected.iter().copied().skip(offset).take(limit).collect();
            assert_eq!(page(&columns, &keys, &set, &ties, offset, limit), part);
        }
    }
}

#[test]
fn the_match_set_is_the_words_and_the_best_by_meaning_of_what_is_allowed() {
    let mut random = Random(5);
    for documents in 0..60 {
        let mut some = || {
            let mut set = Set::none(documents);
            (0..documents)
                .filter(|_| random.below(2) == 0)
                .for_each(|at| set.insert(at));
            set
        };
        let (allowed, words) = (some(), some());
        let scores: Vec<f32> = (0..documents)
            .map(|_| random.below(6) as f32 - 3.0)
            .collect();
        let ties = |a: usize, b: usize| b.cmp(&a);
        let mut ranking: Vec<usize> = allowed.iter().collect();
        ranking.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(ties(*a, *b)));
        for meaning_k in [0, 1, 2, 7, 1000] {
            let found = |with_words: bool, meaning| {
                let matching = Matching {
                    words: with_words.then_some(&words),
                    meaning,
                    meaning_k,
                };
                let mut set = Set::all(7);
                matching.mark(&allowed, &ties, &mut vec![9], &mut set);
                set
            };
            assert_eq!(found(false, None), allowed);
            let mut best = Set::none(documents);
            ranking
                .iter()
                .take(meaning_k)
                .for_each(|at| best.insert(*at));
            assert_eq!(found(false, Some(&scores[..])), best);
            let mut with_word = words.clone();
            with_word.intersect(&allowed);
            assert_eq!(found(true, None), with_word);
            best.unite(&with_word);
            assert_eq!(found(true, Some(&scores[..])), best);
        }
    }
}
