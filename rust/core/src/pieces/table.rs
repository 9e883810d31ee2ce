//! A piece table in memory: texts to vectors of the short space, and from there to the model's space and back.
//!
//! Owns the sums; must not know how pieces or codes are laid out. Invariant: sums are in double precision, in the order of
//! the text.

use super::short::{self, CODE_BYTES, DIM};
use super::stored::{Meta, bad};
use super::words::{Cut, List, PAGE};
use crate::error::{Code, Error, Result};
use crate::format::{Container, Digest, Kind, hex};
use crate::math;
use crate::numbers;
use crate::tokenizer;
use serde_json::{Value, json};

/// Pieces of a text that are summed; what follows is left out.
const PIECES_MAX: usize = 512;

/// An open piece table.
#[derive(Clone, Debug)]
pub struct Pieces {
    meta: Meta,
    digest: Digest,
    size_bytes: usize,
    list: List,
    words: Vec<u8>,
    rows: Vec<u8>,
    /// One row a component of the short space, each with its scale.
    projection: Vec<i8>,
    scales: Vec<f32>,
}

impl Pieces {
    /// Opens a table, verifying every block and every row.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest` for what is not a table or is damaged.
    pub fn open(bytes: &[u8]) -> Result<Pieces> {
        let container = Container::parse(bytes)?;
        let header = container.header();
        if header.kind != Kind::Pieces {
            return Err(bad("it holds something else").with(json!({"kind": header.kind.as_str()})));
        }
        let meta = Meta::read(header)?;
        let words = container.section("words")?;
        let list = List::read(
            container.section("pages")?,
            (words.len() / PAGE) as u64,
            meta.pieces,
            &meta.tokenizer.continuing_prefix,
        )?;
        let rows = container.section("rows")?;
        if let Some(row) = rows.chunks(CODE_BYTES).position(|row| !short::is_code(row)) {
            return Err(bad("a row has no scale").with(json!({"row": row})));
        }
        let scales: Vec<f32> = numbers::read(container.section("projection.scale")?);
        if scales.iter().any(|scale| !(0.0..=1.0).contains(scale)) {
            return Err(bad("a scale of its projection is not between 0 and 1"));
        }
        Ok(Pieces {
            digest: header.digest,
            size_bytes: bytes.len(),
            words: words.to_vec(),
            rows: rows.to_vec(),
            projection: bytemuck::cast_slice(container.section("projection")?).to_vec(),
            list,
            meta,
            scales,
        })
    }

    /// The space of the model whose vectors it approximates.
    pub fn space(&self) -> &str {
        &self.meta.space
    }

    /// Which bytes these are.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Components of the model's vectors.
    pub fn full_dim(&self) -> usize {
        self.meta.dim
    }

    /// What it is, as JSON.
    pub fn describe(&self) -> Value {
        json!({
            "name": self.meta.name,
            "space": self.meta.space,
            "dim": self.meta.dim,
            "pieces": self.meta.pieces,
            "digest": hex(&self.digest),
            "size_bytes": self.size_bytes,
        })
    }

    /// Bytes of the file.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Bytes it holds in memory.
    pub fn held_bytes(&self) -> usize {
        self.words.capacity()
            + self.rows.capacity()
            + self.projection.capacity()
            + self.scales.capacity() * size_of::<f32>()
            + self.list.size_bytes()
    }

    /// The vector of a text, of the short space and of length 1; none where nothing of it is known.
    ///
    /// # Errors
    /// `bad_format` when the table turns out to be damaged.
    pub fn encode(&self, text: &str) -> Result<Option<Vec<f32>>> {
        Ok(self.sum(text)?.and_then(|sum| direction(&sum)))
    }

    /// The vector of a text, of the model's space and of length 1; none where nothing of it is known.
    ///
    /// # Errors
    /// `bad_format` when the table turns out to be damaged.
    pub fn encode_fully(&self, text: &str) -> Result<Option<Vec<f32>>> {
        let short = self.encode(text)?;
        Ok(short.and_then(|short| direction(&self.lifted(&short))))
    }

    /// The vectors of texts in the model's space, texts x dim, each of length 1 or, where nothing of it is known, zeros.
    ///
    /// # Errors
    /// `bad_format` when the table turns out to be damaged.
    pub fn embed<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Result<Vec<f32>> {
        let mut rows = Vec::new();
        for text in texts {
            match self.encode_fully(text)? {
                Some(full) => rows.extend(full),
                None => rows.resize(rows.len() + self.meta.dim, 0.0),
            }
        }
        Ok(rows)
    }

    /// The weighted sum of the pieces of a word: what it adds to the vector of a text. None where nothing of it is known.
    ///
    /// # Errors
    /// `bad_format` when the table turns out to be damaged.
    pub fn form(&self, form: &str) -> Result<Option<[f32; DIM]>> {
        let pieces = self.numbers(form)?;
        Ok((!pieces.is_empty()).then(|| self.vector(&pieces)))
    }

    /// The numbers of the pieces of a text; none where nothing of it is known.
    ///
    /// # Errors
    /// `bad_format` when the table turns out to be damaged.
    pub fn numbers(&self, text: &str) -> Result<Vec<u32>> {
        let mut pieces = Vec::new();
        self.pieces_of(text, &mut pieces)?;
        pieces.truncate(PIECES_MAX);
        Ok(pieces)
    }

