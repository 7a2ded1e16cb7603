//! What losses hold against each other before they compute: shapes, labels, weights of classes. And 0 · ln 0 = 0.

use crate::Result;
use crate::error::{check_labels, misfit, setting};
use tape::{Float, Operand, Shape, Tensor, Var};

/// The target as a value on the prediction's tape, of the same shape.
pub(super) fn target<T: Float>(what: &'static str, x: &Var<T>, target: impl Operand<T>) -> Result<Var<T>> {
    let target = target.on(x.tape());
    if x.shape() == target.shape() {
        return Ok(target);
    }
    misfit(what, x.shape(), target.shape(), "prediction and target have the same shape; reshape one of them")
}

/// A number that a setting must be above.
pub(super) fn above_0(what: &'static str, name: &str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    setting(what, format!("{name} is {value}; it must be above 0 and finite"))
}

/// A number that may be 0 but not below.
pub(super) fn at_least_0(what: &'static str, name: &str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    setting(what, format!("{name} is {value}; it must be at least 0 and finite"))
}

/// The labels of rows, held against the classes: where each row looks, and what it counts.
pub(super) struct Rows<T: Float> {
    /// The class of each row, `[.., 1]`; 0 where the row does not count.
    at: Tensor<i64>,
    /// 1 where the row does not count, `[.., 1]`, if there is such a row.
    ignored: Option<Tensor<T>>,
    /// What each row counts, `[..]`: its class's weight, or 1; 0 where it is ignored.
    pub(super) weights: Tensor<T>,
    /// The weights added up.
    pub(super) total: f64,
    /// The weights of the classes.
    pub(super) of_classes: Option<Tensor<T>>,
}

impl<T: Float> Rows<T> {
    /// # Errors
    /// If there is not one label for each row of `x`, if a label is no class, or if there is not one weight, finite and at least 0, for
    /// each class.
    pub(super) fn new(
        what: &'static str,
        x: &Shape,
        labels: &Tensor<i64>,
        ignore: Option<i64>,
        weights: Option<&Tensor<f64>>,
    ) -> Result<Rows<T>> {
        let fits = x.rank() > 0 && x[..x.rank() - 1] == **labels.shape();
        if !fits {
            return misfit(what, x, labels.shape(), "scores [.., classes] want labels [..], one for each row");
        }
        let classes = x[x.rank() - 1];
        let numbers = labels.to_vec();
        check_labels(&numbers, classes, ignore)?;
        let of_classes = weights.map(|weights| of_classes(what, weights, classes)).transpose()?;
        let counts = |label: i64| Some(label) != ignore;
        let weight = |label: i64| match &of_classes {
            _ if !counts(label) => 0.0,
            Some(weights) => weights[label as usize],
            None => 1.0,
        };
        let mut rows = labels.shape().to_vec();
        let fill = |shape: &[usize], f: &dyn Fn(i64) -> f64| {
            Tensor::fill_with(shape, |to| to.iter_mut().zip(&numbers).for_each(|(to, &l)| *to = T::from_f64(f(l))))
        };
        let weights = fill(&rows, &weight);
        let total = numbers.iter().map(|&label| weight(label)).sum();
        rows.push(1);
        let is_ignored = |label| f64::from(!counts(label));
        let ignored = numbers.iter().any(|&label| !counts(label)).then(|| fill(&rows, &is_ignored));
        let at = |&label: &i64| if counts(label) { label } else { 0 };
        let at = Tensor::new(&numbers.iter().map(at).collect::<Vec<_>>(), &rows[..]);
        let of_classes = of_classes.map(|weights| {
            Tensor::fill_with([classes], |to| to.iter_mut().zip(weights).for_each(|(to, w)| *to = T::from_f64(w)))
        });
        Ok(Rows { at, ignored, weights, total, of_classes })
    }

    /// Zeros in the place of rows that do not count, so that nothing there enters.
    pub(super) fn without_ignored(&self, x: Var<T>) -> Var<T> {
        match &self.ignored {
            Some(ignored) => x.masked_fill(ignored, 0),
            None => x,
        }
    }

    /// Each row's number at its label, `[..]`. Of no classes there are no rows that count: zeros.
    #[track_caller]
    pub(super) fn at_labels(&self, x: Var<T>) -> Var<T> {
        if x.shape()[x.rank() - 1] == 0 {
            return x.sum_axes(-1);
        }
        x.gather(-1, &self.at).squeeze(-1)
    }

    /// 1 at each row's label, 0 elsewhere: `[.., classes]`.
    pub(super) fn one_hot(&self, classes: usize) -> Tensor<T> {
        let mut shape = self.weights.shape().to_vec();
        shape.push(classes);
        Tensor::fill_with(&shape[..], |to| {
            to.fill(T::ZERO);
            for (row, label) in to.chunks_exact_mut(classes.max(1)).zip(self.at.iter()) {
                row[label as usize] = T::ONE;
            }
        })
    }

    /// 1 for each row that counts, else 0: `[..]`.
    pub(super) fn counted(&self) -> Tensor<T> {
        match &self.ignored {
            Some(ignored) => 1.0 - ignored.squeeze(-1),
            None => self.weights.ones_like(),
        }
    }
}

fn of_classes(what: &'static str, weights: &Tensor<f64>, classes: usize) -> Result<Vec<f64>> {
    if *weights.shape() != [classes] {
        return setting(what, format!("weights have shape {:?}; there are {classes} classes", weights.shape()));
    }
    let weights = weights.to_vec();
    match weights.iter().position(|weight| !(*weight >= 0.0 && weight.is_finite())) {
        Some(class) => setting(
            what,
            format!("the weight of class {class} is {}; it must be at least 0 and finite", weights[class]),
        ),
        None => Ok(weights),
    }
}

/// Labels of −1 and 1 as numbers.
///
/// # Errors
/// If a label is neither.
pub(super) fn signs<T: Float>(what: &'static str, labels: &Tensor<i64>) -> Result<Tensor<T>> {
    let numbers = labels.to_vec();
    if let Some(at) = numbers.iter().position(|label| label.abs() != 1) {
        return setting(what, format!("the label at index {at} is {}; it must be -1 or 1", numbers[at]));
    }
    let sign = |label: i64| if label > 0 { T::ONE } else { -T::ONE };
    Ok(Tensor::fill_with(*labels.shape(), |to| to.iter_mut().zip(&numbers).for_each(|(to, &label)| *to = sign(label))))
}

/// weight · log, where 0 · (−∞) is 0: what cannot be costs nothing where it need not be.
#[track_caller]
pub(super) fn weigh<T: Float>(weight: &Var<T>, log: Var<T>) -> Var<T> {
    let both = log.value().eq_elements(f64::NEG_INFINITY) * weight.value().eq_elements(0);
    if both.iter().any(|both| both != T::ZERO) {
        return log.masked_fill(&both, 0) * weight;
    }
    log * weight
}
