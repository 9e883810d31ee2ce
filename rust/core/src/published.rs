//! Published collections behind the engine: an index to its files, and a plan to what is read of them.
//!
//! Owns how a plan becomes a query of [`Remote`], and the reply; must not know the format. Invariant: a plan that a
//! collection in pieces cannot carry out is refused by name; typing errors and beginnings are looked up as they stand.

use crate::analysis::Language;
use crate::embedder::Embedder;
use crate::error::{Code, Error, Result};
use crate::facets::Filter;
use crate::file::{Answer, File};
use crate::finder::missing_model;
use crate::format::hex;
use crate::index::{self, Index};
use crate::model::Model;
use crate::pieces::{Pieces, adapt, short};
use crate::plan::{self, Search, Target, TextKind, need};
use crate::segment::{self, Contents, Options, Query, Remote, Word};
use crate::words::read;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Published collections by name, and those that could not be opened yet.
#[derive(Debug, Default)]
pub struct Published {
    open: BTreeMap<String, Remote>,
    opening: BTreeMap<String, Remote>,
}

impl Published {
    /// Opens a collection under a name if `file` is a pointer, or cannot say yet: the reply, and whether it is open now;
    /// none for another kind of file.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn open(
        &mut self,
        name: &str,
        source: &str,
        length: u64,
        file: &mut File,
    ) -> Result<Option<(Vec<u8>, bool)>> {
        let begun = self.opening.remove(name);
        let mut remote = match begun.filter(|remote| remote.is(source, length)) {
            Some(remote) => remote,
            None => match segment::is_pointer(file)? {
                Answer::Need(needs) => return Ok(Some((need(&needs)?, false))),
                Answer::Ready(true) => Remote::of_pointer(file.clone()),
                Answer::Ready(false) => return Ok(None),
            },
        };
        if let Answer::Need(needs) = remote.open()? {
            self.opening.insert(name.to_owned(), remote);
            return Ok(Some((need(&needs)?, false)));
        }
        let (none, space) = (Map::new(), remote.space());
        let reply = plan::reply(&plan::Opened {
            index: name,
            documents: remote.documents(),
            passages: remote.rows(),
            space: space.as_ref().map(|space| space.id.as_str()),
            meta: remote.user().unwrap_or(&none),
        })?;
        self.open.insert(name.to_owned(), remote);
        Ok(Some((reply, true)))
    }

    /// Hands over bytes to those that asked for them.
    pub fn provide(&mut self, file: &str, offset: u64, bytes: &[u8]) {
        for each in self.open.values_mut().chain(self.opening.values_mut()) {
            if each.wants(file, offset, bytes.len()) {
                each.provide(file, offset, bytes.to_vec());
            }
        }
    }

    /// Whether a collection is open under that name.
    pub fn has(&self, name: &str) -> bool {
        self.open.contains_key(name)
    }

    /// The languages in which words of a query are sought in a collection that is open.
    pub fn languages(&self, name: &str) -> Option<Vec<Language>> {
        self.open
            .get(name)
            .map(|remote| languages(remote.languages()))
    }

    /// Forgets a collection; whether there was one.
    pub fn close(&mut self, name: &str) -> bool {
        let opening = self.opening.remove(name).is_some();
        self.open.remove(name).is_some() || opening
    }

    /// Bytes that are held of all of them.
    pub fn size_bytes(&self) -> usize {
        self.open.values().map(Remote::size_bytes).sum()
    }

    /// The reply to a plan, or what it lacks. A text is embedded by the model where there are a model and the collection's
    /// piece table, else it is the sum of the vectors that the dictionary and the table have for its words.
    ///
    /// # Errors
    /// `not_found`, `unsupported` for what a collection in pieces cannot do, `wrong_space`, or those of a damaged file.
    pub fn search(
        &mut self,
        plan: &Search,
        embedder: &mut Embedder,
        model: Option<&Model>,
        pieces: Option<&Pieces>,
    ) -> Result<Vec<u8>> {
        let Some(remote) = self.open.get_mut(&plan.index) else {
            return Err(Error::new(
                Code::NotFound,
                "there is no such collection; open it first",
            ));
        };
        let own = remote.space().map(|space| space.id);
        if let (Some(found), Some(own)) = (&plan.space, &own)
            && found != own
        {
            return Err(index::wrong_space(found, own));
        }
        let pieces =
            pieces.filter(|pieces| Some(hex(&pieces.digest()).as_str()) == remote.pieces());
        let vector = match (plan.meaning.as_ref().map(|leg| &leg.asked), model, pieces) {
            (Some(Target::Vector(vector)), _, Some(pieces)) => Some(pieces.project(vector)?),
            (Some(Target::Text(text)), Some(model), Some(pieces))
                if Some(&model.meta().space) == own.as_ref()
                    && plan.encoder != plan::Encoder::Static =>
            {
                let most = model.meta().max_tokens;
                let full = embedder.embed(model, TextKind::Query, &[text.0.as_str()], most)?;
                Some(pieces.project(&full)?)
            }
            (Some(Target::Text(_)), ..) if plan.encoder == plan::Encoder::Model => {
                return Err(missing_model());
            }
            _ => None,
        };
        let mut query = query(remote, plan, vector)?;
        let mut found = match remote.search(&query)? {
            Answer::Need(needs) => return need(&needs),
            Answer::Ready(found) => found,
        };
        // What the dictionary does not know, the table may.
        if let Some(pieces) = pieces.filter(|_| query.encode && !found.unknown.is_empty()) {
            let mut more = vec![0.0; short::DIM];
            for word in &found.unknown {
                if let Some(vector) = pieces.form(&query.words[*word].form)? {
                    more.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
                }
            }
            query.vector = Some(more);
            found = match remote.search(&query)? {
                Answer::Need(needs) => return need(&needs),
                Answer::Ready(found) => found,
            };
        }
        reply(plan, &query, &found)
    }
}

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
    let mut languages = Vec::new();
    if let Some(inverted) = index.words()?.inverted() {
        languages.push(inverted.main.code().to_owned());
        let others = inverted
            .languages
            .iter()
            .filter(|each| **each != inverted.main);
        languages.extend(others.map(|language| language.code().to_owned()));
    }
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
            form.code = short::quantize(vector).ok();
        }
    }
    contents.has_form_codes = true;
    Ok(())
}

