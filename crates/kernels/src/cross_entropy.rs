//! Softmax cross-entropy of `[rows, classes]` logits against integer labels, with its gradient in the same pass.
//!
//! The loss of a row is ln Σ exp x − (1 − ε) · x[label] − ε · mean(x), where ε is the label smoothing; its gradient is
//! softmax(x) − (1 − ε) at the label − ε / classes. Rows whose label is the ignored one have loss 0 and gradient 0, and the
//! mean does not count them; the mean of no rows is 0. A row with a NaN or +∞, or of −∞ alone, has the loss NaN and a
//! gradient of NaN.
//!
//! The gradient costs one more write: 8 bytes per logit in f32, over the logits or past the cache beside them, where
//! log-softmax, negative log-likelihood and their two backward passes move 36.

#[cfg(test)]
mod tests;

use crate::lanes::{Lanes, MAX_LANES};
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows, Split};
use crate::pool::Buffer;
use crate::softmax::check_rows;
use crate::softmax::row::{SHORT, ShortRows, Total, blocks, exps, factor_at, scaled, store_column};
use crate::{Float, In1, cache};

/// The logits, and where their gradient goes.
#[derive(Debug)]
pub enum Logits<'a, T> {
    /// No gradient.
    Read(&'a [T]),
    /// The gradient goes to an array of its own, or over the logits.
    Gradient(In1<'a, T>),
}

/// What happens to the losses of the rows; their gradients are scaled alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// They are added up. Also for gradients of losses that stay one per row.
    Sum,
    /// Their sum is divided by the number of rows that are not ignored.
    Mean,
}

/// The arguments of [`cross_entropy`].
#[derive(Debug)]
pub struct CrossEntropy<'a, T> {
    /// `[rows, classes]`
    pub logits: Logits<'a, T>,
    /// The number of classes.
    pub classes: usize,
    /// For each row the index of its class.
    pub labels: &'a [i64],
    /// Rows with this label do not count.
    pub ignore: Option<i64>,
    /// The part of the target that is spread over all classes.
    pub smoothing: f64,
    /// Sum or mean.
    pub reduction: Reduction,
    /// For each row its loss, if wanted.
    pub losses: Option<&'a mut [T]>,
}

/// The sum or the mean of the losses, in f64.
///
/// ```
/// use kernels::{CrossEntropy, In1, Logits, Reduction, cross_entropy};
/// let mut x = [0.0f32, 0.0, 9.0, 1.0];
/// let loss = cross_entropy(CrossEntropy {
///     logits: Logits::Gradient(In1::Over { x: &mut x }),
///     classes: 2,
///     labels: &[1, -100],
///     ignore: Some(-100),
///     smoothing: 0.0,
///     reduction: Reduction::Mean,
///     losses: None,
/// });
/// assert!((loss - 2f64.ln()).abs() < 1e-7);
/// assert_eq!(x, [0.5, -0.5, 0.0, 0.0]);
/// ```
///
/// # Panics
/// If lengths do not fit, or if a label that is not ignored is no class: the message names row, label and classes.
#[track_caller]
pub fn cross_entropy<T: Float>(args: CrossEntropy<'_, T>) -> f64 {
    let CrossEntropy { logits, classes, labels, ignore, smoothing, reduction, losses } = args;
    logits.check();
    check_rows(logits.len(), classes);
    assert_eq!(logits.len(), labels.len() * classes, "{} labels for rows of {classes} classes", labels.len());
    let counted = check_labels(labels, classes, ignore);
    let weight = match reduction {
        Reduction::Sum => 1.0,
        Reduction::Mean => 1.0 / counted.max(1) as f64,
    };
    let target = Target { classes, ignore, smoothing, scale: weight };
    let mut each = Buffer::<f64>::new(labels.len());
    if classes > 0 {
        let is_apart = matches!(logits, Logits::Gradient(In1::From { .. }));
        let streams = is_apart && cache::is_beyond(logits.len() * size_of::<T>(), 1);
        let rows = (Rows(logits, classes), labels, &mut each[..]);
        parallel::for_each(rows, Grain::rows(classes, 4), |_, (logits, labels, losses)| {
            level::run(Chunk { logits: logits.0, labels, losses, target, streams });
        });
    }
    if let Some(losses) = losses {
        assert_eq!(losses.len(), labels.len(), "{} losses of {} rows", losses.len(), labels.len());
        losses.iter_mut().zip(each.iter()).for_each(|(to, &loss)| *to = T::from_f64(loss));
    }
    each.iter().sum::<f64>() * weight
}

