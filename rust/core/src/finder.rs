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

/// Carries out plans; keeps its buffers from search to search.
#[derive(Debug, Default)]
pub struct Finder {
    vector: Vec<f32>,
    query: Query,
    buffers: Buffers,
}

impl Finder {
    /// The documents of `index` that `plan` finds, best first. `model` gives the model, or says that there is none; it is
    /// asked for texts only.
    ///
    /// # Errors
    /// `wrong_space`, `wrong_dim`, `bad_input`, that of `model`, or those of a damaged file.
    pub fn find<'m>(
        &mut self,
        embedder: &mut Embedder,
        model: impl FnOnce() -> Result<&'m Model>,
        index: &mut Index,
        plan: &Search,
    ) -> Result<Answer<&[Found]>> {
        if let (Some(found), Some(own)) = (&plan.space, index.space())
            && *found != own.id
        {
            return Err(index::wrong_space(found, &own.id));
        }
        match plan.meaning.as_ref().map(|leg| &leg.asked) {
            None => {}
            Some(Target::Vector(vector)) => self.query.set(vector)?,
            Some(Target::Text(text)) => {
                let model = model()?;
                let meta = model.meta();
                index.check_space(&meta.space, meta.dim)?;
                let (kind, most) = (TextKind::Query, meta.max_tokens);
                embedder.embed_into(model, kind, &text.0, most, &mut self.vector)?;
                self.query.set(&self.vector)?;
            }
        }
        let ask = Ask {
            meaning: plan.meaning.as_ref().map(|leg| (&self.query, leg.weight)),
            words: plan.words.as_ref().map(|leg| (&leg.asked, leg.weight)),
            filter: &plan.filter,
            limit: plan.limit,
        };
        index.search(&ask, &mut self.buffers)
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
