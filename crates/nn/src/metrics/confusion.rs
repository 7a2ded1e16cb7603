//! The confusion matrix, and what is read from it.

use super::{best, check_rows};
use crate::Result;
use crate::diagnose::table;
use crate::error::{check_labels, misfit, setting};
use std::fmt;
use tape::{Float, Tensor};

/// How often each class was taken for each other: counted batch by batch, printed as a table.
///
/// Precision of a class: of what was called so, the share that was. Recall: of what was so, the share that was called so. F1: their harmonic
/// mean, 2·right/(called so + was so). 0/0 is 0.
///
/// ```
/// use nn::metrics::{Average, Confusion};
/// use tape::Tensor;
/// let mut confusion = Confusion::named(&["cat", "dog"]);
/// confusion.add(&Tensor::from([0, 0, 1, 1]), &Tensor::from([0, 1, 1, 1]))?;
/// assert_eq!((confusion.count(1, 0), confusion.accuracy()), (1, 0.75));
/// assert_eq!((confusion.precision_of(0), confusion.recall_of(0)), (0.5, 1.0));
/// assert_eq!(confusion.recall(Average::Macro), (1.0 + 2.0 / 3.0) / 2.0);
/// let table = [
///     "  label  as cat  as dog  precision  recall     F1",
///     "  cat         1       0      0.500    1.00  0.667",
///     "  dog         1       2       1.00   0.667  0.800",
/// ];
/// assert_eq!(confusion.to_string().trim_end(), table.join("\n"));
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    names: Vec<String>,
    /// `[label, predicted]`
    counts: Vec<u64>,
}

/// How the numbers of the classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// Their mean over the classes that occur or are predicted: rare classes count as much as frequent ones.
    Macro,
    /// From the counts of all classes added up. Where each example has one label, precision, recall and F1 are then all the accuracy.
    Micro,
    /// Their mean, each class weighted by how often it occurs.
    Weighted,
}

impl Confusion {
    /// Of so many classes, named by their numbers.
    pub fn new(classes: usize) -> Confusion {
        Confusion { names: (0..classes).map(|class| class.to_string()).collect(), counts: vec![0; classes * classes] }
    }

    /// Of as many classes as there are names.
    pub fn named(names: &[&str]) -> Confusion {
        let counts = vec![0; names.len() * names.len()];
        Confusion { names: names.iter().map(|&name| name.to_owned()).collect(), counts }
    }

    /// Counts predicted classes against labels, both of one shape.
    ///
    /// # Errors
    /// If the shapes differ, or if a number is no class; nothing is then counted.
    pub fn add(&mut self, predicted: &Tensor<i64>, labels: &Tensor<i64>) -> Result<()> {
        if predicted.shape() != labels.shape() {
            let hint = "predictions and labels have the same shape; for scores there is `add_scores`";
            return misfit("Confusion::add", predicted.shape(), labels.shape(), hint);
        }
        let (predicted, labels) = (predicted.to_vec(), labels.to_vec());
        check_labels(&predicted, self.classes(), None)?;
        check_labels(&labels, self.classes(), None)?;
        self.count_up(labels.into_iter().zip(predicted));
        Ok(())
    }

    /// Counts the highest of the scores `[.., classes]` (of equals the first) against labels `[..]`.
    ///
    /// # Errors
    /// If the shapes do not fit, if a label is no class, or if a row has a NaN and so no highest; nothing is then counted.
    pub fn add_scores<T: Float>(&mut self, scores: &Tensor<T>, labels: &Tensor<i64>) -> Result<()> {
        const NAME: &str = "Confusion::add_scores";
        let numbers = labels.to_vec();
        check_rows(NAME, scores.shape(), (labels.shape(), &numbers))?;
        let classes = scores.shape()[scores.rank() - 1];
        if classes != self.classes() {
            return setting(NAME, format!("the scores are of {classes} classes, the matrix of {}", self.classes()));
        }
        let all = scores.to_vec();
        let predicted: Vec<Option<usize>> = all.chunks_exact(classes.max(1)).map(best).collect();
        if let Some(row) = predicted.iter().position(Option::is_none) {
            return setting(NAME, format!("the scores of example {row} hold a NaN, so none is the highest"));
        }
        self.count_up(numbers.into_iter().zip(predicted.into_iter().flatten().map(|class| class as i64)));
        Ok(())
    }

