//! Counts heap allocations: invariant 7 is tested in the crate of each stage.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Of this thread; the test harness allocates on others.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting. A test makes it its own with `#[global_allocator]`. What C and C++
/// libraries allocate inside is not seen.
pub struct Counting;

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches a thread-local of a plain
// type that needs no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the system's.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(place, layout) }
    }
}

/// How often `work` allocates on this thread. Panics where the test has not made [`Counting`] its
/// allocator: a count of nothing would prove nothing.
pub fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    drop(std::hint::black_box(Box::new(0_u8)));
    assert!(COUNT.get() > before, "the counter counts");
    let before = COUNT.get();
    work();
    COUNT.get() - before
}
