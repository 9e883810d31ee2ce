//! What changes an index, and what writes it.
//!
//! Owns the way from a request to the index; must not know how an index keeps or writes what it is given. Invariant: nothing is done
//! before everything that it takes is at hand.

use super::{Engine, found, ready};
use crate::bands;
use crate::error::{Code, Error, Result};
use crate::facets::Row;
use crate::file::Answer;
use crate::finder::Encoders;
use crate::index::{self, Entry, Index, Space};
use crate::model::Model;
use crate::pieces::Pieces;
use crate::plan::{self, TextKind, need};
use crate::published;
use serde_json::json;

impl Engine {
    /// See [`Engine::add`].
    pub(super) fn add_texts(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Add = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        let model = ready(&self.model)?;
        let space = space_of(model);
        index.check_space(&space.id, space.dim)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        let texts: Vec<&str> = request
            .documents
            .iter()
            .flat_map(|document| document.passages.iter().map(|text| text.0.as_str()))
            .collect();
        let most = model.meta().max_tokens;
        let vectors = self
            .embedder
            .embed(model, TextKind::Passage, &texts, most)?;
        plan::reply(&index.add(&space, &entries(request.documents)?, &vectors)?)
    }

    /// See [`Engine::add_vectors`].
    pub(super) fn add_rows(&mut self, request: &[u8], vectors: &[u8]) -> Result<Vec<u8>> {
        let request: plan::AddVectors = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        let passages = request
            .documents
            .iter()
            .map(|document| document.passages.len())
            .sum();
        let (dim, vectors) = plan::rows(vectors, passages)?;
        let known = self.model.as_ref().map(space_of);
        let known = index.space().or(known.as_ref());
        let space = Space {
            dim: if passages == 0 {
                known.map_or(1, |known| known.dim)
            } else {
                dim
            },
            id: request.space,
        };
        if space.id.is_empty() {
            return Err(Error::new(
                Code::BadRequest,
                "vectors come without the id of their space, so nobody could compare them; give that of their model",
            ));
        }
        index.check_space(&space.id, space.dim)?;
        if let Some(known) = known.filter(|known| known.id == space.id && known.dim != space.dim) {
            return Err(index::wrong_dim(space.dim, known.dim));
        }
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        plan::reply(&index.add(&space, &entries(request.documents)?, &vectors)?)
    }

    /// See [`Engine::remove`].
    pub(super) fn remove_documents(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Remove = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        let removed = index.remove(request.ids.iter().map(String::as_str))?;
        plan::reply(&json!({ "removed": removed }))
    }

    /// See [`Engine::dump`].
    pub(super) fn write_file(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Dump = plan::read(request)?;
        match self.writable(&request)? {
            Answer::Need(needs) => need(&needs),
            Answer::Ready((index, _)) => index.dump(request.meta),
        }
    }

    /// See [`Engine::publish`].
    #[cfg(not(feature = "authoring"))]
    pub(super) fn write_published(&mut self, _: &[u8]) -> Result<Vec<u8>> {
        Err(Error::new(
            Code::Unsupported,
            "this build of the engine is for readers of collections, so it cannot publish one; use the full build",
        )
        .with(json!({"missing": "authoring"})))
    }

    /// See [`Engine::publish`].
    #[cfg(feature = "authoring")]
    pub(super) fn write_published(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Dump = plan::read(request)?;
        match self.writable(&request)? {
            Answer::Need(needs) => need(&needs),
            Answer::Ready((index, pieces)) => published::publish(index, pieces, request.meta),
        }
    }

    /// The index that is to be written, in memory whole and with its bands learned anew where that is asked for, and the piece table.
    fn writable(&mut self, request: &plan::Dump) -> Result<Answer<(&mut Index, Option<&Pieces>)>> {
        let index = found(&mut self.indexes, &request.index)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return Ok(Answer::Need(needs));
        }
        if request.calibrate {
            let encoders = Encoders::of(&self.model, &self.pieces);
            bands::calibrate(&mut self.embedder, encoders, index)?;
        }
        Ok(Answer::Ready((index, self.pieces.as_ref())))
    }

    /// See [`Engine::commit`].
    pub(super) fn write_commit(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Commit = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        if request.calibrate {
            // What is refused must not have changed what is known of scores.
            index.plan_commit(request.on.as_deref(), &request.merge)?;
            let encoders = Encoders::of(&self.model, &self.pieces);
            bands::calibrate(&mut self.embedder, encoders, index)?;
        }
        published::commit(index, request)
    }
}

fn entries(documents: Vec<plan::Document>) -> Result<Vec<Entry>> {
    let documents = documents.into_iter();
    documents
        .map(|mut document| {
            Ok(Entry {
                words: document.words()?,
                values: Row::new(&document.values)?,
                id: document.id,
                passages: document.passages.len(),
                record: document.record,
            })
        })
        .collect()
}

fn space_of(model: &Model) -> Space {
    Space {
        id: model.meta().space.clone(),
        dim: model.meta().dim,
    }
}
