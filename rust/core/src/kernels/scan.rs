//! Exact dot products of a 12-bit query with int8 codes.
//!
//! Owns the scalar twin; the instruction sets bring their own. Invariant: the result is the exact integer.

/// The dot product of `n` components.
///
/// # Safety
/// Both pointers are valid for `n` values.
#[inline(always)]
pub(super) unsafe fn dot(query: *const i16, codes: *const i8, n: usize) -> i32 {
    let mut sum = 0_i32;
    for i in 0..n {
        // SAFETY: `i < n`.
        sum = sum.wrapping_add(unsafe { i32::from(*query.add(i)) * i32::from(*codes.add(i)) });
    }
    sum
}
