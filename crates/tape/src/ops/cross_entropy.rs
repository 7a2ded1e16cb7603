//! Softmax cross-entropy of logits `[.., classes]` against integer labels: the mean over rows of
//! ln Σ exp x − (1 − ε) · x[label] − ε · mean(x), where ε is the label smoothing.
//!
//! Derivative: (softmax(x) − target) / rows, where the target is 1 − ε at the label plus ε / classes everywhere. The kernel
//! computes it along with the loss, over the logits where nobody else holds them, and the op keeps it, so that the backward
//! pass has nothing to compute. A recorded rule is composed; it needs the softmax alone, which the gradient tells.
//!
//! Rows whose label is [`CrossEntropyOptions::ignore_index`] do not count; where no row counts the loss is 0, and so is the
//! gradient. A row with a NaN or +∞, or of −∞ alone, has the loss NaN.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let logits = tape.var(Tensor::from([[0.0, 0.0], [0.0, 1000.0]]));
//! let loss = logits.clone().cross_entropy(&Tensor::from([0, 1]));
//! assert_eq!(loss.item(), 2f32.ln() / 2.0);
//! assert_eq!(loss.backward()[&logits].to_vec(), [-0.25, 0.25, 0.0, 0.0]);
//! ```

use super::elementwise::{slice, unary};
use super::softmax::{Softmax, classes};
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};
use kernels::{Logits, Reduction};
use std::cell::Cell;

/// What [`Var::cross_entropy_with`] does besides.
///
/// ```
/// use tape::CrossEntropyOptions;
/// let options = CrossEntropyOptions { ignore_index: Some(-100), ..Default::default() };
/// assert_eq!(options.label_smoothing, 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropyOptions {
    /// Rows with this label do not count.
    pub ignore_index: Option<i64>,
    /// The part of the target that is spread over all classes, from 0 to 1. Szegedy et al. 2016.
    pub label_smoothing: f64,
}

const NAME: &str = "cross_entropy";

struct CrossEntropy<T: Float> {
    labels: Tensor<i64>,
    options: CrossEntropyOptions,
    /// Whether a rule may ask for the gradient.
    is_tracked: bool,
    /// The gradient for dy = 1, from the forward pass.
    gradient: Cell<Option<Tensor<T>>>,
}

impl<T: Float> CrossEntropy<T> {
    fn counts(&self, label: i64) -> bool {
        Some(label) != self.options.ignore_index
    }

    /// 1 / the number of rows that count.
    fn weight(&self) -> f64 {
        let rows = slice(&self.labels).iter().filter(|&&label| self.counts(label)).count();
        1.0 / rows.max(1) as f64
    }

    fn run(&self, logits: Logits<'_, T>, classes: usize) -> f64 {
        kernels::cross_entropy(kernels::CrossEntropy {
            logits,
            classes,
            labels: slice(&self.labels),
            ignore: self.options.ignore_index,
            smoothing: self.options.label_smoothing,
            reduction: Reduction::Mean,
            losses: None,
        })
    }

    fn check_labels(&self, classes: usize) -> Result<()> {
        let is_wrong = |&(_, &label): &(usize, &i64)| {
            self.counts(label) && usize::try_from(label).map_or(true, |label| label >= classes)
        };
        let Some((i, label)) = slice(&self.labels).iter().enumerate().find(is_wrong) else { return Ok(()) };
        let problem = format!(
            "the label at index {i} is {label}, which is none of the {classes} classes (they count from 0); \
             rows that should not count have a label that `ignore_index` names"
        );
        Err(Error::Argument { op: NAME, problem })
    }

    /// The target distribution of every row.
    fn target(&self, shape: Shape) -> Tensor<T> {
        let classes = shape[shape.rank() - 1];
        let smoothing = self.options.label_smoothing;
        let spread = T::from_f64(smoothing / classes as f64);
        Tensor::fill_with(shape, |target| {
            target.fill(spread);
            for (row, &label) in target.chunks_exact_mut(classes.max(1)).zip(slice(&self.labels)) {
                if self.counts(label) {
                    row[label as usize] += T::from_f64(1.0 - smoothing);
                }
            }
        })
    }

