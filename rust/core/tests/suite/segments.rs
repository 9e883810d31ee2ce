//! Published collections to test with: seeded contents, their files, and a reader that goes through all of one.
//!
//! Owns test material; knows nothing of what is asserted but that answers are well formed. Invariant: the same seed gives
//! the same contents.

use super::support::Seeded;
use findling_core::Result;
use findling_core::facets::{Columns, Row, Values, read_facets, read_filter, read_sort};
use findling_core::file::Answer;
use findling_core::format::{Header, Kind, hex, pack};
use findling_core::segment::{
    self, Condition, Contents, Document, Form, Hit, Layout, Options, POINTER, Query, Remote,
    ShortCode, Space, Spot, Term, Whole, Word,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Components of the sample's vectors.
pub const DIM: usize = 8;

/// A full vector as the start of a short one.
pub fn shorten(vector: &[f32]) -> Result<ShortCode> {
    let short: Vec<f32> = (0..256)
        .map(|at| vector[at % vector.len()] + at as f32 / 5000.0)
        .collect();
    findling_core::pieces::short::quantize(&short)
}

/// Documents of a few words out of a small vocabulary; with vectors or without.
pub fn sample_contents(documents: usize, seed: u64, has_vectors: bool) -> Contents {
    let mut seeded = Seeded(seed);
    let mut contents = Contents {
        space: has_vectors.then(|| Space {
            id: "5".repeat(64),
            dim: DIM,
        }),
        has_form_codes: has_vectors,
        ..Contents::default()
    };
    let mut terms: BTreeMap<String, Term> = BTreeMap::new();
    for number in 0..documents {
        let (passages, has_whole) = match has_vectors {
            true => (1 + seeded.below(3) as u32, seeded.below(3) == 0),
            false => (0, false),
        };
        let mut lengths = [0; 4];
        let mut found: BTreeMap<String, Vec<(usize, Spot)>> = BTreeMap::new();
        for (field, length) in lengths.iter_mut().enumerate() {
            *length = seeded.below(9) as u32;
            for position in 0..*length {
                // Two words in three are among the first of the vocabulary.
                let most = if seeded.below(3) > 0 { 6 } else { 60 };
                let (word, form) = (seeded.below(most), seeded.below(2) as u32);
                found
                    .entry(format!("w{word:02}é"))
                    .or_default()
                    .push((field, Spot { position, form }));
            }
        }
        for (word, spots) in found {
            let term = terms
                .entry(word.clone())
                .or_insert_with(|| new_term(&word, has_vectors));
            let mut counts = [0; 4];
            for (field, spot) in spots {
                counts[field] += 1;
                term.spots.push(spot);
            }
            term.documents.push(number as u32);
            term.frequencies.push(counts);
        }
        let rows = passages as usize + usize::from(has_whole);
        contents
            .codes
            .extend((0..rows * DIM).map(|_| seeded.below(255) as u8 as i8));
        contents
            .scales
            .extend((0..rows).map(|_| 0.001 + seeded.below(100) as f32 / 1e4));
        let record = json!({"title": format!("The title of number {number}"), "n": seeded.below(1000), "tags": ["a", "b"]});
        contents.documents.push(Document {
            id: format!("d{number:04}"),
            record: record.to_string().into_bytes(),
            language: (number % 3 == 0).then(|| "en".to_owned()),
            lengths,
            passages,
            has_whole,
        });
    }
    // Words that can be mistaken for each other, which the numbered ones cannot.
    for (at, word) in ["weed", "wesp", "word", "worm"].into_iter().enumerate() {
        let mut term = new_term(word, false);
        for document in (0..documents).filter(|document| document % 4 == at) {
            term.documents.push(document as u32);
            term.frequencies.push([0, 0, 1, 0]);
            term.spots.push(Spot {
                position: 9,
                form: 0,
            });
        }
        if !term.documents.is_empty() {
            terms.insert(word.to_owned(), term);
        }
    }
    contents.terms = terms.into_values().collect();
    let mut columns = Columns::new();
    for number in 0..documents {
        let kind = ["note", "page", "book"][number * number % 3];
        let values = json!({"kind": [kind], "year": [1990 + number * 7 % 30]});
        let values: Values = serde_json::from_value(values).unwrap();
        columns.push(&Row::new(&values).unwrap());
    }
    contents.columns = columns.dump();
    contents
}

/// A term that stands nowhere yet.
pub fn new_term(word: &str, has_codes: bool) -> Term {
    let form = |form: String, is_whole: bool| Form {
        code: (has_codes && !is_whole).then(|| shorten(&[form.len() as f32; DIM]).unwrap()),
        form,
        is_whole,
        documents: 1,
    };
    Term {
        term: word.to_owned(),
        forms: vec![form(word.to_owned(), false), form(format!("{word}s"), true)],
        ..Term::default()
    }
}

/// The segment and then the pointer of contents.
pub fn files(contents: &Contents, layout: Layout) -> [Vec<u8>; 2] {
    let mut options = Options {
        layout: Some(layout),
        pieces: Some("7".repeat(32)),
        languages: vec!["en".to_owned()],
        ..Options::default()
    };
    options.user.insert("of".to_owned(), json!("mine"));
    if contents.space.is_some() {
        options.shorten = Some(&shorten);
    }
    let files = segment::write(contents, &options).unwrap();
    assert!(files[0].0.starts_with("segment-") && files[1].0 == POINTER);
    files
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

/// A pointer to any segment whose header can be read, like one that a forger would make.
///
/// # Errors
/// What the header says.
pub fn pointer_to(segment: &[u8]) -> Result<Vec<u8>> {
    let header = Header::parse(segment)?;
    let meta = json!({
        "type": "collection", "version": 1, "languages": ["en"], "pieces": null, "user": {},
        "segments": [{
            "file": "segment.findling",
            "length": segment.len(),
            "head": header.section("root")?.range().end,
            "digest": hex(&header.digest),
        }],
    });
    let mut parameters = 7.5_f64.to_le_bytes().to_vec();
    for level in 0..16 {
        parameters.extend((0.1 + level as f32 / 10.0).to_le_bytes());
    }
    parameters.extend(0.15_f32.to_le_bytes());
    pack(Kind::Index, &meta, &[("parameters", &parameters)])
}

/// Opens a segment as a whole, whatever pointer it takes, and reads all of it; gives what it holds.
///
/// # Errors
/// What opening and reading say.
pub fn ask_whole(segment: &[u8]) -> Result<Vec<u8>> {
    let pointer = pointer_to(segment)?;
    let whole = Whole::open(&pointer, segment)?;
    whole.verify()?;
    let contents = whole.contents()?;
    assert!(
        contents
            .documents
            .windows(2)
            .all(|pair| pair[0].id < pair[1].id)
    );
    assert!(
        contents
            .terms
            .windows(2)
            .all(|pair| pair[0].term < pair[1].term)
    );
    let mut said = whole.info().to_string().into_bytes();
    said.extend(format!("{contents:?}").into_bytes());
    Ok(said)
}

/// What reading in pieces cost.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// Ranges that were read.
    pub requests: usize,
    /// Times that ranges had to be read before it went on.
    pub rounds: usize,
    /// Bytes of those ranges.
    pub bytes: usize,
}

/// Calls until nothing is lacking, reading from the two files.
///
/// # Errors
/// What the call says.
///
/// # Panics
/// When a range is asked for twice or lies outside of its file.
pub fn serve<T>(
    remote: &mut Remote,
    pointer: &[u8],
    segment: &[u8],
    cost: &mut Cost,
    mut call: impl FnMut(&mut Remote) -> Result<Answer<T>>,
) -> Result<T> {
    let mut asked = BTreeSet::new();
    loop {
        let needs = match call(remote)? {
            Answer::Ready(ready) => return Ok(ready),
            Answer::Need(needs) => needs,
        };
        assert!(!needs.is_empty());
        cost.rounds += 1;
        for need in needs {
            let file = if need.file == POINTER {
                pointer
            } else {
                segment
            };
            let (start, length) = (need.offset as usize, need.length as usize);
            let bytes = file[start..start + length].to_vec();
            assert!(
                asked.insert((need.file.clone(), start, length)),
                "asked for twice"
            );
            assert!(remote.wants(&need.file, need.offset, length));
            cost.requests += 1;
            cost.bytes += length;
            remote.provide(&need.file, need.offset, bytes);
        }
    }
}

/// A query of some words of the vocabulary, with a vector or without.
pub fn query(words: &[usize], vector: Option<Vec<f32>>, limit: usize) -> Query {
    let words = words.iter().map(|word| Word {
        form: format!("w{word:02}é"),
        terms: vec![format!("w{word:02}é"), format!("w{:02}é", word + 30)],
        is_typed: false,
    });
    let words: Vec<Word> = words.collect();
    Query {
        meant: words.clone(),
        words,
        asks_words: true,
        vector,
        weights: (0.6, 0.4),
        limit,
        meaning_k: limit.max(100),
        ..Query::default()
    }
}

/// Searches a segment in pieces in some ways, whatever pointer it takes; gives the hits.
///
/// # Errors
/// What opening and searching say.
pub fn ask_remote(segment: &[u8]) -> Result<Vec<u8>> {
    let pointer = pointer_to(segment)?;
    let mut remote = Remote::new(POINTER, pointer.len() as u64);
    let mut cost = Cost::default();
    serve(&mut remote, &pointer, segment, &mut cost, Remote::open)?;
    let mut said = Vec::new();
    let best = serve(&mut remote, &pointer, segment, &mut cost, |remote| {
        remote.correct(&["wesd", "words", "abcdefgh"])
    })?;
    said.extend(format!("{best:?}").into_bytes());
    let vector: Vec<f32> = (0..256).map(|at| ((at * 7) % 5) as f32 - 1.7).collect();
    for query in [
        query(&[1], None, 3),
        query(&[2, 40], None, 30),
        query(&[3], Some(vector), 5),
        Query {
            encode: true,
            ..query(&[4, 5, 50], None, 10)
        },
        Query {
            sort: read_sort(serde_json::from_value(json!([{"field": "year"}])).unwrap()).unwrap(),
            facets: read_facets(serde_json::from_value(json!([{"field": "kind"}])).unwrap())
                .unwrap(),
            filter: Some(
                read_filter(
                    serde_json::from_value(json!({"field": "kind", "none": ["page"]})).unwrap(),
                )
                .unwrap(),
            ),
            ..query(&[2], None, 10)
        },
        Query {
            words: vec![Word {
                form: "wor".to_owned(),
                is_typed: true,
                ..Word::default()
            }],
            conditions: [(0, 1, true), (3, 4, false)]
                .into_iter()
                .map(|(one, other, wanted)| Condition {
                    parts: vec![
                        (vec![format!("w{one:02}é")], 0),
                        (vec![format!("w{other:02}é")], 1),
                    ],
                    field: None,
                    ordered: true,
                    wanted,
                })
                .collect(),
            ..query(&[], None, 10)
        },
    ] {
        let found = serve(&mut remote, &pointer, segment, &mut cost, |remote| {
            remote.search(&query)
        })?;
        assert!(found.hits.len() <= query.limit);
        let ordered = |pair: &[Hit]| pair[0].score >= pair[1].score && pair[0].score.is_finite();
        assert!(!query.sort.is_empty() || found.hits.windows(2).all(ordered));
        said.extend(format!("{found:?}").into_bytes());
    }
    Ok(said)
}
