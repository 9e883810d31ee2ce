//! One machine register of f32 values, and the scalar register that proves the others right.
//!
//! Owns the operations every instruction set has to offer; knows nothing of layers or models.
//! Invariant: each operation is one IEEE 754 operation a lane (no fused multiply-add), so that all implementations give
//! the same bits; sums run over sixteen virtual lanes, whatever the width of the register.

/// Virtual lanes of every reduction.
pub(super) const LANES: usize = 16;

/// A register of `WIDTH` f32 lanes. `WIDTH` divides [`LANES`].
///
/// # Safety
/// Every method may be called only where the instruction set of the implementation is available; pointers have to be
/// valid for the lanes they stand for and aligned as one value is.
pub(super) trait Register: Copy {
    /// Lanes.
    const WIDTH: usize;
    /// Reads `WIDTH` values.
    unsafe fn load(from: *const f32) -> Self;
    /// Reads `WIDTH` signed bytes as values.
    unsafe fn load_i8(from: *const i8) -> Self;
    /// Writes `WIDTH` values.
    unsafe fn store(self, to: *mut f32);
    /// The same value in every lane.
    unsafe fn splat(value: f32) -> Self;
    /// Lane by lane.
    unsafe fn add(self, other: Self) -> Self;
    /// Lane by lane.
    unsafe fn sub(self, other: Self) -> Self;
    /// Lane by lane.
    unsafe fn mul(self, other: Self) -> Self;
    /// Lane by lane, for finite values.
    unsafe fn min(self, other: Self) -> Self;
    /// Lane by lane, for finite values.
    unsafe fn max(self, other: Self) -> Self;
    /// To the nearest integer, halves to even, for magnitudes below 2^22.
    unsafe fn round(self) -> Self;
    /// `self * 2^n` for integral `n` that keep the result normal.
    unsafe fn scale_by_power(self, n: Self) -> Self;
    /// Lane `i` plus lane `i + WIDTH/2`, folded until one is left.
    unsafe fn fold_add(self) -> f32;
    /// The least lane.
    unsafe fn fold_min(self) -> f32;
    /// The greatest lane.
    unsafe fn fold_max(self) -> f32;
    /// One Walsh-Hadamard step inside the register: lanes `stride` apart become their sum and their difference.
    unsafe fn butterfly(self, stride: usize) -> Self;
    /// Rounds sixteen values (halves to even), saturates them to i8 and writes them.
    unsafe fn store_i8(values: &[Self; LANES], to: *mut i8);
}

/// Sixteen virtual lanes as registers; only the first `LANES / WIDTH` are used.
///
/// # Safety
/// `from` is valid for sixteen values; the instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn load16<R: Register>(from: *const f32) -> [R; LANES] {
    // SAFETY: parts of `WIDTH` values up to the sixteenth.
    unsafe {
        let mut lanes = [R::splat(0.0); LANES];
        let mut part = 0;
        while part < LANES / R::WIDTH {
            lanes[part] = R::load(from.add(part * R::WIDTH));
            part += 1;
        }
        lanes
    }
}

/// Folds sixteen virtual lanes with the fixed tree 16 -> 8 -> 4 -> 2 -> 1.
///
/// # Safety
/// The instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn fold_add16<R: Register>(mut lanes: [R; LANES]) -> f32 {
    // SAFETY: on registers only, whose instruction set the caller has.
    unsafe {
        let mut parts = LANES / R::WIDTH;
        while parts > 1 {
            parts /= 2;
            let mut part = 0;
            while part < parts {
                lanes[part] = lanes[part].add(lanes[part + parts]);
                part += 1;
            }
        }
        lanes[0].fold_add()
    }
}

/// One value: the scalar twin of every register, and the register of hosts without SIMD.
#[derive(Clone, Copy)]
pub(super) struct Scalar(pub(super) f32);

impl Register for Scalar {
    const WIDTH: usize = 1;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for one value; see the trait. Unaligned access would become four bytes and a detour
        // through memory in JavaScript.
        Scalar(unsafe { *from })
    }
    #[inline(always)]
    unsafe fn load_i8(from: *const i8) -> Self {
        // SAFETY: the caller vouches for one value; see the trait.
        Scalar(f32::from(unsafe { *from }))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for one value; see the trait.
        unsafe { *to = self.0 }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Scalar(value)
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Scalar(self.0 + other.0)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Scalar(self.0 - other.0)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Scalar(self.0 * other.0)
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        if other.0 > self.0 { other } else { self }
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // Adding 1.5 * 2^23 leaves no bits for a fraction: the sum itself rounds half to even, without a call.
        const SHIFT: f32 = 12_582_912.0;
        Scalar((self.0 + SHIFT) - SHIFT)
    }
    #[inline(always)]
    unsafe fn scale_by_power(self, n: Self) -> Self {
        // A saturating conversion: a model of finite but huge numbers can bring a NaN here, which has to stay harmless.
        let n = n.0 as i32;
        Scalar(f32::from_bits(
            self.0.to_bits().wrapping_add((n << 23) as u32),
        ))
    }
    #[inline(always)]
    unsafe fn fold_add(self) -> f32 {
        self.0
    }
    #[inline(always)]
    unsafe fn fold_min(self) -> f32 {
        self.0
    }
    #[inline(always)]
    unsafe fn fold_max(self) -> f32 {
        self.0
    }
    #[inline(always)]
    unsafe fn butterfly(self, _stride: usize) -> Self {
        self
    }
    #[inline(always)]
    unsafe fn store_i8(values: &[Self; LANES], to: *mut i8) {
        let mut lane = 0;
        while lane < LANES {
            // SAFETY: `to` holds sixteen bytes. The conversion saturates, and gives 0 for a NaN.
            unsafe { *to.add(lane) = values[lane].round().0 as i8 }
            lane += 1;
        }
    }
}
