//! Published collections read in pieces: what is found, against a plain count over the contents, and what it costs.
//!
//! Owns the plain count; knows no offsets. Invariant: seeded.

use super::segments::{Cost, DIM, files, query, sample_contents, serve, shorten};
use super::support::Seeded;
use findling_core::Code;
use findling_core::facets::{Columns, Set, read_facets, read_filter};
use findling_core::kernels::ln;
use findling_core::pieces::short;
use findling_core::segment::{Condition, Contents, Found, Layout, POINTER, Query, Remote};
use findling_core::words::Field;
use serde_json::json;

/// A collection at the other end of a line.
struct Line {
    segment: Vec<u8>,
    pointer: Vec<u8>,
    remote: Remote,
    cost: Cost,
}

impl Line {
    fn open(contents: &Contents, layout: Layout) -> Line {
        let [segment, pointer] = files(contents, layout);
        let remote = Remote::new(POINTER, pointer.len() as u64);
        let mut line = Line {
            segment,
            pointer,
            remote,
            cost: Cost::default(),
        };
        let Line {
            segment,
            pointer,
            remote,
            cost,
        } = &mut line;
        serve(remote, pointer, segment, cost, Remote::open).unwrap();
        line
    }

    fn search(&mut self, query: &Query) -> Found {
        let Line {
            segment,
            pointer,
            remote,
            cost,
        } = self;
        serve(remote, pointer, segment, cost, |remote| {
            remote.search(query)
        })
        .unwrap()
    }
}

/// What each document's postings count, by document and term, as sixteen quantiles leave it.
struct Plain<'a> {
    contents: &'a Contents,
    levels: Vec<f32>,
}

fn saturated(contents: &Contents, document: u32, counts: &[u32; 4]) -> f32 {
    let weigh = |counts: &[u32; 4]| f64::from(counts.iter().sum::<u32>() + counts[0]);
    let all: f64 = contents
        .documents
        .iter()
        .map(|each| weigh(&each.lengths))
        .sum();
    let length = weigh(&contents.documents[document as usize].lengths);
    let average = all / contents.documents.len() as f64;
    let tf = weigh(counts);
    (tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))) as f32
}

impl Plain<'_> {
    fn of(contents: &Contents) -> Plain<'_> {
        let each = contents
            .terms
            .iter()
            .flat_map(|term| term.documents.iter().zip(&term.frequencies));
        let mut values: Vec<f32> = each
            .map(|(document, counts)| saturated(contents, *document, counts))
            .collect();
        values.sort_by(f32::total_cmp);
        let bounds: Vec<f32> = (1..=16)
            .map(|level| values[level * values.len() / 16 - 1])
            .collect();
        let level = |value: f32| bounds.iter().position(|bound| value <= *bound).unwrap();
        let mean = |wanted: usize| {
            let own: Vec<f64> = values
                .iter()
                .filter(|value| level(**value) == wanted)
                .map(|x| f64::from(*x))
                .collect();
            match own.is_empty() {
                true => bounds[wanted],
                false => (own.iter().sum::<f64>() / own.len() as f64) as f32,
            }
        };
        let levels = (0..16).map(mean).collect();
        Plain { contents, levels }
    }

    /// Each document's share of the most that the words can give.
    fn words(&self, query: &Query) -> Vec<f64> {
        let count = self.contents.documents.len();
        let (mut shares, mut most) = (vec![0.0; count], 0.0);
        for word in &query.words {
            let mut best = vec![0.0_f64; count];
            for term in self
                .contents
                .terms
                .iter()
                .filter(|term| word.terms.contains(&term.term))
            {
                for (document, counts) in term.documents.iter().zip(&term.frequencies) {
                    let value = saturated(self.contents, *document, counts);
                    let far = |level: &&f32| (**level - value).abs();
                    let nearest = self.levels.iter().min_by(|a, b| far(a).total_cmp(&far(b)));
                    let level = f64::from(*nearest.unwrap());
                    best[*document as usize] = best[*document as usize].max(level);
                }
            }
            let found = best.iter().filter(|best| **best > 0.0).count() as f64;
            let idf = ln(1.0 + (count as f64 - found + 0.5) / (found + 0.5));
            most += idf * 2.2;
            shares
                .iter_mut()
                .zip(best)
                .for_each(|(share, best)| *share += idf * best);
        }
        shares.iter().map(|share| share / most).collect()
    }

    /// Each document's closeness by short codes.
    fn meaning(&self, vector: &[f32]) -> Vec<f64> {
        let query = short::Query::new(vector).unwrap();
        let mut row = 0;
        self.contents
            .documents
            .iter()
            .map(|document| {
                let mut codes = Vec::new();
                for at in row..row + document.rows() {
                    let codes_of = &self.contents.codes[at * DIM..][..DIM];
                    let length = codes_of
                        .iter()
                        .map(|x| f64::from(*x) * f64::from(*x))
                        .sum::<f64>()
                        .sqrt();
                    let unit: Vec<f32> = codes_of
                        .iter()
                        .map(|x| (f64::from(*x) / length) as f32)
                        .collect();
                    codes.extend_from_slice(&shorten(&unit).unwrap());
                }
                row += document.rows();
                let mut near = Vec::new();
                query.closeness(&codes, &mut near);
                let best = near[..document.passages as usize]
                    .iter()
                    .copied()
                    .fold(f32::MIN, f32::max);
                let whole = document.has_whole.then(|| *near.last().unwrap());
                f64::from(whole.map_or(best, |whole| (best + whole) / 2.0))
            })
            .collect()
    }
}

