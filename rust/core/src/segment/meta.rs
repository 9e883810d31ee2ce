//! What a segment says about itself, the names of its sections, and the parameters of a collection.
//!
//! Owns the meta of segments and those parameters; must not know what a section holds. Invariant: what the meta
//! of a segment counts is compared with its sections before it is used.

use super::bytes::{Cursor, bad};
use super::impacts::{Impacts, LEVELS, nearest, saturated};
use crate::codes::DIM_CAP;
use crate::error::Result;
use crate::stored;
use serde::{Deserialize, Serialize};

pub(super) const ROOT: &str = "root";
pub(super) const DICTIONARY: &str = "dictionary";
pub(super) const LEAVES: &str = "leaves";
pub(super) const POSTINGS: &str = "postings";
pub(super) const HEADERS: &str = "headers";
pub(super) const SHORT: &str = "short";
pub(super) const TEXTS: &str = "texts";
pub(super) const ORDER: &str = "order";
pub(super) const NAMES: &str = "names";
pub(super) const SPOTS: &str = "spots";
pub(super) const TYPOS: &str = "typos";
pub(super) const COLUMNS: &str = "columns";
pub(super) const LENGTHS: &str = "lengths";
pub(super) const CODES: &str = "codes";
pub(super) const SCALES: &str = "scales";
pub(super) const PARAMETERS: &str = "parameters";
pub(super) const TOMBSTONES: &str = "tombstones";

/// The meta of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentMeta {
    pub r#type: String,
    pub version: u32,
    pub space: Option<String>,
    pub dim: Option<usize>,
    pub documents: u32,
    pub rows: u64,
    pub terms: u32,
    /// Whether rows have short codes.
    pub short: bool,
    /// Whether forms have short codes.
    pub forms: bool,
}

impl stored::Meta for SegmentMeta {
    const TYPE: &str = "published";
    const VERSION: u32 = 1;

    fn named(&self) -> (&str, u32) {
        (&self.r#type, self.version)
    }
}

impl SegmentMeta {
    /// Refuses numbers that do not fit each other.
    ///
    /// # Errors
    /// `bad_format`.
    pub fn check(&self) -> Result<()> {
        let fits = match (&self.space, self.dim) {
            (None, None) => self.rows == 0 && !self.short,
            (Some(id), Some(dim)) => {
                !id.is_empty()
                    && (1..=DIM_CAP).contains(&dim)
                    && self.rows >= u64::from(self.documents)
            }
            _ => false,
        };
        if !fits || self.rows > u64::from(u32::MAX) {
            return Err(bad("its space, dim and rows do not fit each other"));
        }
        Ok(())
    }
}

/// What a reader of impacts has to know of a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// The mean length of a document, fields weighted.
    pub average: f64,
    /// What a posting of each level counts: the saturated part of BM25, ascending.
    pub levels: [f32; LEVELS],
    /// How much of its BM25 is added to the meaning of a document that was not read.
    pub gamma: f32,
}

impl Parameters {
    pub(super) fn of(impacts: &Impacts, gamma: f32) -> Parameters {
        Parameters {
            average: impacts.average,
            levels: impacts.levels,
            gamma,
        }
    }

    /// The level of a term that stands so often in a document of such a length, fields weighted.
    pub(super) fn level(&self, frequency: f64, length: f64) -> u8 {
        nearest(&self.levels, saturated(frequency, length, self.average))
    }

    /// What that level counts.
    pub fn impact(&self, frequency: u32, length: u32) -> f32 {
        let level = self.level(f64::from(frequency), f64::from(length));
        self.levels[usize::from(level)]
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = self.average.to_le_bytes().to_vec();
        for number in self.levels.iter().chain([&self.gamma]) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Parameters> {
        let mut cursor = Cursor::new(bytes);
        let average = f64::from_le_bytes(cursor.array()?);
        let mut levels = [0.0; LEVELS];
        for level in &mut levels {
            *level = f32::from_le_bytes(cursor.array()?);
        }
        let gamma = f32::from_le_bytes(cursor.array()?);
        cursor.end()?;
        let within = |number: f64, most: f64| (0.0..=most).contains(&number);
        let ascend = levels.windows(2).all(|pair| pair[0] <= pair[1]);
        let levels_fit = ascend && levels.iter().all(|level| within(f64::from(*level), 16.0));
        if !(within(average, 1e18) && average > 0.0 && levels_fit && within(f64::from(gamma), 1.0))
        {
            return Err(bad("its parameters are out of their range"));
        }
        Ok(Parameters {
            average,
            levels,
            gamma,
        })
    }
}
