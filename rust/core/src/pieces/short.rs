//! Vectors of the short space in 66 bytes, and how close a query is to each.
//!
//! Owns the layout of a code: 64 bytes that hold component `i + 64 j` in their bits `2j` and `2j + 1`, then a
//! little-endian binary16 scale. Must not know what the vectors stand for. Invariant: the dot product of the codes is an
//! exact integer, so a closeness is the same on every target.
//!
//! Two bits stand for -3, -1, 1, 3 scales: of all quantisers with even steps the best for a normal distribution is the
//! one with steps of .9957 standard deviations (Max, "Quantizing for minimum distortion", 1960), which the components
//! of a rotated vector follow. The scale kept is the one that keeps dot products unbiased, |x|^2 / x.c (Gao and Long,
//! "RaBitQ", 2024).

use crate::codes;
use crate::error::{Code, Error, Result};
use crate::kernels;
use serde_json::json;

/// Components of a vector of the short space.
pub const DIM: usize = 256;
/// Bytes of a code.
pub const CODE_BYTES: usize = PLANE + 2;
/// Bytes of the signs of a code.
pub const SIGNS_BYTES: usize = DIM / 8 + 2;

const PLANE: usize = DIM / 4;
/// Half a step in standard deviations.
const HALF_STEP: f64 = 0.9957 / 2.0;
/// Codes that are unpacked at a time, so that they stay in the fastest cache.
const BATCH: usize = 64;
/// The largest finite binary16.
const SCALE_MAX: f64 = 65504.0;

/// A query of the short space as integers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    query: codes::Query,
}

/// The code of a vector.
///
/// # Errors
/// `wrong_dim` for other than [`DIM`] components; `bad_input` for a component that is not finite, for a vector of
/// zeros, or one too long or too short for a binary16 scale (about 6e-7 to 1e6).
pub fn quantize(vector: &[f32]) -> Result<[u8; CODE_BYTES]> {
    check(vector)?;
    let square = sum(vector.iter().map(|x| f64::from(*x) * f64::from(*x)));
    let half = HALF_STEP * (square / DIM as f64).sqrt();
    let mut code = [0; CODE_BYTES];
    let mut shared = 0.0;
    for (at, x) in vector.iter().enumerate() {
        let x = f64::from(*x);
        let level: u8 = if x < -2.0 * half {
            0
        } else if x < 0.0 {
            1
        } else if x < 2.0 * half {
            2
        } else {
            3
        };
        shared += x * f64::from(2 * i32::from(level) - 3);
        code[at % PLANE] |= level << (2 * (at / PLANE));
    }
    // No component is against its level, so the sum is zero only when all of them are.
    code[PLANE..].copy_from_slice(&half_float(square / shared)?.to_le_bytes());
    Ok(code)
}

/// A scale as it is stored.
fn half_float(scale: f64) -> Result<u16> {
    if !(scale.is_finite() && scale <= SCALE_MAX) {
        return Err(unfit(scale));
    }
    match to_half(scale) {
        0 => Err(unfit(scale)),
        bits => Ok(bits),
    }
}

/// The code of a vector that keeps no more than the signs of its components, which [`signs`] has in half the bytes.
///
/// # Errors
/// As for [`quantize`].
pub fn quantize_signs(vector: &[f32]) -> Result<[u8; CODE_BYTES]> {
    check(vector)?;
    let square = sum(vector.iter().map(|x| f64::from(*x) * f64::from(*x)));
    let shared = sum(vector.iter().map(|x| f64::from(x.abs())));
    let mut packed = [0; SIGNS_BYTES];
    for (at, x) in vector.iter().enumerate() {
        packed[at / 8] |= u8::from(*x >= 0.0) << (at % 8);
    }
    packed[DIM / 8..].copy_from_slice(&half_float(square / shared)?.to_le_bytes());
    Ok(of_signs(&packed))
}

/// The signs and the scale of a code that has no other levels than -1 and 1: bit i of the first 32 bytes is set where component i
/// is positive, then the scale.
pub fn signs(code: &[u8; CODE_BYTES]) -> Option<[u8; SIGNS_BYTES]> {
    let mut levels = [0; DIM];
    unpack(code, &mut levels);
    let mut signs = [0; SIGNS_BYTES];
    for (at, level) in levels.into_iter().enumerate() {
        if level.abs() != 1 {
            return None;
        }
        signs[at / 8] |= u8::from(level > 0) << (at % 8);
    }
    signs[DIM / 8..].copy_from_slice(&code[PLANE..]);
    Some(signs)
}

