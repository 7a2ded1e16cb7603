//! Max pooling: the largest number of each window, features last: `[N, spatial axes…, C]`.
//!
//! Derivative: dy to the winner, 0 to the others; of equal numbers the first in row-major order wins. NaN wins and stays. Padding is
//! absent, not a number. Kept for backward is the winner's place in its window, one byte per output (four for windows of more than 256
//! places), and nothing of x.
//!
//! ```
//! use tape::{Pool, Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([1.0, 3.0, 2.0, 2.0]).reshape([1, 4, 1]));
//! let y = x.clone().max_pool(Pool::new([2]));
//! assert_eq!(y.to_vec(), [3.0, 2.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 1.0, 1.0, 0.0]);
//! ```

#[cfg(test)]
pub(in crate::ops) mod tests;

use super::elementwise::slice;
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};
use kernels::{Place, Windows};
use std::cell::Cell;
use std::rc::Rc;

/// Windows over `D` spatial axes: how large, how far apart, how far over the edge.
///
/// ```
/// use tape::Pool;
/// let pool = Pool::new([3, 3]).stride([2, 2]).padding([1, 1]);
/// assert_eq!(pool, Pool { kernel: [3, 3], stride: [2, 2], padding: [1, 1], ceil: false, counts_padding: true });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool<const D: usize> {
    /// The windows' sizes.
    pub kernel: [usize; D],
    /// From one window to the next; the kernel unless set.
    pub stride: [usize; D],
    /// Positions before and after each axis that windows may reach over; at most half the kernel.
    pub padding: [usize; D],
    /// Whether a last window that leaves the padded axis counts, if it starts inside the axis or the padding before it.
    pub ceil: bool,
    /// Whether the mean divides by padding too; windows that leave even the padding are counted up to its end.
    pub counts_padding: bool,
}

impl<const D: usize> Pool<D> {
    /// Windows side by side.
    pub const fn new(kernel: [usize; D]) -> Pool<D> {
        Pool { kernel, stride: kernel, padding: [0; D], ceil: false, counts_padding: true }
    }

    /// Windows so far apart.
    #[must_use]
    pub const fn stride(self, stride: [usize; D]) -> Pool<D> {
        Pool { stride, ..self }
    }

    /// Windows that reach over the edges.
    #[must_use]
    pub const fn padding(self, padding: [usize; D]) -> Pool<D> {
        Pool { padding, ..self }
    }

    /// With a last window that may leave the padded axis.
    #[must_use]
    pub const fn ceil(self) -> Pool<D> {
        Pool { ceil: true, ..self }
    }

    /// Means over the numbers inside alone.
    #[must_use]
    pub const fn without_padding_in_means(self) -> Pool<D> {
        Pool { counts_padding: false, ..self }
    }

    /// For each axis its windows.
    pub(super) fn spans(&self, op: &'static str, x: &Shape) -> Result<Vec<Vec<Span>>> {
        let sizes = spatial::<D>(op, x)?;
        (0..D).map(|axis| self.axis(op, x, sizes[axis], axis)).collect()
    }

    fn axis(&self, op: &'static str, x: &Shape, size: usize, axis: usize) -> Result<Vec<Span>> {
        let (kernel, stride, padding) = (self.kernel[axis], self.stride[axis], self.padding[axis]);
        let argument = |problem| Err(Error::Argument { op, problem });
        if kernel == 0 || stride == 0 {
            return argument(format!("kernel {kernel} and stride {stride} of spatial axis {axis} must be at least 1"));
        }
        if padding > kernel / 2 {
            return argument(format!(
                "padding {padding} of spatial axis {axis} is more than half the kernel of {kernel}: a window would hold padding alone"
            ));
        }
        let padded = size + 2 * padding;
        if size == 0 || kernel > padded {
            let problem = format!(
                "the kernel of {kernel} is larger than spatial axis {axis}, {size} with padding {padding} on both sides; use a smaller kernel or pad"
            );
            return Err(Error::Invalid { op, shape: x.to_vec(), problem });
        }
        let room = padded - kernel + if self.ceil { stride - 1 } else { 0 };
        let mut outputs = room / stride + 1;
        if self.ceil && (outputs - 1) * stride >= size + padding {
            outputs -= 1;
        }
        let span = |o: usize| {
            let (start, end) = (o * stride, (o * stride + kernel).min(size + 2 * padding));
            Span { first: start.saturating_sub(padding), end: (end - padding).min(size), padded: end - start }
        };
        Ok((0..outputs).map(span).collect())
    }
}

