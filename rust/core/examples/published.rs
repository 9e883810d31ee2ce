//! How large a published collection is and how little a query reads of it, for `./build.sh bench static`: one JSON line a figure.
//!
//! Owns the sums; must not know the format. The vectors are bags of words, each word in a direction of its own, so that
//! no model is needed: sizes are those of any vectors, bytes a query those of vectors that mean what the words say.
//! Invariant: the same files give the same figures.
//!
//!     published RECORDS.jsonl QUERIES.tsv

use findling_core::facets::{self, Row, Values};
use findling_core::file::Answer;
use findling_core::index::{Entry, Index, Space};
use findling_core::pieces::short;
use findling_core::segment::{self, Condition, Options, Query, Remote, Whole, Word};
use findling_core::words::Source;
use findling_core::{Result, analysis};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::Instant;

const DIM: usize = 256;
const SESSION: usize = 10;

/// The direction of a word (SplitMix64 over a hash of it); rare words count more.
fn add_word(word: &str, weight: f64, sum: &mut [f64]) {
    let mut state = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    for x in sum {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut y = state;
        y = (y ^ (y >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        y ^= y >> 27;
        *x += weight * ((y >> 40) as f64 / f64::from(1 << 23) - 1.0);
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut sum = vec![0.0; DIM];
    analysis::analyse(text, analysis::Language::English, |token| {
        if !token.whole {
            add_word(token.term, token.form.len() as f64, &mut sum);
        }
    });
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-6);
    sum[0] += 1e-6;
    sum.iter().map(|x| (x / length) as f32).collect()
}

fn index(records: &str) -> Result<(Index, usize)> {
    let (mut index, mut passages) = (Index::new(), 0);
    let (mut entries, mut vectors) = (Vec::new(), Vec::new());
    for line in records.lines() {
        let record: Value = serde_json::from_str(line).expect("a record a line");
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        let (title, body) = (text("title"), text("text"));
        let words: Vec<&str> = body.split_whitespace().collect();
        let mut count = 0;
        for part in words.chunks(60) {
            vectors.extend(vector(&format!("{title} {}", part.join(" "))));
            count += 1;
        }
        if count == 0 {
            vectors.extend(vector(&title));
            count = 1;
        }
        passages += count;
        entries.push(Entry {
            id: text("id"),
            passages: count,
            words: Some(Source {
                title,
                text: body,
                ..Source::default()
            }),
            values: Row::new(&Values::from([(
                "kind".to_owned(),
                vec![facets::Value::Text(text("kind"))],
            )]))?,
            record: RawValue::from_string(line.to_owned()).expect("a record"),
        });
    }
    let space = Space {
        id: "bag of words".to_owned(),
        dim: DIM,
    };
    index.add(&space, &entries, &vectors)?;
    Ok((index, passages))
}

fn print(case: &str, metric: &str, value: f64, unit: &str) {
    println!(
        "{}",
        json!({"bench": "published", "case": case, "metric": metric, "value": value, "unit": unit})
    );
}

/// Bytes, requests and rounds of one search.
#[derive(Clone, Copy, Default)]
struct Cost([f64; 3]);

fn serve<T>(
    files: [&[u8]; 2],
    remote: &mut Remote,
    cost: &mut Cost,
    mut call: impl FnMut(&mut Remote) -> Result<Answer<T>>,
) -> Result<T> {
    loop {
        let needs = match call(remote)? {
            Answer::Ready(ready) => return Ok(ready),
            Answer::Need(needs) => needs,
        };
        cost.0[2] += 1.0;
        for need in needs {
            let file = files[usize::from(need.file == "pointer")];
            let (start, length) = (need.offset as usize, need.length as usize);
            remote.provide(
                &need.file,
                need.offset,
                file[start..start + length].to_vec(),
            );
            cost.0[0] += length as f64;
            cost.0[1] += 1.0;
        }
    }
}

fn summarise(case: &str, costs: &mut [Cost]) {
    for (at, (name, unit)) in [
        ("size", "bytes"),
        ("requests", "count"),
        ("rounds", "count"),
    ]
    .into_iter()
    .enumerate()
    {
        costs.sort_by(|a, b| a.0[at].total_cmp(&b.0[at]));
        let mean = costs.iter().map(|cost| cost.0[at]).sum::<f64>() / costs.len() as f64;
        print(case, &format!("{name} mean"), mean, unit);
        print(
            case,
            &format!("{name} p95"),
            costs[costs.len() * 95 / 100].0[at],
            unit,
        );
    }
}

/// What features read beside what the words of a query read, in a session each.
fn features(queries: &str, files: [&[u8]; 2]) -> Result<()> {
    let filter = json!({"field": "kind", "any": ["games"]});
    let filter = facets::read_filter(serde_json::from_value(filter).expect("a plan"))?;
    let facet =
        facets::read_facets(serde_json::from_value(json!([{"field": "kind"}])).expect("a plan"))?;
    let sort =
        facets::read_sort(serde_json::from_value(json!([{"field": "kind"}])).expect("a plan"))?;
    for case in ["filter and facet", "sort", "phrase", "typing"] {
        let mut costs = Vec::new();
        for line in queries.lines().skip(1) {
            let mut words: Vec<Word> = Vec::new();
            let english = analysis::Language::English;
            analysis::analyse(
                line.split('\t').nth(1).unwrap_or_default(),
                english,
                |token| {
                    if !token.whole {
                        words.push(Word {
                            form: token.form.to_owned(),
                            terms: vec![token.term.to_owned()],
                            is_typed: false,
                        });
                    }
                },
            );
            let mut query = Query {
                words,
                asks_words: true,
                weights: (0.0, 1.0),
                limit: 10,
                meaning_k: 100,
                ..Query::default()
            };
            let mut remote = Remote::new("pointer", files[1].len() as u64);
            let mut cost = Cost::default();
            serve(files, &mut remote, &mut cost, Remote::open)?;
            serve(files, &mut remote, &mut cost, |remote| {
                remote.search(&query)
            })?;
            match (case, query.words.as_mut_slice()) {
                ("filter and facet", _) => {
                    (query.filter, query.facets) = (Some(filter.clone()), facet.clone());
                }
                ("sort", _) => query.sort.clone_from(&sort),
                ("phrase", [one, other, ..]) => query.conditions.push(Condition {
                    parts: vec![(one.terms.clone(), 0), (other.terms.clone(), 1)],
                    field: None,
                    ordered: true,
                    wanted: true,
                }),
                ("typing", [.., last]) if last.form.chars().count() > 4 => {
                    last.form = last.form.chars().take(4).collect();
                    last.terms = vec![last.form.clone()];
                    last.is_typed = true;
                }
                _ => continue,
            }
            cost = Cost::default();
            serve(files, &mut remote, &mut cost, |remote| {
                remote.search(&query)
            })?;
            costs.push(cost);
        }
        summarise(case, &mut costs);
    }
    Ok(())
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut read =
        || std::fs::read_to_string(arguments.next().expect("two files")).expect("a readable file");
    let (records, queries) = (read(), read());
    let start = Instant::now();
    let (mut index, passages) = index(&records)?;
    print("index", "passages", passages as f64, "count");
    print("index", "took", start.elapsed().as_secs_f64(), "s");
    let start = Instant::now();
    let mut contents = index.contents()?;
    for form in contents.terms.iter_mut().flat_map(|term| &mut term.forms) {
        let mut sum = vec![0.0; DIM];
        analysis::analyse(&form.form, analysis::Language::English, |token| {
            if !token.whole {
                add_word(token.term, token.form.len() as f64, &mut sum);
            }
        });
        let sum: Vec<f32> = sum.iter().map(|x| *x as f32).collect();
        form.code = short::quantize(&sum).ok().filter(|_| !form.is_whole);
    }
    contents.has_form_codes = true;
    let options = Options {
        shorten: Some(&short::quantize),
        ..Options::default()
    };
    let files = segment::write(&contents, &options)?;
    print("publish", "took", start.elapsed().as_secs_f64(), "s");
    let (segment, pointer) = (&files[0].1, &files[1].1);
    let whole = Whole::open(pointer, segment)?;
    let start = Instant::now();
    whole.verify()?;
    print("verify", "took", start.elapsed().as_secs_f64(), "s");
    let info = whole.info();
    let mut all = 0.0;
    for section in info["sections"].as_array().into_iter().flatten() {
        let (name, length) = (
            section["name"].as_str().unwrap_or_default(),
            section["length"].as_f64().unwrap_or_default(),
        );
        print("section", name, length, "bytes");
        all += if matches!(name, "codes" | "scales") {
            0.0
        } else {
            length
        };
    }
    print("section", "all but codes and scales", all, "bytes");
    print(
        "clusters",
        "large",
        info["clusters"]["large"].as_f64().unwrap_or_default(),
        "count",
    );
    print(
        "clusters",
        "small",
        info["clusters"]["small"].as_f64().unwrap_or_default(),
        "count",
    );
    print(
        "leaves",
        "count",
        info["leaves"].as_f64().unwrap_or_default(),
        "count",
    );
    let (mut first, mut further, mut words_only) = (Vec::new(), Vec::new(), Vec::new());
    for (case, weights) in [("both", (0.6, 0.4)), ("words", (0.0, 1.0))] {
        let mut remote = Remote::new("pointer", pointer.len() as u64);
        for (number, line) in queries.lines().skip(1).enumerate() {
            let mut cost = Cost::default();
            if number % SESSION == 0 {
                remote = Remote::new("pointer", pointer.len() as u64);
                serve([segment, pointer], &mut remote, &mut cost, Remote::open)?;
            }
            let mut words: Vec<Word> = Vec::new();
            analysis::analyse(
                line.split('\t').nth(1).unwrap_or_default(),
                analysis::Language::English,
                |token| {
                    let terms = vec![token.term.to_owned()];
                    if !words.iter().any(|word| word.terms == terms) {
                        words.push(Word {
                            form: token.form.to_owned(),
                            terms,
                            is_typed: false,
                        });
                    }
                },
            );
            let query = Query {
                meant: words.clone(),
                words,
                asks_words: true,
                encode: case == "both",
                weights,
                limit: 10,
                meaning_k: 100,
                ..Query::default()
            };
            serve([segment, pointer], &mut remote, &mut cost, |remote| {
                remote.search(&query)
            })?;
            match (case, number % SESSION) {
                ("words", _) => words_only.push(cost),
                (_, 0) => first.push(cost),
                _ => further.push(cost),
            }
        }
    }
    let (mut first_typo, mut further_typo) = (Vec::new(), Vec::new());
    let mut remote = Remote::new("pointer", pointer.len() as u64);
    for (number, line) in queries.lines().skip(1).enumerate() {
        if number % SESSION == 0 {
            remote = Remote::new("pointer", pointer.len() as u64);
            serve(
                [segment, pointer],
                &mut remote,
                &mut Cost::default(),
                Remote::open,
            )?;
        }
        let mut form = String::new();
        analysis::analyse(
            line.split('\t').nth(1).unwrap_or_default(),
            analysis::Language::English,
            |token| {
                if !token.whole && token.form.len() > form.len() {
                    token.form.clone_into(&mut form);
                }
            },
        );
        // One letter out of the middle is lost.
        let typed: String = form
            .char_indices()
            .filter(|(at, _)| *at != (number * 3 + 1) % form.len())
            .map(|(_, c)| c)
            .collect();
        let mut cost = Cost::default();
        serve([segment, pointer], &mut remote, &mut cost, |remote| {
            remote.correct(&[typed.as_str()])
        })?;
        match number % SESSION {
            0 => first_typo.push(cost),
            _ => further_typo.push(cost),
        }
    }
    features(&queries, [segment, pointer])?;
    summarise("first correction", &mut first_typo);
    summarise("further correction", &mut further_typo);
    summarise("first query", &mut first);
    summarise("further query", &mut further);
    summarise("words alone", &mut words_only);
    Ok(())
}
