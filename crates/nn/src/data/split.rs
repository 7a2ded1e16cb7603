//! Parts of a data set, chosen by a seed: for training and validation, by share, class by class, or in folds. In each part the examples
//! stay in their order.

use super::source::gather;
use super::{Dataset, Examples, Rows};
use crate::Result;
use crate::error::setting;
use tape::{Rng, Tensor};

/// The examples of two parts.
pub type Parts = (Vec<usize>, Vec<usize>);

/// Two parts of so many examples: the second has `share` of them, rounded to the nearest.
///
/// # Errors
/// If `share` is not between 0 and 1.
pub fn by_share(examples: usize, share: f64, seed: u64) -> Result<Parts> {
    check_share(share)?;
    let mut order = shuffled(examples, seed);
    let second = order.split_off(examples - part(examples, share));
    Ok(sorted(order, second))
}

/// As [`by_share`], with the share of each class rounded up or down, so that both parts have the classes in the same proportions.
///
/// # Errors
/// As [`by_share`].
pub fn stratified(labels: &Tensor<i64>, share: f64, seed: u64) -> Result<Parts> {
    check_share(share)?;
    let classes = of_classes(labels, seed);
    let exact = |class: &Vec<usize>| share * class.len() as f64;
    let mut counts: Vec<usize> = classes.iter().map(|class| exact(class) as usize).collect();
    // Largest remainders: who lost most by rounding down is rounded up, until the whole has its size.
    let mut order: Vec<usize> = (0..classes.len()).collect();
    let remainder = |&class: &usize| exact(&classes[class]) - counts[class] as f64;
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)));
    let missing = part(labels.len(), share).saturating_sub(counts.iter().sum());
    for &class in order.iter().take(missing) {
        counts[class] = (counts[class] + 1).min(classes[class].len());
    }
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (class, count) in classes.iter().zip(counts) {
        second.extend(&class[..count]);
        first.extend(&class[count..]);
    }
    Ok(sorted(first, second))
}

/// For each of `folds` folds, the examples outside and inside it. Every example is inside one; folds differ by one example at most.
///
/// # Errors
/// If there are less than two folds, or more than examples.
pub fn folds(examples: usize, folds: usize, seed: u64) -> Result<Vec<Parts>> {
    dealt(&shuffled(examples, seed), folds)
}

/// As [`folds()`], where for each class too folds differ by one example at most.
///
/// # Errors
/// As [`folds()`].
pub fn stratified_folds(labels: &Tensor<i64>, folds: usize, seed: u64) -> Result<Vec<Parts>> {
    dealt(&of_classes(labels, seed).concat(), folds)
}

fn check_share(share: f64) -> Result<()> {
    match (0.0..=1.0).contains(&share) {
        true => Ok(()),
        false => setting("split", format!("a share of {share}; it is between 0 and 1")),
    }
}

fn part(examples: usize, share: f64) -> usize {
    ((share * examples as f64).round() as usize).min(examples)
}

fn shuffled(examples: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..examples).collect();
    Rng::seed(seed).shuffle(&mut order);
    order
}

/// The examples of each class in random order.
fn of_classes(labels: &Tensor<i64>, seed: u64) -> Vec<Vec<usize>> {
    let labels = labels.to_vec();
    let mut classes = std::collections::BTreeMap::<i64, Vec<usize>>::new();
    for example in shuffled(labels.len(), seed) {
        classes.entry(labels[example]).or_default().push(example);
    }
    classes.into_values().collect()
}

fn sorted(mut first: Vec<usize>, mut second: Vec<usize>) -> Parts {
    first.sort_unstable();
    second.sort_unstable();
    (first, second)
}

/// Folds as cards are dealt.
fn dealt(order: &[usize], folds: usize) -> Result<Vec<Parts>> {
    let examples = order.len();
    if folds < 2 || folds > examples {
        return setting("folds", format!("{folds} folds of {examples} examples; there are at least two, none empty"));
    }
    let mut fold_of = vec![0; examples];
    order.iter().enumerate().for_each(|(place, &example)| fold_of[example] = place % folds);
    Ok((0..folds).map(|fold| (0..examples).partition(|&example| fold_of[example] != fold)).collect())
}

impl Dataset {
    /// The chosen examples, in this order; the number of classes stays.
    ///
    /// # Errors
    /// If there is no such example.
    pub fn select(&self, examples: &[usize]) -> Result<Dataset> {
        let (images, labels) = (gather(&self.images, examples)?, gather(&self.labels, examples)?);
        Ok(Dataset { images, labels, classes: self.classes })
    }

    /// A part for training and one for validation, which has `share` of the examples: [`by_share`].
    ///
    /// ```
    /// let (train, test) = nn::data::digits()?;
    /// let (train, validation) = train.split(0.1, 7)?;
    /// assert_eq!((train.len(), validation.len()), (1294, 144));
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `share` is not between 0 and 1.
    pub fn split(&self, share: f64, seed: u64) -> Result<(Dataset, Dataset)> {
        let (train, validation) = by_share(self.len(), share, seed)?;
        Ok((self.select(&train)?, self.select(&validation)?))
    }

