//! 64-bit ARM: NEON, with the dot product extension where the machine has it.
//!
//! Owns every aarch64 intrinsic; knows nothing of layers. Weights (0..=127) and activations are both signed bytes here, so
//! `sdot` is exact; without it, pairs of products still fit sixteen bits. Minimum and maximum are a comparison and a
//! selection, because `fmin` orders zeros and spreads NaN. Invariant: the bits of the scalar twins
//! `register::Scalar`, `doubles::ScalarDot` and `scan::dot`, which `tests.rs` compares.

use super::linear::{Dot, PANEL, STEP};
use super::register::{LANES, Register};
use std::arch::aarch64::*;

/// Four lanes.
#[derive(Clone, Copy)]
pub(super) struct N(float32x4_t);

/// Lanes `[2, 3, 0, 1]`.
#[inline(always)]
fn swap_pairs(v: float32x4_t) -> float32x4_t {
    // SAFETY: NEON is part of aarch64.
    unsafe { vextq_f32::<2>(v, v) }
}

/// Four signs that turn a product into an addition or a subtraction.
#[inline(always)]
fn signs(values: [f32; 4]) -> float32x4_t {
    // SAFETY: four values; NEON is part of aarch64.
    unsafe { vld1q_f32(values.as_ptr()) }
}

