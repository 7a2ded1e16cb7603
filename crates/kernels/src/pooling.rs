//! Max pooling over `[N, D, H, W, channels]`, and how its gradients move.
//!
//! y = the maximum over a window; the first of equal numbers wins, in row-major order; NaN wins over all numbers, the first NaN over
//! later ones. Positions outside the input are absent, not 0 or −∞. Besides y, one byte per output says at which place of its window
//! the winner stood (a u32 for windows of more than 256 places). dx is gathered row by row of x from all windows that cover the row,
//! so overlapping windows need no atomics, and the sum's order depends on the shape alone.

#[cfg(test)]
mod tests;

use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Element;

/// The windows along one axis: which part of the axis each output looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    inputs: usize,
    /// The longest window.
    longest: usize,
    /// First position and end of each output's window.
    spans: Vec<(usize, usize)>,
    /// First output and end of the outputs whose windows hold an input.
    covers: Vec<(usize, usize)>,
}

impl Windows {
    /// The windows, each as first position and end; starts and ends must not fall.
    ///
    /// # Panics
    /// If a window is empty or leaves the axis, or if one begins or ends before the one before it.
    #[track_caller]
    pub fn new(inputs: usize, spans: Vec<(usize, usize)>) -> Windows {
        assert!(spans.iter().all(|&(first, end)| first < end && end <= inputs), "a window is empty or leaves the axis");
        assert!(spans.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1), "windows are not in order");
        let longest = spans.iter().map(|&(first, end)| end - first).max().unwrap_or(1);
        let cover = |i: usize| (spans.partition_point(|s| s.1 <= i), spans.partition_point(|s| s.0 <= i));
        let covers = (0..inputs).map(cover).collect();
        Windows { inputs, longest, spans, covers }
    }

    /// An axis of size 1, for inputs with fewer axes.
    #[must_use]
    pub fn unit() -> Windows {
        Windows::new(1, vec![(0, 1)])
    }

    /// The axis's size in the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The axis's size in the output.
    pub fn outputs(&self) -> usize {
        self.spans.len()
    }
}

/// How many places the largest window has: what a [`Place`] must be able to count.
pub fn window_places(axes: &[Windows; 3]) -> usize {
    axes.iter().map(|axis| axis.longest).product()
}

/// The place of a winner in its window: u8 for windows of up to 256 places, u32 beyond.
pub trait Place: Element + TryFrom<usize> + Into<u32> {
    /// The number, which is a place.
    fn of<T: Float>(place: T) -> Self;
}

impl Place for u8 {
    #[inline(always)]
    fn of<T: Float>(place: T) -> u8 {
        place.to_f64() as u8
    }
}

impl Place for u32 {
    #[inline(always)]
    fn of<T: Float>(place: T) -> u32 {
        place.to_f64() as u32
    }
}

#[track_caller]
fn check<P: Place>(x: usize, y: usize, places: Option<usize>, axes: &[Windows; 3], channels: usize) {
    let (from, to) =
        (axes.iter().map(Windows::inputs).product::<usize>(), axes.iter().map(Windows::outputs).product::<usize>());
    let images = x.checked_div(from * channels).unwrap_or(0);
    assert_eq!(x, images * from * channels, "the input is no whole number of images");
    assert_eq!(y, images * to * channels, "the output has another number of images than the input");
    assert!(places.is_none_or(|places| places == y), "there are not as many places as outputs");
    assert!(
        P::try_from(window_places(axes) - 1).is_ok(),
        "windows of {} places need a larger type",
        window_places(axes)
    );
}

/// The maximum of every window, and the winners' places if they are wanted.
///
/// ```
/// use kernels::{Windows, max_pool};
/// let axes = [Windows::unit(), Windows::unit(), Windows::new(4, vec![(0, 2), (2, 4)])];
/// let (mut y, mut places) = ([0.0f32; 2], [0u8; 2]);
/// max_pool(&[1.0, 3.0, 5.0, 5.0], &mut y, Some(&mut places), &axes, 1);
/// assert_eq!((y, places), ([3.0, 5.0], [1, 0]));
/// ```
///
/// # Panics
/// If lengths do not fit, or if a window has more places than `P` counts.
#[track_caller]
pub fn max_pool<T: Float, P: Place>(
    x: &[T],
    y: &mut [T],
    places: Option<&mut [P]>,
    axes: &[Windows; 3],
    channels: usize,
) {
    check::<P>(x.len(), y.len(), places.as_ref().map(|places| places.len()), axes, channels);
    if y.is_empty() {
        return;
    }
    let width = axes[2].outputs() * channels;
    let grain = Grain::rows(width, 1 + window_places(axes));
    match places {
        Some(places) => parallel::for_each((Rows(y, width), Rows(places, width)), grain, |first, (y, places)| {
            level::run(Maximum { x, y: y.0, places: places.0, first, axes, channels });
        }),
        None => parallel::for_each(Rows(y, width), grain, |first, y| {
            level::run(Maximum::<T, P> { x, y: y.0, places: &mut [], first, axes, channels });
        }),
    }
}

