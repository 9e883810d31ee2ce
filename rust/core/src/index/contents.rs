//! An index as contents of the published format.
//!
//! Owns the change of order, from that of adding to that of ids, and the grouping of tokens by term; must not know how
//! contents are written. Invariant: the same documents, added in any order, give the same contents.

use super::{Index, lost, span};
use crate::error::Result;
use crate::segment::{Contents, Document, FIELDS, Form, Space, Spot, Term};
use crate::sorted::SortedMap;
use crate::words::{Field, Token, Words};

/// A term on its way: what stands where, the forms of its spots by key.
#[derive(Default)]
struct Gathered {
    documents: Vec<u32>,
    frequencies: Vec<[u32; FIELDS]>,
    spots: Vec<Spot>,
    /// Of each form by its key how many documents have it, and its place among the forms in the end.
    forms: SortedMap<u32, (u32, u32)>,
}

impl Gathered {
    /// Room for so many documents and spots, and no more: there are as many of these as of all words.
    fn new(documents: u32, spots: u32) -> Gathered {
        Gathered {
            documents: Vec::with_capacity(documents as usize),
            frequencies: Vec::with_capacity(documents as usize),
            spots: Vec::with_capacity(spots as usize),
            forms: SortedMap::new(),
        }
    }
}

/// The number of a form, which is below 2^29, and whether it is a whole, as one number.
fn key(token: &Token) -> u32 {
    token.form << 1 | u32::from(token.whole)
}

impl Index {
    /// All of it, without vectors of forms. [`Index::fetch_all`] comes first for a file.
    ///
    /// # Errors
    /// `bug` when parts of it still lie in a file.
    pub fn contents(&mut self) -> Result<Contents> {
        let mut contents = self.contents_without_records()?;
        self.give_records(&mut contents)?;
        Ok(contents)
    }

    /// As [`Index::contents`], the records empty, which are most of it.
    pub(crate) fn contents_without_records(&mut self) -> Result<Contents> {
        self.all_words().ok_or_else(lost)?;
        self.parts().ok_or_else(lost)?.words.settle();
        let (Some(rows), Some(wholes), Some(words)) = (&self.rows, &self.whole_rows, &self.words)
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
            documents: Vec::with_capacity(order.len()),
            codes: Vec::with_capacity(rows.codes.len() + wholes.codes.len()),
            scales: Vec::with_capacity(rows.scales.len() + wholes.scales.len()),
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
                record: Vec::new(),
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

    /// Gives contents of this index their records.
    pub(crate) fn give_records(&self, contents: &mut Contents) -> Result<()> {
        let records = self.records.as_ref().ok_or_else(lost)?;
        for (number, document) in self.by_id().zip(&mut contents.documents) {
            document.record = records[span(&self.documents[number].record)].to_vec();
        }
        Ok(())
    }
}

/// The terms of all documents, which are numbered by their place in `order`.
fn terms(words: &Words, order: &[usize]) -> Vec<Term> {
    let mut gathered = rooms(words, order);
    let mut seen: Vec<(u32, u32)> = Vec::new();
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
                term.spots.push(Spot {
                    position: token.position,
                    form: key(&token),
                });
                seen.push((token.term, key(&token)));
            }
        }
        seen.sort_unstable();
        seen.dedup();
        for (term, key) in &seen {
            let forms = &mut gathered[*term as usize].forms;
            forms.get_or_insert_with(*key, Default::default).0 += 1;
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

/// A place for each term, with room for what there is of it.
fn rooms(words: &Words, order: &[usize]) -> Vec<Gathered> {
    // How many documents and spots, and the last document that was counted.
    let mut counts = vec![(0, 0, usize::MAX); words.terms().len()];
    for number in order {
        for token in Field::ALL
            .into_iter()
            .flat_map(|field| words.tokens(*number, field))
        {
            if let Some((documents, spots, last)) = counts.get_mut(token.term as usize) {
                *documents += u32::from(*last != *number);
                *spots += 1;
                *last = *number;
            }
        }
    }
    let counts = counts.into_iter();
    counts
        .map(|(documents, spots, _)| Gathered::new(documents, spots))
        .collect()
}

/// A term with its forms in order.
fn finish(mut given: Gathered, name: &str, words: &Words) -> Term {
    let lexicon = words.lexicon();
    let mut keys: Vec<u32> = given.forms.keys().copied().collect();
    keys.sort_unstable_by(|a, b| {
        let texts = lexicon.get(a >> 1).cmp(lexicon.get(b >> 1));
        texts.then((a & 1).cmp(&(b & 1)))
    });
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
        let text = lexicon.get(key >> 1);
        term.forms.push(Form {
            form: text.to_owned(),
            is_whole: key & 1 == 1,
            documents: form.0,
            code: None,
        });
    }
    for spot in &mut given.spots {
        spot.form = given.forms.get(&spot.form).map_or(0, |each| each.1);
    }
    term.spots = given.spots;
    term
}