fn reply(plan: &Search, query: &Query, found: &segment::Found) -> Result<Vec<u8>> {
    let has_words = plan.words.is_some();
    let mut hits = Vec::with_capacity(found.hits.len());
    for hit in found.hits.iter().skip(plan.offset) {
        let record: &RawValue = serde_json::from_slice(&hit.record)
            .map_err(|_| crate::stored::bad("a record is not JSON"))?;
        let meaning = hit.meaning.filter(|_| plan.meaning.is_some());
        hits.push(plan::Hit {
            id: &hit.id,
            score: hit.score as f32,
            passage: hit.passage.unwrap_or(0) as usize,
            legs: plan::Legs {
                meaning: meaning.map(|meaning| meaning as f32),
                words: has_words.then_some(hit.words as f32),
            },
            record: record.to_owned(),
            explain: None,
        });
    }
    let encoder = match (&plan.meaning, query.encode) {
        (None, _) => None,
        (Some(_), true) => Some(plan::Encoder::Static),
        (Some(_), false) => Some(plan::Encoder::Model),
    };
    plan::reply(&plan::Hits {
        hits: &hits,
        total: found.total,
        exact: found.exact,
        encoder,
        ..plan::Hits::default()
    })
}

/// The plan in the terms of the collection.
fn query(remote: &Remote, plan: &Search, vector: Option<Vec<f32>>) -> Result<Query> {
    let refuse = |what: &str| {
        let message = format!(
            "a published collection that is read in pieces does not take {what} yet; leave it out"
        );
        Err(Error::new(Code::Unsupported, message))
    };
    if plan.filter != Filter::All {
        return refuse("a filter");
    }
    if !plan.facets.is_empty() || !plan.sort.is_empty() {
        return refuse("facets or an order");
    }
    if plan.explain {
        return refuse("\"explain\"");
    }
    let mut text = String::new();
    let mut query = Query {
        limit: plan.offset.saturating_add(plan.limit),
        ..Query::default()
    };
    if let Some(leg) = &plan.words {
        if !(leg.asked.phrases.is_empty()
            && leg.asked.within.is_empty()
            && leg.asked.not.is_empty())
        {
            return refuse("phrases, fields or excluded words");
        }
        text.clone_from(&leg.asked.text);
        query.weights.1 = leg.weight;
    }
    if let Some(leg) = &plan.meaning {
        query.weights.0 = leg.weight;
        match (&leg.asked, vector) {
            (_, Some(vector)) => query.vector = Some(vector),
            (Target::Vector(_), None) => return refuse("a vector without a piece table"),
            (Target::Like(_), None) => return refuse("others like a document"),
            (Target::Text(meant), None) => {
                query.encode = true;
                query.weights.0 = leg.static_weight;
                if let Some(words) = &plan.words {
                    query.weights.1 = words.static_weight;
                }
                if plan.words.is_none() {
                    text.clone_from(&meant.0);
                } else if meant.0 != text {
                    return refuse("other words for meaning than for words without a piece table");
                }
            }
        }
    }
    query.words = words(&text, remote.languages());
    Ok(query)
}

/// The languages of a query.
fn languages(codes: &[String]) -> Vec<Language> {
    let known = codes.iter().filter_map(|code| Language::from_code(code));
    let mut languages: Vec<Language> = known.collect();
    if languages.is_empty() {
        languages.push(Language::English);
    }
    languages
}

/// The words of a text, each once, with the terms that stand for it in the collection's languages.
fn words(text: &str, codes: &[String]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for asked in read(text, &languages(codes)) {
        if words.iter().all(|word| word.terms != asked.terms) {
            words.push(Word {
                form: asked.form,
                terms: asked.terms,
            });
        }
    }
    words
}
