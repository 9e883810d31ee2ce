//! Vectors as small integers, and the exact score of two of them.
//!
//! Owns the quantisation of stored vectors (int8, int4) and queries (12 bits in i16) and the scan over codes; knows nothing
//! of documents. Invariant: dot products are exact integers, so a score is the same on every target.

use crate::error::{Code, Error, Result};
use crate::kernels;
use serde_json::json;

/// The most components a vector may have: 4096 x 128 x 2047 still fits an i32.
pub const DIM_CAP: usize = 4096;
/// The largest code that [`quantize`] gives.
pub const CODE_MAX: f32 = 127.0;
/// The largest code that [`quantize_nibbles`] gives.
pub const NIBBLE_MAX: f32 = 7.0;
const QUERY_MAX: f32 = 2047.0;
/// Between these magnitudes neither a scale nor a score can overflow or vanish in f32.
const LARGEST: f32 = 1e9;
const SMALLEST: f32 = 1e-18;

/// A query as codes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// One code of -2047..=2047 a component.
    pub codes: Vec<i16>,
    /// What one unit of a code is worth.
    pub scale: f32,
}

/// Appends the codes of `vector` (-127..=127, `round_half_even(x / scale)`) and gives the scale, `max|x| / 127`.
///
/// # Errors
/// `bad_input` when a component is not finite, or all are (nearly) zero or the largest is beyond 1e9.
pub fn quantize(vector: &[f32], codes: &mut Vec<i8>) -> Result<f32> {
    let scale = magnitude(vector)? / CODE_MAX;
    codes.extend(vector.iter().map(|x| code(*x, scale, CODE_MAX) as i8));
    Ok(scale)
}

/// Appends codes that fit half a byte (-7..=7, `round_half_even(x / scale)`) and gives the scale, `max|x| / 7`.
///
/// # Errors
/// As for [`quantize`].
pub fn quantize_nibbles(vector: &[f32], codes: &mut Vec<i8>) -> Result<f32> {
    let scale = magnitude(vector)? / NIBBLE_MAX;
    codes.extend(vector.iter().map(|x| code(*x, scale, NIBBLE_MAX) as i8));
    Ok(scale)
}

/// The codes of [`quantize_nibbles`] two a byte, the first in the low half; a last one alone has zeros beside it.
pub fn pack_nibbles(codes: &[i8]) -> impl Iterator<Item = u8> {
    codes.chunks(2).map(|pair| {
        let high = pair.get(1).copied().unwrap_or(0);
        (pair[0] as u8 & 15) | ((high as u8) << 4)
    })
}

/// Both codes of a byte.
#[inline]
pub fn unpack_nibbles(byte: u8) -> [i8; 2] {
    [(byte << 4) as i8 >> 4, byte as i8 >> 4]
}

fn code(x: f32, scale: f32, largest: f32) -> f32 {
    (x / scale).round_ties_even().clamp(-largest, largest)
}

/// The codes of a query vector (-2047..=2047, `round_half_even(x / scale)`) with their scale, `max|x| / 2047`.
///
/// # Errors
/// As for [`quantize`].
pub fn quantize_query(vector: &[f32]) -> Result<Query> {
    let mut query = Query::default();
    query.set(vector)?;
    Ok(query)
}

impl Query {
    /// Becomes the query of another vector, in the room it has.
    ///
    /// # Errors
    /// As for [`quantize`]; the query before is kept.
    pub fn set(&mut self, vector: &[f32]) -> Result<()> {
        let scale = magnitude(vector)? / QUERY_MAX;
        let codes = vector.iter().map(|x| code(*x, scale, QUERY_MAX) as i16);
        self.scale = scale;
        self.codes.clear();
        self.codes.extend(codes);
        Ok(())
    }
}

/// Whether a stored scale can have come from the quantisation of a vector to codes up to `largest_code` (127 in [`quantize`]).
pub fn is_scale(scale: f32, largest_code: f32) -> bool {
    scale.is_normal() && scale > 0.0 && scale <= LARGEST / largest_code
}

