//! One register in each of several planes of equal length: stored or loaded with one check for all.
#![expect(unsafe_code, reason = "one check for all planes")]

use super::Lanes;

/// Stores value p at `planes[p * plane + at..]`.
///
/// # Panics
/// If the last one would end beyond `planes`.
#[inline(always)]
pub fn store<L: Lanes, const P: usize>(values: [L; P], planes: &mut [L::Elem], plane: usize, at: usize) {
    check::<L>(planes.len(), P, plane, at);
    let to = planes.as_mut_ptr();
    for (p, value) in values.iter().enumerate() {
        // SAFETY: the last plane's register was checked to end within the slice; the ones before it end earlier.
        value.store(unsafe { std::slice::from_raw_parts_mut(to.add(at + p * plane), L::N) });
    }
}

/// The registers at `planes[p * plane + at..]`.
///
/// # Panics
/// If the last one would end beyond `planes`.
#[inline(always)]
pub fn load<L: Lanes, const P: usize>(planes: &[L::Elem], plane: usize, at: usize) -> [L; P] {
    check::<L>(planes.len(), P, plane, at);
    let from = planes.as_ptr();
    let mut values = [L::zero(); P];
    for (p, value) in values.iter_mut().enumerate() {
        // SAFETY: the last plane's register was checked to end within the slice; the ones before it end earlier.
        *value = L::load(unsafe { std::slice::from_raw_parts(from.add(at + p * plane), L::N) });
    }
    values
}

#[inline(always)]
fn check<L: Lanes>(length: usize, count: usize, plane: usize, at: usize) {
    let end = (count - 1).checked_mul(plane).and_then(|last| last.checked_add(at)?.checked_add(L::N));
    assert!(end.is_some_and(|end| end <= length), "planes end before the last register");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Float;
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
            store(load::<L, 3>(self.from, self.plane, self.at), self.to, self.plane, self.at);
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
