//! x86-64: AVX2, AVX-VNNI and AVX-512 with VNNI, chosen at run time.
//!
//! Owns every x86 intrinsic; knows nothing of layers. Weights are the unsigned operand (0..=127), so pairs of products
//! fit sixteen bits and nothing saturates. Invariant: the bits of the scalar twins
//! `register::Scalar`, `doubles::ScalarDot` and `scan::dot`, which `tests.rs` compares.

use super::linear::{Dot, PANEL, STEP};
use super::register::{LANES, Register};
use std::arch::x86_64::*;

/// Eight lanes.
#[derive(Clone, Copy)]
pub(super) struct Y(__m256);

#[inline(always)]
unsafe fn halves(v: __m256) -> (__m128, __m128) {
    // SAFETY: on registers only; the caller has the instruction set.
    unsafe { (_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v)) }
}

impl Register for Y {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        Y(unsafe { _mm256_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe {
            Y(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(
                from.cast(),
            ))))
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Y(unsafe { _mm256_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Y(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Y(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Y(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Y(unsafe { _mm256_min_ps(other.0, self.0) })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Y(unsafe { _mm256_max_ps(other.0, self.0) })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Y(unsafe { _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let power = _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(n.0));
            Y(_mm256_castsi256_ps(_mm256_add_epi32(
                _mm256_castps_si256(self.0),
                power,
            )))
        }
    }
    #[inline(always)]
    unsafe fn fold_add(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let (low, high) = halves(self.0);
            let four = _mm_add_ps(low, high);
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
    #[inline(always)]
    unsafe fn fold_min(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let (low, high) = halves(self.0);
            let four = _mm_min_ps(low, high);
            let two = _mm_min_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_min_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
    #[inline(always)]
    unsafe fn fold_max(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let (low, high) = halves(self.0);
            let four = _mm_max_ps(low, high);
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }
    #[inline(always)]
    unsafe fn butterfly(self, stride: usize) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let v = self.0;
            let (swapped, signs) = match stride {
                4 => (
                    _mm256_permute2f128_ps::<1>(v, v),
                    _mm256_setr_ps(1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0),
                ),
                2 => (
                    _mm256_permute_ps::<0b01_00_11_10>(v),
                    _mm256_setr_ps(1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0),
                ),
                _ => (
                    _mm256_permute_ps::<0b10_11_00_01>(v),
                    _mm256_setr_ps(1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0),
                ),
            };
            Y(_mm256_add_ps(swapped, _mm256_mul_ps(v, signs)))
        }
    }
    #[inline(always)]
    unsafe fn store_i8(values: &[Self; LANES], to: *mut i8) {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe {
            let (a, b) = (
                _mm256_cvtps_epi32(values[0].0),
                _mm256_cvtps_epi32(values[1].0),
            );
            // Packing works inside 128-bit halves; the permutation puts the quarters back in order.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(a, b));
            let bytes = _mm_packs_epi16(
                _mm256_castsi256_si128(words),
                _mm256_extracti128_si256::<1>(words),
            );
            _mm_storeu_si128(to.cast(), bytes);
        }
    }
}

/// How eight columns are multiplied: `sum` plus, for each of them, four weights times four activations.
pub(super) trait Quads {
    /// # Safety
    /// The instruction set is available; `w` is at most 127.
    unsafe fn add(sum: __m256i, w: __m256i, x: __m256i) -> __m256i;
}

/// Products of bytes in pairs, then pairs of those.
pub(super) struct Madd;

impl Quads for Madd {
    #[inline(always)]
    unsafe fn add(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let pairs = _mm256_maddubs_epi16(w, x);
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }
}

/// `vpdpbusd` as AVX-VNNI encodes it, on processors that may lack AVX-512.
pub(super) struct Vex;

impl Quads for Vex {
    #[inline(always)]
    unsafe fn add(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe { _mm256_dpbusd_avx_epi32(sum, w, x) }
    }
}

/// `vpdpbusd` as AVX-512 encodes it: proves the tile of [`Vex`] on processors that lack AVX-VNNI.
#[cfg(test)]
pub(super) struct Evex;

#[cfg(test)]
impl Quads for Evex {
    #[inline(always)]
    unsafe fn add(sum: __m256i, w: __m256i, x: __m256i) -> __m256i {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe { _mm256_dpbusd_epi32(sum, w, x) }
    }
}

/// Sixteen columns in two registers, four rows.
pub(super) struct YDot<Q: Quads>(std::marker::PhantomData<Q>);

impl<Q: Quads> Dot for YDot<Q> {
    type R = Y;
    const ROWS: usize = 4;
    const COLUMNS: usize = 2 * PANEL;

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(
        q: *const i8,
        inputs: usize,
        starts: &[i32; ROWS],
        panels: *const u8,
    ) -> [[Y; PANEL]; ROWS] {
        // SAFETY: inside the rows and the panels, see the trait; the caller has the instruction set.
        unsafe {
            let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
            let mut row = 0;
            while row < ROWS {
                sums[row] = [_mm256_set1_epi32(starts[row]); 2];
                row += 1;
            }
            let mut k = 0;
            while k < inputs {
                let w0 = _mm256_loadu_si256(panels.add(k * PANEL).cast());
                let w1 = _mm256_loadu_si256(panels.add((inputs + k) * PANEL).cast());
                let mut row = 0;
                while row < ROWS {
                    let x =
                        _mm256_set1_epi32(q.add(row * inputs + k).cast::<i32>().read_unaligned());
                    sums[row] = [Q::add(sums[row][0], w0, x), Q::add(sums[row][1], w1, x)];
                    row += 1;
                }
                k += STEP;
            }
            let mut result = [[Y(_mm256_setzero_ps()); PANEL]; ROWS];
            let mut row = 0;
            while row < ROWS {
                result[row][0] = Y(_mm256_cvtepi32_ps(sums[row][0]));
                result[row][1] = Y(_mm256_cvtepi32_ps(sums[row][1]));
                row += 1;
            }
            result
        }
    }
}

/// Sixteen lanes.
#[derive(Clone, Copy)]
pub(super) struct Z(__m512);

impl Register for Z {
    const WIDTH: usize = 16;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        Z(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe {
            Z(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(
                from.cast(),
            ))))
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Z(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Z(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Z(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Z(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Z(unsafe { _mm512_min_ps(other.0, self.0) })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Z(unsafe { _mm512_max_ps(other.0, self.0) })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        Z(unsafe { _mm512_roundscale_ps::<0>(self.0) })
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let power = _mm512_slli_epi32::<23>(_mm512_cvtps_epi32(n.0));
            Z(_mm512_castsi512_ps(_mm512_add_epi32(
                _mm512_castps_si512(self.0),
                power,
            )))
        }
    }
    #[inline(always)]
    unsafe fn fold_add(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let high = _mm512_shuffle_f32x4::<0b01_00_11_10>(self.0, self.0);
            Y(_mm512_castps512_ps256(_mm512_add_ps(self.0, high))).fold_add()
        }
    }
    #[inline(always)]
    unsafe fn fold_min(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let high = _mm512_shuffle_f32x4::<0b01_00_11_10>(self.0, self.0);
            Y(_mm512_castps512_ps256(_mm512_min_ps(self.0, high))).fold_min()
        }
    }
    #[inline(always)]
    unsafe fn fold_max(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let high = _mm512_shuffle_f32x4::<0b01_00_11_10>(self.0, self.0);
            Y(_mm512_castps512_ps256(_mm512_max_ps(self.0, high))).fold_max()
        }
    }
    #[inline(always)]
    unsafe fn butterfly(self, stride: usize) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let v = self.0;
            // The second half of each pair of `stride` lanes gets swapped - v, the first half swapped + v.
            let (swapped, second) = match stride {
                8 => (_mm512_shuffle_f32x4::<0b01_00_11_10>(v, v), 0xff00),
                4 => (_mm512_shuffle_f32x4::<0b10_11_00_01>(v, v), 0xf0f0),
                2 => (_mm512_permute_ps::<0b01_00_11_10>(v), 0xcccc),
                _ => (_mm512_permute_ps::<0b10_11_00_01>(v), 0xaaaa),
            };
            Z(_mm512_mask_sub_ps(
                _mm512_add_ps(swapped, v),
                second,
                swapped,
                v,
            ))
        }
    }
    #[inline(always)]
    unsafe fn store_i8(values: &[Self; LANES], to: *mut i8) {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe {
            _mm_storeu_si128(
                to.cast(),
                _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(values[0].0)),
            )
        }
    }
}

/// Sixteen columns in one register, eight rows.
pub(super) struct VnniDot;

impl Dot for VnniDot {
    type R = Z;
    const ROWS: usize = 8;
    const COLUMNS: usize = 2 * PANEL;

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(
        q: *const i8,
        inputs: usize,
        starts: &[i32; ROWS],
        panels: *const u8,
    ) -> [[Z; PANEL]; ROWS] {
        // SAFETY: inside the rows and the panels, see the trait; the caller has the instruction set.
        unsafe {
            let mut sums = [_mm512_setzero_si512(); ROWS];
            let mut row = 0;
            while row < ROWS {
                sums[row] = _mm512_set1_epi32(starts[row]);
                row += 1;
            }
            let mut k = 0;
            while k < inputs {
                let low = _mm256_loadu_si256(panels.add(k * PANEL).cast());
                let high = _mm256_loadu_si256(panels.add((inputs + k) * PANEL).cast());
                let w = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
                let mut row = 0;
                while row < ROWS {
                    let x =
                        _mm512_set1_epi32(q.add(row * inputs + k).cast::<i32>().read_unaligned());
                    sums[row] = _mm512_dpbusd_epi32(sums[row], w, x);
                    row += 1;
                }
                k += STEP;
            }
            let mut result = [[Z(_mm512_setzero_ps()); PANEL]; ROWS];
            let mut row = 0;
            while row < ROWS {
                result[row][0] = Z(_mm512_cvtepi32_ps(sums[row]));
                row += 1;
            }
            result
        }
    }
}

/// As [`super::scan::dot`].
///
/// # Safety
/// All pointers are valid for `n` values; AVX2 is available.
#[inline(always)]
pub(super) unsafe fn dot<const N: usize>(
    query: *const i16,
    rows: [*const i8; N],
    n: usize,
) -> [i32; N] {
    // SAFETY: `i + 16 <= n` in the loop, `whole <= n` for the rest.
    unsafe {
        let mut sums = [_mm256_setzero_si256(); N];
        let whole = n / 16 * 16;
        let mut i = 0;
        while i < whole {
            let x = _mm256_loadu_si256(query.add(i).cast());
            let mut row = 0;
            while row < N {
                let codes = _mm256_cvtepi8_epi16(_mm_loadu_si128(rows[row].add(i).cast()));
                sums[row] = _mm256_add_epi32(sums[row], _mm256_madd_epi16(x, codes));
                row += 1;
            }
            i += 16;
        }
        let mut folded = [0; N];
        let mut row = 0;
        while row < N {
            let four = _mm_add_epi32(
                _mm256_castsi256_si128(sums[row]),
                _mm256_extracti128_si256::<1>(sums[row]),
            );
            let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
            folded[row] = _mm_cvtsi128_si32(two).wrapping_add(_mm_extract_epi32::<1>(two));
            row += 1;
        }
        super::scan::with_rest(folded, query, rows, whole, n)
    }
}