    fn count_up(&mut self, pairs: impl Iterator<Item = (i64, i64)>) {
        let classes = self.classes();
        pairs.for_each(|(label, predicted)| self.counts[label as usize * classes + predicted as usize] += 1);
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.names.len()
    }

    /// How often `label` was taken for `predicted`.
    ///
    /// # Panics
    /// If one is no class.
    #[track_caller]
    pub fn count(&self, label: usize, predicted: usize) -> u64 {
        let classes = self.classes();
        assert!(label < classes && predicted < classes, "Confusion: {label}, {predicted}: there are {classes} classes");
        self.counts[label * classes + predicted]
    }

    /// How many examples were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many examples have this label.
    ///
    /// # Panics
    /// If it is no class, as all that takes one.
    #[track_caller]
    pub fn support(&self, label: usize) -> u64 {
        (0..self.classes()).map(|predicted| self.count(label, predicted)).sum()
    }

    /// How many examples were taken for this class.
    #[track_caller]
    pub fn predicted(&self, class: usize) -> u64 {
        (0..self.classes()).map(|label| self.count(label, class)).sum()
    }

    /// The share that was right; NaN of no examples.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes()).map(|class| self.count(class, class)).sum();
        right as f64 / self.total() as f64
    }

    /// Of the examples taken for this class, the share that were; 0 if there are none.
    #[track_caller]
    pub fn precision_of(&self, class: usize) -> f64 {
        share(self.count(class, class), self.predicted(class))
    }

    /// Of the examples of this class, the share taken for it; 0 if there are none.
    #[track_caller]
    pub fn recall_of(&self, class: usize) -> f64 {
        share(self.count(class, class), self.support(class))
    }

    /// The harmonic mean of precision and recall; 0 if the class neither occurs nor is predicted.
    #[track_caller]
    pub fn f1_of(&self, class: usize) -> f64 {
        share(2 * self.count(class, class), self.predicted(class) + self.support(class))
    }

    /// The precision of all classes; NaN of no examples.
    pub fn precision(&self, average: Average) -> f64 {
        self.average(average, Confusion::precision_of)
    }

    /// The recall of all classes; NaN of no examples.
    pub fn recall(&self, average: Average) -> f64 {
        self.average(average, Confusion::recall_of)
    }

    /// The F1 of all classes; NaN of no examples.
    pub fn f1(&self, average: Average) -> f64 {
        self.average(average, Confusion::f1_of)
    }

    fn average(&self, average: Average, of: impl Fn(&Confusion, usize) -> f64) -> f64 {
        let weight = |class: usize| match average {
            Average::Macro => f64::from(u8::from(self.support(class) + self.predicted(class) > 0)),
            _ => self.support(class) as f64,
        };
        if average == Average::Micro {
            return self.accuracy();
        }
        let classes = 0..self.classes();
        let sum: f64 = classes.clone().map(|class| weight(class) * of(self, class)).sum();
        sum / classes.map(weight).sum::<f64>()
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<String> = self.names.iter().map(|name| format!("as {name}")).collect();
        let head: Vec<&str> = std::iter::once("label")
            .chain(columns.iter().map(String::as_str))
            .chain(["precision", "recall", "F1"])
            .collect();
        let row = |class: usize| {
            let counts = (0..self.classes()).map(|predicted| self.count(class, predicted).to_string());
            let shares = [self.precision_of(class), self.recall_of(class), self.f1_of(class)].map(table::number);
            std::iter::once(self.names[class].clone()).chain(counts).chain(shares).collect()
        };
        table::write(f, &head, &(0..self.classes()).map(row).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes that occur, one that is only predicted, one that is neither.
    fn matrix() -> Confusion {
        let mut confusion = Confusion::new(5);
        confusion.add(&Tensor::from([0, 0, 1, 3, 1, 0]), &Tensor::from([0, 0, 0, 1, 1, 2])).unwrap();
        confusion.add(&Tensor::from([[2]]), &Tensor::from([[2]])).unwrap();
        confusion
    }

    #[test]
    fn worked_by_hand() {
        let confusion = matrix();
        assert_eq!((confusion.count(0, 0), confusion.count(0, 1), confusion.count(1, 0)), (2, 1, 0));
        assert_eq!((confusion.total(), confusion.accuracy()), (7, 4.0 / 7.0));
        let each = |of: fn(&Confusion, usize) -> f64| (0..5).map(|class| of(&confusion, class)).collect::<Vec<_>>();
        assert_eq!(each(Confusion::precision_of), [2.0 / 3.0, 0.5, 1.0, 0.0, 0.0]);
        assert_eq!(each(Confusion::recall_of), [2.0 / 3.0, 0.5, 0.5, 0.0, 0.0]);
        assert_eq!(each(Confusion::f1_of), [2.0 / 3.0, 0.5, 2.0 / 3.0, 0.0, 0.0]);
        // As scikit-learn's: the class that is neither predicted nor occurs does not count.
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} instead of {b}");
        close(confusion.precision(Average::Macro), (2.0 / 3.0 + 0.5 + 1.0) / 4.0);
        close(confusion.recall(Average::Weighted), (3.0 * 2.0 / 3.0 + 2.0 * 0.5 + 2.0 * 0.5) / 7.0);
        close(confusion.f1(Average::Weighted), (3.0 * 2.0 / 3.0 + 2.0 * 0.5 + 2.0 * 2.0 / 3.0) / 7.0);
        close(confusion.f1(Average::Micro), 4.0 / 7.0);
        let (support, predicted): (u64, u64) = ((0..5).map(|c| confusion.support(c)).sum(), confusion.predicted(3));
        assert_eq!((support, predicted), (7, 1));
    }

    #[test]
    fn scores_count_as_their_highest() {
        let mut confusion = Confusion::new(3);
        let scores = Tensor::from([[0.0, 2.0, 2.0], [-1.0, -3.0, -2.0]]);
        confusion.add_scores(&scores, &Tensor::from([2, 0])).unwrap();
        assert_eq!((confusion.count(2, 1), confusion.count(0, 0), confusion.total()), (1, 1, 2));
        let before = confusion.clone();
        let mut refused = |scores: Tensor, labels: &[i64]| {
            confusion.add_scores(&scores, &Tensor::from(labels)).unwrap_err().to_string()
        };
        let nan = Tensor::from([[0.0, 1.0, 2.0], [0.0, f32::NAN, 1.0]]);
        assert_eq!(
            refused(nan, &[0, 0]),
            "Confusion::add_scores: the scores of example 1 hold a NaN, so none is the highest"
        );
        assert_eq!(refused(scores.clone(), &[0, 3]), "label 3 of example 1 is not in 0..3");
        assert_eq!(
            refused(Tensor::zeros([1, 2]), &[0]),
            "Confusion::add_scores: the scores are of 2 classes, the matrix of 3"
        );
        assert!(refused(scores, &[0]).starts_with("Confusion::add_scores: shapes [2, 3] and [1] do not fit"));
        assert_eq!(confusion, before);
    }

    #[test]
    fn nothing_changes_after_an_error_and_nothing_is_nan() {
        let mut confusion = Confusion::new(2);
        assert!(confusion.accuracy().is_nan() && confusion.f1(Average::Macro).is_nan());
        assert!(confusion.recall(Average::Weighted).is_nan() && confusion.precision(Average::Micro).is_nan());
        assert_eq!(confusion.precision_of(1), 0.0);
        let error = confusion.add(&Tensor::from([0, 2]), &Tensor::from([0, 1])).unwrap_err().to_string();
        assert_eq!(error, "label 2 of example 1 is not in 0..2");
        let error = confusion.add(&Tensor::from([0]), &Tensor::from([[0]])).unwrap_err().to_string();
        assert!(error.starts_with("Confusion::add: shapes [1] and [1, 1] do not fit"), "{error}");
        assert_eq!(confusion, Confusion::new(2));
        assert_eq!(Confusion::new(0).to_string(), "  label  precision  recall  F1\n");
    }
}
