//! The linear layer without SIMD: two products in one multiplication of doubles.
//!
//! Owns how two rows share a double; knows nothing of the other instruction sets, whose twin it is. A processor multiplies
//! two doubles a cycle, but one pair of whole numbers, and JavaScript has nothing but doubles anyway. Its parts are not
//! inlined into each other, because JavaScript engines leave functions beyond some size uncompiled. Invariant: every sum
//! stays below 2^25 a row and 2^53 in all, so that doubles are exact.

use super::float::RowScale;
use super::linear::{self, Dot, PANEL, STEP, Weights};
use super::register::Scalar;

/// What the odd row of a pair is multiplied by.
const SHIFT: f64 = 67_108_864.0;
/// Inputs whose sums fit half a double: a product is at most 128 * 127.
const SPAN: usize = 2048;
/// Inputs that are paired at a time; dimensions are multiples of it.
const CHUNK: usize = super::DIM_STEP;
/// Pairs of rows of the largest tile.
const PAIRS: usize = 4;
/// Columns whose sums are kept in registers at a time.
const PART: usize = 2;

const _: () = assert!(SPAN * 128 * 127 < SHIFT as usize / 2);
const _: () = assert!(SPAN.is_multiple_of(CHUNK));

/// The scalar twin of every [`Dot`].
pub(super) struct ScalarDot;

impl Dot for ScalarDot {
    type R = Scalar;
    const ROWS: usize = 2 * PAIRS;
    const ROWS_STEP: usize = 2;
    const COLUMNS: usize = PANEL;

    #[inline(never)]
    unsafe fn tile<const ROWS: usize>(
        q: *const i8,
        inputs: usize,
        starts: &[i32; ROWS],
        panels: *const u8,
    ) -> [[Scalar; PANEL]; ROWS] {
        let pairs = const { ROWS.div_ceil(2) };
        let mut sums = [[0_i32; PANEL]; ROWS];
        let mut x = [[0.0; PAIRS]; CHUNK];
        let mut first = 0;
        while first < inputs {
            let end = inputs.min(first + SPAN);
            let mut totals = [[0.0_f64; PANEL]; PAIRS];
            while first < end {
                // SAFETY: inside the rows and the panel, see the trait.
                unsafe {
                    pair_up::<ROWS>(q.add(first), inputs, &mut x);
                    let mut column = 0;
                    while column < PANEL {
                        let w = panels.add(first * PANEL + column * STEP);
                        match pairs {
                            1 => products::<1>(&x, w, column, &mut totals),
                            2 => products::<2>(&x, w, column, &mut totals),
                            3 => products::<3>(&x, w, column, &mut totals),
                            _ => products::<PAIRS>(&x, w, column, &mut totals),
                        }
                        column += PART;
                    }
                }
                first += CHUNK;
            }
            let mut row = 0;
            while row < ROWS {
                let mut column = 0;
                while column < PANEL {
                    let (even, odd) = split(totals[row / 2][column]);
                    sums[row][column] += if row % 2 == 0 { even } else { odd };
                    column += 1;
                }
                row += 1;
            }
        }
        let mut result = [[Scalar(0.0); PANEL]; ROWS];
        let mut row = 0;
        while row < ROWS {
            let mut column = 0;
            while column < PANEL {
                result[row][column] = Scalar((starts[row] + sums[row][column]) as f32);
                column += 1;
            }
            row += 1;
        }
        result
    }

    #[inline(never)]
    unsafe fn finish_row<const EPILOGUE: u8>(
        acc: [Scalar; PANEL],
        row: RowScale,
        w: &Weights,
        column: usize,
        to: *mut f32,
        residual: *const f32,
    ) {
        // SAFETY: as the trait has it.
        unsafe {
            linear::finish_row::<Scalar, EPILOGUE>(acc, PANEL, row, w, column, to, residual);
        }
    }
}

/// [`CHUNK`] values of each of `ROWS` rows, the second of a pair shifted beyond the sums of the first.
///
/// # Safety
/// `q` holds `ROWS` rows, `stride` apart.
#[inline(always)]
unsafe fn pair_up<const ROWS: usize>(q: *const i8, stride: usize, x: &mut [[f64; PAIRS]; CHUNK]) {
    let mut k = 0;
    while k < CHUNK {
        let mut row = 0;
        while row < ROWS {
            // SAFETY: see above.
            unsafe {
                let q = q.add(row * stride + k);
                let odd = if row + 1 < ROWS {
                    f64::from(*q.add(stride))
                } else {
                    0.0
                };
                x[k][row / 2] = f64::from(*q) + odd * SHIFT;
            }
            row += 2;
        }
        k += 1;
    }
}

/// Adds the pairs' products with two columns to their totals.
///
/// A loop that is not unrolled, because engines run out of registers otherwise.
///
/// # Safety
/// `w` is the first weight of a column in a panel that holds another after it, and [`CHUNK`] inputs of both.
#[inline(never)]
unsafe fn products<const N: usize>(
    x: &[[f64; PAIRS]; CHUNK],
    w: *const u8,
    column: usize,
    totals: &mut [[f64; PANEL]; PAIRS],
) {
    let mut sums = [[0.0; PART]; N];
    let mut k = 0;
    while k < CHUNK {
        // SAFETY: see above.
        let (a, b) = unsafe {
            let w = w.add(k / STEP * STEP * PANEL + k % STEP);
            (f64::from(*w), f64::from(*w.add(STEP)))
        };
        let mut pair = 0;
        while pair < N {
            sums[pair][0] += x[k][pair] * a;
            sums[pair][1] += x[k][pair] * b;
            pair += 1;
        }
        k += 1;
    }
    let mut pair = 0;
    while pair < N {
        totals[pair][column] += sums[pair][0];
        totals[pair][column + 1] += sums[pair][1];
        pair += 1;
    }
}

/// Both sums of a pair.
#[inline(always)]
fn split(total: f64) -> (i32, i32) {
    // Adding 1.5 * 2^52 leaves no bits for a fraction: the sum itself rounds.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let odd = (total * (1.0 / SHIFT) + ROUND) - ROUND;
    let even = total - odd * SHIFT;
    // SAFETY: both are whole numbers below 2^25.
    unsafe { (even.to_int_unchecked(), odd.to_int_unchecked()) }
}