/// How many labels count.
#[track_caller]
fn check_labels(labels: &[i64], classes: usize, ignore: Option<i64>) -> usize {
    let mut counted = 0;
    for (row, &label) in labels.iter().enumerate() {
        if Some(label) != ignore {
            let is_class = usize::try_from(label).is_ok_and(|label| label < classes);
            assert!(is_class, "the label of row {row} is {label}, which is none of the {classes} classes");
            counted += 1;
        }
    }
    counted
}

impl<T> Logits<'_, T> {
    fn len(&self) -> usize {
        match self {
            Logits::Read(x) => x.len(),
            Logits::Gradient(io) => io.len(),
        }
    }

    #[track_caller]
    fn check(&self) {
        if let Logits::Gradient(io) = self {
            io.check();
        }
    }

    #[inline(always)]
    fn part(&mut self, at: usize, length: usize) -> Logits<'_, T> {
        match self {
            Logits::Read(x) => Logits::Read(&x[at..at + length]),
            Logits::Gradient(io) => Logits::Gradient(io.part(at, length)),
        }
    }

    #[inline(always)]
    fn numbers(&self) -> &[T] {
        match self {
            Logits::Read(x) => x,
            Logits::Gradient(io) => io.numbers(),
        }
    }

    #[inline(always)]
    fn gradient(&mut self) -> &mut [T] {
        match self {
            Logits::Read(_) => &mut [],
            Logits::Gradient(io) => io.result(),
        }
    }
}

impl<T: Float> Split for Logits<'_, T> {
    fn len(&self) -> usize {
        Logits::len(self)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            Logits::Read(x) => {
                let (x, rest) = x.split_at(at);
                (Logits::Read(x), Logits::Read(rest))
            }
            Logits::Gradient(io) => {
                let (io, rest) = io.split_at(at);
                (Logits::Gradient(io), Logits::Gradient(rest))
            }
        }
    }
}

/// What all rows share.
#[derive(Clone, Copy)]
struct Target {
    classes: usize,
    ignore: Option<i64>,
    smoothing: f64,
    scale: f64,
}

impl Target {
    /// The loss of a row; `mean` is the mean of its logits, asked for only where it counts.
    #[inline(always)]
    fn loss(&self, total: Total, at_label: f64, mean: impl FnOnce() -> f64) -> f64 {
        let hard = (total.max - at_label) + total.sum.ln();
        if self.smoothing == 0.0 {
            return hard;
        }
        (1.0 - self.smoothing) * hard + self.smoothing * ((total.max - mean()) + total.sum.ln())
    }

    /// What the gradient of every class is less by.
    fn spread(&self) -> f64 {
        self.scale * self.smoothing / self.classes as f64
    }
}

/// The rows of one chunk.
struct Chunk<'a, T> {
    logits: Logits<'a, T>,
    labels: &'a [i64],
    losses: &'a mut [f64],
    target: Target,
    streams: bool,
}

impl<T: Float> Kernel<T> for Chunk<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Chunk { mut logits, labels, losses, target, streams } = self;
        let classes = target.classes;
        if classes <= SHORT {
            for (i, (labels, losses)) in labels.chunks(L::N).zip(losses.chunks_mut(L::N)).enumerate() {
                let rows = logits.part(i * L::N * classes, labels.len() * classes);
                short::<L>(rows, labels, losses, target);
            }
            return;
        }
        let mut shifts = Buffer::<T>::new(blocks(classes));
        let mut scratch = Buffer::<T>::new(if streams { classes } else { 0 });
        for (i, (&label, loss)) in labels.iter().zip(losses).enumerate() {
            let mut row = logits.part(i * classes, classes);
            *loss = 0.0;
            if Some(label) == target.ignore {
                row.gradient().fill(T::ZERO);
                continue;
            }
            let label = label as usize;
            let at_label = row.numbers()[label].to_f64();
            let mean = mean_if(target.smoothing > 0.0, row.numbers());
            let total = long::<L>(row, label, target, &mut shifts, &mut scratch);
            *loss = target.loss(total, at_label, || mean);
        }
        if streams {
            L::fence();
        }
    }
}