/// One window along one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Inside the axis.
    pub(super) first: usize,
    /// Inside the axis.
    pub(super) end: usize,
    /// Its length with what is padding.
    pub(super) padded: usize,
}

/// The sizes of the axes between the first and the last.
pub(super) fn spatial<const D: usize>(op: &'static str, x: &Shape) -> Result<[usize; D]> {
    const { assert!(D >= 1 && D <= 3, "one to three spatial axes") };
    match x.get(1..x.len().saturating_sub(1)).and_then(|sizes| sizes.try_into().ok()) {
        Some(sizes) if x.len() == D + 2 => Ok(sizes),
        _ => {
            let problem = format!("{} axes are needed, [N, {D} spatial, C] with features last", D + 2);
            Err(Error::Invalid { op, shape: x.to_vec(), problem })
        }
    }
}

/// The bins of adaptive pooling, floor(o·I/O) .. ceil((o + 1)·I/O).
pub(super) fn bins<const D: usize>(op: &'static str, x: &Shape, sizes: [usize; D]) -> Result<Vec<Vec<Span>>> {
    let from = spatial::<D>(op, x)?;
    if from.contains(&0) || sizes.contains(&0) {
        let problem = format!("spatial axes of size 0 cannot be pooled, or pooled to; {sizes:?} are wanted");
        return Err(Error::Invalid { op, shape: x.to_vec(), problem });
    }
    let axis = |(from, to): (usize, usize)| {
        let bin = |o: usize| {
            let (first, end) = (o * from / to, ((o + 1) * from).div_ceil(to));
            Span { first, end, padded: end - first }
        };
        (0..to).map(bin).collect()
    };
    Ok(from.into_iter().zip(sizes).map(axis).collect())
}

/// The input's shape with other spatial sizes.
pub(super) fn resized(x: &Shape, sizes: impl IntoIterator<Item = usize>) -> Shape {
    sizes.into_iter().enumerate().fold(*x, |shape, (axis, size)| shape.with(axis + 1, size))
}

struct Geometry {
    axes: [Windows; 3],
    x: Shape,
    y: Shape,
}

impl Geometry {
    fn new(x: &Shape, spans: &[Vec<Span>]) -> Geometry {
        let mut axes = [Windows::unit(), Windows::unit(), Windows::unit()];
        for (i, spans) in spans.iter().enumerate() {
            let spans = spans.iter().map(|span| (span.first, span.end)).collect();
            axes[3 - (x.len() - 2) + i] = Windows::new(x[i + 1], spans);
        }
        Geometry { axes, x: *x, y: resized(x, spans.iter().map(Vec::len)) }
    }

    fn channels(&self) -> usize {
        self.x[self.x.len() - 1]
    }
}

struct MaxPool<P: Place> {
    geometry: Rc<Geometry>,
    /// Whether backward will want the places.
    recorded: Cell<bool>,
    places: Option<Tensor<P>>,
}

/// From dy to dx: linear.
struct Scatter<P: Place>(Rc<Geometry>, Tensor<P>);
/// The winners' numbers of another x: its transpose.
struct Gather<P: Place>(Rc<Geometry>, Tensor<P>);

