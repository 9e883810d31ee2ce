//! The piece table over small tables made here, and over what is not one.

use super::short::{self, CODE_BYTES, DIM};
use super::words::PAGE;
use super::{Pieces, adapt, direction};
use crate::error::Code;
use crate::format::{Kind, pack_in_blocks};
use crate::math::Lines;
use crate::tokenizer::{Tokenizer, TokenizerConfig};
use serde_json::{Value, json};

/// Components of the model's vectors.
const FULL: usize = 32;

/// Numbers from -1 to 1 that look random and are the same every time.
pub(super) fn sequence(count: usize, mut state: u32) -> Vec<f32> {
    let next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| f64::from(*x) * f64::from(*y))
        .sum()
}

/// Sections of a table, to be broken before they are packed.
struct Parts {
    meta: Value,
    pages: Vec<u8>,
    words: Vec<u8>,
    rows: Vec<u8>,
    projection: Vec<u8>,
    scales: Vec<u8>,
}

fn tokenizer() -> Value {
    json!({
        "lowercase": true, "strip_accents": true, "handle_chinese_chars": true, "clean_text": true, "unknown": "[UNK]",
        "start": "[CLS]", "end": "[SEP]", "continuing_prefix": "##", "max_word_chars": 100, "special": [],
    })
}

fn parts(pieces: &[&str]) -> Parts {
    let (mut pages, mut words, mut page) = (Vec::new(), Vec::new(), Vec::new());
    let mut before: &[u8] = b"";
    for (number, piece) in pieces.iter().enumerate() {
        let piece = piece.as_bytes();
        let shared = before.iter().zip(piece).take_while(|(x, y)| x == y).count();
        let begins = page.is_empty() || page.len() + 2 + piece.len() - shared > PAGE;
        let shared = if begins { 0 } else { shared };
        if begins {
            page.resize(PAGE * usize::from(!page.is_empty()), 0);
            words.append(&mut page);
            pages.extend((number as u32).to_le_bytes());
            pages.push(piece.len() as u8);
            pages.extend(piece);
        }
        page.extend([shared as u8, (piece.len() - shared) as u8]);
        page.extend(&piece[shared..]);
        before = piece;
    }
    page.resize(PAGE, 0);
    words.append(&mut page);
    let rows =
        (0..pieces.len() as u32).flat_map(|at| short::quantize(&sequence(DIM, at + 1)).unwrap());
    let projection = sequence(DIM * FULL, 99);
    Parts {
        meta: json!({
            "name": "small", "version": 1, "space": "0".repeat(64), "dim": FULL, "short": DIM, "pieces": pieces.len(),
            "tokenizer": tokenizer(), "made": "here",
        }),
        pages,
        words,
        rows: rows.collect(),
        projection: projection.iter().map(|x| (x * 127.0) as i8 as u8).collect(),
        scales: [0.01_f32; DIM]
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect(),
    }
}

impl Parts {
    fn pack(&self, kind: Kind) -> Vec<u8> {
        let sections: [(&str, &[u8], u32); 5] = [
            ("pages", &self.pages, 1024),
            ("words", &self.words, 1024),
            ("rows", &self.rows, 1024),
            ("projection", &self.projection, 65536),
            ("projection.scale", &self.scales, 65536),
        ];
        pack_in_blocks(kind, &self.meta, &sections).unwrap()
    }

    fn open(&self) -> crate::Result<Pieces> {
        Pieces::open(&self.pack(Kind::Pieces))
    }
}

const FEW: [&str; 8] = ["!", "##er", "##ers", "##s", "a", "run", "runn", "swim"];