    /// The weighted sum of pieces by their numbers, which [`Pieces::numbers`] gave: with these it is what [`Pieces::form`] gives.
    pub fn vector(&self, pieces: &[u32]) -> [f32; DIM] {
        self.total(pieces).map(|x| x as f32)
    }

    /// A vector of the model's space in the short one; of length 1 at most where it has length 1, and not scaled.
    ///
    /// # Errors
    /// `wrong_dim` for another number of components than the model's.
    pub fn project(&self, full: &[f32]) -> Result<Vec<f32>> {
        self.check(full.len(), self.meta.dim)?;
        let rows = self.projection.chunks_exact(self.meta.dim);
        Ok(rows
            .zip(&self.scales)
            .map(|(row, scale)| (math::dot(row, full) * f64::from(*scale)) as f32)
            .collect())
    }

    /// The vector of length 1 of the model's space that lies where this one of the short space does.
    ///
    /// # Errors
    /// `wrong_dim` for another number of components than the short space's.
    pub fn lift(&self, short: &[f32]) -> Result<Vec<f32>> {
        self.check(short.len(), DIM)?;
        direction(&self.lifted(short)).ok_or_else(|| {
            Error::new(
                Code::BadInput,
                "a vector of zeros has no direction; leave it out",
            )
        })
    }

    /// Whether a word is one piece.
    pub fn knows(&self, word: &str) -> bool {
        let mut pieces = Vec::new();
        let cut = self.pieces_of(word, &mut pieces);
        cut.is_ok() && pieces.len() == 1
    }

    /// The product of a vector of the short space and the transposed projection.
    fn lifted(&self, short: &[f32]) -> Vec<f64> {
        let mut sum = vec![0.0; self.meta.dim];
        let rows = self.projection.chunks_exact(self.meta.dim);
        for (row, (x, scale)) in rows.zip(short.iter().zip(&self.scales)) {
            let share = f64::from(*x) * f64::from(*scale);
            for (sum, x) in sum.iter_mut().zip(row) {
                *sum += share * f64::from(*x);
            }
        }
        sum
    }

    /// Appends the numbers of the pieces of a text, about [`PIECES_MAX`] at most.
    fn pieces_of(&self, text: &str, pieces: &mut Vec<u32>) -> Result<()> {
        let mut failed = None;
        let page = |at: usize| self.words.get(at * PAGE..(at + 1) * PAGE);
        let mut word = String::new();
        tokenizer::split(text, &self.meta.tokenizer, &mut word, &mut |word| {
            // A word that is too long, or unknown in part, counts for nothing, as in the training.
            if let Some(word) = word {
                match self.list.cut(word, &page, pieces) {
                    Ok(Cut::Done | Cut::Unknown) => {}
                    Ok(Cut::Missing(page)) => {
                        failed = Some(bad("it lacks a page").with(json!({"page": page})));
                    }
                    Err(error) => failed = Some(error),
                }
            }
            failed.is_none() && pieces.len() < PIECES_MAX
        });
        failed.map_or(Ok(()), Err)
    }

    /// The sum of the weighted vectors of the pieces of a text; none without any.
    fn sum(&self, text: &str) -> Result<Option<[f64; DIM]>> {
        let pieces = self.numbers(text)?;
        Ok((!pieces.is_empty()).then(|| self.total(&pieces)))
    }

    fn total(&self, pieces: &[u32]) -> [f64; DIM] {
        let (codes, _) = self.rows.as_chunks::<CODE_BYTES>();
        let mut sum = [0.0; DIM];
        for piece in pieces {
            // The list gives no number beyond the rows.
            for (sum, x) in sum
                .iter_mut()
                .zip(short::dequantize(&codes[*piece as usize]))
            {
                *sum += f64::from(x);
            }
        }
        sum
    }

    /// The pieces of a word that is normalised already, for tests.
    #[cfg(test)]
    pub(super) fn cut(&self, word: &str) -> Result<Option<Vec<u32>>> {
        let page = |at: usize| self.words.get(at * PAGE..(at + 1) * PAGE);
        let mut pieces = Vec::new();
        let cut = self.list.cut(word, &page, &mut pieces)?;
        Ok((cut == Cut::Done).then_some(pieces))
    }

    fn check(&self, found: usize, wanted: usize) -> Result<()> {
        if found == wanted {
            return Ok(());
        }
        Err(Error::new(
            Code::WrongDim,
            "a vector has another number of components than its space; give a vector of the model of this table",
        )
        .with(json!({"found": found, "wanted": wanted})))
    }
}

/// The error of a text that is to be encoded without a table.
pub fn missing() -> Error {
    Error::new(
        Code::NotReady,
        "there is no piece table yet; load one before texts are encoded without the model",
    )
}

/// A vector of length 1 in the direction of a sum; none for zeros.
pub fn direction(sum: &[f64]) -> Option<Vec<f32>> {
    let length = math::dot(sum, sum).sqrt();
    (length > 0.0).then(|| sum.iter().map(|x| (x / length) as f32).collect())
}
