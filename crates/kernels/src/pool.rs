//! Memory for tensor data: aligned, recycled, counted.
//!
//! A [`Block`] is a counted handle of 8 bytes on one allocation: a small prefix, a header of the owner's choice, and
//! numbers aligned to 64 bytes. The system zeroes a fresh block, so its numbers are always initialised; a recycled one
//! holds whatever it held. Blocks come in size classes, eight to each doubling, and any block of a class serves any
//! header and element type, because the numbers of all blocks start at the same offset.
//!
//! Small blocks go back to a list of the thread that drops them, larger ones to one list for all threads, so a steady
//! training step asks the system for nothing and touches no new page. Blocks of 2 MiB and more are aligned to huge pages
//! and ask for them where the system offers them.
//!
//! The counters are global. A thread reports its small blocks every 64 KiB, so [`stats`] is exact for the thread that
//! calls it and lags by at most that much for each other thread.
#![expect(unsafe_code, reason = "blocks own raw memory")]

mod block;

pub use block::{Block, Buffer};
use std::alloc::{self, Layout};
use std::cell::Cell;
use std::mem::size_of;
use std::ptr::{self};
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Plain numbers: every bit pattern is a value, and there is no padding.
pub trait Element: bytemuck::Pod + Send + Sync + 'static {}
impl Element for f32 {}
impl Element for f64 {}
impl Element for i64 {}
impl Element for i32 {}
impl Element for u64 {}
impl Element for u32 {}
impl Element for u8 {}

/// Where the numbers of every block start.
const DATA: usize = 128;
/// Where the header of every block starts.
const HEADER: usize = size_of::<Prefix>();
/// The alignment of a block below [`HUGE`].
const ALIGN: usize = 64;
/// The size of a huge page, and the alignment of blocks that may use them.
const HUGE: usize = 2 << 20;
/// Blocks up to this size stay with the thread that drops them.
const SMALL: usize = 64 << 10;
/// What a thread keeps of them, at most.
const SMALL_POOLED: usize = 64 << 20;
/// Size classes of small blocks.
const SMALL_CLASSES: usize = class_of(SMALL) + 1;
/// Size classes altogether.
const CLASSES: usize = class_of(isize::MAX as usize / 2) + 1;
/// How far a thread's own count may run ahead of the global one.
const UNREPORTED: isize = 64 << 10;

#[repr(C)]
struct Prefix {
    count: AtomicUsize,
    /// Elements.
    len: usize,
    /// The next block of a free list.
    next: Cell<*mut u8>,
    /// The size class.
    class: u32,
    /// From the allocation's start to the block's: not zero where the block had to be aligned by hand.
    shift: u32,
}

/// The class of blocks that hold `bytes`: multiples of 64 up to 512, then eight to each doubling.
#[inline]
const fn class_of(bytes: usize) -> usize {
    if bytes <= 512 {
        return bytes.div_ceil(64);
    }
    let exponent = (bytes - 1).ilog2() as usize;
    (exponent - 9) * 8 + bytes.div_ceil(1 << (exponent - 3))
}

/// The bytes of a block of this class.
#[inline]
const fn bytes_of(class: usize) -> usize {
    if class <= 8 { class * 64 } else { (8 + (class - 1) % 8 + 1) << ((class - 9) / 8 + 6) }
}

static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);
static POOLED: AtomicUsize = AtomicUsize::new(0);
static SYSTEM_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// The most bytes that may be live.
static CAP: AtomicUsize = AtomicUsize::new(usize::MAX);
/// The most bytes of large blocks kept for later.
static POOLED_CAP: AtomicUsize = AtomicUsize::new(16 << 30);

/// Large free blocks, first of a list per class.
static SHARED: Mutex<[Free; CLASSES]> = Mutex::new([const { Free(ptr::null_mut()) }; CLASSES]);

#[derive(Clone, Copy)]
struct Free(*mut u8);
// SAFETY: a free block belongs to the list it is in, and to nobody else; the list is behind a mutex.
unsafe impl Send for Free {}

/// What a thread keeps for itself.
struct Local {
    free: [Cell<*mut u8>; SMALL_CLASSES],
    pooled: Cell<usize>,
    /// Live bytes of this thread that [`LIVE`] does not know of yet.
    unreported: Cell<isize>,
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            free: [const { Cell::new(ptr::null_mut()) }; SMALL_CLASSES],
            pooled: Cell::new(0),
            unreported: Cell::new(0),
        }
    };
}

impl Local {
    #[inline]
    fn count(&self, bytes: isize) {
        let unreported = self.unreported.get() + bytes;
        self.unreported.set(unreported);
        if unreported.abs() >= UNREPORTED {
            self.report();
        }
    }

    #[cold]
    fn report(&self) {
        count_live(self.unreported.take());
    }

