//! From a checked plan to the documents it finds.
//!
//! Owns the steps from a query to its codes and what they keep for the next search; knows nothing of requests and
//! records. Invariant: a search like one before allocates nothing but for the words of its query, whatever the size of the
//! collection.

use crate::codes::Query;
use crate::embedder::Embedder;
use crate::error::{Code, Error, Result};
use crate::facets::Filter;
use crate::file::Answer;
use crate::index::{self, Ask, Buffers, Found, Index};
use crate::model::Model;
use crate::pieces::{self, Pieces};
use crate::plan::{Encoder, Precision, Search, Target};
use crate::words::Correction;
use serde_json::json;
use std::borrow::Cow;

/// What makes the vector of a query.
#[derive(Clone, Copy, Debug)]
pub enum Encoding<'a> {
    /// The model.
    Model(&'a Model),
    /// The piece table.
    Static(&'a Pieces),
}

/// What is loaded that can encode a text.
#[derive(Clone, Copy, Debug)]
pub struct Encoders<'a> {
    /// The model.
    pub model: Option<&'a Model>,
    /// The piece table.
    pub pieces: Option<&'a Pieces>,
}

impl<'a> Encoders<'a> {
    /// Those that are loaded.
    pub fn of(model: &'a Option<Model>, pieces: &'a Option<Pieces>) -> Encoders<'a> {
        Encoders {
            model: model.as_ref(),
            pieces: pieces.as_ref(),
        }
    }

    /// What `wanted` means here.
    ///
    /// # Errors
    /// `not_ready` when what is wanted is not there.
    pub fn choose(self, wanted: Encoder) -> Result<Encoding<'a>> {
        match (wanted, self.model, self.pieces) {
            (Encoder::Static, _, None) => Err(pieces::missing()),
            (Encoder::Static, _, Some(pieces)) | (Encoder::Auto, None, Some(pieces)) => {
                Ok(Encoding::Static(pieces))
            }
            (Encoder::Model | Encoder::Auto, Some(model), _) => Ok(Encoding::Model(model)),
            (Encoder::Model | Encoder::Auto, None, _) => Err(missing_model()),
        }
    }

    /// What the text of a plan is encoded with; none where it has no text.
    ///
    /// # Errors
    /// As for [`Encoders::choose`].
    pub fn of_plan(self, plan: &Search) -> Result<Option<Encoding<'a>>> {
        match plan.meaning.as_ref().map(|leg| &leg.asked) {
            Some(Target::Text(_)) => self.choose(plan.encoder).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether a word is one piece of the vocabulary, so that nobody mistyped it.
    pub fn knows(self, word: &str) -> bool {
        match (self.model, self.pieces) {
            (Some(model), _) => model.tokenizer().knows(word),
            (None, Some(pieces)) => pieces.knows(word),
            (None, None) => false,
        }
    }
}

impl Encoding<'_> {
    /// Its name.
    pub fn encoder(&self) -> Encoder {
        match self {
            Encoding::Model(_) => Encoder::Model,
            Encoding::Static(_) => Encoder::Static,
        }
    }
}

/// The error of a text that is to be embedded without a model.
pub fn missing_model() -> Error {
    Error::new(
        Code::NotReady,
        "there is no model yet; load one before texts are used",
    )
}

/// Carries out plans; keeps its buffers from search to search.
#[derive(Debug, Default)]
pub struct Finder {
    vector: Vec<f32>,
    query: Query,
    buffers: Buffers,
    corrections: Vec<Correction>,
}

impl Finder {
    /// The documents of `index` that `plan` finds, best first; `encoders` are what a text can be encoded with, and know
    /// which words are none that was mistyped. A text of which the
    /// piece table knows nothing is searched for by words alone.
    ///
    /// # Errors
    /// `not_ready` for a text without an encoding, `wrong_space`, `wrong_dim`, `bad_input`, or those of a damaged file.
    pub fn find(
        &mut self,
        embedder: &mut Embedder,
        encoders: Encoders<'_>,
        index: &mut Index,
        plan: &Search,
    ) -> Result<Answer<&[Found]>> {
        if let (Some(found), Some(own)) = (&plan.space, index.space())
            && *found != own.id
        {
            return Err(index::wrong_space(found, &own.id));
        }
        self.corrections.clear();
        let mut request = plan.words.as_ref().map(|leg| Cow::Borrowed(&leg.asked));
        let mut text = None;
        if let Some(asked) = request.as_mut().filter(|asked| asked.correct) {
            if let Answer::Need(needs) = index.settle_words()? {
                return Ok(Answer::Need(needs));
            }
            let (words, typing) = (index.words()?, asked.typing);
            let knows = |form: &str| encoders.knows(form);
            let corrections = &mut self.corrections;
            if let Some(corrected) = words.correct(&asked.text, typing, knows, corrections) {
                asked.to_mut().text = corrected;
            }
            if let Some(Target::Text(target)) = plan.meaning.as_ref().map(|leg| &leg.asked) {
                text = words.correct(&target.0, typing, knows, corrections);
            }
        }
        let mut is_known = true;
        let mut without = None;
        match plan.meaning.as_ref().map(|leg| &leg.asked) {
            None => {}
            Some(Target::Like(id)) => {
                let document = index.number(id).ok_or_else(|| unknown(id))?;
                if let Answer::Need(needs) = index.vector(document, &mut self.vector)? {
                    return Ok(Answer::Need(needs));
                }
                self.query.set(&self.vector)?;
                without = Some(document);
            }
            Some(Target::Vector(vector)) => self.query.set(vector)?,
            Some(Target::Text(asked)) => {
                let text = text.as_ref().unwrap_or(&asked.0);
                match encoders.choose(plan.encoder)? {
                    Encoding::Model(model) => {
                        let meta = model.meta();
                        index.check_space(&meta.space, meta.dim)?;
                        self.query.set(embedder.query(model, text)?)?;
                    }
                    Encoding::Static(pieces) => {
                        index.check_space(pieces.space(), pieces.full_dim())?;
                        match pieces.encode_fully(text)? {
                            Some(vector) => self.query.set(&vector)?,
                            None => is_known = false,
                        }
                    }
                }
            }
        }
        let meaning = plan.meaning.as_ref().filter(|_| is_known);
        // A plan without legs would be answered with everything.
        let nothing = Filter::Ids(Vec::new());
        let is_empty = !is_known && request.is_none();
        let weight = plan.words.as_ref().map_or(0.0, |leg| leg.weight);
        let ask = Ask {
            meaning: meaning.map(|leg| (&self.query, leg.weight)),
            words: request.as_deref().map(|request| (request, weight)),
            by_impacts: plan.precision == Some(Precision::Impacts),
            named: plan.words.as_ref().map(|leg| leg.asked.text.trim()),
            filter: if is_empty { &nothing } else { &plan.filter },
            without,
            offset: plan.offset,
            limit: plan.limit,
            meaning_k: plan.meaning_k,
            sort: &plan.sort,
            facets: &plan.facets,
        };
        index.search(&ask, &mut self.buffers)
    }

    /// What the last search searched for instead of what was asked.
    pub fn corrections(&self) -> &[Correction] {
        &self.corrections
    }

    /// What the last search found, and by which words.
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        self.vector.capacity() * size_of::<f32>()
            + self.query.codes.capacity() * size_of::<i16>()
            + self.buffers.size_bytes()
    }
}

/// The error of a document that others are to be like, and that there is not.
pub fn unknown(id: &str) -> Error {
    Error::new(
        Code::NotFound,
        "there is no such document to find others like it; it may have been removed",
    )
    .with(json!({"id": id}))
}
