//! From a checked plan to the documents it finds.
//!
//! Owns the steps from a query to its codes and what they keep for the next search; knows nothing of requests and
//! records. Invariant: a search like one before allocates nothing but for the words of its query, whatever the size of the
//! collection.

use crate::codes::Query;
use crate::embedder::Embedder;
use crate::error::Result;
use crate::file::Answer;
use crate::index::{self, Ask, Buffers, Found, Index};
use crate::model::Model;
use crate::plan::{Search, Target, TextKind};
use crate::words::Correction;
use std::borrow::Cow;

/// Carries out plans; keeps its buffers from search to search.
#[derive(Debug, Default)]
pub struct Finder {
    vector: Vec<f32>,
    query: Query,
    buffers: Buffers,
    corrections: Vec<Correction>,
}

impl Finder {
    /// The documents of `index` that `plan` finds, best first. `model` gives the model, or says that there is none; it is
    /// asked for texts, and for the words that it knows.
    ///
    /// # Errors
    /// `wrong_space`, `wrong_dim`, `bad_input`, that of `model`, or those of a damaged file.
    pub fn find<'m>(
        &mut self,
        embedder: &mut Embedder,
        model: impl Fn() -> Result<&'m Model>,
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
            let knows = |form: &str| model().is_ok_and(|model| model.tokenizer().knows(form));
            let corrections = &mut self.corrections;
            if let Some(corrected) = words.correct(&asked.text, typing, knows, corrections) {
                asked.to_mut().text = corrected;
            }
            if let Some(Target::Text(target)) = plan.meaning.as_ref().map(|leg| &leg.asked) {
                text = words.correct(&target.0, typing, knows, corrections);
            }
        }
        match plan.meaning.as_ref().map(|leg| &leg.asked) {
            None => {}
            Some(Target::Vector(vector)) => self.query.set(vector)?,
            Some(Target::Text(asked)) => {
                let model = model()?;
                let meta = model.meta();
                index.check_space(&meta.space, meta.dim)?;
                let (kind, most) = (TextKind::Query, meta.max_tokens);
                let text = text.as_ref().unwrap_or(&asked.0);
                embedder.embed_into(model, kind, text, most, &mut self.vector)?;
                self.query.set(&self.vector)?;
            }
        }
        let weight = plan.words.as_ref().map_or(0.0, |leg| leg.weight);
        let ask = Ask {
            meaning: plan.meaning.as_ref().map(|leg| (&self.query, leg.weight)),
            words: request.as_deref().map(|request| (request, weight)),
            filter: &plan.filter,
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
