//! Rows as small integers: 8, 4 or 1 bits a component, and what that costs.
//!
//! Owns the layout of a packed row; must not know of indexes. Invariant: packing what unpacking gave changes no code.
//!
//! A packed row is a little-endian f32 scale, then the codes, then nothing: 8 bits, one signed byte each, scale
//! `max|x| / 127`; 4 bits, two's complement, component 2i in the low half of byte i, scale `max|x| / 7`; 1 bit, bit
//! i modulo 8 of byte i/8 set where the component is above zero, scale the mean of `|x|`. Unused bits are zero.

use super::distances::cosine;
use super::rows::{self, Rows, dot, length, sum};
use super::{NUMBERS_CAP, refused};
use crate::codes;
use crate::error::{Code, Error, Result};
use crate::pieces::short;
use serde_json::{Value, json};

const SCALE_BYTES: usize = 4;

/// How many bits a component takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bits {
    Eight,
    Four,
    One,
}

impl Bits {
    fn count(self) -> usize {
        match self {
            Bits::Eight => 8,
            Bits::Four => 4,
            Bits::One => 1,
        }
    }

    fn row_bytes(self, dim: usize) -> usize {
        SCALE_BYTES + (dim * self.count()).div_ceil(8)
    }
}

/// The bits a request names.
pub(super) fn bits(number: u8) -> Result<Bits> {
    match number {
        8 => Ok(Bits::Eight),
        4 => Ok(Bits::Four),
        1 => Ok(Bits::One),
        _ => Err(refused("\"bits\" is none of 8, 4 and 1").with(json!({"bits": number}))),
    }
}

/// The packed rows, end to end.
pub(super) fn quantize(rows: &Rows, bits: Bits) -> Result<Vec<u8>> {
    let mut packed = Vec::with_capacity(rows.count() * bits.row_bytes(rows.dim()));
    let mut codes = Vec::with_capacity(rows.dim());
    for (at, row) in rows.iter().enumerate() {
        codes.clear();
        let scale = encode(row, bits, &mut codes).map_err(|error| in_row(error, at))?;
        packed.extend(scale.to_le_bytes());
        match bits {
            Bits::Eight => packed.extend(codes.iter().map(|code| *code as u8)),
            Bits::Four => packed.extend(codes::pack_nibbles(&codes)),
            Bits::One => packed.extend(codes.chunks(8).map(|group| {
                let set = group.iter().enumerate();
                set.fold(0, |byte, (bit, code)| byte | u8::from(*code > 0) << bit)
            })),
        }
    }
    Ok(packed)
}

/// The codes of rows of the short space, end to end.
pub(super) fn shorten(rows: &Rows) -> Result<Vec<u8>> {
    let mut codes = Vec::with_capacity(rows.count() * short::CODE_BYTES);
    for (at, row) in rows.iter().enumerate() {
        codes.extend(short::quantize(row).map_err(|error| in_row(error, at))?);
    }
    Ok(codes)
}

/// The rows out of packed rows: rows x dim.
pub(super) fn dequantize(dim: usize, bits: Bits, payload: &[u8]) -> Result<Vec<f32>> {
    rows::check(dim)?;
    let row_bytes = bits.row_bytes(dim);
    let count = rows::whole(dim, row_bytes, payload)?;
    if count
        .checked_mul(dim)
        .is_none_or(|numbers| numbers > NUMBERS_CAP)
    {
        return Err(refused(
            "the reply would hold more than 2^27 numbers; send fewer rows at a time",
        )
        .with(json!({"rows": count, "dim": dim})));
    }
    let mut values = Vec::with_capacity(count * dim);
    for (at, packed) in payload.chunks_exact(row_bytes).enumerate() {
        let (scale, packed) = packed.split_at(SCALE_BYTES);
        let scale = f32::from_le_bytes([scale[0], scale[1], scale[2], scale[3]]);
        if !(scale.is_normal() && scale > 0.0) {
            return Err(damaged("a scale that is not a positive number", at));
        }
        let width = bits.count();
        // What follows the last component in its byte.
        let unused = packed.len() * 8 - dim * width;
        if packed[packed.len() - 1].leading_zeros() < unused as u32 {
            return Err(damaged("bits beyond its last component", at));
        }
        for component in 0..dim {
            let byte = packed[component * width / 8];
            let code = match bits {
                Bits::Eight => byte as i8,
                Bits::Four => codes::unpack_nibbles(byte)[component % 2],
                Bits::One => ((byte >> (component % 8) & 1) * 2) as i8 - 1,
            };
            if (bits == Bits::Eight && code == i8::MIN) || (bits == Bits::Four && code == -8) {
                return Err(damaged("a code that quantising never gives", at));
            }
            values.push(f32::from(code) * scale);
        }
    }
    Ok(values)
}

/// Mean and greatest absolute difference of a component, and the mean cosine of a row with what is left of it.
pub(super) fn loss(rows: &Rows, bits: Bits) -> Result<Value> {
    rows.some()?;
    let dim = rows.dim();
    let (mut difference, mut greatest, mut cosines) = (0.0_f64, 0.0_f64, 0.0_f64);
    let mut codes = Vec::with_capacity(dim);
    for (at, row) in rows.iter().enumerate() {
        codes.clear();
        let scale = encode(row, bits, &mut codes).map_err(|error| in_row(error, at))?;
        let kept: Vec<f32> = codes.iter().map(|code| f32::from(*code) * scale).collect();
        difference += sum(row, &kept, |x, y| (f64::from(x) - f64::from(y)).abs());
        for (x, y) in row.iter().zip(&kept) {
            let apart = (f64::from(*x) - f64::from(*y)).abs();
            if apart > greatest {
                greatest = apart;
            }
        }
        cosines += cosine(dot(row, &kept), length(row), length(&kept));
    }
    let count = rows.count() as f64;
    Ok(json!({
        "rows": rows.count(),
        "dim": dim,
        "bits": bits.count(),
        "row_bytes": bits.row_bytes(dim),
        "mean_error": difference / (count * dim as f64),
        "max_error": greatest,
        "mean_cosine": cosines / count,
    }))
}

/// Appends the codes of a row and gives their scale.
fn encode(row: &[f32], bits: Bits, codes: &mut Vec<i8>) -> Result<f32> {
    match bits {
        Bits::Eight => codes::quantize(row, codes),
        Bits::Four => codes::quantize_nibbles(row, codes),
        Bits::One => {
            codes::magnitude(row)?;
            codes.extend(row.iter().map(|x| if *x > 0.0 { 1 } else { -1 }));
            let sum = sum(row, row, |x, _| f64::from(x.abs()));
            Ok((sum / row.len() as f64) as f32)
        }
    }
}

fn in_row(mut error: Error, row: usize) -> Error {
    error.detail["row"] = row.into();
    error
}

fn damaged(what: &str, row: usize) -> Error {
    Error::new(
        Code::BadInput,
        format!("a packed vector has {what}; quantise the vectors again"),
    )
    .with(json!({"row": row}))
}