impl Register for N {
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        N(unsafe { vld1q_f32(from) })
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe {
            let bytes = vreinterpret_s8_s32(vdup_n_s32(from.cast::<i32>().read_unaligned()));
            N(vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes)))))
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe { vst1q_f32(to, self.0) }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        N(unsafe { vdupq_n_f32(value) })
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        N(unsafe { vaddq_f32(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        N(unsafe { vsubq_f32(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        N(unsafe { vmulq_f32(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        N(unsafe { vbslq_f32(vcltq_f32(other.0, self.0), other.0, self.0) })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        N(unsafe { vbslq_f32(vcgtq_f32(other.0, self.0), other.0, self.0) })
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        N(unsafe { vrndnq_f32(self.0) })
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let power = vshlq_n_s32::<23>(vcvtq_s32_f32(n.0));
            N(vreinterpretq_f32_s32(vaddq_s32(
                vreinterpretq_s32_f32(self.0),
                power,
            )))
        }
    }
    #[inline(always)]
    unsafe fn fold_add(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let two = vaddq_f32(self.0, swap_pairs(self.0));
            vgetq_lane_f32::<0>(two) + vgetq_lane_f32::<1>(two)
        }
    }
    #[inline(always)]
    unsafe fn fold_min(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let two = self.min(N(swap_pairs(self.0)));
            vgetq_lane_f32::<0>(two.min(N(vrev64q_f32(two.0))).0)
        }
    }
    #[inline(always)]
    unsafe fn fold_max(self) -> f32 {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let two = self.max(N(swap_pairs(self.0)));
            vgetq_lane_f32::<0>(two.max(N(vrev64q_f32(two.0))).0)
        }
    }
    #[inline(always)]
    unsafe fn butterfly(self, stride: usize) -> Self {
        // SAFETY: on registers only; the caller has the instruction set.
        unsafe {
            let v = self.0;
            let (swapped, signs) = if stride == 2 {
                (swap_pairs(v), signs([1.0, 1.0, -1.0, -1.0]))
            } else {
                (vrev64q_f32(v), signs([1.0, -1.0, 1.0, -1.0]))
            };
            N(vaddq_f32(swapped, vmulq_f32(v, signs)))
        }
    }
    #[inline(always)]
    unsafe fn store_i8(values: &[Self; LANES], to: *mut i8) {
        // SAFETY: the caller vouches for the lanes and the instruction set; see the trait.
        unsafe {
            let [a, b, c, d] = [values[0].0, values[1].0, values[2].0, values[3].0]
                .map(|v| vqmovn_s32(vcvtnq_s32_f32(v)));
            let (low, high) = (vcombine_s16(a, b), vcombine_s16(c, d));
            vst1q_s8(to, vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
        }
    }
}

/// `sum` plus, for each of four columns, four weights times the four activations of step `LANE`.
///
/// # Safety
/// The dot product extension is available.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn sdot<const LANE: i32>(mut sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: one instruction on registers. The intrinsic for it is not stable.
    unsafe {
        std::arch::asm!(
            "sdot {sum:v}.4s, {w:v}.16b, {x:v}.4b[{lane}]",
            sum = inout(vreg) sum,
            w = in(vreg) w,
            x = in(vreg) x,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// As [`sdot`], in what every aarch64 has.
#[inline(always)]
unsafe fn smull<const LANE: i32>(sum: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: on registers only; the caller has the instruction set.
    unsafe {
        let x = vreinterpretq_s8_s32(vdupq_laneq_s32::<LANE>(vreinterpretq_s32_s8(x)));
        let low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
        let pairs = vpaddq_s16(low, vmull_high_s8(w, x));
        vpadalq_s16(sum, pairs)
    }
}

/// Sixteen columns in four registers, four rows; `DOTPROD` where the dot product extension is available.
pub(super) struct NeonDot<const DOTPROD: bool>;

impl<const DOTPROD: bool> NeonDot<DOTPROD> {
    /// Step `LANE` of four: sixteen columns by all rows. `panels` are the weights of the first, `next` bytes on the second.
    #[inline(always)]
    unsafe fn step<const LANE: i32, const ROWS: usize>(
        sums: &mut [[int32x4_t; 4]; ROWS],
        x: &[int8x16_t; ROWS],
        panels: *const u8,
        next: usize,
    ) {
        // SAFETY: inside the panels, see above; on registers for the rest.
        unsafe {
            let first = panels.add(LANE as usize * PANEL * STEP).cast::<i8>();
            let second = first.add(next);
            let w = [first, first.add(16), second, second.add(16)].map(|at| vld1q_s8(at));
            let mut row = 0;
            while row < ROWS {
                let mut part = 0;
                while part < 4 {
                    sums[row][part] = if DOTPROD {
                        sdot::<LANE>(sums[row][part], w[part], x[row])
                    } else {
                        smull::<LANE>(sums[row][part], w[part], x[row])
                    };
                    part += 1;
                }
                row += 1;
            }
        }
    }
}

impl<const DOTPROD: bool> Dot for NeonDot<DOTPROD> {
    type R = N;
    const ROWS: usize = 4;
    const COLUMNS: usize = 2 * PANEL;

    #[inline(always)]
    unsafe fn tile<const ROWS: usize>(
        q: *const i8,
        inputs: usize,
        starts: &[i32; ROWS],
        panels: *const u8,
    ) -> [[N; PANEL]; ROWS] {
        // SAFETY: inside the rows and the panels, see the trait; the caller has the instruction set.
        unsafe {
            let mut sums = starts.map(|start| [vdupq_n_s32(start); 4]);
            let mut k = 0;
            while k < inputs {
                let mut x = [vdupq_n_s8(0); ROWS];
                let mut row = 0;
                while row < ROWS {
                    x[row] = vld1q_s8(q.add(row * inputs + k));
                    row += 1;
                }
                let (panels, next) = (panels.add(k * PANEL), inputs * PANEL);
                Self::step::<0, ROWS>(&mut sums, &x, panels, next);
                Self::step::<1, ROWS>(&mut sums, &x, panels, next);
                Self::step::<2, ROWS>(&mut sums, &x, panels, next);
                Self::step::<3, ROWS>(&mut sums, &x, panels, next);
                k += 4 * STEP;
            }
            let mut result = [[N(vdupq_n_f32(0.0)); PANEL]; ROWS];
            let mut row = 0;
            while row < ROWS {
                let mut part = 0;
                while part < 4 {
                    result[row][part] = N(vcvtq_f32_s32(sums[row][part]));
                    part += 1;
                }
                row += 1;
            }
            result
        }
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
        let mut sums = [[vdupq_n_s32(0); 2]; N];
        let whole = n / 8 * 8;
        let mut i = 0;
        while i < whole {
            let x = vld1q_s16(query.add(i));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let codes = vmovl_s8(vld1_s8(row.add(i)));
                sums[0] = vmlal_s16(sums[0], vget_low_s16(x), vget_low_s16(codes));
                sums[1] = vmlal_high_s16(sums[1], x, codes);
            }
            i += 8;
        }
        let sums = sums.map(|[low, high]| vaddvq_s32(vaddq_s32(low, high)));
        super::scan::with_rest(sums, query, rows, whole, n)
    }
}
