//! Published collections behind the engine: an index to its files, and a plan to what is read of them.
//!
//! Owns which collections there are, what a query is encoded with, and the reply; must not know the format. Invariant: a call
//! that fails or lacks something leaves everything as it was.

mod commit;
mod explain;
mod publish;
mod query;

pub use commit::commit;
pub use publish::publish;

use crate::analysis::Language;
use crate::bands;
use crate::embedder::Embedder;
use crate::error::{Code, Error, Result};
use crate::file::{Answer, File};
use crate::finder::{Encoders, missing_model};
use crate::format::hex;
use crate::index;
use crate::pieces::short;
use crate::plan::{self, Search, Target, need};
use crate::segment::{self, Query, Remote, Role};
use crate::sorted::SortedMap;
use crate::words::Correction;
use serde_json::Map;
use serde_json::value::RawValue;

/// Published collections by name, and those that could not be opened yet.
#[derive(Debug, Default)]
pub struct Published {
    open: SortedMap<String, Remote>,
    opening: SortedMap<String, Remote>,
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
            None => match segment::role(file)? {
                Answer::Need(needs) => return Ok(Some((need(&needs)?, false))),
                Answer::Ready(Role::Pieces | Role::Whole) => Remote::of_pointer(file.clone()),
                Answer::Ready(Role::Other) => return Ok(None),
            },
        };
        if let Answer::Need(needs) = remote.open()? {
            self.opening.insert(name.to_owned(), remote);
            return Ok(Some((need(&needs)?, false)));
        }
        let (none, space) = (Map::new(), remote.space());
        let reply = plan::reply(&plan::Opened {
            index: name,
            documents: remote.living(),
            passages: remote.rows(),
            space: space.as_ref().map(|space| space.id.as_str()),
            meta: remote.user().unwrap_or(&none),
            values: Some(remote.fields()),
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
            .map(|remote| query::languages(remote.languages()))
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
        encoders: Encoders<'_>,
    ) -> Result<Vec<u8>> {
        let Some(remote) = self.open.get_mut(&plan.index) else {
            return Err(Error::new(
                Code::NotFound,
                "there is no such collection; open it first",
            ));
        };
        let Encoders { model, pieces } = encoders;
        let own = remote.space().map(|space| space.id);
        if let (Some(found), Some(own)) = (&plan.space, &own)
            && found != own
        {
            return Err(index::wrong_space(found, own));
        }
        let knows = |word: &str| encoders.knows(word);
        let typed = plan.words.as_ref().map(|leg| leg.asked.text.as_str());
        let (plan, corrections) = match query::corrected(remote, plan, &knows)? {
            Answer::Need(needs) => return need(&needs),
            Answer::Ready(corrected) => corrected,
        };
        let plan = &plan;
        let pieces =
            pieces.filter(|pieces| Some(hex(&pieces.digest()).as_str()) == remote.pieces());
        if let Some(pieces) = pieces.filter(|_| plan.meaning.is_some()) {
            remote.shorten_live(&|full| short::quantize(&pieces.project(full)?));
        }
        let vector = match (plan.meaning.as_ref().map(|leg| &leg.asked), model, pieces) {
            (Some(Target::Vector(vector)), _, Some(pieces)) => Some(pieces.project(vector)?),
            (Some(Target::Text(text)), Some(model), Some(pieces))
                if Some(&model.meta().space) == own.as_ref()
                    && plan.encoder != plan::Encoder::Static =>
            {
                Some(pieces.project(embedder.query(model, &text.0)?)?)
            }
            (Some(Target::Text(_)), ..) if plan.encoder == plan::Encoder::Model => {
                return Err(missing_model());
            }
            _ => None,
        };
        let mut query = query::query(remote, plan, typed, vector)?;
        let mut found = match remote.search(&query)? {
            Answer::Need(needs) => return need(&needs),
            Answer::Ready(found) => found,
        };
        // What the dictionary does not know, the table may.
        if let Some(pieces) = pieces.filter(|_| query.encode && !found.unknown.is_empty()) {
            let mut more = vec![0.0; short::DIM];
            for word in &found.unknown {
                if let Some(vector) = pieces.form(&query.meant[*word].form)? {
                    more.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
                }
            }
            query.vector = Some(more);
            found = match remote.search(&query)? {
                Answer::Need(needs) => return need(&needs),
                Answer::Ready(found) => found,
            };
        }
        reply(remote, plan, &query, &found, &corrections)
    }
}

fn reply(
    remote: &Remote,
    plan: &Search,
    query: &Query,
    found: &segment::Found,
    corrections: &[Correction],
) -> Result<Vec<u8>> {
    let has_words = plan.words.is_some();
    let encoder = match (plan.meaning.as_ref().map(|leg| &leg.asked), query.encode) {
        (Some(Target::Text(_)), true) => Some(plan::Encoder::Static),
        (Some(Target::Text(_)), false) => Some(plan::Encoder::Model),
        _ => None,
    };
    let cuts = remote.bands().and_then(|bands| bands.cuts(plan, encoder));
    let best = found.best.map(|best| best as f32);
    let mut hits = Vec::with_capacity(found.hits.len());
    for hit in &found.hits {
        let record: &RawValue = serde_json::from_slice(&hit.record)
            .map_err(|_| crate::stored::bad("a record is not JSON"))?;
        let meaning = hit.meaning.filter(|_| plan.meaning.is_some());
        let score = hit.score as f32;
        hits.push(plan::Hit {
            id: &hit.id,
            score,
            passage: hit.near.map_or(0, |near| near.best.0 as usize),
            legs: plan::Legs {
                meaning: meaning.map(|meaning| meaning as f32),
                words: has_words.then_some(hit.words as f32),
            },
            record: record.to_owned(),
            band: cuts.map(|cuts| bands::band(score, cuts)),
            explain: plan.explain.then(|| explain::hit(plan, query, found, hit)),
        });
    }
    plan::reply(&plan::Hits {
        hits: &hits,
        total: found.total,
        exact: found.exact,
        cursor: plan.next(hits.len(), found.total),
        close: cuts.map(|cuts| bands::is_close(best, cuts)),
        encoder,
        facets: (!plan.facets.is_empty()).then_some(&found.counts),
        explain: plan
            .explain
            .then(|| explain::search(plan, query, found, remote)),
        corrections: (!corrections.is_empty()).then_some(corrections),
    })
}
