//! Published collections read in pieces: what is found, against a plain count over the contents, and what it costs.
//!
//! Owns the plain count; knows no offsets. Invariant: seeded.

use super::segments::{Cost, DIM, files, query, sample_contents, serve, shorten};
use super::support::Seeded;
use findling_core::Code;
use findling_core::kernels::ln;
use findling_core::pieces::short;
use findling_core::segment::{Contents, Found, Layout, POINTER, Query, Remote};

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
    bounds: Vec<f32>,
    levels: Vec<f64>,
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
            own.iter().sum::<f64>() / own.len().max(1) as f64
        };
        let levels = (0..16).map(mean).collect();
        Plain {
            contents,
            bounds,
            levels,
        }
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
                    let level = self
                        .bounds
                        .iter()
                        .position(|bound| value <= *bound)
                        .unwrap();
                    best[*document as usize] = best[*document as usize].max(self.levels[level]);
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
                .all(|hit| hit.passage.is_some() && hit.meaning.is_some())
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
    let words = query.words.clone();
    let Line {
        segment,
        pointer,
        remote,
        cost,
    } = &mut other;
    serve(remote, pointer, segment, cost, |remote| {
        remote.prepare(&words)
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
fn before_it_is_open_nothing_is_searched() {
    let mut remote = Remote::new(POINTER, 10);
    assert_eq!(
        remote.search(&Query::default()).unwrap_err().code,
        Code::NotReady
    );
}
