//! The vector that a document has in an index, to search for others like it.
//!
//! Owns how the vectors of its passages become one; knows nothing of plans. Invariant: sums are in double precision and in the
//! order of the passages, so that every target searches for the same vector.

use super::rows::Rows;
use super::{Index, lost};
use crate::error::Result;
use crate::file::Answer;
use std::ops::Range;

impl Index {
    /// Puts the vector of a document, of length 1, in place of what `out` holds: that of the whole document where it is kept, else
    /// the mean of its passages as they are kept, or its first passage where that mean has no direction.
    ///
    /// # Errors
    /// `bad_format` or `wrong_digest` for a damaged file.
    pub fn vector(&mut self, document: usize, out: &mut Vec<f32>) -> Result<Answer<()>> {
        if let Answer::Need(needs) = self.fetch_rows()? {
            return Ok(Answer::Need(needs));
        }
        let (Some(rows), Some(wholes)) = (&self.rows, &self.whole_rows) else {
            return Err(lost());
        };
        let own = &self.documents[document];
        let passages = own.first_row..own.first_row + own.passages;
        let tries = [
            own.whole.map(|row| (wholes, row..row + 1)),
            Some((rows, passages.clone())),
            Some((rows, passages.start..passages.start + 1)),
        ];
        out.clear();
        for (rows, range) in tries.into_iter().flatten() {
            if direction(rows, range, out) {
                break;
            }
        }
        Ok(Answer::Ready(()))
    }
}

/// The sum of rows at length 1; false, and nothing is written, where it has no direction.
fn direction(rows: &Rows, range: Range<usize>, out: &mut Vec<f32>) -> bool {
    let codes = rows.codes(&range);
    let dim = codes.len() / range.len().max(1);
    let mut sums = vec![0.0_f64; dim];
    for (row, scale) in codes.chunks_exact(dim.max(1)).zip(&rows.scales[range]) {
        for (sum, code) in sums.iter_mut().zip(row) {
            *sum += f64::from(*code) * f64::from(*scale);
        }
    }
    let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 {
        out.extend(sums.iter().map(|x| (x / length) as f32));
    }
    length > 0.0
}
