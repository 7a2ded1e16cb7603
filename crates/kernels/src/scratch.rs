//! Memory that a thread keeps from one kernel to the next for copies that only it reads: what it writes there is in its own caches, and was written by no other
//! core. Large blocks of the [pool](crate::pool) go from thread to thread, and a line that another core wrote last is slow to write.

use crate::pool::{Buffer, Element};
use std::cell::Cell;
use std::marker::PhantomData;

/// Bytes that a thread keeps, at most.
const MOST: usize = 16 << 20;

thread_local! {
    static KEPT: Cell<Option<Buffer<u64>>> = const { Cell::new(None) };
}

/// Numbers that are unspecified, as [`Buffer`]'s are, in the thread's own memory. A second one while the first is there is in a block of the pool.
pub(crate) struct Scratch<T> {
    /// There until it is dropped.
    words: Option<Buffer<u64>>,
    len: usize,
    kind: PhantomData<T>,
}

impl<T: Element> Scratch<T> {
    /// # Panics
    /// As [`Buffer::new`].
    #[track_caller]
    pub(crate) fn new(len: usize) -> Scratch<T> {
        let words = (len * size_of::<T>()).div_ceil(size_of::<u64>());
        let kept = KEPT.take().filter(|kept| kept.len() >= words);
        let words = kept.unwrap_or_else(|| Buffer::new(words.next_power_of_two()));
        Scratch { words: Some(words), len, kind: PhantomData }
    }

    /// So many numbers each, one after the other.
    ///
    /// # Panics
    /// If there are not as many.
    pub(crate) fn parts<const N: usize>(&mut self, lengths: [usize; N]) -> [&mut [T]; N] {
        let mut rest = &mut **self;
        lengths.map(|length| rest.split_off_mut(..length).expect("the lengths that were asked for"))
    }
}

impl<T> Drop for Scratch<T> {
    fn drop(&mut self) {
        let words = self.words.take().filter(|words| size_of_val(&**words) <= MOST);
        // Where the thread is ending nothing is kept.
        let _ = KEPT.try_with(|kept| kept.set(words));
    }
}

impl<T: Element> std::ops::Deref for Scratch<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        let words = self.words.as_ref().expect("it is there until it is dropped");
        &bytemuck::cast_slice(words)[..self.len]
    }
}

impl<T: Element> std::ops::DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let words = self.words.as_mut().expect("it is there until it is dropped");
        &mut bytemuck::cast_slice_mut(words)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gets_its_memory_again_and_another_where_that_is_in_use_or_too_small() {
        std::thread::spawn(|| {
            let place = |scratch: &Scratch<f32>| scratch.as_ptr() as usize;
            let first = Scratch::<f32>::new(1000);
            let (at, second) = (place(&first), Scratch::<f32>::new(10));
            assert_ne!(at, place(&second));
            drop(second);
            drop(first);
            assert_eq!(place(&Scratch::new(1000)), at);
            assert_eq!(Scratch::<f64>::new(500).as_ptr() as usize, at);
            let larger = Scratch::<f32>::new(5000);
            assert_eq!((larger.len(), place(&larger) % 64), (5000, 0));
            assert!(Scratch::<f32>::new(0).is_empty());
            let mut parts = Scratch::<f32>::new(6);
            assert_eq!(parts.parts([1, 0, 5]).map(|part| part.len()), [1, 0, 5]);
        })
        .join()
        .unwrap();
    }
}
