//! An index as contents of the published format.
//!
//! Owns the change of order, from that of adding to that of ids, and the grouping of tokens by term; must not know how
//! contents are written. Invariant: the same documents, added in any order, give the same contents.

use super::{Index, lost, span};
use crate::error::Result;
use crate::segment::{Contents, Document, FIELDS, Form, Space, Spot, Term};
use crate::sorted::SortedMap;
use crate::words::{Field, Words};

/// A term on its way: what stands where, with the forms by number.
#[derive(Default)]
struct Gathered {
    documents: Vec<u32>,
    frequencies: Vec<[u32; FIELDS]>,
    spots: Vec<(u32, u32, bool)>,
    /// Of each form, and whole or not, how many documents have it, and its place among the forms in the end.
    forms: SortedMap<(u32, bool), (u32, u32)>,
}

impl Index {
    /// All of it, without vectors of forms. [`Index::fetch_all`] comes first for a file.
    ///
    /// # Errors
    /// `bug` when parts of it still lie in a file.
    pub fn contents(&mut self) -> Result<Contents> {
        self.parts().ok_or_else(lost)?.words.settle();
        let (Some(rows), Some(wholes), Some(words), Some(records)) =
            (&self.rows, &self.whole_rows, &self.words, &self.records)
        else {
            return Err(lost());
        };
        // The map of ids is in their order.
        let order: Vec<usize> = self.by_id().collect();
        let mut contents = Contents {
            space: self
                .space
                .as_ref()
                .filter(|_| !order.is_empty())
                .map(|space| Space {
                    id: space.id.clone(),
                    dim: space.dim,
                }),
            columns: self.columns.picked(&order).dump(),
            ..Contents::default()
        };
        for number in &order {
            let document = &self.documents[*number];
            let own = document.first_row..document.first_row + document.passages;
            contents.codes.extend_from_slice(rows.codes(&own));
            contents.scales.extend_from_slice(&rows.scales[own]);
            if let Some(whole) = document.whole {
                contents
                    .codes
                    .extend_from_slice(wholes.codes(&(whole..whole + 1)));
                contents.scales.push(wholes.scales[whole]);
            }
            contents.documents.push(Document {
                id: document.id.as_ref().to_owned(),
                record: records[span(&document.record)].to_vec(),
                language: words
                    .language(*number)
                    .map(|language| language.code().to_owned()),
                lengths: words.lengths(*number),
                passages: document.passages as u32,
                has_whole: document.whole.is_some(),
            });
        }
        contents.terms = terms(words, &order);
        Ok(contents)
    }
}

/// The terms of all documents, which are numbered by their place in `order`.
fn terms(words: &Words, order: &[usize]) -> Vec<Term> {
    let mut gathered: Vec<Gathered> = Vec::new();
    gathered.resize_with(words.terms().len(), Gathered::default);
    let mut seen: Vec<(u32, u32, bool)> = Vec::new();
    for (rank, number) in order.iter().enumerate() {
        seen.clear();
        for field in Field::ALL {
            for token in words.tokens(*number, field) {
                let Some(term) = gathered.get_mut(token.term as usize) else {
                    continue;
                };
                if term.documents.last() != Some(&(rank as u32)) {
                    term.documents.push(rank as u32);
                    term.frequencies.push([0; FIELDS]);
                }
                if let Some(counts) = term.frequencies.last_mut() {
                    counts[field as usize] += 1;
                }
                term.spots.push((token.position, token.form, token.whole));
                seen.push((token.term, token.form, token.whole));
            }
        }
        seen.sort_unstable();
        seen.dedup();
        for (term, form, is_whole) in &seen {
            let forms = &mut gathered[*term as usize].forms;
            forms
                .get_or_insert_with((*form, *is_whole), Default::default)
                .0 += 1;
        }
    }
    let mut terms = Vec::new();
    let names = words.terms().sorted();
    for number in names {
        let term = std::mem::take(&mut gathered[number as usize]);
        if term.documents.is_empty() {
            continue;
        }
        terms.push(finish(term, words.terms().get(number), words));
    }
    terms
}

/// A term with its forms in order.
fn finish(mut given: Gathered, name: &str, words: &Words) -> Term {
    let lexicon = words.lexicon();
    let mut keys: Vec<(u32, bool)> = given.forms.keys().copied().collect();
    keys.sort_unstable_by(|a, b| lexicon.get(a.0).cmp(lexicon.get(b.0)).then(a.1.cmp(&b.1)));
    let mut term = Term {
        term: name.to_owned(),
        documents: given.documents,
        frequencies: given.frequencies,
        ..Term::default()
    };
    for (place, key) in keys.into_iter().enumerate() {
        let Some(form) = given.forms.get_mut(&key) else {
            continue;
        };
        form.1 = place as u32;
        let text = lexicon.get(key.0);
        term.forms.push(Form {
            form: text.to_owned(),
            is_whole: key.1,
            documents: form.0,
            code: None,
        });
    }
    let place =
        |form: u32, is_whole: bool| given.forms.get(&(form, is_whole)).map_or(0, |each| each.1);
    let spots = given.spots.iter();
    term.spots = spots
        .map(|(position, form, is_whole)| Spot {
            position: *position,
            form: place(*form, *is_whole),
        })
        .collect();
    term
}
