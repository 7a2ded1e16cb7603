//! One register in each of several planes of equal length: stored or loaded after one check for all.
#![expect(unsafe_code, reason = "one check for all planes")]

use super::Lanes;
use crate::Float;
use std::marker::PhantomData;

/// A place for one register in each of so many planes.
pub struct To<'a, T> {
    first: *mut T,
    plane: usize,
    count: usize,
    planes: PhantomData<&'a mut [T]>,
}

impl<'a, T: Float> To<'a, T> {
    /// Register p goes to `planes[p * plane + at..]`.
    ///
    /// # Panics
    /// If the last one would end beyond `planes`.
    #[inline(always)]
    pub fn new<L: Lanes<Elem = T>>(planes: &'a mut [T], plane: usize, at: usize, count: usize) -> Self {
        check::<L>(planes.len(), count, plane, at);
        To { first: planes.as_mut_ptr().wrapping_add(at), plane, count, planes: PhantomData }
    }

    /// Stores register `p`.
    ///
    /// # Panics
    /// If there are fewer planes.
    #[inline(always)]
    pub fn store<L: Lanes<Elem = T>>(&mut self, p: usize, value: L) {
        assert!(p < self.count, "there are fewer planes");
        // SAFETY: the last plane's register was checked to end within the slice; the ones before it end earlier.
        value.store(unsafe { std::slice::from_raw_parts_mut(self.first.add(p * self.plane), L::N) });
    }
}

/// One register in each of so many planes.
pub struct From<'a, T> {
    first: *const T,
    plane: usize,
    count: usize,
    planes: PhantomData<&'a [T]>,
}

impl<'a, T: Float> From<'a, T> {
    /// Register p is at `planes[p * plane + at..]`.
    ///
    /// # Panics
    /// If the last one would end beyond `planes`.
    #[inline(always)]
    pub fn new<L: Lanes<Elem = T>>(planes: &'a [T], plane: usize, at: usize, count: usize) -> Self {
        check::<L>(planes.len(), count, plane, at);
        From { first: planes.as_ptr().wrapping_add(at), plane, count, planes: PhantomData }
    }

    /// Register `p`.
    ///
    /// # Panics
    /// If there are fewer planes.
    #[inline(always)]
    pub fn load<L: Lanes<Elem = T>>(&self, p: usize) -> L {
        assert!(p < self.count, "there are fewer planes");
        // SAFETY: the last plane's register was checked to end within the slice; the ones before it end earlier.
        L::load(unsafe { std::slice::from_raw_parts(self.first.add(p * self.plane), L::N) })
    }
}

#[inline(always)]
fn check<L: Lanes>(length: usize, count: usize, plane: usize, at: usize) {
    let end = (count - 1).checked_mul(plane).and_then(|last| last.checked_add(at)?.checked_add(L::N));
    assert!(end.is_some_and(|end| end <= length), "planes end before the last register");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Kernel;
    use crate::testing::at_every_level;

    struct Moves<'a, T> {
        from: &'a [T],
        to: &'a mut [T],
        plane: usize,
        at: usize,
    }

    impl<T: Float> Kernel<T> for Moves<'_, T> {
        type Output = usize;

        #[inline(always)]
        fn run<L: Lanes<Elem = T>>(self) -> usize {
            let from = From::new::<L>(self.from, self.plane, self.at, 3);
            let mut to = To::new::<L>(self.to, self.plane, self.at, 3);
            (0..3).for_each(|p| to.store(p, from.load::<L>(p)));
            L::N
        }
    }

    #[test]
    fn three_planes_move_and_nothing_else() {
        at_every_level(|level| {
            let from: Vec<f32> = (0..3 * 40).map(|i| i as f32).collect();
            let mut to = vec![-1.0; from.len()];
            let lanes = level.run(Moves { from: &from, to: &mut to, plane: 40, at: 5 });
            for (i, &number) in to.iter().enumerate() {
                let moved = (5..5 + lanes).contains(&(i % 40));
                assert_eq!(number, if moved { i as f32 } else { -1.0 }, "{i}");
            }
        });
    }

    #[test]
    #[should_panic(expected = "planes end before the last register")]
    fn a_plane_beyond_the_end_is_refused() {
        let (from, mut to) = ([0.0f32; 70], [0.0f32; 70]);
        crate::level::run(Moves { from: &from, to: &mut to, plane: 34, at: 3 });
    }
}
