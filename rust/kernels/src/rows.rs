//! One query against rows picked by their numbers: f32 measures, and differing bits of sketches.
//!
//! Owns the loops, written once over a register; knows nothing of what the rows mean or who picks them. Invariant: a f32
//! sum runs over sixteen virtual lanes, so every instruction set gives the same bits.

use super::register::{LANES, Register, fold_add16};

/// Sum of products.
pub(super) const DOT: u8 = 0;
/// Sum of squared differences.
pub(super) const SQUARED: u8 = 1;
/// Sum of absolute differences.
pub(super) const ABSOLUTE: u8 = 2;

/// The measure of two rows of `dim` values, a multiple of sixteen.
///
/// # Safety
/// Both pointers are valid for `dim` values; the register's instruction set is available.
#[inline(always)]
pub(super) unsafe fn measure<R: Register, const MEASURE: u8>(
    query: *const f32,
    row: *const f32,
    dim: usize,
) -> f32 {
    // SAFETY: `at + part * WIDTH` ends at `dim`, a multiple of sixteen.
    unsafe {
        let mut sums = [R::splat(0.0); LANES];
        let mut at = 0;
        while at < dim {
            let mut part = 0;
            while part < LANES / R::WIDTH {
                let x = R::load(query.add(at + part * R::WIDTH));
                let y = R::load(row.add(at + part * R::WIDTH));
                let term = if MEASURE == DOT {
                    x.mul(y)
                } else {
                    let difference = x.sub(y);
                    if MEASURE == SQUARED {
                        difference.mul(difference)
                    } else {
                        difference.max(R::splat(0.0).sub(difference))
                    }
                };
                sums[part] = sums[part].add(term);
                part += 1;
            }
            at += LANES;
        }
        fold_add16(sums)
    }
}

/// How many bits of two sketches of `words` words differ.
///
/// # Safety
/// Both pointers are valid for `words` words.
#[inline(always)]
pub(super) unsafe fn hamming(query: *const u64, sketch: *const u64, words: usize) -> u32 {
    let mut bits = 0;
    for word in 0..words {
        // SAFETY: `word < words`.
        bits += unsafe { (*query.add(word) ^ *sketch.add(word)).count_ones() };
    }
    bits
}
