//! Loops over all of an index, in calls.
//!
//! Owns nothing but the loop; must not know what is done. Browsers begin to run WebAssembly as code that was compiled in a hurry, and go
//! over to better code between two calls of a function, never within one: a loop that runs once, over millions of numbers, would
//! be over before. Invariant: each number comes once, in order.

/// Calls `work` with each number below `count`.
#[inline(never)]
pub(crate) fn each(count: usize, work: &mut dyn FnMut(usize)) {
    (0..count).for_each(work);
}
