//! What a thread asks the allocator for, so that tests can bound what hostile bytes may ask for and what a search costs.
//!
//! Owns the counting allocator; knows nothing of what is allocated. Invariant: it allocates exactly as the system does.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Bytes, since the thread began or since [`measured`] did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// The largest block that was asked for.
    pub largest: usize,
    /// All blocks that were asked for.
    pub total: usize,
    /// What was asked for and not given back.
    pub live: isize,
    /// The most that was live at once.
    pub peak: isize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { largest: 0, total: 0, live: 0, peak: 0 }) };
}

struct Watching;

#[global_allocator]
static WATCHING: Watching = Watching;

fn note(asked: usize, given_back: usize) {
    // A thread that is ending has no counter any more, and no test either.
    let _ = COUNTS.try_with(|counts| {
        let mut now = counts.get();
        now.largest = now.largest.max(asked);
        now.total += asked;
        now.live += asked as isize - given_back as isize;
        now.peak = now.peak.max(now.live);
        counts.set(now);
    });
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new stand side by side while the one is copied to the other.
        note(size, 0);
        note(0, layout.size());
        // SAFETY: as promised by the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs `work` and gives its value with what it asked for; what it hands back counts as live.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Counts) {
    let before = COUNTS.take();
    let value = work();
    let counts = COUNTS.get();
    COUNTS.set(Counts {
        largest: before.largest.max(counts.largest),
        total: before.total + counts.total,
        live: before.live + counts.live,
        peak: before.peak.max(before.live + counts.peak),
    });
    (value, counts)
}

/// Runs `work` and gives its value with the most bytes it held at once, beyond what was held before.
pub fn most_held<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let (value, counts) = measured(work);
    (value, counts.peak.max(0) as usize)
}

/// Runs `work` and gives its value with the size of the largest block it asked for.
pub fn largest_allocation<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let (value, counts) = measured(work);
    (value, counts.largest)
}