/// The found documents are the best ones by `scores`, best first, those of equal score by id.
fn assert_best(found: &Found, contents: &Contents, scores: &[f64], limit: usize) {
    let mut order: Vec<usize> = (0..scores.len()).filter(|at| scores[*at] > 0.0).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(limit);
    assert_eq!(found.hits.len(), order.len());
    for (hit, at) in found.hits.iter().zip(order) {
        assert!(
            (hit.score - scores[at]).abs() < 1e-5,
            "{} {}",
            hit.score,
            scores[at]
        );
        let own = contents
            .documents
            .iter()
            .position(|each| each.id == hit.id)
            .unwrap();
        assert!((scores[own] - scores[at]).abs() < 1e-5);
        assert_eq!(hit.record, contents.documents[own].record);
    }
}

#[test]
fn words_alone_find_what_a_plain_count_finds() {
    for (layout, has_vectors) in [
        (Layout::Flat, true),
        (Layout::Two, true),
        (Layout::Two, false),
    ] {
        let contents = sample_contents(300, 5, has_vectors);
        let plain = Plain::of(&contents);
        let mut line = Line::open(&contents, layout);
        for (words, limit) in [
            (vec![1], 7),
            (vec![20, 3], 10),
            (vec![70], 5),
            (vec![], 5),
            (vec![2, 9, 25], 400),
            (vec![5], 0),
        ] {
            let query = query(&words, None, limit);
            let found = line.search(&query);
            assert!(found.exact);
            let scores: Vec<f64> = plain
                .words(&query)
                .iter()
                .map(|share| 0.4 * share)
                .collect();
            assert_best(&found, &contents, &scores, limit);
        }
    }
}

#[test]
fn equal_scores_stand_in_the_order_of_ids() {
    let mut contents = sample_contents(200, 6, true);
    for document in &mut contents.documents {
        document.lengths = [1, 0, 0, 0];
    }
    let [mut word, form] = [contents.terms[0].clone(), contents.terms[0].clone()];
    word.documents = (0..200).collect();
    word.frequencies = vec![[1, 0, 0, 0]; 200];
    word.spots = vec![form.spots[0]; 200];
    contents.terms = vec![word];
    let mut line = Line::open(&contents, Layout::Two);
    let query = query(&[0], None, 12);
    let ids: Vec<String> = line
        .search(&query)
        .hits
        .into_iter()
        .map(|hit| hit.id)
        .collect();
    let first: Vec<String> = contents.documents[..12]
        .iter()
        .map(|each| each.id.clone())
        .collect();
    assert_eq!(ids, first);
}

