//! WebAssembly SIMD: the register and both ways of multiplying bytes.
//!
//! Owns every wasm intrinsic; knows nothing of layers or rows' meaning. The relaxed dot product is exact for what we feed it: its 7-bit operand, the weights, never
//! exceeds 127, below which all engines agree. Eight accumulators at most: V8 has fifteen registers on x86-64 and halves
//! its speed when it spills. Invariant: the bits of the scalar twins
//! `register::Scalar`, `doubles::ScalarDot` and `scan::dot`, which `tests.rs` compares.

use super::linear::{Dot, PANEL, STEP};
use super::register::{LANES, Register};
use std::arch::wasm32::*;

/// Four lanes.
#[derive(Clone, Copy)]
pub(super) struct V(v128);

impl Register for V {
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        V(unsafe { v128_load(from.cast()) })
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        let bytes = unsafe { v128_load32_zero(from.cast()) };
        V(f32x4_convert_i32x4(i32x4_extend_low_i16x8(
            i16x8_extend_low_i8x16(bytes),
        )))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe { v128_store(to.cast(), self.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        V(f32x4_splat(value))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        V(f32x4_add(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        V(f32x4_sub(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        V(f32x4_mul(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        V(f32x4_pmin(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        V(f32x4_pmax(self.0, other.0))
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        V(f32x4_nearest(self.0))
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        V(i32x4_add(self.0, i32x4_shl(i32x4_trunc_sat_f32x4(n.0), 23)))
    }
    #[inline(always)]
    unsafe fn fold_add(self) -> f32 {
        let two = f32x4_add(self.0, i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0));
        f32x4_extract_lane::<0>(two) + f32x4_extract_lane::<1>(two)
    }
    #[inline(always)]
    unsafe fn fold_min(self) -> f32 {
        let two = f32x4_pmin(self.0, i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0));
        f32x4_extract_lane::<0>(f32x4_pmin(two, i32x4_shuffle::<1, 0, 3, 2>(two, two)))
    }
    #[inline(always)]
    unsafe fn fold_max(self) -> f32 {
        let two = f32x4_pmax(self.0, i32x4_shuffle::<2, 3, 0, 1>(self.0, self.0));
        f32x4_extract_lane::<0>(f32x4_pmax(two, i32x4_shuffle::<1, 0, 3, 2>(two, two)))
    }
    #[inline(always)]
    unsafe fn butterfly(self, stride: usize) -> Self {
        let v = self.0;
        if stride == 2 {
            V(f32x4_add(
                i32x4_shuffle::<2, 3, 0, 1>(v, v),
                f32x4_mul(v, f32x4(1.0, 1.0, -1.0, -1.0)),
            ))
        } else {
            V(f32x4_add(
                i32x4_shuffle::<1, 0, 3, 2>(v, v),
                f32x4_mul(v, f32x4(1.0, -1.0, 1.0, -1.0)),
            ))
        }
    }
    #[inline(always)]
    unsafe fn store_i8(values: &[Self; LANES], to: *mut i8) {
        let [a, b, c, d] = [values[0].0, values[1].0, values[2].0, values[3].0]
            .map(|v| i32x4_trunc_sat_f32x4(f32x4_nearest(v)));
        let bytes = i8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d));
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe { v128_store(to.cast(), bytes) }
    }
}

/// Eight columns; four rows with the relaxed dot product, two with sixteen-bit products.
pub(super) struct WasmDot;

#[cfg(target_feature = "relaxed-simd")]
impl Dot for WasmDot {
    type R = V;
    const ROWS: usize = 4;
    const COLUMNS: usize = PANEL;

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(
        q: *const i8,
        inputs: usize,
        starts: &[i32; ROWS],
        panels: *const u8,
    ) -> [[V; PANEL]; ROWS] {
        let mut sums = [[i32x4_splat(0); 2]; ROWS];
        let mut row = 0;
        while row < ROWS {
            sums[row] = [i32x4_splat(starts[row]); 2];
            row += 1;
        }
        let (mut q, mut w) = (q, panels);
        let mut k = 0;
        while k < inputs {
            // SAFETY: inside the panel and the rows, see the trait.
            unsafe {
                let (w0, w1) = (v128_load(w.cast()), v128_load(w.add(16).cast()));
                let mut row = 0;
                while row < ROWS {
                    let x = v128_load32_splat(q.add(row * inputs).cast());
                    sums[row][0] = i32x4_relaxed_dot_i8x16_i7x16_add(x, w0, sums[row][0]);
                    sums[row][1] = i32x4_relaxed_dot_i8x16_i7x16_add(x, w1, sums[row][1]);
                    row += 1;
                }
                q = q.add(STEP);
                w = w.add(PANEL * STEP);
            }
            k += STEP;
        }
        let mut result = [[V(i32x4_splat(0)); PANEL]; ROWS];
        let mut row = 0;
        while row < ROWS {
            result[row][0] = V(f32x4_convert_i32x4(sums[row][0]));
            result[row][1] = V(f32x4_convert_i32x4(sums[row][1]));
            row += 1;
        }
        result
    }
}

#[cfg(not(target_feature = "relaxed-simd"))]
impl Dot for WasmDot {
    type R = V;
    const ROWS: usize = 2;
    const COLUMNS: usize = PANEL;

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(
        q: *const i8,
        inputs: usize,
        starts: &[i32; ROWS],
        panels: *const u8,
    ) -> [[V; PANEL]; ROWS] {
        // Each accumulator holds two columns, each as the sums over inputs 0, 1 and 2, 3 of every step.
        let mut sums = [[i32x4_splat(0); 4]; ROWS];
        let (mut q, mut w) = (q, panels);
        let mut k = 0;
        while k < inputs {
            // SAFETY: inside the panel and the rows, see the trait.
            unsafe {
                let mut weights = [i32x4_splat(0); 4];
                let mut pair = 0;
                while pair < 4 {
                    weights[pair] = i16x8_load_extend_u8x8(w.add(pair * 8));
                    pair += 1;
                }
                let mut row = 0;
                while row < ROWS {
                    let x = i16x8_extend_low_i8x16(v128_load32_splat(q.add(row * inputs).cast()));
                    let mut pair = 0;
                    while pair < 4 {
                        sums[row][pair] =
                            i32x4_add(sums[row][pair], i32x4_dot_i16x8(x, weights[pair]));
                        pair += 1;
                    }
                    row += 1;
                }
                q = q.add(STEP);
                w = w.add(PANEL * STEP);
            }
            k += STEP;
        }
        let mut result = [[V(i32x4_splat(0)); PANEL]; ROWS];
        let mut row = 0;
        while row < ROWS {
            let mut part = 0;
            while part < 2 {
                let (a, b) = (sums[row][2 * part], sums[row][2 * part + 1]);
                let total = i32x4_add(
                    i32x4_shuffle::<0, 2, 4, 6>(a, b),
                    i32x4_shuffle::<1, 3, 5, 7>(a, b),
                );
                result[row][part] = V(f32x4_convert_i32x4(i32x4_add(
                    total,
                    i32x4_splat(starts[row]),
                )));
                part += 1;
            }
            row += 1;
        }
        result
    }
}

/// As [`super::scan::dot`].
///
/// # Safety
/// All pointers are valid for `n` values.
#[inline(always)]
pub(super) unsafe fn dot<const N: usize>(
    query: *const i16,
    rows: [*const i8; N],
    n: usize,
) -> [i32; N] {
    // SAFETY: `i + 8 <= n` in the loop, `whole <= n` for the rest.
    unsafe {
        let mut sums = [i32x4_splat(0); N];
        let whole = n / 8 * 8;
        let mut i = 0;
        while i < whole {
            let x = v128_load(query.add(i).cast());
            let mut row = 0;
            while row < N {
                let codes = i16x8_load_extend_i8x8(rows[row].add(i));
                sums[row] = i32x4_add(sums[row], i32x4_dot_i16x8(x, codes));
                row += 1;
            }
            i += 8;
        }
        let sums = sums.map(|sum| {
            let sum = i32x4_add(sum, i32x4_shuffle::<2, 3, 0, 1>(sum, sum));
            i32x4_extract_lane::<0>(sum).wrapping_add(i32x4_extract_lane::<1>(sum))
        });
        super::scan::with_rest(sums, query, rows, whole, n)
    }
}
