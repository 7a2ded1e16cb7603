//! Statistics per feature, and the affine map with a residual and a rectifier.

use super::columns::{Columns, add, read, walk, write};
use super::{Io, NONE, RELU, SLOPES, kind, slopes};
use crate::gemm::Rectifier;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Rows};
use crate::pool::Buffer;
use crate::{Float, In1, cache};

/// The mean and the biased variance of each feature of `[rows, features]`; of no rows NaN.
///
/// ```
/// let (mut mean, mut variance) = ([0.0f32; 2], [0.0f32; 2]);
/// kernels::moments(&[1.0, 5.0, 3.0, 5.0], &mut mean, &mut variance);
/// assert_eq!((mean, variance), ([2.0, 5.0], [1.0, 0.0]));
/// ```
///
/// # Panics
/// If x is no whole number of rows, or if mean and variance differ in length.
#[track_caller]
pub fn moments<T: Float>(x: &[T], mean: &mut [T], variance: &mut [T]) {
    let features = mean.len();
    assert_eq!(variance.len(), features, "mean and variance differ in length");
    if features == 0 {
        return assert!(x.is_empty(), "{} numbers in rows of none", x.len());
    }
    assert!(x.len().is_multiple_of(features), "{} numbers are no whole number of rows of {features}", x.len());
    let rows = x.len() / features;
    let grain = Grain::rows(features, 2);
    let width = 2 * features;
    let mut room = Buffer::<f64>::new(grain.chunks(rows) * width);
    let parts = (Rows(x, features), PerChunk::new(&mut room, width, grain));
    let part = |_, (Rows(x, _), room)| part_of(x, features, room);
    keep(parallel::fold(parts, grain, part, combine), mean, variance);
}

/// The mean and the variance of so many rows' means and sums of squares.
pub(crate) fn keep<T: Float>((rows, total): (usize, &mut [f64]), mean: &mut [T], variance: &mut [T]) {
    let (means, squares) = total.split_at(mean.len());
    for i in 0..mean.len() {
        mean[i] = T::from_f64(means[i]);
        variance[i] = T::from_f64(squares[i] / rows as f64);
    }
}

/// The moments of a part that is in the cache: its rows, means and sums of squares, `2 * features` numbers of room.
pub(crate) fn part_of<'a, T: Float>(x: &[T], features: usize, room: PerChunk<'a, f64>) -> (usize, &'a mut [f64]) {
    let moments = room.into_room();
    level::run(Moments { x, features, moments: &mut *moments });
    (x.len() / features, moments)
}

/// Chan's formula: counts, and for each feature a mean, then as many sums of squares about it.
pub(crate) fn combine<'a>((n, a): (usize, &'a mut [f64]), (m, b): (usize, &mut [f64])) -> (usize, &'a mut [f64]) {
    if n == 0 {
        a.copy_from_slice(b);
        return (m, a);
    }
    if m > 0 {
        let features = a.len() / 2;
        let total = (n + m) as f64;
        for i in 0..features {
            let apart = b[i] - a[i];
            a[i] += apart * (m as f64 / total);
            a[features + i] += b[features + i] + apart * apart * (n as f64 * (m as f64 / total));
        }
    }
    (n + m, a)
}

/// Means, then sums of squares about them, of a part that stays in the cache.
pub(super) struct Moments<'a, T> {
    pub(super) x: &'a [T],
    pub(super) features: usize,
    pub(super) moments: &'a mut [f64],
}

impl<T: Float> Kernel<T> for Moments<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Moments { x, features, moments } = self;
        let rows = x.len() / features;
        moments.fill(0.0);
        let (mean, squares) = moments.split_at_mut(features);
        if rows == 0 {
            return mean.fill(f64::NAN);
        }
        // About the first row, so that equal numbers have their mean exactly; then about the mean of the two.
        let mut centre = Buffer::<T>::new(features);
        centre.copy_from_slice(&x[..features]);
        walk::<L, _>(&mut Sum { x, centre: &centre, sums: mean }, rows, features);
        for (centre, &sum) in centre.iter_mut().zip(&*mean) {
            *centre = T::from_f64(centre.to_f64() + sum / rows as f64);
        }
        // The rounded mean is not quite the middle: what is left is taken into account.
        let mut rest = Buffer::<f64>::new(features);
        rest.fill(0.0);
        walk::<L, _>(&mut Spread { x, centre: &centre, rest: &mut rest, squares }, rows, features);
        for i in 0..features {
            let rest = rest[i] / rows as f64;
            mean[i] = centre[i].to_f64() + rest;
            squares[i] = above_0(squares[i] - rest * rest * rows as f64);
        }
    }
}

