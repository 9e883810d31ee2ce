//! How an index comes and goes: opening, the bytes that it asked for, closing.
//!
//! Owns which kind of index a file becomes; must not know what is in one. Invariant: an index that is open under a name is replaced
//! once the new one is, not before.

use super::{Engine, unknown};
use crate::error::Result;
use crate::file::{Answer, File};
use crate::index::Index;
use crate::plan::{self, need};
use serde_json::json;

impl Engine {
    /// See [`Engine::open`].
    pub(super) fn open_index(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Open = plan::read(request)?;
        let name = request.index.as_str();
        let index = match request.source()? {
            None => Index::new(),
            Some((source, length)) => {
                let file = self
                    .opening
                    .remove(name)
                    .filter(|file| file.is(source, length));
                let mut file = file.unwrap_or_else(|| File::new(source, length));
                match self
                    .loads
                    .open(name, source, length, &mut file, request.whole)?
                {
                    Answer::Ready(None) => {}
                    Answer::Ready(Some(index)) => return self.opened(request.index, index),
                    Answer::Need(needs) => {
                        self.opening.insert(name.to_owned(), file);
                        return need(&needs);
                    }
                }
                let published = self.published.open(name, source, length, &mut file)?;
                if let Some((reply, is_open)) = published {
                    match is_open {
                        true => drop(self.indexes.remove(name)),
                        false => drop(self.opening.insert(name.to_owned(), file)),
                    }
                    return Ok(reply);
                }
                match Index::open(&mut file)? {
                    Answer::Ready(index) => index,
                    Answer::Need(needs) => {
                        self.opening.insert(name.to_owned(), file);
                        return need(&needs);
                    }
                }
            }
        };
        self.opened(request.index, index)
    }

    /// See [`Engine::provide`].
    pub(super) fn take_bytes(
        &mut self,
        file: &str,
        offset: f64,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<()> {
        let (offset, bytes) = (plan::offset(offset)?, bytes.into());
        self.published.provide(file, offset, &bytes);
        self.loads.provide(file, offset, &bytes);
        let open = self.indexes.values_mut().flat_map(Index::files_mut);
        let mut wanting: Vec<&mut File> = self
            .opening
            .values_mut()
            .chain(open)
            .chain(self.loads.files_mut())
            .filter(|each| each.wants(file, offset, bytes.len()))
            .collect();
        // Most bytes are one file's, which takes them as they are.
        if let Some(last) = wanting.pop() {
            for each in wanting {
                each.provide(file, offset, bytes.clone());
            }
            last.provide(file, offset, bytes);
        }
        Ok(())
    }

    /// See [`Engine::close`].
    pub(super) fn forget(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Close = plan::read(request)?;
        let published = self.published.close(&request.index) | self.loads.close(&request.index);
        let opening = self.opening.remove(&request.index);
        if self.indexes.remove(&request.index).is_none() && opening.is_none() && !published {
            return Err(unknown(&request.index));
        }
        plan::reply(&json!({}))
    }

    /// Keeps an index under a name; gives the reply of `open`.
    fn opened(&mut self, name: String, index: Index) -> Result<Vec<u8>> {
        let reply = plan::reply(&plan::Opened {
            index: &name,
            documents: index.documents(),
            passages: index.passages(),
            space: index.space().map(|space| space.id.as_str()),
            meta: index.meta(),
            values: None,
        })?;
        self.opening.remove(&name);
        self.published.close(&name);
        self.indexes.insert(name, index);
        Ok(reply)
    }
}