    /// 1 / rows for every row that counts, 0 for the others.
    fn weights(&self, shape: Shape) -> Tensor<T> {
        let weight = T::from_f64(self.weight());
        Tensor::fill_with(shape.with(shape.rank() - 1, 1), |weights| {
            for (to, &label) in weights.iter_mut().zip(slice(&self.labels)) {
                *to = if self.counts(label) { weight } else { T::ZERO };
            }
        })
    }

    /// Logits that have the softmax which the gradient tells: its logarithm. All derivatives are those of the logits
    /// themselves, since the softmax sees no shift of a row.
    fn logits_again(&self, gradient: &Tensor<T>) -> Tensor<T> {
        let rows = 1.0 / self.weight();
        let target = self.target(*gradient.shape());
        let n = classes(gradient).max(1);
        let given = slice(gradient).chunks_exact(n).zip(slice(&target).chunks_exact(n)).zip(slice(&self.labels));
        Tensor::fill_with(*gradient.shape(), |logits| {
            for (((gradient, target), &label), logits) in given.zip(logits.chunks_exact_mut(n)) {
                if !self.counts(label) {
                    logits.fill(T::ZERO);
                    continue;
                }
                for ((x, gradient), target) in logits.iter_mut().zip(gradient).zip(target) {
                    let softmax = gradient.to_f64() * rows + target.to_f64();
                    *x = T::from_f64(if softmax <= 0.0 { f64::NEG_INFINITY } else { softmax.ln() });
                }
            }
        })
    }
}

impl<T: Float> Op<T> for CrossEntropy<T> {
    fn name(&self) -> &'static str {
        NAME
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        let fits = x.rank() > 0 && x[..x.rank() - 1] == **self.labels.shape();
        if !fits {
            let (lhs, rhs) = (x.to_vec(), self.labels.shape().to_vec());
            let hint = "logits [.., classes] want labels [..], one for each row";
            return Err(Error::ShapeMismatch { op: NAME, lhs, rhs, hint });
        }
        let smoothing = self.options.label_smoothing;
        if !(0.0..=1.0).contains(&smoothing) {
            let problem = format!("label_smoothing is {smoothing}; it goes from 0 to 1");
            return Err(Error::Argument { op: NAME, problem });
        }
        self.check_labels(x[x.rank() - 1])?;
        Ok(Shape::SCALAR)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let classes = classes(&x);
        if !self.is_tracked {
            let x = x.contiguous();
            return Tensor::scalar(T::from_f64(self.run(Logits::Read(slice(&x)), classes)));
        }
        let mut loss = 0.0;
        let gradient = unary(x, |io| loss = self.run(Logits::Gradient(io), classes));
        self.gradient.set(Some(gradient));
        Tensor::scalar(T::from_f64(loss))
    }
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let gradient = self.gradient.take().expect("forward has set it, and a first-order pass takes it once");
        if kept.first_order() {
            let is_1 = dy.item() == T::ONE;
            let gradient = kept.constant(gradient);
            return [Some(if is_1 { gradient } else { gradient * dy })];
        }
        let shape = *gradient.shape();
        let x = kept.stand_in(0, self.logits_again(&gradient));
        self.gradient.set(Some(gradient));
        let (target, weights) = (kept.constant(self.target(shape)), kept.constant(self.weights(shape)));
        [Some((Softmax.apply([x]) - target) * weights * dy)]
    }
}

impl<T: Float> Var<T> {
    /// The mean cross-entropy of these logits `[.., classes]` against labels `[..]`.
    ///
    /// # Panics
    /// If the shapes do not fit, or if a label is no class: the message names its index, the label and the classes.
    #[track_caller]
    pub fn cross_entropy(self, labels: &Tensor<i64>) -> Var<T> {
        self.cross_entropy_with(labels, CrossEntropyOptions::default())
    }