/// Before the logits are overwritten.
#[inline(always)]
fn mean_if<T: Float>(is_wanted: bool, x: &[T]) -> f64 {
    if !is_wanted {
        return 0.0;
    }
    let mut sums = [0.0; 8];
    let mut eights = x.chunks_exact(8);
    for eight in &mut eights {
        for (sum, x) in sums.iter_mut().zip(eight) {
            *sum += x.to_f64();
        }
    }
    (sums.iter().sum::<f64>() + eights.remainder().iter().map(|x| x.to_f64()).sum::<f64>()) / x.len() as f64
}

/// One row: what its exponentials add up to, and its gradient.
#[inline(always)]
fn long<L: Lanes>(
    row: Logits<'_, L::Elem>,
    label: usize,
    target: Target,
    shifts: &mut [L::Elem],
    scratch: &mut [L::Elem],
) -> Total {
    let (scale, spread) = (target.scale, target.spread());
    // The label's own gradient is taken from its exponential, so that nothing that was streamed is read again.
    let of_label = |exp: L::Elem, shifts: &[L::Elem], total: Total| {
        let softmax = exp.to_f64() / total.sum * factor_at(label, shifts, total);
        L::Elem::from_f64((softmax - (1.0 - target.smoothing)) * scale - spread)
    };
    match row {
        Logits::Read(mut x) => exps::<L, _>(&mut x, shifts),
        Logits::Gradient(In1::From { x, y }) if !scratch.is_empty() => {
            let total = exps::<L, _>(&mut In1::From { x, y: &mut *scratch }, shifts);
            let gradient = of_label(scratch[label], shifts, total);
            scaled::<L, true>(In1::From { x: scratch, y: &mut *y }, shifts, total, scale, spread);
            y[label] = gradient;
            total
        }
        Logits::Gradient(mut io) => {
            let total = exps::<L, _>(&mut io, shifts);
            let y = io.result();
            let gradient = of_label(y[label], shifts, total);
            scaled::<L, false>(In1::Over { x: &mut *y }, shifts, total, scale, spread);
            y[label] = gradient;
            total
        }
    }
}

/// `N` short rows or fewer.
#[inline(always)]
fn short<L: Lanes>(mut rows: Logits<'_, L::Elem>, labels: &[i64], losses: &mut [f64], target: Target) {
    let classes = target.classes;
    let x = rows.numbers();
    let ShortRows { max, exps, sum } = ShortRows::<L>::new(x, classes);
    let (maxima, sums): ([L::Elem; MAX_LANES], _) = (max.to_array(), sum.to_array());
    for (i, (row, (&label, loss))) in x.chunks_exact(classes).zip(labels.iter().zip(losses)).enumerate() {
        *loss = 0.0;
        if Some(label) != target.ignore {
            let total = Total { max: maxima[i].to_f64(), sum: sums[i].to_f64() };
            *loss = target.loss(total, row[label as usize].to_f64(), || mean_if(true, row));
        }
    }
    let gradient = rows.gradient();
    if gradient.is_empty() {
        return;
    }
    let factor = L::splat(L::Elem::from_f64(target.scale)) / sum;
    let less = L::splat(L::Elem::from_f64(-target.spread()));
    for (j, &exp) in exps[..classes].iter().enumerate() {
        store_column(exp.mul_add(factor, less), gradient, classes, j);
    }
    let hard = L::Elem::from_f64((1.0 - target.smoothing) * target.scale);
    for (row, &label) in gradient.chunks_exact_mut(classes).zip(labels) {
        if Some(label) == target.ignore {
            row.fill(L::Elem::ZERO);
        } else {
            row[label as usize] -= hard;
        }
    }
}
