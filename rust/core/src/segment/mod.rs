//! The published format: a collection as a pointer file and a segment that is read whole or in small pieces, and live ones beside.
//!
//! Owns the pointer, and what a published segment holds and how it is laid out (docs/FORMAT.md); must not know how text becomes terms, what a vector
//! means, or who reads. Invariant: the same contents give the same bytes, what is read back equals what was written, and
//! nothing in a file is believed before it has been compared with its digest and with the rest of the file.

mod ask;
mod bits;
mod bytes;
mod called;
mod check;
mod cluster;
mod corrections;
mod impacts;
mod leaf;
mod leaves;
mod live;
mod meta;
mod names;
mod narrow;
mod near;
mod packer;
mod phrases;
mod pointer;
mod postings;
mod remote;
mod root;
mod said;
mod search;
mod shown;
mod spelling;
mod spots;
mod squeezed;
mod texts;
mod whole;
mod write;

pub use ask::{Condition, Found, Hit, Nearness, Query, Weighed, Word};
pub use cluster::Layout;
pub use meta::Parameters;
pub use names::title;
pub use pointer::{Pointer, Role, SegmentFile, name_digest, role, segment_name};
pub use postings::FIELDS;
pub use remote::Remote;
pub use whole::{Whole, segment_of};
pub use write::{Options, POINTER, write};

use crate::error::Result;
pub use crate::pieces::short::CODE_BYTES;

/// A vector as a short code.
pub type ShortCode = [u8; CODE_BYTES];
/// Turns a full vector into a short code.
pub type Shorten<'a> = dyn Fn(&[f32]) -> Result<ShortCode> + 'a;

/// All that a segment holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The space of the vectors and their components; none when there are no vectors.
    pub space: Option<Space>,
    /// The documents in the order of their ids, bytewise.
    pub documents: Vec<Document>,
    /// int8 codes, one row for each passage of the first document and then, where it has one, for the whole of it; then
    /// those of the second, and so on.
    pub codes: Vec<i8>,
    /// The scale of each row.
    pub scales: Vec<f32>,
    /// The terms in order, bytewise.
    pub terms: Vec<Term>,
    /// Columns of values, over documents in the order of their ids, as [`crate::facets::Columns::dump`] writes them; nothing for none.
    pub columns: Vec<u8>,
    /// Whether forms have codes.
    pub has_form_codes: bool,
}

/// Which vectors may be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Its id.
    pub id: String,
    /// Components of a vector.
    pub dim: usize,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Unique, not empty.
    pub id: String,
    /// A JSON text, kept byte for byte.
    pub record: Vec<u8>,
    /// Its language where it was given or guessed, as ISO 639-1.
    pub language: Option<String>,
    /// The length of each field in tokens, whole forms not counted.
    pub lengths: [u32; FIELDS],
    /// How many passages it has; with vectors at least one.
    pub passages: u32,
    /// Whether a row for the whole of it follows those of its passages.
    pub has_whole: bool,
}

impl Document {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.passages as usize + usize::from(self.has_whole)
    }
}

/// A term, the forms that led to it, and where it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Term {
    /// What is indexed: folded and stemmed.
    pub term: String,
    /// Its surface forms in order, bytewise, one that is no whole form first.
    pub forms: Vec<Form>,
    /// The documents that it stands in, as numbers into [`Contents::documents`], ascending.
    pub documents: Vec<u32>,
    /// How often it stands in each field of each of those.
    pub frequencies: Vec<[u32; FIELDS]>,
    /// At which places: document by document, field by field as often as the frequencies say, by position.
    pub spots: Vec<Spot>,
}

/// A place where a term stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Counted from 0 in words; of tags one after the other.
    pub position: u32,
    /// Which of the forms of the term.
    pub form: u32,
}

/// A word as it stands in texts, folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The word.
    pub form: String,
    /// Whether it is a whole form (an address, code, a number), of which the parts are terms too.
    pub is_whole: bool,
    /// How many documents it stands in.
    pub documents: u32,
    /// Its vector.
    pub code: Option<ShortCode>,
}