#[test]
fn a_text_is_the_direction_of_the_sum_of_its_pieces() {
    let parts = parts(&FEW);
    let pieces = parts.open().unwrap();
    let (codes, _) = parts.rows.as_chunks::<CODE_BYTES>();
    let row = |at: usize| short::dequantize(&codes[at]);
    // "Runners" is runn, ##ers; "quux" is unknown and "swimq" unknown in part, so both count for nothing.
    let mut sum = [0.0; DIM];
    for at in [4, 6, 2, 0] {
        for (sum, x) in sum.iter_mut().zip(row(at)) {
            *sum += f64::from(x);
        }
    }
    let found = pieces.encode("a quux RUNNERS swimq!").unwrap();
    assert_eq!(found, direction(&sum));
    assert!((dot(found.as_ref().unwrap(), found.as_ref().unwrap()) - 1.0).abs() < 1e-6);
    assert_eq!(pieces.encode("quux ").unwrap(), None);
    assert_eq!(pieces.form("swim").unwrap(), Some(row(7)));
}

#[test]
fn words_are_cut_as_the_tokenizer_cuts_them() {
    // Enough pieces for several pages, with many that begin alike.
    let mut pieces: Vec<String> = vec!["[UNK]".into(), "[CLS]".into(), "[SEP]".into()];
    for a in ["", "un", "re", "##un", "##re", "##", "é", "日"] {
        for b in [
            "a", "b", "ab", "aba", "bab", "abab", "babab", "c", "ca", "é", "本", "日本",
        ] {
            for c in [
                "", "x", "xy", "xyz", "yz", "z", "xx", "zz", "xyx", "zyx", "zxyz", "yx",
            ] {
                pieces.push(format!("{a}{b}{c}"));
            }
        }
    }
    pieces.sort_unstable();
    pieces.dedup();
    let sorted: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let parts = parts(&sorted);
    assert!(parts.words.len() > 2 * PAGE);
    let table = parts.open().unwrap();
    let config: TokenizerConfig = serde_json::from_value(json!({
        "lowercase": false, "strip_accents": false, "handle_chinese_chars": false, "clean_text": true, "unknown": "[UNK]",
        "start": "[CLS]", "end": "[SEP]", "continuing_prefix": "##", "max_word_chars": 100, "special": [],
    }))
    .unwrap();
    let tokenizer = Tokenizer::new(&sorted.join("\n"), &config).unwrap();
    let unknown = sorted.iter().position(|piece| *piece == "[UNK]").unwrap() as u32;
    let letters: Vec<char> = "abababacbaxyé日本".chars().collect();
    let (codes, _) = parts.rows.as_chunks::<CODE_BYTES>();
    let mut known = 0;
    for seed in 0..2000 {
        let length = 1 + seed as usize % 9;
        let word: String = sequence(length, seed)
            .iter()
            .map(|x| letters[((x + 1.0) / 2.0 * letters.len() as f32) as usize])
            .collect();
        let mut ids = Vec::new();
        tokenizer.encode(&word, None, &mut ids);
        let ids = &ids[1..ids.len() - 1];
        let cut = table.cut(&word).unwrap();
        if ids == [unknown] {
            assert_eq!(cut, None, "{word}");
            continue;
        }
        known += 1;
        assert_eq!(cut.as_deref(), Some(ids), "{word}");
        assert!(ids.iter().all(|id| codes.get(*id as usize).is_some()));
    }
    assert!(known > 500);
}

#[test]
fn what_was_projected_and_lifted_again_lies_near_where_it_was() {
    let pieces = parts(&FEW).open().unwrap();
    let full = direction(
        &sequence(FULL, 3)
            .iter()
            .map(|x| f64::from(*x))
            .collect::<Vec<f64>>(),
    )
    .unwrap();
    let short = pieces.project(&full).unwrap();
    let back = pieces.lift(&short).unwrap();
    assert_eq!((short.len(), back.len()), (DIM, FULL));
    assert!(dot(&full, &back) > 0.9, "{}", dot(&full, &back));
    assert_eq!(pieces.project(&short).unwrap_err().code, Code::WrongDim);
    assert_eq!(pieces.lift(&full).unwrap_err().code, Code::WrongDim);
    assert_eq!(pieces.lift(&[0.0; DIM]).unwrap_err().code, Code::BadInput);
    let rows = pieces.embed(["a", "quux"].into_iter()).unwrap();
    assert_eq!(rows.len(), 2 * FULL);
    assert!((dot(&rows[..FULL], &rows[..FULL]) - 1.0).abs() < 1e-6);
    assert!(rows[FULL..].iter().all(|x| *x == 0.0));
}

