//! Vectors as codes and scales, one behind the other.
//!
//! Owns how rows are kept, moved and averaged; knows nothing of documents. Invariant: a mean is summed in the order of its
//! rows, in double precision, so that it is the same on every target.

use crate::codes;
use crate::error::Result;
use std::ops::Range;

/// Rows of one length, which their owner knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) codes: Vec<i8>,
    pub(super) scales: Vec<f32>,
}

impl Rows {
    /// Appends a vector.
    ///
    /// # Errors
    /// `bad_input`, see [`codes::quantize`].
    pub(super) fn push(&mut self, vector: &[f32]) -> Result<()> {
        self.scales.push(codes::quantize(vector, &mut self.codes)?);
        Ok(())
    }

    /// Appends the mean of `vectors` (rows of `dim`) at length 1; false, and nothing is appended, where it has no direction.
    pub(super) fn push_mean(&mut self, vectors: &[f32], dim: usize) -> bool {
        let mut sums = vec![0.0_f64; dim];
        for vector in vectors.chunks_exact(dim) {
            for (sum, x) in sums.iter_mut().zip(vector) {
                *sum += f64::from(*x);
            }
        }
        let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mean: Vec<f32> = sums.iter().map(|x| (x / length) as f32).collect();
        self.push(&mean).is_ok()
    }

    pub(super) fn extend(&mut self, rows: &Rows) {
        self.make_room(rows.codes.len());
        self.codes.extend_from_slice(&rows.codes);
        self.scales.extend_from_slice(&rows.scales);
    }

    /// Appends some rows of others, of which there are any.
    pub(super) fn extend_some(&mut self, rows: &Rows, some: Range<usize>) {
        let codes = rows.codes(&some);
        self.make_room(codes.len());
        self.codes.extend_from_slice(codes);
        self.scales.extend_from_slice(&rows.scales[some]);
    }

    /// Makes room for as many more codes: they are most of what an index holds, so that it grows by an eighth, not to the double.
    fn make_room(&mut self, codes: usize) {
        if self.codes.capacity() - self.codes.len() < codes {
            self.codes.reserve_exact(codes.max(self.codes.len() / 8));
        }
    }

    /// The codes of some of the rows.
    pub(super) fn codes(&self, rows: &Range<usize>) -> &[i8] {
        let dim = self.codes.len() / self.scales.len().max(1);
        &self.codes[rows.start * dim..rows.end * dim]
    }

    /// Moves rows of `dim` components down to the row `to`.
    pub(super) fn move_down(&mut self, rows: Range<usize>, to: usize, dim: usize) {
        let codes = rows.start * dim..rows.end * dim;
        self.codes.copy_within(codes, to * dim);
        self.scales.copy_within(rows, to);
    }

    pub(super) fn truncate(&mut self, rows: usize, dim: usize) {
        self.codes.truncate(rows * dim);
        self.scales.truncate(rows);
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.codes.capacity() + self.scales.capacity() * size_of::<f32>()
    }
}
