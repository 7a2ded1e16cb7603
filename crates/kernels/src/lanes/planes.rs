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