struct Maximum<'a, T, P> {
    x: &'a [T],
    y: &'a mut [T],
    /// As many as y, or none.
    places: &'a mut [P],
    /// The number of the first row of y.
    first: usize,
    axes: &'a [Windows; 3],
    channels: usize,
}

impl<T: Float, P: Place> Kernel<T> for Maximum<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        if self.places.is_empty() { self.rows::<L, false>() } else { self.rows::<L, true>() }
    }
}

impl<T: Float, P: Place> Maximum<'_, T, P> {
    #[inline(always)]
    fn rows<L: Lanes<Elem = T>, const PLACES: bool>(self) {
        let Maximum { x, y, places, first, axes: [d, h, w], channels } = self;
        let width = w.outputs() * channels;
        for (i, y) in y.chunks_exact_mut(width).enumerate() {
            let row = first + i;
            let (n, od, oh) = (row / (d.outputs() * h.outputs()), row / h.outputs() % d.outputs(), row % h.outputs());
            let (ds, hs) = (d.spans[od], h.spans[oh]);
            let places: &mut [P] = if PLACES { &mut places[i * width..][..width] } else { &mut [] };
            for (ow, &ws) in w.spans.iter().enumerate() {
                let window = Window { n, spans: [ds, hs, ws], axes: self.axes, channels };
                let mut at = 0;
                while at + L::N <= channels {
                    let (max, place) = window.max::<L, PLACES>(|i| L::load(&x[i + at..]));
                    max.store(&mut y[ow * channels + at..]);
                    if PLACES {
                        let place = place.to_array();
                        let to = &mut places[ow * channels + at..][..L::N];
                        to.iter_mut().zip(&place[..L::N]).for_each(|(to, &place)| *to = P::of(place));
                    }
                    at += L::N;
                }
                if at < channels {
                    let rest = channels - at;
                    let (max, place) = window.max::<L, PLACES>(|i| L::load_padded(&x[i + at..][..rest], L::Elem::ZERO));
                    max.store_prefix(&mut y[ow * channels + at..][..rest]);
                    if PLACES {
                        let place = place.to_array();
                        let to = &mut places[ow * channels + at..][..rest];
                        to.iter_mut().zip(&place[..rest]).for_each(|(to, &place)| *to = P::of(place));
                    }
                }
            }
        }
    }
}

/// One window of one image.
struct Window<'a> {
    n: usize,
    spans: [(usize, usize); 3],
    axes: &'a [Windows; 3],
    channels: usize,
}

impl Window<'_> {
    /// The maximum and its place, of what `load` reads at a position's first channel.
    #[inline(always)]
    fn max<L: Lanes, const PLACES: bool>(&self, load: impl Fn(usize) -> L) -> (L, L) {
        let [(d0, d1), (h0, h1), (w0, w1)] = self.spans;
        let [d, h, w] = self.axes;
        let at = |i, j, k| (((self.n * d.inputs + i) * h.inputs + j) * w.inputs + k) * self.channels;
        let (mut best, mut place) = (load(at(d0, h0, w0)), L::zero());
        for i in d0..d1 {
            for j in h0..h1 {
                let row = at(i, j, w0);
                let number = ((i - d0) * h.longest + j - h0) * w.longest;
                for k in 0..w1 - w0 {
                    let x = load(row + k * self.channels);
                    // False for the first place, which meets itself; a NaN is not ≤ anything, and loses to nothing.
                    let wins = !x.le(best) & best.eq(best);
                    best = L::select(wins, x, best);
                    if PLACES {
                        place = L::select(wins, L::splat(L::Elem::from_f64((number + k) as f64)), place);
                    }
                }
            }
        }
        (best, place)
    }
}