/// The code of which [`signs`] are these.
pub fn of_signs(signs: &[u8; SIGNS_BYTES]) -> [u8; CODE_BYTES] {
    let mut code = [0; CODE_BYTES];
    for at in 0..DIM {
        let level = 1 + (signs[at / 8] >> (at % 8) & 1);
        code[at % PLANE] |= level << (2 * (at / PLANE));
    }
    code[PLANE..].copy_from_slice(&signs[DIM / 8..]);
    code
}

/// The vector that a code stands for.
pub fn dequantize(code: &[u8; CODE_BYTES]) -> [f32; DIM] {
    let mut levels = [0; DIM];
    unpack(code, &mut levels);
    let scale = scale(code);
    levels.map(|level| (f64::from(level) * scale) as f32)
}

/// Whether these bytes can have come from [`quantize`]: their length fits and their scale is positive and finite.
pub fn is_code(code: &[u8]) -> bool {
    code.len() == CODE_BYTES && {
        let bits = u16::from_le_bytes([code[PLANE], code[PLANE + 1]]);
        (1..0x7c00).contains(&bits)
    }
}

impl Query {
    /// A query of [`DIM`] components.
    ///
    /// # Errors
    /// `wrong_dim` for another length, `bad_input` as for [`codes::quantize`].
    pub fn new(vector: &[f32]) -> Result<Query> {
        check(vector)?;
        Ok(Query {
            query: codes::quantize_query(vector)?,
        })
    }

    /// Appends for each code of `rows` its dot product with the query: the cosine, where both had length 1.
    ///
    /// # Panics
    /// When `rows` is not whole codes.
    pub fn closeness(&self, rows: &[u8], found: &mut Vec<f32>) {
        assert!(rows.len().is_multiple_of(CODE_BYTES), "whole codes");
        let kernels = kernels::fastest();
        let mut levels = vec![0_i8; BATCH.min(rows.len() / CODE_BYTES) * DIM];
        let mut dots = [0_i32; BATCH];
        found.reserve(rows.len() / CODE_BYTES);
        for batch in rows.chunks(BATCH * CODE_BYTES) {
            let count = batch.len() / CODE_BYTES;
            let (codes, _) = batch.as_chunks::<CODE_BYTES>();
            for (code, levels) in codes.iter().zip(levels.as_chunks_mut::<DIM>().0) {
                unpack(code, levels);
            }
            kernels.dots(
                &self.query.codes,
                &levels[..count * DIM],
                &mut dots[..count],
            );
            let scored = codes.iter().zip(dots);
            found.extend(scored.map(|(code, dot)| {
                (f64::from(dot) * f64::from(self.query.scale) * scale(code)) as f32
            }));
        }
    }
}

fn check(vector: &[f32]) -> Result<()> {
    if vector.len() != DIM {
        return Err(Error::new(
            Code::WrongDim,
            "a vector of the short space has 256 components; project the model's vector first",
        )
        .with(json!({"found": vector.len(), "wanted": DIM})));
    }
    codes::magnitude(vector).map(|_| ())
}

fn unfit(scale: f64) -> Error {
    Error::new(
        Code::BadInput,
        "a vector is too long or too short for a code; scale it to length 1",
    )
    .with(json!({"scale": scale}))
}

fn unpack(code: &[u8; CODE_BYTES], levels: &mut [i8; DIM]) {
    for (plane, levels) in levels.as_chunks_mut::<PLANE>().0.iter_mut().enumerate() {
        for (level, byte) in levels.iter_mut().zip(code) {
            *level = ((byte >> (2 * plane)) & 3) as i8 * 2 - 3;
        }
    }
}

fn scale(code: &[u8; CODE_BYTES]) -> f64 {
    from_half(u16::from_le_bytes([code[PLANE], code[PLANE + 1]]))
}

fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    terms.fold(0.0, |sum, term| sum + term)
}

/// The nearest binary16 of a number from 0 to [`SCALE_MAX`], ties to even, as bits (IEEE 754, 3.6).
pub(super) fn to_half(value: f64) -> u16 {
    // Below 2^-14 steps are 2^-24; above, 2^-10 of the power of two below the number.
    let exponent = ((value.to_bits() >> 52) as i32 - 1023).max(-14);
    let steps = (value * power(10 - exponent)).round_ties_even() as u32;
    // A carry out of the fraction lands in the exponent, where it belongs.
    (((exponent + 14) as u32) * 1024 + steps) as u16
}

