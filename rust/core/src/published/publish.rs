//! An index as the files of a published collection.
//!
//! Owns what the files are made of: the contents of the index, and vectors for its forms; must not know the format. Invariant:
//! the same documents give the same bytes, in whatever order they were added.

use crate::error::Result;
use crate::format::hex;
use crate::index::{self, Index};
use crate::pieces::{Pieces, adapt, short};
use crate::segment::{self, Contents, Options};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Words of so many documents are most of all words: of their vectors only the signs are kept, which is half as many bytes.
const RARE: u32 = 3;

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
    let mut contents = index.contents()?;
    if let Some(pieces) = pieces {
        give_codes(&mut contents, pieces)?;
    }
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
    let files = segment::write(&contents, &options)?;
    let pointer = files.last().map_or(&[][..], |file| &file.1);
    // Big-endian, so that it never begins with a brace: the pointer is shorter than 16 MiB.
    let mut reply = (pointer.len() as u32).to_be_bytes().to_vec();
    reply.extend_from_slice(pointer);
    reply.extend_from_slice(&files[0].1);
    Ok(reply)
}

/// Gives the forms their vectors: those of the table, moved to where the documents say they belong.
fn give_codes(contents: &mut Contents, pieces: &Pieces) -> Result<()> {
    let (mut prior, mut numbers) = (Vec::new(), BTreeMap::new());
    for term in &contents.terms {
        for form in term.forms.iter().filter(|form| !form.is_whole) {
            if let Some(vector) = pieces.form(&form.form)?
                && !numbers.contains_key(&form.form)
            {
                numbers.insert(form.form.clone(), (prior.len() / short::DIM) as u32);
                prior.extend(vector);
            }
        }
    }
    let mut bags: Vec<Vec<u32>> = vec![Vec::new(); contents.documents.len()];
    for term in &contents.terms {
        let known: Vec<Option<u32>> = term
            .forms
            .iter()
            .map(|form| match form.is_whole {
                true => None,
                false => numbers.get(&form.form).copied(),
            })
            .collect();
        let mut rest = term.spots.as_slice();
        for (document, counts) in term.documents.iter().zip(&term.frequencies) {
            let held: u32 = counts.iter().sum();
            let (own, after) = rest.split_at(held as usize);
            rest = after;
            bags[*document as usize]
                .extend(own.iter().filter_map(|spot| known[spot.form as usize]));
        }
    }
    let dim = contents.space.as_ref().map_or(0, |space| space.dim);
    let (mut ends, mut items, mut targets, mut row) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (document, mut bag) in contents.documents.iter().zip(bags) {
        let mut mean = vec![0.0_f32; dim];
        for at in row..row + document.passages as usize {
            let scale = contents.scales[at] / document.passages as f32;
            let codes = &contents.codes[at * dim..][..dim];
            mean.iter_mut()
                .zip(codes)
                .for_each(|(mean, code)| *mean += f32::from(*code) * scale);
        }
        row += document.rows();
        if !bag.is_empty() {
            bag.sort_unstable();
            items.extend(bag);
            ends.push(items.len() as u32);
            targets.extend(pieces.project(&mean)?);
        }
    }
    let vectors = adapt(&prior, &ends, &items, &targets);
    for form in contents.terms.iter_mut().flat_map(|term| &mut term.forms) {
        if let Some(number) = numbers.get(&form.form).filter(|_| !form.is_whole) {
            let vector = &vectors[*number as usize * short::DIM..][..short::DIM];
            // A form whose pieces cancel each other out has no direction.
            form.code = match form.documents {
                ..=RARE => short::quantize_signs(vector).ok(),
                _ => short::quantize(vector).ok(),
            };
        }
    }
    contents.has_form_codes = true;
    Ok(())
}
