//! Handles on pool blocks: [`Block`], counted and shared; [`Buffer`], scratch with one owner.

use super::{ALIGN, DATA, Element, HEADER, Prefix, acquire, class_of, prefix, recycle};
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// A counted handle on a header and numbers, in one recycled block.
///
/// Clones share the block; [`Block::get_mut`] gives access while there is only one. The numbers of a new block are
/// unspecified: zeros, or what an earlier block held.
pub struct Block<H, T: Element> {
    block: NonNull<u8>,
    owns: PhantomData<(H, T)>,
}

// SAFETY: a block is shared like the contents of an `Arc`: the count is atomic, and numbers and header are changed only
// through `get_mut`, while there is one handle.
unsafe impl<H: Send + Sync, T: Element> Send for Block<H, T> {}
// SAFETY: as above.
unsafe impl<H: Send + Sync, T: Element> Sync for Block<H, T> {}

impl<H, T: Element> Block<H, T> {
    const FITS: () = assert!(
        HEADER + size_of::<H>() <= DATA
            && align_of::<H>() <= 16
            && HEADER.is_multiple_of(16)
            && align_of::<T>() <= ALIGN
    );

    /// A block with unspecified numbers.
    ///
    /// # Panics
    /// If the system has no more memory, or the cap is exceeded; everything still works afterwards.
    #[track_caller]
    #[inline]
    pub fn new(header: H, len: usize) -> Block<H, T> {
        Block::acquired(header, len).0
    }

    /// A block of zeros.
    ///
    /// # Panics
    /// As [`Block::new`].
    #[track_caller]
    pub fn zeroed(header: H, len: usize) -> Block<H, T> {
        let (mut block, fresh) = Block::acquired(header, len);
        if !fresh && let Some((_, data)) = block.get_mut() {
            data.fill(T::zeroed());
        }
        block
    }

    #[track_caller]
    #[inline]
    fn acquired(header: H, len: usize) -> (Block<H, T>, bool) {
        const { Self::FITS };
        let bytes = len.checked_mul(size_of::<T>()).filter(|&bytes| bytes <= isize::MAX as usize / 4);
        let Some(bytes) = bytes else { too_large(len, size_of::<T>()) };
        let (block, fresh) = acquire(class_of(DATA + bytes));
        // SAFETY: the block is ours alone, at least DATA + bytes long, aligned to 64; the header fits before DATA.
        let block = unsafe {
            let prefix = block.cast::<Prefix>();
            (*prefix).count = AtomicUsize::new(1);
            (*prefix).len = len;
            block.add(HEADER).cast::<H>().write(header);
            NonNull::new_unchecked(block)
        };
        (Block { block, owns: PhantomData }, fresh)
    }

    #[inline]
    fn prefix(&self) -> &Prefix {
        // SAFETY: a handle's block is initialised and lives as long as the handle.
        unsafe { prefix(self.block.as_ptr()) }
    }

    /// What the owner keeps beside the numbers.
    #[inline]
    pub fn header(&self) -> &H {
        // SAFETY: `acquired` wrote the header, which nobody changes while shared references exist.
        unsafe { &*self.block.as_ptr().add(HEADER).cast::<H>() }
    }

    /// The numbers.
    #[inline]
    pub fn data(&self) -> &[T] {
        // SAFETY: `len` numbers after DATA were zeroed by the system or written since as plain numbers; any bits are a T.
        unsafe { std::slice::from_raw_parts(self.block.as_ptr().add(DATA).cast::<T>(), self.prefix().len) }
    }

    /// The number of numbers.
    #[inline]
    pub fn len(&self) -> usize {
        self.prefix().len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is the only handle.
    #[inline]
    pub fn is_unique(&self) -> bool {
        self.prefix().count.load(Ordering::Acquire) == 1
    }

    /// Header and numbers, to be changed; None while there are other handles.
    #[inline]
    pub fn get_mut(&mut self) -> Option<(&mut H, &mut [T])> {
        if !self.is_unique() {
            return None;
        }
        let len = self.prefix().len;
        // SAFETY: this is the only handle and it is borrowed mutably, so nobody can make another meanwhile. Header and
        // numbers do not overlap.
        unsafe {
            let start = self.block.as_ptr();
            let data = std::slice::from_raw_parts_mut(start.add(DATA).cast::<T>(), len);
            Some((&mut *start.add(HEADER).cast::<H>(), data))
        }
    }

    /// Whether two handles share one block.
    #[inline]
    pub fn ptr_eq(&self, other: &Block<H, T>) -> bool {
        self.block == other.block
    }
}

#[cold]
#[track_caller]
fn too_large(len: usize, size: usize) -> ! {
    panic!("out of memory: {len} elements of {size} bytes are more than memory can address")
}

impl<H, T: Element> Clone for Block<H, T> {
    #[inline]
    fn clone(&self) -> Self {
        let count = self.prefix().count.fetch_add(1, Ordering::Relaxed);
        assert!(count < isize::MAX as usize, "more handles than memory can hold");
        Block { block: self.block, owns: PhantomData }
    }
}

impl<H, T: Element> Drop for Block<H, T> {
    #[inline]
    fn drop(&mut self) {
        let count = &self.prefix().count;
        // The only handle needs no atomic subtraction: there is nobody to race with.
        if count.load(Ordering::Acquire) != 1 {
            if count.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: the last handle is going; the header was initialised and is dropped once.
        unsafe {
            ptr::drop_in_place(self.block.as_ptr().add(HEADER).cast::<H>());
            recycle(self.block.as_ptr());
        }
    }
}

/// Scratch numbers with one owner, recycled when dropped.
pub struct Buffer<T: Element> {
    block: Block<(), T>,
}

impl<T: Element> Buffer<T> {
    /// Numbers that are unspecified: zeros, or what an earlier block held.
    ///
    /// # Panics
    /// If the system has no more memory, or the cap is exceeded.
    #[track_caller]
    #[inline]
    pub fn new(len: usize) -> Buffer<T> {
        Buffer { block: Block::new((), len) }
    }

    /// Zeros.
    ///
    /// # Panics
    /// As [`Buffer::new`].
    #[track_caller]
    pub fn zeroed(len: usize) -> Buffer<T> {
        Buffer { block: Block::zeroed((), len) }
    }
}

impl<T: Element> std::ops::Deref for Buffer<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        self.block.data()
    }
}

impl<T: Element> std::ops::DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        self.block.get_mut().expect("a buffer never shares its block").1
    }
}
