//! An index as the files of a published collection.
//!
//! Owns what the files are made of: the contents of the index, and vectors for its forms; must not know the format. Invariant:
//! the same documents give the same bytes, in whatever order they were added.

use crate::error::Result;
use crate::format::hex;
use crate::index::{self, Index};
use crate::math::Lines;
use crate::pieces::{Pieces, adapt, short};
use crate::segment::{self, Contents, Options};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Words of so many documents are most of all words: of their vectors only the signs are kept, which is half as many bytes.
const RARE: u32 = 3;
/// The number of a form without a vector.
const NONE: u32 = u32::MAX;

/// The files of an index: the length of the pointer as a big-endian u32, the pointer, the segment.
///
/// # Errors
/// `bad_input` when the index cannot be written, `wrong_space` when the table is of another model, `bug` when parts of the
/// index still lie in a file.
pub fn publish(
    index: &mut Index,
    pieces: Option<&Pieces>,
    meta: Option<Map<String, Value>>,
) -> Result<Vec<u8>> {
    let own = index.space().map(|space| space.id.clone());
    let pieces = match (pieces, &own) {
        (Some(pieces), Some(own)) if pieces.space() != own => {
            return Err(index::wrong_space(pieces.space(), own));
        }
        (pieces, _) => pieces.filter(|_| own.is_some()),
    };
    // Records come last: making the codes takes much memory for a while.
    let mut contents = index.contents_without_records()?;
    if let Some(pieces) = pieces {
        give_codes(&mut contents, pieces)?;
    }
    index.give_records(&mut contents)?;
    let languages = index.languages()?;
    let shorten = |full: &[f32]| match pieces {
        Some(pieces) => short::quantize(&pieces.project(full)?),
        None => short::quantize(full),
    };
    let options = Options {
        layout: None,
        shorten: pieces
            .is_some()
            .then_some(&shorten as &segment::Shorten<'_>),
        pieces: pieces.map(|pieces| hex(&pieces.digest())),
        languages,
        bands: index.bands().cloned(),
        user: meta.unwrap_or_else(|| index.meta().clone()),
    };
    let mut files = segment::write(&contents, &options)?.into_iter();
    drop(contents);
    let (mut reply, pointer) = match (files.next(), files.next()) {
        (Some(segment), Some(pointer)) => (segment.1, pointer.1),
        _ => (Vec::new(), Vec::new()),
    };
    // Big-endian, so that it never begins with a brace: the pointer is shorter than 16 MiB.
    let length = (pointer.len() as u32).to_be_bytes();
    reply.splice(0..0, length.into_iter().chain(pointer));
    Ok(reply)
}

/// Gives the forms their vectors: those of the table, moved to where the documents say they belong.
fn give_codes(contents: &mut Contents, pieces: &Pieces) -> Result<()> {
    let known = Known::of(contents, pieces)?;
    let (ends, items) = bags(contents, &known.numbers);
    let targets = targets(contents, &ends, pieces)?;
    let ends: Vec<u32> = ends.into_iter().flatten().collect();
    let prior = |form: usize| pieces.vector(known.pieces(form));
    let vectors = adapt(known.ends.len(), &prior, &ends, &items, &targets);
    let forms = contents.terms.iter_mut().flat_map(|term| &mut term.forms);
    for (form, number) in forms.zip(known.numbers) {
        if number != NONE {
            let vector = vectors.row(number as usize);
            // A form whose pieces cancel each other out has no direction.
            form.code = match form.documents {
                ..=RARE => short::quantize_signs(&vector).ok(),
                _ => short::quantize(&vector).ok(),
            };
        }
    }
    contents.has_form_codes = true;
    Ok(())
}

/// The forms that the table knows, each once, in the order in which terms have them.
#[derive(Default)]
struct Known {
    /// Of each form of each term its number; [`NONE`] for one that is a whole or not known.
    numbers: Vec<u32>,
    /// Where the pieces of each end: a few numbers take a hundredth of a vector.
    ends: Vec<u32>,
    pieces: Vec<u32>,
}

impl Known {
    fn of(contents: &Contents, pieces: &Pieces) -> Result<Known> {
        let (mut found, mut numbers) = (Known::default(), BTreeMap::new());
        for form in contents.terms.iter().flat_map(|term| &term.forms) {
            let mut number = NONE;
            if !form.is_whole {
                number = numbers.get(form.form.as_str()).copied().unwrap_or(NONE);
                let own = match number {
                    NONE => pieces.numbers(&form.form)?,
                    _ => Vec::new(),
                };
                if !own.is_empty() {
                    number = found.ends.len() as u32;
                    numbers.insert(form.form.as_str(), number);
                    found.pieces.extend(own);
                    found.ends.push(found.pieces.len() as u32);
                }
            }
            found.numbers.push(number);
        }
        Ok(found)
    }

    /// The pieces of a form by its number.
    fn pieces(&self, form: usize) -> &[u32] {
        let start = form.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.pieces[start as usize..self.ends[form] as usize]
    }
}

/// Of each document where the numbers of its forms end, none where it has none, and these, ascending.
fn bags(contents: &Contents, numbers: &[u32]) -> (Vec<Option<u32>>, Vec<u32>) {
    // Twice, so that nothing has to grow.
    let mut nexts = vec![0_usize; contents.documents.len() + 1];
    each_spot(contents, numbers, |document, _| nexts[document + 1] += 1);
    for document in 1..nexts.len() {
        nexts[document] += nexts[document - 1];
    }
    let starts = nexts.clone();
    let mut items = vec![0; starts.last().copied().unwrap_or(0)];
    each_spot(contents, numbers, |document, number| {
        items[nexts[document]] = number;
        nexts[document] += 1;
    });
    let each = starts.windows(2).map(|range| {
        items[range[0]..range[1]].sort_unstable();
        (range[0] < range[1]).then_some(range[1] as u32)
    });
    (each.collect(), items)
}

/// Hands on, for each place of a form that has a number, the document and that number.
fn each_spot(contents: &Contents, numbers: &[u32], mut take: impl FnMut(usize, u32)) {
    let mut numbers = numbers;
    for term in &contents.terms {
        let (own, after) = numbers.split_at(term.forms.len());
        numbers = after;
        let mut spots = term.spots.iter();
        for (document, counts) in term.documents.iter().zip(&term.frequencies) {
            let held: u32 = counts.iter().sum();
            for spot in spots.by_ref().take(held as usize) {
                let number = own[spot.form as usize];
                if number != NONE {
                    take(*document as usize, number);
                }
            }
        }
    }
}

/// Where the documents lie that have an end: the mean of their passages in the short space.
fn targets(contents: &Contents, ends: &[Option<u32>], pieces: &Pieces) -> Result<Lines> {
    let dim = contents.space.as_ref().map_or(0, |space| space.dim);
    let (mut targets, mut row) = (Lines::new(short::DIM, ends.len()), 0);
    for (document, end) in contents.documents.iter().zip(ends) {
        let mut mean = vec![0.0_f32; dim];
        for at in row..row + document.passages as usize {
            let scale = contents.scales[at] / document.passages as f32;
            let codes = &contents.codes[at * dim..][..dim];
            mean.iter_mut()
                .zip(codes)
                .for_each(|(mean, code)| *mean += f32::from(*code) * scale);
        }
        row += document.rows();
        if end.is_some() {
            targets.push(&pieces.project(&mean)?);
        }
    }
    Ok(targets)
}