/// What the bits of a finite, positive binary16 stand for.
pub(super) fn from_half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10), f64::from(bits & 1023));
    match exponent {
        0 => fraction * power(-24),
        _ => (1024.0 + fraction) * power(exponent - 25),
    }
}

/// 2 to an exponent of the normal range.
fn power(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{dot, sequence};
    use super::*;

    #[test]
    fn a_code_keeps_the_direction_of_its_vector_and_dot_products_on_average() {
        for seed in 1..20 {
            let vector = sequence(DIM, seed);
            let back = dequantize(&quantize(&vector).unwrap());
            let cosine = dot(&vector, &back) / (dot(&vector, &vector) * dot(&back, &back)).sqrt();
            assert!(cosine > 0.92, "{cosine}");
            assert!((dot(&vector, &back) / dot(&vector, &vector) - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn signs_keep_the_direction_and_come_back() {
        for seed in 1..20 {
            let vector = sequence(DIM, seed);
            let code = quantize_signs(&vector).unwrap();
            let back = dequantize(&code);
            let cosine = dot(&vector, &back) / (dot(&vector, &vector) * dot(&back, &back)).sqrt();
            assert!(cosine > 0.75, "{cosine}");
            assert!((dot(&vector, &back) / dot(&vector, &vector) - 1.0).abs() < 1e-3);
            assert!(is_code(&code));
            assert_eq!(of_signs(&signs(&code).unwrap()), code);
            assert_eq!(signs(&quantize(&vector).unwrap()), None);
        }
        assert_eq!(
            quantize_signs(&[0.0; DIM]).unwrap_err().code,
            Code::BadInput
        );
        assert_eq!(
            signs(&quantize_signs(&[1.0; DIM]).unwrap()).unwrap()[..32],
            [255; 32]
        );
    }

    #[test]
    fn closeness_is_the_dot_product_with_what_the_codes_stand_for() {
        let query = sequence(DIM, 5);
        let prepared = Query::new(&query).unwrap();
        for count in [0, 1, 63, 64, 65, 130] {
            let rows: Vec<Vec<f32>> = (0..count).map(|seed| sequence(DIM, 100 + seed)).collect();
            let codes: Vec<[u8; CODE_BYTES]> =
                rows.iter().map(|row| quantize(row).unwrap()).collect();
            let mut found = vec![7.0];
            prepared.closeness(&codes.concat(), &mut found);
            assert_eq!(found.len(), 1 + codes.len());
            for (code, found) in codes.iter().zip(&found[1..]) {
                let expected = dot(&query, &dequantize(code));
                assert!((f64::from(*found) - expected).abs() < 0.02);
            }
        }
    }

    #[test]
    fn the_layout_is_the_one_of_the_format() {
        let mut vector = [1.0; DIM];
        vector[0] = -9.0;
        vector[64] = -1.0;
        vector[128] = 9.0;
        let code = quantize(&vector).unwrap();
        assert_eq!(code[0], 0b10_11_01_00);
        assert!(code[1..PLANE].iter().all(|byte| *byte == 0b10_10_10_10));
        assert!(is_code(&code) && !is_code(&code[1..]));
    }

    #[test]
    fn every_finite_binary16_comes_back_and_others_go_to_the_nearest() {
        for bits in 0..0x7bff {
            let value = from_half(bits);
            assert_eq!(to_half(value), bits);
            let middle = (value + from_half(bits + 1)) / 2.0;
            assert_eq!(to_half(middle) & 1, 0, "{value}");
            assert_eq!(to_half(middle * (1.0 - 1e-12)), bits);
            assert_eq!(to_half(middle * (1.0 + 1e-12)), bits + 1);
        }
        assert_eq!((from_half(0x3c00), from_half(1)), (1.0, power(-24)));
        assert_eq!(to_half(SCALE_MAX), 0x7bff);
    }

    #[test]
    fn what_has_no_code_is_refused() {
        let refused = |vector: &[f32]| quantize(vector).unwrap_err().code;
        assert_eq!(refused(&[1.0; 255]), Code::WrongDim);
        for value in [0.0, f32::NAN, 1e-9, 1e7] {
            assert_eq!(refused(&[value; DIM]), Code::BadInput);
        }
        assert_eq!(Query::new(&[1.0; 3]).unwrap_err().code, Code::WrongDim);
        let mut code = quantize(&[1.0; DIM]).unwrap();
        for bits in [0, 0x7c00, 0x7e00, 0x8001] {
            code[PLANE..].copy_from_slice(&u16::to_le_bytes(bits));
            assert!(!is_code(&code));
        }
    }
}
