//! A vector index as the sections of a container (docs/FORMAT.md).
//!
//! Owns the names, order and layout of the sections; knows nothing of searching. Invariant: what is read back equals what
//! was written, and nothing in a file is believed before it has been compared with the rest of it.

use super::graph::Graph;
use super::rows::Rows;
use super::walk::ROWS_MAX;
use super::{RowOf, Spec, VectorIndex};
use crate::error::Result;
use crate::format::{self, Container, Kind};
use crate::numbers;
use crate::stored::{self, Meta as _, bad};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    r#type: String,
    version: u32,
    spec: Spec,
    rows: u64,
    /// The row at which a walk begins; none without a graph.
    entry: Option<u32>,
    serial: u64,
}

impl stored::Meta for Meta {
    const TYPE: &str = "vectors";
    const VERSION: u32 = 1;

    fn named(&self) -> (&str, u32) {
        (&self.r#type, self.version)
    }
}

impl VectorIndex {
    /// The index as the bytes of a file, without what was removed. The same calls give the same bytes.
    ///
    /// # Errors
    /// `bug` when the header cannot be written.
    pub fn dump(&mut self) -> Result<Vec<u8>> {
        self.clear_dead();
        let meta = Meta {
            r#type: Meta::TYPE.to_owned(),
            version: Meta::VERSION,
            spec: self.spec.clone(),
            rows: self.rows.len() as u64,
            entry: self.graph.as_ref().map(Graph::entry),
            serial: self.serial,
        };
        let ids = numbers::write(&self.ids);
        let (rows, scales) = self.rows.bytes();
        let (levels, links) = self.graph.as_ref().map(Graph::bytes).unwrap_or_default();
        format::pack(
            Kind::Index,
            &stored::write_meta(&meta)?,
            &[
                ("ids", &ids),
                ("rows", &rows),
                ("scales", &scales),
                ("levels", &levels),
                ("links", &links),
            ],
        )
    }

    /// An index from the bytes of a whole file.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn load(bytes: &[u8]) -> Result<VectorIndex> {
        let container = Container::parse(bytes)?;
        if container.header().kind != Kind::Index {
            return Err(bad("it is no index"));
        }
        let meta: Meta = stored::read_meta(&container.header().meta)?;
        let spec = meta.spec.checked().map_err(|cause| {
            bad("its spec cannot be carried out").with(json!({"spec": cause.message}))
        })?;
        let [ids, rows, scales, levels, links] =
            ["ids", "rows", "scales", "levels", "links"].map(|name| container.section(name));
        let (ids, rows, scales, levels, links) = (ids?, rows?, scales?, levels?, links?);
        if meta.rows > ROWS_MAX as u64
            || ids.len() as u64 != 4 * meta.rows
            || (rows.len() as u64, scales.len() as u64) != Rows::bytes_of(&spec, meta.rows)
        {
            return Err(bad("the lengths of its sections do not fit each other"));
        }
        let ids: Vec<u32> = numbers::read(ids);
        let row_of: RowOf = (0..).zip(&ids).map(|(row, id)| (*id, row)).collect();
        if row_of.len() != ids.len() {
            return Err(bad("an id occurs twice"));
        }
        let rows = Rows::read(&spec, rows, scales)
            .ok_or_else(|| bad("a vector holds a number that none can have"))?;
        let graph = match meta.entry {
            None if levels.is_empty() && links.is_empty() => None,
            None => return Err(bad("it has links and names no entry")),
            Some(entry) => {
                let sound = levels.len() <= ids.len() && meta.serial >= levels.len() as u64;
                let graph = sound
                    .then(|| Graph::read(spec.m, entry, levels, links))
                    .flatten();
                Some(graph.ok_or_else(|| bad("its graph leads nowhere"))?)
            }
        };
        let mut vectors = VectorIndex::new(spec);
        vectors.dead = vec![false; ids.len()];
        vectors.ids = ids;
        vectors.rows = rows;
        vectors.row_of = row_of;
        vectors.graph = graph;
        vectors.serial = meta.serial;
        Ok(vectors)
    }
}