/// Not below 0 by rounding; NaN stays.
#[inline(always)]
pub(super) fn above_0(variance: f64) -> f64 {
    if variance < 0.0 { 0.0 } else { variance }
}

struct Sum<'a, T> {
    x: &'a [T],
    centre: &'a [T],
    sums: &'a mut [f64],
}

impl<L: Lanes> Columns<L> for Sum<'_, L::Elem> {
    type Features = L;
    type Sums = L;
    #[inline(always)]
    fn zero() -> L {
        L::zero()
    }
    #[inline(always)]
    fn features(&self, feature: usize, width: usize) -> L {
        read(self.centre, feature, width)
    }
    #[inline(always)]
    fn visit(&mut self, at: usize, width: usize, centre: L, sum: L) -> L {
        sum + (read::<L>(self.x, at, width) - centre)
    }
    #[inline(always)]
    fn join(a: L, b: L) -> L {
        a + b
    }
    #[inline(always)]
    fn keep(&mut self, feature: usize, width: usize, sum: L) {
        add(sum, &mut self.sums[feature..feature + width]);
    }
}

struct Spread<'a, T> {
    x: &'a [T],
    centre: &'a [T],
    rest: &'a mut [f64],
    squares: &'a mut [f64],
}

impl<L: Lanes> Columns<L> for Spread<'_, L::Elem> {
    type Features = L;
    type Sums = [L; 2];
    #[inline(always)]
    fn zero() -> [L; 2] {
        [L::zero(); 2]
    }

    #[inline(always)]
    fn features(&self, feature: usize, width: usize) -> L {
        read(self.centre, feature, width)
    }
    #[inline(always)]
    fn visit(&mut self, at: usize, width: usize, centre: L, [rest, squares]: [L; 2]) -> [L; 2] {
        let apart = read::<L>(self.x, at, width) - centre;
        [rest + apart, apart.mul_add(apart, squares)]
    }
    #[inline(always)]
    fn join(a: [L; 2], b: [L; 2]) -> [L; 2] {
        [a[0] + b[0], a[1] + b[1]]
    }
    #[inline(always)]
    fn keep(&mut self, feature: usize, width: usize, [rest, squares]: [L; 2]) {
        add(rest, &mut self.rest[feature..feature + width]);
        add(squares, &mut self.squares[feature..feature + width]);
    }
}

/// z = f((x − centre)·scale + shift + residual), and the largest |residual|, or 0: what tells whether backward can do with z.
///
/// ```
/// use kernels::{In1, Rectifier, batch_norm};
/// let mut x = [1.0f32, 2.0, 3.0, 4.0];
/// batch_norm(In1::Over { x: &mut x }, &[2.0, 3.0], &[1.0, 2.0], &[0.0, 1.0], None, Rectifier::Leaky(0.5));
/// assert_eq!(x, [-0.5, -0.5, 1.0, 3.0]);
/// ```
///
/// # Panics
/// If lengths do not fit.
#[track_caller]
pub fn batch_norm<T: Float>(
    io: In1<'_, T>,
    centre: &[T],
    scale: &[T],
    shift: &[T],
    residual: Option<&[T]>,
    rectifier: Rectifier<'_, T>,
) -> T {
    io.check();
    let (length, features) = (io.len(), centre.len());
    assert!(scale.len() == features && shift.len() == features, "one centre, scale and shift for each feature");
    assert!(residual.is_none_or(|residual| residual.len() == length), "x and its residual differ in length");
    let slopes = slopes(&rectifier, features);
    if length == 0 {
        return T::ZERO;
    }
    assert!(
        features > 0 && length.is_multiple_of(features),
        "{length} numbers are no whole number of rows of {features}"
    );
    let streams = matches!(io, In1::From { .. }) && cache::is_beyond(length * size_of::<T>(), 1);
    let (kind, slopes) = (kind(&rectifier), &slopes);
    let part = |first: usize, Rows(io, _): Rows<Io<'_, T>>| {
        let residual = residual.map(|residual| &residual[first * features..][..io.to.len()]);
        level::run(Map { io, centre, scale, shift, slopes, residual, kind, streams, largest: T::ZERO })
    };
    parallel::fold(Rows(Io::new(io), features), Grain::rows(features, 1), part, |a, b| if b > a { b } else { a })
}

