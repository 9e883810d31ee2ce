//! What is asked of an index: searches, what is shown of their hits, records.
//!
//! Owns the way from a plan to the reply; must not know how anything is found. Invariant: asking changes nothing but buffers.

use super::{Engine, found, ready};
use crate::bands;
use crate::error::Result;
use crate::explain;
use crate::file::Answer;
use crate::finder::{Encoders, Encoding};
use crate::plan::{self, Encoder, need};
use crate::sentences;
use crate::snippet;
use crate::sorted::SortedMap;

impl Engine {
    /// See [`Engine::search`].
    pub(super) fn answer_plan(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let mut plan = plan::read_search(request)?;
        if self.published.has(&plan.index) {
            let encoders = Encoders::of(&self.model, &self.pieces);
            return self.published.search(&plan, &mut self.embedder, encoders);
        }
        let index = found(&mut self.indexes, &plan.index)?;
        let encoders = Encoders::of(&self.model, &self.pieces);
        let encoding = encoders.of_plan(&plan)?;
        if plan.explain
            && plan.words.is_some()
            && let Answer::Need(needs) = index.fetch_words(false)?
        {
            return need(&needs);
        }
        if let Some(Encoding::Static(_)) = encoding {
            plan.weigh_statically();
        }
        let answer = self
            .finder
            .find(&mut self.embedder, encoders, index, &plan)?;
        if let Answer::Need(needs) = answer {
            return need(&needs);
        }
        let found = self.finder.buffers().found();
        let documents: Vec<usize> = found.iter().map(|found| found.document).collect();
        let records = match index.records(&documents)? {
            Answer::Need(needs) => return need(&needs),
            Answer::Ready(records) => records,
        };
        let encoder = encoding.map(|encoding| encoding.encoder());
        let cuts = index.bands().and_then(|bands| bands.cuts(&plan, encoder));
        let query = self.finder.buffers().words();
        let mut hits = Vec::with_capacity(found.len());
        for (found, record) in found.iter().zip(records) {
            let explain = match plan.explain {
                true => Some(explain::hit(&plan, index, query, found)?),
                false => None,
            };
            hits.push(plan::Hit {
                id: index.id(found.document),
                score: found.score,
                passage: found.passage,
                legs: plan::Legs {
                    meaning: found.meaning.map(|meaning| meaning.closeness()),
                    words: found.words,
                },
                record,
                band: cuts.map(|cuts| bands::band(found.score, cuts)),
                explain,
            });
        }
        let corrections = self.finder.corrections();
        plan::reply(&plan::Hits {
            hits: &hits,
            total: self.finder.buffers().total(),
            exact: true,
            close: cuts.map(|cuts| bands::is_close(self.finder.buffers().best(), cuts)),
            cursor: plan.next(hits.len(), self.finder.buffers().total()),
            facets: (!plan.facets.is_empty()).then(|| self.finder.buffers().counts()),
            corrections: (!corrections.is_empty()).then_some(corrections),
            encoder,
            explain: plan.explain.then(|| explain::search(&plan, index, query)),
        })
    }

    /// See [`Engine::snippets`].
    pub(super) fn answer_snippets(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: snippet::Request = plan::read(request)?;
        // A collection that is read in pieces tells its languages; what its words weigh would have to be fetched.
        let name = request.index.as_deref().unwrap_or_default();
        let (languages, weights) = match self.published.languages(name) {
            Some(languages) => (languages, SortedMap::new()),
            None if request.index.is_none() => Default::default(),
            None => found(&mut self.indexes, name)?
                .words()
                .map(|words| words.weigh(request.texts()))
                .unwrap_or_default(),
        };
        let asked = request.texts().collect::<Vec<_>>().join(" ");
        let encoder = request
            .encoder
            .filter(|encoder| *encoder != Encoder::Auto)
            .or(self.pieces.as_ref().map(|_| Encoder::Static));
        let (model, pieces, embedder) = (&self.model, &self.pieces, &mut self.embedder);
        let mut by_static = |texts: &[&str]| {
            let pieces = pieces.as_ref().ok_or_else(crate::pieces::missing)?;
            sentences::by_pieces(pieces, &asked, texts)
        };
        let mut by_model =
            |texts: &[&str]| sentences::by_model(ready(model)?, embedder, &asked, texts);
        let choose: Option<&mut snippet::Choose<'_>> = match encoder {
            None => None,
            Some(Encoder::Static | Encoder::Auto) => Some(&mut by_static),
            Some(Encoder::Model) => Some(&mut by_model),
        };
        snippet::answer(&request, &languages, weights, choose)
    }

    /// See [`Engine::records`].
    pub(super) fn answer_records(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Records = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        let documents: Vec<usize> = match &request.ids {
            None => (0..index.documents()).collect(),
            Some(ids) => {
                let mut numbers: Vec<usize> =
                    ids.iter().filter_map(|id| index.number(id)).collect();
                numbers.sort_unstable();
                numbers.dedup();
                numbers
            }
        };
        let records = match index.records(&documents)? {
            Answer::Need(needs) => return need(&needs),
            Answer::Ready(records) => records,
        };
        let records: Vec<plan::Record<'_>> = documents
            .iter()
            .zip(records)
            .map(|(document, record)| plan::Record {
                id: index.id(*document),
                record,
            })
            .collect();
        plan::reply(&SortedMap::from([("records", records)]))
    }
}