/// The score of a dot product: the integer times both scales and the weight in double precision, rounded once.
pub fn score(dot: i32, query_scale: f32, scale: f32, weight: f64) -> f32 {
    (f64::from(dot) * f64::from(query_scale) * f64::from(scale) * weight) as f32
}

/// The dot product of `query` with each row of `codes` (rows x dim), written to `dots` (one a row).
///
/// # Panics
/// When `codes` does not hold exactly `dots.len()` rows.
pub fn dots(query: &[i16], codes: &[i8], dots: &mut [i32]) {
    kernels::fastest().dots(query, codes, dots);
}

/// The largest magnitude among the components.
///
/// # Errors
/// As for [`quantize`].
pub fn magnitude(vector: &[f32]) -> Result<f32> {
    if let Some(at) = vector.iter().position(|x| !x.is_finite()) {
        return Err(Error::new(
            Code::BadInput,
            "a vector holds a number that is not finite; it cannot be compared",
        )
        .with(json!({"component": at})));
    }
    let largest = vector
        .iter()
        .fold(0.0_f32, |largest, x| largest.max(x.abs()));
    if !(SMALLEST..=LARGEST).contains(&largest) {
        return Err(Error::new(
            Code::BadInput,
            "the largest component of a vector is zero, or not between 1e-18 and 1e9; scale the vector to length 1",
        )
        .with(json!({"largest": largest})));
    }
    Ok(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_component_becomes_the_largest_code_and_halves_round_to_even() {
        let mut codes = Vec::new();
        let scale = quantize(&[127.0, -127.0, 0.5, 1.5, 2.5, -0.5], &mut codes).unwrap();
        assert_eq!(scale, 1.0);
        assert_eq!(codes, [127, -127, 0, 2, 2, 0]);
        let query = quantize_query(&[-2047.0, 10.5]).unwrap();
        assert_eq!(
            (query.codes.as_slice(), query.scale),
            ([-2047, 10].as_slice(), 1.0)
        );
    }

    #[test]
    fn nibbles_come_back_the_first_from_the_low_half() {
        let mut codes = Vec::new();
        let scale = quantize_nibbles(&[7.0, -7.0, 0.5, 1.5, -0.6], &mut codes).unwrap();
        assert_eq!(
            (scale, codes.as_slice()),
            (1.0, [7, -7, 0, 2, -1].as_slice())
        );
        let packed: Vec<u8> = pack_nibbles(&codes).collect();
        assert_eq!(packed, [0x97, 0x20, 0x0F]);
        let unpacked: Vec<i8> = packed
            .iter()
            .flat_map(|byte| unpack_nibbles(*byte))
            .collect();
        assert_eq!(unpacked, [7, -7, 0, 2, -1, 0]);
    }

    #[test]
    fn vectors_without_direction_are_refused() {
        for vector in [
            [0.0, 0.0],
            [f32::NAN, 1.0],
            [f32::INFINITY, 1.0],
            [1e-30, 0.0],
            [1e30, 0.0],
        ] {
            let mut codes = Vec::new();
            assert_eq!(
                quantize(&vector, &mut codes).unwrap_err().code,
                Code::BadInput
            );
            assert!(codes.is_empty());
            assert_eq!(quantize_query(&vector).unwrap_err().code, Code::BadInput);
        }
    }

    #[test]
    fn the_largest_dot_product_fits() {
        let mut out = [0; 2];
        let mut codes = vec![-128; DIM_CAP];
        codes.extend(vec![127; DIM_CAP]);
        dots(&vec![2047; DIM_CAP], &codes, &mut out);
        assert_eq!(out, [-1_073_217_536, 1_064_833_024]);
    }

    #[test]
    fn every_scale_that_quantize_gives_is_accepted_back() {
        for largest in [1e-18, 0.05, 1.0, 1e9] {
            assert!(is_scale(
                quantize(&[largest], &mut Vec::new()).unwrap(),
                CODE_MAX
            ));
        }
        for scale in [
            0.0,
            -1.0,
            f32::NAN,
            f32::INFINITY,
            f32::MIN_POSITIVE / 2.0,
            1e9,
        ] {
            assert!(!is_scale(scale, CODE_MAX));
        }
    }
}