/// As [`batch_norm`], of some rows.
pub(super) struct Map<'a, T> {
    pub(super) io: Io<'a, T>,
    pub(super) centre: &'a [T],
    pub(super) scale: &'a [T],
    pub(super) shift: &'a [T],
    pub(super) slopes: &'a [T],
    pub(super) residual: Option<&'a [T]>,
    pub(super) kind: usize,
    pub(super) streams: bool,
    pub(super) largest: T,
}

impl<T: Float> Kernel<T> for Map<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) -> T {
        let features = self.centre.len();
        let rows = self.io.to.len() / features;
        match (self.kind, self.residual.is_some()) {
            (NONE, false) => walk::<L, _>(&mut MapOf::<T, NONE, false>(&mut self), rows, features),
            (NONE, true) => walk::<L, _>(&mut MapOf::<T, NONE, true>(&mut self), rows, features),
            (RELU, false) => walk::<L, _>(&mut MapOf::<T, RELU, false>(&mut self), rows, features),
            (RELU, true) => walk::<L, _>(&mut MapOf::<T, RELU, true>(&mut self), rows, features),
            (_, false) => walk::<L, _>(&mut MapOf::<T, SLOPES, false>(&mut self), rows, features),
            (_, true) => walk::<L, _>(&mut MapOf::<T, SLOPES, true>(&mut self), rows, features),
        }
        if self.streams {
            L::fence();
        }
        self.largest
    }
}

struct MapOf<'a, 'b, T, const KIND: usize, const RESIDUAL: bool>(&'a mut Map<'b, T>);

impl<L: Lanes, const KIND: usize, const RESIDUAL: bool> Columns<L> for MapOf<'_, '_, L::Elem, KIND, RESIDUAL> {
    type Features = [L; 4];
    /// The largest |residual|.
    type Sums = L;
    #[inline(always)]
    fn zero() -> L {
        L::zero()
    }

    #[inline(always)]
    fn features(&self, feature: usize, width: usize) -> [L; 4] {
        let Map { centre, scale, shift, slopes, .. } = *self.0;
        // Written out: `map` would call its closure, which knows nothing of the level's instructions.
        [
            read(centre, feature, width),
            read(scale, feature, width),
            read(shift, feature, width),
            read(slopes, feature, width),
        ]
    }
    #[inline(always)]
    fn visit(&mut self, at: usize, width: usize, [centre, scale, shift, slope]: [L; 4], mut largest: L) -> L {
        let mut y = (read::<L>(self.0.io.numbers(), at, width) - centre).mul_add(scale, shift);
        if RESIDUAL && let Some(residual) = self.0.residual {
            let residual = read::<L>(residual, at, width);
            y = y + residual;
            largest = largest.max(residual.abs());
        }
        write(rectified::<L, KIND>(y, slope), self.0.io.to, at, width, self.0.streams);
        largest
    }
    #[inline(always)]
    fn join(a: L, b: L) -> L {
        a.max(b)
    }
    #[inline(always)]
    fn keep(&mut self, _: usize, _: usize, largest: L) {
        if RESIDUAL {
            for lane in &largest.to_array()[..L::N] {
                if *lane > self.0.largest {
                    self.0.largest = *lane;
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn rectified<L: Lanes, const KIND: usize>(y: L, slope: L) -> L {
    match KIND {
        NONE => y,
        RELU => L::select(y.le(L::zero()), L::zero(), y),
        _ => L::select(y.gt(L::zero()), y, y * slope),
    }
}