#[test]
fn a_form_moves_to_where_its_passages_are_and_others_stay() {
    let unit = |seed| {
        let some: Vec<f64> = sequence(DIM, seed).iter().map(|x| f64::from(*x)).collect();
        direction(&some).unwrap()
    };
    let prior = [unit(40), unit(41), unit(42), unit(43)].concat();
    let target = unit(7);
    // Forms 0 and 1 stand together in twenty passages that all lie in one place; form 2 makes up a long passage, which lies
    // where that does; form 3 stands in none.
    let mut ends: Vec<u32> = (1..=20).map(|passage| 2 * passage).collect();
    let mut items: Vec<u32> = (0..40).map(|entry| entry % 2).collect();
    items.resize(20_000, 2);
    ends.push(20_000);
    let targets = [target.repeat(20), unit(42)].concat();
    let lines = |rows: &[f32]| {
        let mut lines = Lines::new(DIM, 0);
        rows.chunks_exact(DIM).for_each(|row| lines.push(row));
        lines
    };
    let adapted = || {
        let prior = |form: usize| std::array::from_fn(|at| prior[form * DIM + at]);
        let found = adapt(4, &prior, &ends, &items, &lines(&targets));
        (0..4)
            .flat_map(|form| found.row(form))
            .collect::<Vec<f32>>()
    };
    let found = adapted();
    let cosine = |a: &[f32], b: &[f32]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let sum = |rows: &[f32]| -> Vec<f32> { (0..DIM).map(|at| rows[at] + rows[DIM + at]).collect() };
    assert!(cosine(&sum(&prior), &target) < 0.2);
    assert!(
        cosine(&sum(&found), &target) > 0.8,
        "{}",
        cosine(&sum(&found), &target)
    );
    assert!(cosine(&found[2 * DIM..3 * DIM], &unit(42)) > 0.999_999);
    assert!(cosine(&found[3 * DIM..], &unit(43)) > 0.999_999);
    assert_eq!(adapted(), found);
    assert!(adapt(0, &|_| [0.0; DIM], &[], &[], &lines(&[])).is_empty());
}

#[test]
fn what_is_no_table_is_refused_with_a_code() {
    let refused = |change: fn(&mut Parts)| {
        let mut parts = parts(&FEW);
        change(&mut parts);
        parts.open().unwrap_err().code
    };
    assert_eq!(
        refused(|parts| parts.meta["version"] = json!(2)),
        Code::WrongVersion
    );
    let changes: [fn(&mut Parts); 13] = [
        |parts| parts.meta["short"] = json!(128),
        |parts| parts.meta["dim"] = json!(0),
        |parts| parts.meta["dim"] = json!(FULL + 1),
        |parts| parts.meta["pieces"] = json!(7),
        |parts| parts.meta["pieces"] = json!(1 << 21),
        |parts| parts.meta["space"] = json!("x"),
        |parts| parts.meta["more"] = json!(1),
        |parts| parts.words.truncate(PAGE - 1),
        |parts| parts.words.clear(),
        |parts| parts.pages[0] = 1,
        |parts| parts.pages[4] = 200,
        |parts| parts.rows[CODE_BYTES - 1] = 0x7c,
        |parts| parts.scales[3] = 0x7f,
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_eq!(refused(change), Code::BadFormat, "change {at}");
    }
    let index = parts(&FEW).pack(Kind::Index);
    assert_eq!(Pieces::open(&index).unwrap_err().code, Code::BadFormat);
}

#[test]
fn a_forged_page_gives_an_error_or_some_cut() {
    let text = "a runners swims! runner swim";
    for at in 0..40 {
        for value in 0..=255 {
            let mut parts = parts(&FEW);
            parts.words[at] = value;
            if let Ok(pieces) = parts.open()
                && let Err(error) = pieces.encode(text)
            {
                assert_eq!(error.code, Code::BadFormat);
            }
        }
    }
}
