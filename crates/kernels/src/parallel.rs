//! Threads: the only file that calls rayon.
//!
//! Work is split at multiples of a fixed chunk, in halves, down to single chunks. The tree depends on the length alone,
//! so [`fold`] combines the same partial results in the same order for any number of threads, pairwise; how many threads
//! there are only decides which branches run at the same time.
//!
//! The first region makes the calling thread worker 0 of the pool, so that a training loop on the main thread enters
//! regions from inside. Rayon's idle workers sleep after some 10 µs, and to wake one takes 20 to 35; a training step is
//! alone for longer than that between two regions. So a region leaves its workers looking for work for [`WARM`] more.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

/// How to split: sizes count what [`Split::len`] counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grain {
    /// What one call of the body handles.
    pub(crate) chunk: usize,
    /// Below this length everything stays on the calling thread.
    pub(crate) serial: usize,
}

impl Grain {
    /// For elementwise work over contiguous numbers: 16 Ki numbers a chunk, serial under 64 Ki; both are divided by `cost`, the price of
    /// an element relative to a load, an add and a store.
    pub(crate) const fn elements(cost: usize) -> Grain {
        Grain { chunk: (16 << 10) / cost, serial: (64 << 10) / cost }
    }

    /// How many chunks `length` is cut into; one at least.
    pub(crate) fn chunks(self, length: usize) -> usize {
        length.div_ceil(self.chunk).max(1)
    }

    /// For rows of `width` numbers.
    pub(crate) fn rows(width: usize, cost: usize) -> Grain {
        let of_elements = Grain::elements(1);
        let row = (width * cost).max(1);
        Grain { chunk: (of_elements.chunk / row).max(1), serial: (of_elements.serial / row).max(2) }
    }
}

/// Arguments of a parallel body that can be cut in two.
pub(crate) trait Split: Sized + Send {
    /// Elements, or rows.
    fn len(&self) -> usize;
    /// The first `at` and the rest.
    fn split_at(self, at: usize) -> (Self, Self);
}

impl<T: Sync> Split for &[T] {
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        <[T]>::split_at(self, at)
    }
}

impl<T: Send> Split for &mut [T] {
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        <[T]>::split_at_mut(self, at)
    }
}

/// A slice of rows of the given width: its length is the number of rows.
pub(crate) struct Rows<S>(pub(crate) S, pub(crate) usize);

impl<S: Split> Split for Rows<S> {
    fn len(&self) -> usize {
        self.0.len().checked_div(self.1).unwrap_or(0)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let (head, tail) = self.0.split_at(at * self.1);
        (Rows(head, self.1), Rows(tail, self.1))
    }
}

/// A slice each element of which belongs to so many elements of the work, which splits at multiples of them.
pub(crate) struct Coarse<S>(pub(crate) S, pub(crate) usize);

impl<S: Split> Split for Coarse<S> {
    fn len(&self) -> usize {
        self.0.len() * self.1
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let (head, tail) = self.0.split_at(at / self.1);
        (Coarse(head, self.1), Coarse(tail, self.1))
    }
}

/// Room for what each chunk of rows leaves behind, `width` numbers, all of it the caller's: a buffer that one thread takes
/// from its pool and another gives back would drain the first thread's.
pub(crate) struct PerChunk<'a, T> {
    room: &'a mut [T],
    width: usize,
    /// Rows to a chunk.
    chunk: usize,
}

impl<'a, T> PerChunk<'a, T> {
    /// `room` holds `width` numbers for each of the grain's chunks: [`Grain::chunks`].
    pub(crate) fn new(room: &'a mut [T], width: usize, grain: Grain) -> Self {
        PerChunk { room, width, chunk: grain.chunk }
    }

    /// The room of one chunk.
    pub(crate) fn into_room(self) -> &'a mut [T] {
        self.room
    }
}

impl<T: Send> Split for PerChunk<'_, T> {
    fn len(&self) -> usize {
        self.room.len().checked_div(self.width).unwrap_or(0) * self.chunk
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let PerChunk { room, width, chunk } = self;
        let (head, tail) = room.split_at_mut(at / chunk * width);
        (PerChunk { room: head, width, chunk }, PerChunk { room: tail, width, chunk })
    }
}

macro_rules! split_tuple {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Split),+> Split for ($($name,)+) {
            fn len(&self) -> usize {
                self.0.len()
            }
            fn split_at(self, at: usize) -> (Self, Self) {
                let parts = ($(self.$index.split_at(at),)+);
                (($(parts.$index.0,)+), ($(parts.$index.1,)+))
            }
        }
    };
}
split_tuple!(A 0, B 1);
split_tuple!(A 0, B 1, C 2);
split_tuple!(A 0, B 1, C 2, D 3);
split_tuple!(A 0, B 1, C 2, D 3, E 4);

/// Calls `body(offset, part)` on every chunk.
pub(crate) fn for_each<A: Split>(args: A, grain: Grain, body: impl Fn(usize, A) + Sync) {
    fold(args, grain, body, |(), ()| ());
}

/// Calls `leaf(offset, part)` on every chunk and combines the results pairwise, in order.
pub(crate) fn fold<A: Split, R: Send>(
    args: A,
    grain: Grain,
    leaf: impl Fn(usize, A) -> R + Sync,
    combine: impl Fn(R, R) -> R + Sync,
) -> R {
    let length = args.len();
    if length <= grain.chunk {
        return leaf(0, args);
    }
    let tasks = if length < grain.serial { 1 } else { threads() };
    let fork_above = if tasks == 1 { usize::MAX } else { (length / (8 * tasks)).max(grain.chunk) };
    if tasks > 1 {
        keep_workers_warm();
    }
    Tree { chunk: grain.chunk, fork_above, leaf, combine }.fold(0, args)
}