/// From dy to dx: what each position won, summed over windows.
///
/// # Panics
/// As [`max_pool`].
#[track_caller]
pub fn max_pool_backward<T: Float, P: Place>(
    dy: &[T],
    places: &[P],
    dx: &mut [T],
    axes: &[Windows; 3],
    channels: usize,
) {
    check::<P>(dx.len(), dy.len(), Some(places.len()), axes, channels);
    if dx.is_empty() {
        return;
    }
    let width = axes[2].inputs * channels;
    let overlap = window_places(axes) * axes[2].outputs() / axes[2].inputs;
    parallel::for_each(Rows(dx, width), Grain::rows(width, 2 + overlap), |first, dx| {
        level::run(Backward { dy, places, dx: dx.0, first, axes, channels });
    });
}

struct Backward<'a, T, P> {
    dy: &'a [T],
    places: &'a [P],
    dx: &'a mut [T],
    first: usize,
    axes: &'a [Windows; 3],
    channels: usize,
}

impl<T: Float, P: Place> Kernel<T> for Backward<'_, T, P> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Backward { dy, places, dx, first, axes: [d, h, w], channels } = self;
        let width = w.outputs() * channels;
        for (i, dx) in dx.chunks_exact_mut(w.inputs * channels).enumerate() {
            let row = first + i;
            let (n, i, j) = (row / (d.inputs * h.inputs), row / h.inputs % d.inputs, row % h.inputs);
            dx.fill(T::ZERO);
            for od in d.covers[i].0..d.covers[i].1 {
                for oh in h.covers[j].0..h.covers[j].1 {
                    let start = ((n * d.outputs() + od) * h.outputs() + oh) * width;
                    let number = ((i - d.spans[od].0) * h.longest + j - h.spans[oh].0) * w.longest;
                    let (dy, places) = (&dy[start..][..width], &places[start..][..width]);
                    row_backward::<L, P>(dy, places, dx, (w, number), channels);
                }
            }
        }
    }
}

/// Adds what one row of outputs gives to one row of inputs; `number` is the place of the windows' first position in that row.
#[inline(always)]
fn row_backward<L: Lanes, P: Place>(
    dy: &[L::Elem],
    places: &[P],
    dx: &mut [L::Elem],
    (w, number): (&Windows, usize),
    channels: usize,
) {
    for ((&(w0, w1), dy), places) in w.spans.iter().zip(dy.chunks_exact(channels)).zip(places.chunks_exact(channels)) {
        let mut at = 0;
        while at + L::N <= channels {
            let mut numbers = [L::Elem::ZERO; crate::lanes::MAX_LANES];
            for (to, &place) in numbers[..L::N].iter_mut().zip(&places[at..][..L::N]) {
                *to = L::Elem::from_f64(f64::from(place.into()));
            }
            let (place, dy) = (L::load(&numbers), L::load(&dy[at..]));
            for k in w0..w1 {
                let wins = place.eq(L::splat(L::Elem::from_f64((number + k - w0) as f64)));
                let to = &mut dx[k * channels + at..];
                (L::load(to) + L::select(wins, dy, L::zero())).store(to);
            }
            at += L::N;
        }
        for c in at..channels {
            let place: u32 = places[c].into();
            let k = (place as usize).wrapping_sub(number);
            if k < w1 - w0 {
                dx[(w0 + k) * channels + c] += dy[c];
            }
        }
    }
}

/// The numbers of x that stand where the winners stood: the transpose of [`max_pool_backward`].
///
/// # Panics
/// As [`max_pool`].
#[track_caller]
pub fn max_pool_gather<T: Float, P: Place>(x: &[T], places: &[P], y: &mut [T], axes: &[Windows; 3], channels: usize) {
    check::<P>(x.len(), y.len(), Some(places.len()), axes, channels);
    if y.is_empty() {
        return;
    }
    let [d, h, w] = axes;
    let width = w.outputs() * channels;
    parallel::for_each((Rows(y, width), Rows(places, width)), Grain::rows(width, 8), |first, (y, places)| {
        for (at, (y, &place)) in y.0.iter_mut().zip(places.0).enumerate() {
            let (row, ow, c) = (first + at / width, at % width / channels, at % channels);
            let (n, od, oh) = (row / (d.outputs() * h.outputs()), row / h.outputs() % d.outputs(), row % h.outputs());
            let place = place.into() as usize;
            let i = d.spans[od].0 + place / w.longest / h.longest;
            let j = h.spans[oh].0 + place / w.longest % h.longest;
            let k = w.spans[ow].0 + place % w.longest;
            *y = x[(((n * d.inputs + i) * h.inputs + j) * w.inputs + k) * channels + c];
        }
    });
}
