//! The rate that `bench embed` compares with: relaxed dot products with nothing else to do.
//!
//! Owns the loop; must not know who measures it. Twelve independent sums hide the latency of the instruction.
//! Compiled by bench/_gemm.py with rustc, one file, no crates. Invariant: every iteration does twelve dot products of
//! sixteen products each, and the result is stored, so none can be left out.

#![no_std]
#![allow(missing_docs)]

use core::arch::wasm32::*;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unreachable()
}

/// # Safety
/// Fourteen vectors lie at `cell`: both operands and the twelve sums. They come from outside, so that the compiler
/// cannot know them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn relaxed_dot(cell: *mut v128, iterations: u32) {
    // SAFETY: see above.
    unsafe {
        let (a, b) = (v128_load(cell), v128_load(cell.add(1)));
        let mut sums = [a; 12];
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = v128_load(cell.add(2 + i));
        }
        for _ in 0..iterations {
            macro_rules! step { ($($i:literal)*) => { $( sums[$i] = i32x4_relaxed_dot_i8x16_i7x16_add(a, b, sums[$i]); )* } }
            step!(0 1 2 3 4 5 6 7 8 9 10 11);
        }
        for (i, sum) in sums.iter().enumerate() {
            v128_store(cell.add(2 + i), *sum);
        }
    }
}