    /// As [`Var::cross_entropy`], with rows that do not count and with label smoothing.
    ///
    /// ```
    /// use tape::{CrossEntropyOptions, Tape, Tensor};
    /// let logits = Tape::inference().input(Tensor::from([[0.0, 0.0], [5.0, 1.0]]));
    /// let options = CrossEntropyOptions { ignore_index: Some(-100), label_smoothing: 0.1 };
    /// assert_eq!(logits.cross_entropy_with(&Tensor::from([0, -100]), options).item(), 2f32.ln());
    /// ```
    ///
    /// # Panics
    /// As [`Var::cross_entropy`], and if the label smoothing is not from 0 to 1.
    #[track_caller]
    pub fn cross_entropy_with(self, labels: &Tensor<i64>, options: CrossEntropyOptions) -> Var<T> {
        let is_tracked = self.is_tracked() && self.tape().is_recording();
        let labels = labels.clone().contiguous();
        CrossEntropy { labels, options, is_tracked, gradient: Cell::new(None) }.apply([self])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    fn mean_loss(x: &Tensor<f64>, labels: &[i64], smoothing: f64) -> Tensor<f64> {
        let classes = x.shape()[x.rank() - 1];
        let (mut sum, mut rows) = (0.0, 0.0);
        for (x, &label) in x.to_vec().chunks(classes).zip(labels).filter(|(_, label)| **label >= 0) {
            let total = x.iter().map(|x| x.exp()).sum::<f64>().ln();
            let mean = x.iter().sum::<f64>() / classes as f64;
            sum += total - (1.0 - smoothing) * x[label as usize] - smoothing * mean;
            rows += 1.0;
        }
        Tensor::f64(sum / rows)
    }
    vec![
        entry!(
            "cross_entropy",
            &[&[&[2, 3]], &[&[2, 20]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().cross_entropy(&Tensor::from([2, 0])),
            whole | x | mean_loss(&x[0], &[2, 0], 0.0)
        ),
        entry!(
            "cross_entropy_with",
            &[&[&[3, 1, 4]], &[&[3, 1, 19]]],
            &[(-2.0, 2.0)],
            |x| {
                let options = CrossEntropyOptions { ignore_index: Some(-1), label_smoothing: 0.1 };
                x[0].clone().cross_entropy_with(&Tensor::from([[3], [-1], [0]]), options)
            },
            whole | x | mean_loss(&x[0], &[3, -1, 0], 0.1)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;

    #[test]
    fn peer_bug_n17() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([[1.0, f32::NAN], [2.0, 3.0]]));
        let options = CrossEntropyOptions { ignore_index: Some(-100), ..Default::default() };
        let loss = x.clone().cross_entropy_with(&Tensor::from([-100, -100]), options);
        assert_eq!(loss.item(), 0.0);
        let [recorded] = loss.grad([&x]);
        assert_eq!(recorded.to_vec(), [0.0; 4]);
        assert_eq!(loss.backward()[&x].to_vec(), [0.0; 4]);
    }

    #[test]
    fn a_label_out_of_range_is_named() {
        for label in [3i64, -1] {
            let panic = std::panic::catch_unwind(|| {
                Tape::probing().var(Tensor::zeros([2, 3])).cross_entropy(&Tensor::from([0, label])).item()
            });
            let text = panic.unwrap_err().downcast::<String>().unwrap();
            let start = format!("cross_entropy: the label at index 1 is {label}, which is none of the 3 classes");
            assert!(text.starts_with(&start), "{text}");
        }
    }

    #[test]
    fn logits_that_nobody_holds_become_the_gradient() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 5.0]]));
        let labels = Tensor::from([0, 1]);
        let held = x.clone().cross_entropy(&labels).backward()[&x].to_vec();
        let logits = x.clone() * 1;
        let place = logits.value().as_slice().unwrap().as_ptr();
        let loss = logits.cross_entropy(&labels) * 2;
        let gradients = loss.backward();
        assert_eq!(gradients[&x].to_vec(), held.iter().map(|g| g * 2.0).collect::<Vec<_>>());
        assert_eq!(gradients[&x].as_slice().unwrap().as_ptr(), place);
        assert_eq!(x.to_vec(), [1.0, 2.0, 3.0, 5.0]);
    }

    #[test]
    fn confident_logits_have_a_recorded_gradient_too() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([[1000.0, 0.0, -1000.0], [0.0, 200.0, 0.0]]));
        let loss = x.clone().cross_entropy(&Tensor::from([0, 2]));
        let [recorded] = loss.grad([&x]);
        assert_eq!((loss.item(), recorded.to_vec()), (100.0, vec![0.0, 0.0, 0.0, 0.0, 0.5, -0.5]));
        assert_eq!(loss.backward()[&x].to_vec(), recorded.to_vec());
    }
}