#[test]
fn meaning_and_words_together_find_what_a_plain_count_finds_where_all_is_read() {
    let contents = sample_contents(120, 8, true);
    let plain = Plain::of(&contents);
    let mut line = Line::open(&contents, Layout::Flat);
    let vector = shortened(&mut Seeded(4));
    for words in [vec![1, 9], vec![], vec![33]] {
        let query = query(&words, Some(vector.clone()), 10);
        let found = line.search(&query);
        assert!(found.exact);
        let (shares, meaning) = (plain.words(&query), plain.meaning(&vector));
        let shares = |at: usize| if words.is_empty() { 0.0 } else { shares[at] };
        let scores: Vec<f64> = (0..120)
            .map(|at| 0.6 * meaning[at].max(0.0) + 0.4 * shares(at))
            .collect();
        assert_best(&found, &contents, &scores, 10);
        assert!(
            found
                .hits
                .iter()
                .all(|hit| hit.near.is_some() && hit.meaning.is_some())
        );
    }
}

fn shortened(seeded: &mut Seeded) -> Vec<f32> {
    let code = shorten(&seeded.vector(DIM)).unwrap();
    short::dequantize(&code).to_vec()
}

#[test]
fn little_is_read_in_few_rounds_and_nothing_twice() {
    let contents = sample_contents(4000, 9, true);
    let mut line = Line::open(&contents, Layout::Two);
    assert_eq!((line.cost.requests, line.cost.rounds), (2, 2));
    let whole = line.segment.len();
    let opened = line.cost.bytes;
    let query = query(&[7, 41], Some(shortened(&mut Seeded(5))), 10);
    let first = line.search(&query);
    assert!(line.cost.rounds <= 2 + 5, "{:?}", line.cost);
    assert!(
        line.cost.bytes - opened < 90_000 && line.cost.bytes < whole / 3,
        "{:?} of {whole}",
        line.cost
    );
    let before = line.cost.bytes;
    assert_eq!(line.search(&query), first);
    assert_eq!(line.cost.bytes, before, "what was read is kept");
    let mut other = Line::open(&contents, Layout::Two);
    let Line {
        segment,
        pointer,
        remote,
        cost,
    } = &mut other;
    serve(remote, pointer, segment, cost, |remote| {
        remote.prepare(&query)
    })
    .unwrap();
    assert_eq!(other.search(&query), first);
}

#[test]
fn a_query_is_encoded_from_the_vectors_of_its_words() {
    let contents = sample_contents(120, 8, true);
    let mut line = Line::open(&contents, Layout::Flat);
    let term = &contents.terms[3];
    let given: usize = term.term[1..3].parse().unwrap();
    let encoded = Query {
        encode: true,
        ..query(&[given, 99], None, 9)
    };
    let vector = short::dequantize(&term.forms[0].code.unwrap()).to_vec();
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let unit = vector.iter().map(|x| x / length).collect();
    let (found, given) = (
        line.search(&encoded),
        line.search(&Query {
            vector: Some(unit),
            encode: false,
            ..encoded.clone()
        }),
    );
    assert_eq!(found.unknown, [1]);
    assert_eq!(found.hits.len(), 9);
    for (found, given) in found.hits.iter().zip(&given.hits) {
        assert_eq!(found.id, given.id);
        assert!((found.score - given.score).abs() < 1e-4);
    }
}

