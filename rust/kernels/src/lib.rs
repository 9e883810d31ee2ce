//! The hot loops of the engine behind one safe table, chosen once for the machine at hand.
//!
//! Owns all `unsafe` of the engine and every instruction set; knows nothing of models, text or documents.
//! Invariant: every instruction set gives the bits of the scalar one.

// Code that such a build does not call: float code and tiles, or the scalar set.
#![cfg_attr(
    any(
        not(feature = "encoder"),
        all(target_arch = "wasm32", target_feature = "simd128")
    ),
    allow(dead_code)
)]

#[cfg(feature = "encoder")]
mod attention;
pub mod digest;
mod doubles;
#[cfg(feature = "encoder")]
mod encoder;
mod float;
mod linear;
mod logarithm;
#[cfg(target_arch = "aarch64")]
mod neon;
mod register;
mod rows;
mod scan;
mod sets;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(all(test, feature = "encoder"))]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(feature = "encoder")]
pub use encoder::{Linear, LinearScratch, ROW_BLOCK, column_sums};
#[cfg(feature = "encoder")]
pub use linear::Epilogue;
pub use logarithm::ln;
#[cfg(all(test, feature = "encoder"))]
use sets::scalar;
pub use sets::{available, fastest};

#[cfg(target_endian = "big")]
compile_error!("model files are little-endian and used in place");

/// Dimensions are multiples of this: the width of a Hadamard block.
pub const DIM_STEP: usize = float::BLOCK;
/// The width of an attention head is a multiple of this.
pub const HEAD_STEP: usize = register::LANES;
/// The largest weight byte; beyond it engines disagree about the relaxed dot product.
pub const WEIGHT_MAX: u8 = 127;
/// How two rows of f32 are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Sum of products.
    Dot,
    /// Sum of squared differences.
    Squared,
    /// Sum of absolute differences.
    Absolute,
}

type MeasuresFn = unsafe fn(*const f32, *const f32, usize, *const u32, usize, *mut f32);

/// The loops of one instruction set.
pub struct Kernels {
    name: &'static str,
    available: fn() -> bool,
    #[cfg(feature = "encoder")]
    encoder: encoder::Loops,
    dots: unsafe fn(*const i16, *const i8, usize, *mut i32, usize),
    dots_at: unsafe fn(*const i16, *const i8, usize, *const u32, usize, *mut i32),
    measures_at: [MeasuresFn; 3],
    hamming: unsafe fn(*const u64, *const u64, usize, *mut u32, usize),
}

impl Kernels {
    /// `avx512-vnni`, `avx-vnni`, `avx2`, `neon-dotprod`, `neon`, `simd128-relaxed`, `simd128` or `scalar`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The exact dot product of `query` with each row of `codes`, one in each place of `to`.
    ///
    /// # Panics
    /// When `codes` does not hold exactly `to.len()` rows.
    pub fn dots(&self, query: &[i16], codes: &[i8], to: &mut [i32]) {
        assert_eq!(codes.len(), query.len() * to.len(), "whole rows");
        // SAFETY: see the assert.
        unsafe {
            (self.dots)(
                query.as_ptr(),
                codes.as_ptr(),
                query.len(),
                to.as_mut_ptr(),
                to.len(),
            )
        }
    }

    /// The exact dot product of `query` with each of the named rows of `codes` (rows x `query.len()`).
    ///
    /// # Panics
    /// When a row is not among the codes, or `to` has another length than `rows`.
    pub fn dots_at(&self, query: &[i16], codes: &[i8], rows: &[u32], to: &mut [i32]) {
        check_rows(codes.len(), query.len(), rows, to.len());
        // SAFETY: every row lies within the codes, and there is a place for each result.
        unsafe {
            (self.dots_at)(
                query.as_ptr(),
                codes.as_ptr(),
                query.len(),
                rows.as_ptr(),
                rows.len(),
                to.as_mut_ptr(),
            )
        }
    }

    /// The measure of `query` with each of the named rows of `from` (rows x `query.len()`, a multiple of sixteen).
    ///
    /// # Panics
    /// As [`Kernels::dots_at`].
    pub fn measures_at(
        &self,
        measure: Measure,
        query: &[f32],
        from: &[f32],
        rows: &[u32],
        to: &mut [f32],
    ) {
        assert!(query.len().is_multiple_of(register::LANES));
        check_rows(from.len(), query.len(), rows, to.len());
        let run = self.measures_at[match measure {
            Measure::Dot => usize::from(rows::DOT),
            Measure::Squared => usize::from(rows::SQUARED),
            Measure::Absolute => usize::from(rows::ABSOLUTE),
        }];
        // SAFETY: every row lies within `from`, and there is a place for each result.
        unsafe {
            run(
                query.as_ptr(),
                from.as_ptr(),
                query.len(),
                rows.as_ptr(),
                rows.len(),
                to.as_mut_ptr(),
            )
        }
    }

    /// How many bits of `query` differ from each sketch, one after the other in `sketches`.
    ///
    /// # Panics
    /// When `sketches` does not hold exactly `to.len()` of them.
    pub fn hamming(&self, query: &[u64], sketches: &[u64], to: &mut [u32]) {
        assert_eq!(sketches.len(), query.len() * to.len(), "whole sketches");
        // SAFETY: see the assert.
        unsafe {
            (self.hamming)(
                query.as_ptr(),
                sketches.as_ptr(),
                query.len(),
                to.as_mut_ptr(),
                to.len(),
            )
        }
    }
}

fn check_rows(length: usize, dim: usize, rows: &[u32], results: usize) {
    assert!(dim > 0 && rows.len() == results, "a result for each row");
    let count = length / dim;
    assert!(
        rows.iter().fold(0, |most, row| most.max(*row)) < count.max(1) as u32 || rows.is_empty(),
        "rows among those there are"
    );
    assert!(count > 0 || rows.is_empty());
}

impl std::fmt::Debug for Kernels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Kernels").field(&self.name).finish()
    }
}
