//! An allocator that counts what the program asks the system for. For tests that are alone in their program.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

static SMALL: AtomicUsize = AtomicUsize::new(0);
static LARGE: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// From this many bytes on an allocation is large.
pub const LIMIT: usize = 512;

/// What was asked for since the program began.
#[derive(Clone, Copy)]
pub struct Asked {
    /// Allocations below [`LIMIT`].
    pub small: usize,
    /// The others.
    pub large: usize,
    pub bytes: usize,
}

pub fn asked() -> Asked {
    Asked { small: SMALL.load(Relaxed), large: LARGE.load(Relaxed), bytes: BYTES.load(Relaxed) }
}

#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let counter = if layout.size() >= LIMIT { &LARGE } else { &SMALL };
        counter.fetch_add(1, Relaxed);
        BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller keeps the system allocator's contract, which is this one's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}
