//! Exact dot products of a 12-bit query with int8 codes.
//!
//! Owns the scalar twin, what is left over by the others, and asking for rows ahead; knows nothing of what rows mean.
//! Invariant: the result is the exact integer.

/// The dot products of `n` components with several rows at once, which reads the query once and has several rows on their
/// way from memory.
///
/// # Safety
/// All pointers are valid for `n` values.
#[inline(always)]
pub(super) unsafe fn dot<const N: usize>(
    query: *const i16,
    rows: [*const i8; N],
    n: usize,
) -> [i32; N] {
    let mut sums = [0_i32; N];
    for i in 0..n {
        // SAFETY: `i < n`.
        let x = i32::from(unsafe { *query.add(i) });
        for (sum, row) in sums.iter_mut().zip(rows) {
            // SAFETY: `i < n`.
            *sum = sum.wrapping_add(x * i32::from(unsafe { *row.add(i) }));
        }
    }
    sums
}

/// Adds what follows the first `whole` components, which an instruction set has multiplied.
///
/// # Safety
/// All pointers are valid for `n` values; `whole <= n`.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_feature = "simd128"
))]
#[inline(always)]
pub(super) unsafe fn with_rest<const N: usize>(
    mut sums: [i32; N],
    query: *const i16,
    rows: [*const i8; N],
    whole: usize,
    n: usize,
) -> [i32; N] {
    if whole < n {
        // SAFETY: `whole <= n`.
        let rest = unsafe { dot(query.add(whole), rows.map(|row| row.add(whole)), n - whole) };
        for (sum, rest) in sums.iter_mut().zip(rest) {
            *sum = sum.wrapping_add(rest);
        }
    }
    sums
}

/// Asks for a row of `n` codes that is needed soon, where a machine can be asked.
///
/// # Safety
/// The pointer is valid for `n` values.
#[inline(always)]
pub(super) unsafe fn prefetch(row: *const i8, n: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..n).step_by(64) {
        // SAFETY: `line < n`.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(row.add(line))
        };
    }
    let _ = (row, n);
}