    /// As [`Dataset::split`], with the classes in the same proportions in both parts: [`stratified`].
    ///
    /// # Errors
    /// As [`Dataset::split`].
    pub fn split_stratified(&self, share: f64, seed: u64) -> Result<(Dataset, Dataset)> {
        let (train, validation) = stratified(&self.labels, share, seed)?;
        Ok((self.select(&train)?, self.select(&validation)?))
    }
}

impl<R: Rows> Examples<R> {
    /// A part for training and one for validation, which has `share` of the examples: [`by_share`].
    ///
    /// # Errors
    /// If `share` is not between 0 and 1.
    pub fn split(&self, share: f64, seed: u64) -> Result<(Examples<R>, Examples<R>)> {
        let (train, validation) = by_share(self.len(), share, seed)?;
        Ok((self.select(&train)?, self.select(&validation)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all((first, second): &Parts) -> Vec<usize> {
        assert!(first.is_sorted() && second.is_sorted());
        let mut all = [&first[..], second].concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn shares_are_rounded_and_seeds_decide() {
        for (examples, share, second) in [(10, 0.25, 3), (10, 0.0, 0), (10, 1.0, 10), (0, 0.5, 0), (1, 0.5, 1)] {
            let parts = by_share(examples, share, 1).unwrap();
            assert_eq!(parts.1.len(), second);
            assert_eq!(all(&parts), (0..examples).collect::<Vec<_>>());
        }
        assert_eq!(by_share(100, 0.3, 5).unwrap(), by_share(100, 0.3, 5).unwrap());
        assert_ne!(by_share(100, 0.3, 5).unwrap(), by_share(100, 0.3, 6).unwrap());
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(by_share(3, share, 1).unwrap_err().to_string().contains("it is between 0 and 1"));
        }
    }

    #[test]
    fn classes_keep_their_proportions() {
        // 60, 30 and 7 examples, mixed.
        let labels: Vec<i64> = (0..97).map(|i| if i % 13 == 5 { 7 } else { i64::from(i % 3 == 0) }).collect();
        let count = |part: &[usize], class: i64| part.iter().filter(|&&i| labels[i] == class).count();
        let everyone: Vec<usize> = (0..97).collect();
        let tensor = Tensor::from(labels.clone());
        for share in [0.0, 0.1, 0.33, 0.5, 1.0] {
            let parts = stratified(&tensor, share, 3).unwrap();
            assert_eq!(all(&parts), everyone);
            assert_eq!(parts.1.len(), (share * 97.0f64).round() as usize);
            for class in [0, 1, 7] {
                let exact = share * count(&everyone, class) as f64;
                assert!((count(&parts.1, class) as f64 - exact).abs() < 1.0, "{share} {class}");
            }
        }
        for fold in stratified_folds(&tensor, 5, 3).unwrap() {
            assert_eq!(all(&fold), everyone);
            for class in [0, 1, 7] {
                let exact = count(&everyone, class) as f64 / 5.0;
                assert!((count(&fold.1, class) as f64 - exact).abs() < 1.0, "{class}");
            }
        }
    }

    #[test]
    fn every_example_is_in_one_fold() {
        let folds_of_11 = folds(11, 3, 9).unwrap();
        assert_eq!(folds_of_11.iter().map(|fold| fold.1.len()).collect::<Vec<_>>(), [4, 4, 3]);
        let mut inside: Vec<usize> = folds_of_11.iter().flat_map(|fold| fold.1.clone()).collect();
        inside.sort_unstable();
        assert_eq!(inside, (0..11).collect::<Vec<_>>());
        assert!(folds_of_11.iter().all(|fold| all(fold) == inside));
        assert_ne!(folds_of_11[0].1, [0, 3, 6, 9], "dealt in the order of a seed");
        for (examples, count) in [(5, 1), (5, 6), (0, 0)] {
            assert!(folds(examples, count, 1).is_err());
        }
    }

    #[test]
    fn parts_of_a_data_set_keep_examples_and_labels_together() {
        let labels: Vec<i64> = (0..20).map(|i| i % 4).collect();
        let images: Vec<f32> = labels.iter().map(|&label| label as f32).collect();
        let data = Dataset::with_classes(Tensor::new(&images, [20, 1]), Tensor::from(labels), 9).unwrap();
        for (train, validation) in [data.split(0.3, 2).unwrap(), data.split_stratified(0.3, 2).unwrap()] {
            assert_eq!((train.len(), validation.len(), train.classes()), (14, 6, 9));
            for part in [train, validation] {
                assert!(part.images().to_vec().iter().zip(part.labels().to_vec()).all(|(&x, label)| x == label as f32));
            }
        }
    }
}