    /// Gives all free blocks back to the system.
    fn trim(&self) {
        for (class, head) in self.free.iter().enumerate() {
            let mut block = head.replace(ptr::null_mut());
            while !block.is_null() {
                // SAFETY: the block is free, on this list alone, and its prefix is initialised.
                unsafe {
                    let next = prefix(block).next.get();
                    release(block, class);
                    block = next;
                }
            }
        }
        self.pooled.set(0);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.report();
        self.trim();
    }
}

fn count_live(bytes: isize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

/// # Safety
/// `block` points to a block whose prefix is initialised.
#[inline]
unsafe fn prefix<'a>(block: *mut u8) -> &'a Prefix {
    // SAFETY: the caller's promise; blocks are aligned to 64 bytes. All fields that change are cells or atomics.
    unsafe { &*block.cast::<Prefix>() }
}

/// A block of the class, its prefix's class and shift set; whether it is fresh, and so zeroed.
#[track_caller]
#[inline]
fn acquire(class: usize) -> (*mut u8, bool) {
    if class < SMALL_CLASSES && CAP.load(Ordering::Relaxed) == usize::MAX {
        let recycled = LOCAL.try_with(|local| {
            let block = local.free[class].get();
            if !block.is_null() {
                // SAFETY: the block is free and on this thread's list, so this thread owns it.
                local.free[class].set(unsafe { prefix(block).next.get() });
                local.pooled.set(local.pooled.get() - bytes_of(class));
                local.count(bytes_of(class) as isize);
            }
            block
        });
        if let Ok(block) = recycled
            && !block.is_null()
        {
            return (block, false);
        }
    }
    acquire_slowly(class)
}

#[cold]
#[track_caller]
fn acquire_slowly(class: usize) -> (*mut u8, bool) {
    let bytes = bytes_of(class);
    let cap = CAP.load(Ordering::Relaxed);
    if cap != usize::MAX {
        let live = stats().live_bytes;
        assert!(
            live.saturating_add(bytes) <= cap,
            "out of memory: {bytes} bytes asked for, {live} live, the cap is {cap} (kernels::pool::set_cap)"
        );
    }
    let recycled = if class < SMALL_CLASSES { pop_local(class) } else { pop_shared(class) };
    let (block, fresh) = match recycled {
        Some(block) => (block, false),
        None => (allocate(class), true),
    };
    if class >= SMALL_CLASSES || LOCAL.try_with(|local| local.count(bytes as isize)).is_err() {
        count_live(bytes as isize);
    }
    (block, fresh)
}

fn pop_local(class: usize) -> Option<*mut u8> {
    let pop = |local: &Local| {
        let block = local.free[class].get();
        (!block.is_null()).then(|| {
            // SAFETY: the block is free and on this thread's list, so this thread owns it.
            local.free[class].set(unsafe { prefix(block).next.get() });
            local.pooled.set(local.pooled.get() - bytes_of(class));
            block
        })
    };
    LOCAL.try_with(pop).ok().flatten()
}

fn pop_shared(class: usize) -> Option<*mut u8> {
    let mut shared = shared();
    let block = shared[class].0;
    if block.is_null() {
        return None;
    }
    // SAFETY: the block is free and on the shared list, whose lock is held.
    shared[class] = Free(unsafe { prefix(block).next.get() });
    POOLED.fetch_sub(bytes_of(class), Ordering::Relaxed);
    Some(block)
}

fn shared() -> MutexGuard<'static, [Free; CLASSES]> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The layout the system is asked for. Huge blocks are aligned by hand: the system's own aligned and zeroed allocation
/// would write every page.
fn layout(class: usize) -> Layout {
    let bytes = bytes_of(class);
    let (bytes, align) = if bytes >= HUGE { (bytes + HUGE, 16) } else { (bytes, ALIGN) };
    Layout::from_size_align(bytes, align).expect("class sizes stay far below isize::MAX")
}

/// A fresh block from the system, zeroed.
#[track_caller]
fn allocate(class: usize) -> *mut u8 {
    let layout = layout(class);
    SYSTEM_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the layout's size is not zero.
    let start = unsafe { alloc::alloc_zeroed(layout) };
    assert!(
        !start.is_null(),
        "out of memory: {} bytes asked for, {} live; the system has no more",
        layout.size(),
        stats().live_bytes
    );
    let shift = if bytes_of(class) >= HUGE { start.align_offset(HUGE) } else { 0 };
    // SAFETY: `shift` is below HUGE, by which the layout of a huge block exceeds its class.
    let block = unsafe { start.add(shift) };
    if bytes_of(class) >= HUGE {
        ask_for_huge_pages(block, bytes_of(class));
    }
    let first = Prefix {
        count: AtomicUsize::new(0),
        len: 0,
        next: Cell::new(ptr::null_mut()),
        class: class as u32,
        shift: shift as u32,
    };
    // SAFETY: the block is ours alone, large enough for a prefix and aligned to 64 bytes.
    unsafe { block.cast::<Prefix>().write(first) };
    block
}

#[cfg(target_os = "linux")]
fn ask_for_huge_pages(block: *mut u8, bytes: usize) {
    // SAFETY: the range lies within one allocation and starts on a page; the advice changes no contents. It is only
    // advice: an error leaves ordinary pages.
    unsafe { libc::madvise(block.cast(), bytes, libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: *mut u8, _: usize) {}

/// Gives a block back to the system.
///
/// # Safety
/// The block is free, on no list, and of this class.
unsafe fn release(block: *mut u8, class: usize) {
    // SAFETY: `allocate` made the block from `layout(class)`, `shift` bytes after the allocation's start.
    unsafe {
        let shift = prefix(block).shift as usize;
        alloc::dealloc(block.sub(shift), layout(class));
    }
}

/// Takes a block back.
///
/// # Safety
/// Nobody has a handle on the block any more, and its header was dropped.
#[inline]
unsafe fn recycle(block: *mut u8) {
    // SAFETY: the caller's promise: the block is valid and ours.
    let prefix = unsafe { prefix(block) };
    let class = prefix.class as usize;
    let bytes = bytes_of(class);
    if class < SMALL_CLASSES {
        let kept = LOCAL.try_with(|local| {
            local.count(-(bytes as isize));
            let room = local.pooled.get() + bytes <= SMALL_POOLED;
            if room {
                prefix.next.set(local.free[class].get());
                local.free[class].set(block);
                local.pooled.set(local.pooled.get() + bytes);
            }
            room
        });
        if kept == Ok(true) {
            return;
        }
        if kept.is_err() {
            count_live(-(bytes as isize));
        }
    }
    // SAFETY: as the caller promised.
    unsafe { recycle_slowly(block, class) };
}

/// # Safety
/// As [`recycle`].
#[cold]
unsafe fn recycle_slowly(block: *mut u8, class: usize) {
    let bytes = bytes_of(class);
    if class >= SMALL_CLASSES {
        count_live(-(bytes as isize));
        if POOLED.load(Ordering::Relaxed) + bytes <= POOLED_CAP.load(Ordering::Relaxed) {
            let mut shared = shared();
            // SAFETY: the block is valid and ours; it becomes the list's.
            unsafe { prefix(block).next.set(shared[class].0) };
            shared[class] = Free(block);
            POOLED.fetch_add(bytes, Ordering::Relaxed);
            return;
        }
    }
    // SAFETY: as the caller promised; the block is on no list.
    unsafe { release(block, class) };
}

/// What the pool holds, in bytes of whole blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// In blocks somebody has a handle on.
    pub live_bytes: usize,
    /// The most that was live at once since the start or [`reset_peak`].
    pub peak_bytes: usize,
    /// In free blocks kept for later: of all threads where large, of this thread where small.
    pub pooled_bytes: usize,
    /// How often the system was asked for a block since the start.
    pub system_allocations: u64,
}

/// What the pool holds now.
///
/// ```
/// let before = kernels::pool::stats().live_bytes;
/// let buffer = kernels::pool::Buffer::<f32>::new(1 << 20);
/// assert!(kernels::pool::stats().live_bytes >= before + (4 << 20));
/// drop(buffer);
/// assert_eq!(kernels::pool::stats().live_bytes, before);
/// ```
pub fn stats() -> Stats {
    let mine = LOCAL.try_with(|local| {
        local.report();
        local.pooled.get()
    });
    Stats {
        live_bytes: LIVE.load(Ordering::Relaxed).max(0) as usize,
        peak_bytes: PEAK.load(Ordering::Relaxed).max(0) as usize,
        pooled_bytes: POOLED.load(Ordering::Relaxed) + mine.unwrap_or(0),
        system_allocations: SYSTEM_ALLOCATIONS.load(Ordering::Relaxed),
    }
}

/// Starts [`Stats::peak_bytes`] anew, from what is live now.
pub fn reset_peak() {
    PEAK.store(stats().live_bytes as isize, Ordering::Relaxed);
}

/// Gives all large free blocks, and the small ones of this thread, back to the system. Other threads give theirs back
/// when they end.
pub fn trim() {
    let _ = LOCAL.try_with(Local::trim);
    let mut shared = shared();
    for (class, head) in shared.iter_mut().enumerate() {
        while !head.0.is_null() {
            // SAFETY: the block is free and on the shared list, whose lock is held.
            unsafe {
                let next = prefix(head.0).next.get();
                release(head.0, class);
                *head = Free(next);
            }
            POOLED.fetch_sub(bytes_of(class), Ordering::Relaxed);
        }
    }
}

/// Limits what may be live; asking for more panics, at the line that asked. None takes the limit away.
pub fn set_cap(bytes: Option<usize>) {
    CAP.store(bytes.unwrap_or(usize::MAX), Ordering::Relaxed);
}

/// Limits what is kept of large free blocks; 16 GiB to begin with. The rest goes back to the system at once.
pub fn set_pooled_cap(bytes: usize) {
    POOLED_CAP.store(bytes, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