#[test]
fn a_filter_keeps_meaning_and_words_to_what_it_lets_pass() {
    let contents = sample_contents(300, 12, true);
    let columns = Columns::load(&contents.columns, 300).unwrap();
    let filter = json!({"field": "kind", "any": ["page"]});
    let filter = read_filter(serde_json::from_value(filter).unwrap()).unwrap();
    let allowed = filter.documents(&columns, &|_| None);
    let facets = json!([{"field": "kind"}, {"field": "year"}]);
    let facets = read_facets(serde_json::from_value(facets).unwrap()).unwrap();
    let plain = Plain::of(&contents);
    let vector = shortened(&mut Seeded(6));
    for layout in [Layout::Flat, Layout::Two] {
        let mut line = Line::open(&contents, layout);
        let query = Query {
            filter: Some(filter.clone()),
            facets: facets.clone(),
            ..query(&[1, 4], Some(vector.clone()), 20)
        };
        let found = line.search(&query);
        assert_eq!(found.hits.len(), 20);
        let of = |hit: &findling_core::segment::Hit| hit.id[1..].parse::<usize>().unwrap();
        assert!(found.hits.iter().all(|hit| allowed.contains(of(hit))));
        assert!(found.exact || layout == Layout::Two);
        let words = Query {
            vector: None,
            ..query.clone()
        };
        let found = line.search(&words);
        let shares = plain.words(&words);
        let scores = (0..300).map(|at| {
            if allowed.contains(at) {
                0.4 * shares[at]
            } else {
                0.0
            }
        });
        let scores: Vec<f64> = scores.collect();
        assert_best(&found, &contents, &scores, 20);
        let mut matched = allowed.clone();
        (0..300)
            .filter(|at| shares[*at] == 0.0)
            .for_each(|at| matched.remove(at));
        let mut others = Set::none(300);
        (0..300)
            .filter(|at| shares[*at] > 0.0)
            .for_each(|at| others.insert(at));
        assert!(found.exact);
        assert_eq!(found.total, matched.len());
        // What was picked of a field does not hide its other values.
        assert_eq!(found.counts[0], facets[0].count(&columns, &others));
        assert_eq!(found.counts[1], facets[1].count(&columns, &matched));
    }
}

#[test]
fn conditions_are_met_where_a_walk_over_all_places_meets_them() {
    let contents = sample_contents(400, 13, false);
    let mut line = Line::open(&contents, Layout::Two);
    // Of a document and a field the places of a term, whole forms left out.
    let places = |document: usize, field: usize, term: &str, is_whole: bool| -> Vec<u32> {
        let Ok(at) = contents
            .terms
            .binary_search_by(|each| each.term.as_str().cmp(term))
        else {
            return Vec::new();
        };
        let term = &contents.terms[at];
        let mut rest = term.spots.iter();
        for (number, counts) in term.documents.iter().zip(&term.frequencies) {
            for (own, count) in counts.iter().enumerate() {
                let spots: Vec<_> = rest.by_ref().take(*count as usize).collect();
                if (*number as usize, own) == (document, field) {
                    let spots = spots
                        .iter()
                        .filter(|spot| is_whole || !term.forms[spot.form as usize].is_whole);
                    return spots.map(|spot| spot.position).collect();
                }
            }
        }
        Vec::new()
    };
    let name = |word: usize| format!("w{word:02}é");
    let mut met = 0;
    for (words, field, ordered, wanted) in [
        (vec![1, 2], None, true, true),
        (vec![3, 0], Some(Field::Text), true, true),
        (vec![4], Some(Field::Title), true, true),
        (vec![5], None, true, true),
        (vec![2, 5], Some(Field::Path), false, true),
        (vec![1, 1], None, true, true),
        (vec![0, 3], None, true, false),
        (vec![1, 77], None, true, true),
    ] {
        let parts = words.iter().zip(0..);
        let query = Query {
            conditions: vec![Condition {
                parts: parts.map(|(word, at)| (vec![name(*word)], at)).collect(),
                field,
                ordered,
                wanted,
            }],
            is_blank: true,
            ..query(&[], None, 400)
        };
        let found = line.search(&query);
        let meets = |document: usize| {
            let fields = (0..4).filter(|at| field.is_none_or(|field| field as usize == *at));
            fields.into_iter().any(|at| {
                let of = |word: &usize| places(document, at, &name(*word), !ordered);
                match ordered {
                    true => of(&words[0]).iter().any(|start| {
                        let mut others = words.iter().zip(*start..);
                        others.all(|(word, place)| of(word).contains(&place))
                    }),
                    false => words.iter().all(|word| !of(word).is_empty()),
                }
            })
        };
        let expected = (0..400).filter(|document| meets(*document) == wanted);
        let expected: Vec<String> = expected.map(|document| format!("d{document:04}")).collect();
        let ids: Vec<String> = found.hits.into_iter().map(|hit| hit.id).collect();
        assert_eq!(ids, expected, "{words:?}");
        met += expected.len();
    }
    assert!(met > 100, "{met}");
}

#[test]
fn before_it_is_open_nothing_is_searched() {
    let mut remote = Remote::new(POINTER, 10);
    assert_eq!(
        remote.search(&Query::default()).unwrap_err().code,
        Code::NotReady
    );
}
