//! A piece table as a file: the meta of its container and what must hold between its sections (docs/FORMAT.md).
//!
//! Owns the names and lengths of the sections; must not know how a text is encoded. Invariant: what is opened has passed
//! every check that does not need a page or a row to be looked at.

use super::short::{CODE_BYTES, DIM};
use super::words::PAGE;
use crate::codes::DIM_CAP;
use crate::error::{Code, Error, Result};
use crate::format::Header;
use crate::tokenizer::TokenizerConfig;
use serde::Deserialize;
use serde_json::json;

/// The version of the sections, of which this engine reads only this one.
const VERSION: u32 = 1;
/// The most pieces of a table: as many as a vocabulary may have tokens.
const COUNT_CAP: u32 = 1 << 20;

/// What a table says about itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meta {
    /// What to show a person.
    pub(super) name: String,
    version: u32,
    /// Which vectors it approximates: the space of the model.
    pub(super) space: String,
    /// Components of the model's vectors.
    pub(super) dim: usize,
    /// Components of the short space.
    short: usize,
    /// How many pieces there are.
    pub(super) pieces: u32,
    /// How texts are cut.
    pub(super) tokenizer: TokenizerConfig,
    /// The digest of the model and the texts it was trained with, and how: for people and caches.
    #[serde(rename = "made")]
    _made: String,
}

impl Meta {
    /// The meta out of a header, once its sections have been found to have their lengths.
    pub(super) fn read(header: &Header) -> Result<Meta> {
        let meta = Meta::deserialize(&header.meta).map_err(|cause| {
            bad("its meta is not understood").with(json!({"cause": cause.to_string()}))
        })?;
        if meta.version != VERSION {
            return Err(Error::new(
                Code::WrongVersion,
                format!("the piece table has version {}, this engine reads {VERSION}; update Findling or make it again", meta.version),
            )
            .with(json!({"found": meta.version, "wanted": VERSION})));
        }
        let hexadecimal =
            meta.space.len() == 64 && meta.space.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hexadecimal
            || !(1..=DIM_CAP).contains(&meta.dim)
            || meta.short != DIM
            || !(1..=COUNT_CAP).contains(&meta.pieces)
        {
            return Err(bad("its meta has a value out of range").with(
                json!({"space": meta.space, "dim": meta.dim, "short": meta.short, "pieces": meta.pieces}),
            ));
        }
        for (name, length) in [
            ("rows", u64::from(meta.pieces) * CODE_BYTES as u64),
            ("projection", (meta.dim * DIM) as u64),
            ("projection.scale", 4 * DIM as u64),
        ] {
            let found = header.section(name)?.length;
            if found != length {
                return Err(bad("a section has another length than its meta asks for")
                    .with(json!({"section": name, "found": found, "wanted": length})));
            }
        }
        header.section("pages")?;
        if !header.section("words")?.length.is_multiple_of(PAGE as u64) {
            return Err(bad("its words are not whole pages"));
        }
        Ok(meta)
    }
}

/// The error of a table that cannot be used.
pub(super) fn bad(what: &str) -> Error {
    Error::new(
        Code::BadFormat,
        format!("the piece table cannot be used: {what}; fetch or make it again"),
    )
}