struct Tree<F, C> {
    chunk: usize,
    fork_above: usize,
    leaf: F,
    combine: C,
}

impl<F, C> Tree<F, C> {
    fn fold<A, R>(&self, offset: usize, args: A) -> R
    where
        A: Split,
        R: Send,
        F: Fn(usize, A) -> R + Sync,
        C: Fn(R, R) -> R + Sync,
    {
        let length = args.len();
        if length <= self.chunk {
            return (self.leaf)(offset, args);
        }
        let middle = length.div_ceil(self.chunk) / 2 * self.chunk;
        let (head, tail) = args.split_at(middle);
        let (head, tail) = if length > self.fork_above {
            let tail = |context: rayon::FnContext| match context.migrated() {
                true => as_a_guest(|| self.fold(offset + middle, tail)),
                false => self.fold(offset + middle, tail),
            };
            rayon::join_context(|_| self.fold(offset, head), tail)
        } else {
            (self.fold(offset, head), self.fold(offset + middle, tail))
        };
        (self.combine)(head, tail)
    }
}

/// The number of threads a region entered from here would use.
pub fn threads() -> usize {
    static START: Once = Once::new();
    START.call_once(|| {
        // An error means that the program has set up the global pool itself, or that this thread serves another one: both are fine.
        if rayon::current_thread_index().is_none() {
            let built = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
            IS_MEMBER.set(built.is_ok());
        }
    });
    rayon::current_num_threads()
}

/// For how long a worker looks for work before it may sleep.
const WARM: Duration = Duration::from_millis(1);

/// Workers that are looking for work.
static WARM_WORKERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is worker 0 of the pool although it belongs to the program.
    static IS_MEMBER: Cell<bool> = const { Cell::new(false) };
    /// How many parts of other threads' regions this thread is working on.
    static GUEST: Cell<usize> = const { Cell::new(0) };
}

/// Work on a part that another thread has forked off.
fn as_a_guest<R>(work: impl FnOnce() -> R) -> R {
    GUEST.set(GUEST.get() + 1);
    let result = work();
    GUEST.set(GUEST.get() - 1);
    result
}

/// Has all workers look for work, if none does. Only where regions are entered by the program's own thread: a worker that waited
/// for part of a region of its own would be kept by this.
fn keep_workers_warm() {
    if IS_MEMBER.get() && WARM_WORKERS.load(Ordering::Relaxed) == 0 {
        WARM_WORKERS.store(rayon::current_num_threads() - 1, Ordering::Relaxed);
        rayon::spawn_broadcast(|_| look_for_work());
        // The copy for this thread, which would stay in its queue for as long as it waits for nobody.
        rayon::yield_local();
    }
}

fn look_for_work() {
    if IS_MEMBER.get() {
        return;
    }
    let mut last = Instant::now();
    // A guest's host waits for it: no time to look around.
    while GUEST.get() == 0 && last.elapsed() < WARM {
        match rayon::yield_now() {
            Some(rayon::Yield::Executed) => last = Instant::now(),
            _ => std::hint::spin_loop(),
        }
    }
    WARM_WORKERS.fetch_sub(1, Ordering::Relaxed);
}

/// One region in which every thread waits for all others, and whether they all came within a tenth of a second: what it takes is the
/// full price of a region, from waking the first thread to hearing from the last. For measurements.
pub fn rendezvous() -> bool {
    let (count, came) = (threads(), AtomicUsize::new(0));
    let patience = Duration::from_millis(100);
    let places = vec![(); count];
    let wait = |_, place: &[()]| {
        came.fetch_add(place.len(), Ordering::AcqRel);
        let start = Instant::now();
        while came.load(Ordering::Acquire) < count && start.elapsed() < patience {
            std::hint::spin_loop();
        }
        came.load(Ordering::Acquire) >= count
    };
    fold(&places[..], Grain { chunk: 1, serial: 1 }, wait, |a, b| a && b)
}

/// Runs `work` with exactly `count` threads in every parallel region inside it. Results do not depend on the count.
///
/// ```
/// let sums = [1, 2, 3].map(|n| kernels::with_threads(n, || kernels::threads()));
/// assert_eq!(sums, [1, 2, 3]);
/// ```
///
/// # Panics
/// If `count` is 0, or if the threads cannot be started.
#[track_caller]
pub fn with_threads<R: Send>(count: usize, work: impl FnOnce() -> R + Send) -> R {
    assert!(count > 0, "with_threads: at least one thread is needed to do the work");
    pool_of(count).install(work)
}

/// Pools are kept: starting threads costs more than most regions.
fn pool_of(count: usize) -> Arc<rayon::ThreadPool> {
    static POOLS: Mutex<Vec<Arc<rayon::ThreadPool>>> = Mutex::new(Vec::new());
    let mut pools = POOLS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(pool) = pools.iter().find(|pool| pool.current_num_threads() == count) {
        return Arc::clone(pool);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
    let pool =
        Arc::new(pool.unwrap_or_else(|error| panic!("with_threads: {count} threads cannot be started: {error}")));
    pools.push(Arc::clone(&pool));
    pool
}