impl<T: Float, P: Place> Op<T> for MaxPool<P> {
    fn name(&self) -> &'static str {
        "max_pool"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.geometry.y)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        self.recorded.set(true);
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let (x, geometry) = (x.contiguous(), &self.geometry);
        self.places = self.recorded.get().then(|| Tensor::unspecified(geometry.y));
        let places = self.places.as_mut().map(Tensor::fresh_mut);
        Tensor::fill_with(geometry.y, |y| {
            kernels::max_pool(slice(&x), y, places, &geometry.axes, geometry.channels());
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let places = self.places.clone().expect("a recorded op kept its places");
        [Some(Scatter(Rc::clone(&self.geometry), places).apply([dy]))]
    }
    fn own_bytes(&self) -> usize {
        self.places.as_ref().map_or(0, |places| places.storage().1)
    }
}

impl<T: Float, P: Place> Op<T> for Scatter<P> {
    fn name(&self) -> &'static str {
        "max_pool_backward"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.x)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [dy]: [Tensor<T>; 1]) -> Tensor<T> {
        let Scatter(geometry, places) = self;
        let dy = dy.contiguous();
        Tensor::fill_with(geometry.x, |dx| {
            kernels::max_pool_backward(slice(&dy), places.plain(), dx, &geometry.axes, geometry.channels());
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Gather(Rc::clone(&self.0), self.1.clone()).apply([dy]))]
    }
}

impl<T: Float, P: Place> Op<T> for Gather<P> {
    fn name(&self) -> &'static str {
        "max_pool_gather"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.y)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let Gather(geometry, places) = self;
        let x = x.contiguous();
        Tensor::fill_with(geometry.y, |y| {
            kernels::max_pool_gather(slice(&x), places.plain(), y, &geometry.axes, geometry.channels());
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Scatter(Rc::clone(&self.0), self.1.clone()).apply([dy]))]
    }
}

#[track_caller]
fn largest<T: Float>(x: Var<T>, spans: &[Vec<Span>]) -> Var<T> {
    let geometry = Rc::new(Geometry::new(x.shape(), spans));
    let recorded = Cell::new(false);
    match kernels::window_places(&geometry.axes) {
        ..=256 => MaxPool::<u8> { geometry, recorded, places: None }.apply([x]),
        _ => MaxPool::<u32> { geometry, recorded, places: None }.apply([x]),
    }
}

impl<T: Float> Var<T> {
    /// The largest number of each window, `[N, spatial…, C]` to `[N, windows…, C]`; the first of equals takes the gradient.
    ///
    /// # Panics
    /// If the value has no `D` spatial axes, if a kernel is larger than its padded axis, or if padding is more than half a kernel.
    #[track_caller]
    pub fn max_pool<const D: usize>(self, pool: Pool<D>) -> Var<T> {
        let spans = expect(pool.spans("max_pool", self.shape()));
        largest(self, &spans)
    }

    /// The largest number of each of `sizes` bins: bin o of O over I positions is floor(o·I/O) .. ceil((o + 1)·I/O).
    ///
    /// # Panics
    /// If the value has no `D` spatial axes, or if a size is 0.
    #[track_caller]
    pub fn adaptive_max_pool<const D: usize>(self, sizes: [usize; D]) -> Var<T> {
        let spans = expect(bins("adaptive_max_pool", self.shape(), sizes));
        largest(self, &spans)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    use tests::{MAX, binned, pooled};
    vec![
        entry!(
            "max_pool",
            &[&[&[2, 5, 6, 3]], &[&[1, 3, 3, 1]], &[&[0, 4, 4, 2]], &[&[1, 7, 4, 17]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().max_pool(Pool::new([3, 2]).stride([2, 1]).padding([1, 1]).ceil()),
            whole | x | pooled(&x[0], Pool::new([3, 2]).stride([2, 1]).padding([1, 1]).ceil(), MAX)
        ),
        entry!(
            "adaptive_max_pool",
            &[&[&[2, 5, 6, 3]], &[&[1, 1, 1, 1]], &[&[1, 7, 2, 2]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().adaptive_max_pool([3, 2]),
            whole | x | binned(&x[0], [3, 2], MAX)
        ),
    ]
}
