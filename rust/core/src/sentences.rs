//! Which of a passage's sentences says best what was asked for.
//!
//! Owns the comparison of sentences with a query by meaning; must not know where they come from or how they are shown.
//! Invariant: closeness is summed in double precision and in order, ties go to the first sentence, so that every target chooses
//! the same one.

use crate::embedder::Embedder;
use crate::error::Result;
use crate::model::Model;
use crate::pieces::Pieces;
use crate::plan::TextKind;

/// The number of the sentence whose vector is nearest to that of `asked`, by sums of pieces: some 50 µs a sentence.
///
/// # Errors
/// As for [`Pieces::encode`].
pub fn by_pieces(pieces: &Pieces, asked: &str, sentences: &[&str]) -> Result<usize> {
    let Some(query) = pieces.encode(asked)? else {
        return Ok(0);
    };
    let mut rows = Vec::with_capacity(sentences.len() * query.len());
    for sentence in sentences {
        match pieces.encode(sentence)? {
            Some(row) => rows.extend(row),
            None => rows.resize(rows.len() + query.len(), 0.0),
        }
    }
    Ok(nearest(&query, &rows))
}

/// The same by the model itself: some milliseconds a sentence.
///
/// # Errors
/// As for [`Embedder::embed`].
pub fn by_model(
    model: &Model,
    embedder: &mut Embedder,
    asked: &str,
    sentences: &[&str],
) -> Result<usize> {
    let most = model.meta().max_tokens;
    let rows = embedder.embed(model, TextKind::Passage, sentences, most)?;
    Ok(nearest(embedder.query(model, asked)?, &rows))
}

fn nearest(query: &[f32], rows: &[f32]) -> usize {
    let mut best = (f64::NEG_INFINITY, 0);
    for (number, row) in rows.chunks_exact(query.len().max(1)).enumerate() {
        let products = row
            .iter()
            .zip(query)
            .map(|(x, y)| f64::from(*x) * f64::from(*y));
        let closeness: f64 = products.sum();
        if closeness > best.0 {
            best = (closeness, number);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_row_is_chosen_and_the_first_of_equals() {
        assert_eq!(nearest(&[1.0, 0.0], &[0.0, 1.0, 0.6, 0.8, 0.6, -0.8]), 1);
        assert_eq!(nearest(&[1.0, 0.0], &[]), 0);
        assert_eq!(nearest(&[1.0, 0.0], &[f32::NAN, 0.0]), 0);
    }
}
