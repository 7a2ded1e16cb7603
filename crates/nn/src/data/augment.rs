//! Random changes of image batches `[N, H, W, C]` that leave the class what it is. Every one is drawn from an explicit seed.

use crate::Result;
use crate::error::{check_labels, setting};
use rand::SeedableRng as _;
use rand_distr::{Beta, Distribution as _};
use rand_xoshiro::Xoshiro256PlusPlus;
use tape::{Rng, Tensor};

/// Changes in the order in which they were asked for, each drawn for each image.
///
/// ```
/// use nn::data::{Augment, Loader, Source};
/// use nn::prelude::*;
/// let augment = Augment::new().crop(4).flip().noise(0.1);
/// let data = Dataset::new(Tensor::ones([6, 8, 8, 1]), Tensor::from([0i64, 1, 0, 1, 0, 1]))?;
/// let random = data.map(move |(images, labels), seed| Ok((augment.apply(&images, seed)?, labels)));
/// for batch in Loader::new(random, 3).shuffled(7) {
///     assert_eq!(batch?.0.shape()[..], [3, 8, 8, 1]);
/// }
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Augment(Vec<Change>);

#[derive(Clone, Copy, Debug)]
enum Change {
    Shift(usize),
    Flip,
    Noise(f32),
    Cutout(usize),
}

impl Augment {
    /// No change yet.
    pub fn new() -> Augment {
        Augment::default()
    }

    /// Moved by up to so many pixels in each direction, each distance as likely; zeros come in.
    #[must_use]
    pub fn shift(self, most: usize) -> Self {
        self.and(Change::Shift(most))
    }

    /// Padded by zeros on all sides and cropped to the old size at a random place (He et al. 2015, for CIFAR with 4): what
    /// [`Augment::shift`] does, by the name under which it is known.
    #[must_use]
    pub fn crop(self, padding: usize) -> Self {
        self.shift(padding)
    }

    /// Mirrored left to right, every second image on average.
    #[must_use]
    pub fn flip(self) -> Self {
        self.and(Change::Flip)
    }

    /// With normal noise of this standard deviation added to every number.
    #[must_use]
    pub fn noise(self, deviation: f32) -> Self {
        self.and(Change::Noise(deviation))
    }

    /// With zeros in a square of this side around a random pixel, cut where it reaches beyond the image (DeVries, Taylor 2017).
    #[must_use]
    pub fn cutout(self, side: usize) -> Self {
        self.and(Change::Cutout(side))
    }

    fn and(mut self, change: Change) -> Self {
        self.0.push(change);
        self
    }

    /// The images `[N, H, W, C]` changed. The same seed gives the same changes.
    ///
    /// # Errors
    /// If they do not have four axes, or if a noise's deviation is negative or not finite.
    pub fn apply(&self, images: &Tensor, seed: u64) -> Result<Tensor> {
        let &[_, height, width, channels] = &images.shape()[..] else {
            return setting("Augment", format!("shape {:?}; images are [N, H, W, C]", images.shape()));
        };
        for change in &self.0 {
            if let Change::Noise(deviation) = change
                && !(0.0..f32::INFINITY).contains(deviation)
            {
                return setting("Augment", format!("noise of deviation {deviation}; it is 0 or more"));
            }
        }
        let size = Size { height, width, channels };
        let mut rng = Rng::seed(seed);
        let mut scratch = vec![0.0; height * width * channels];
        Ok(Tensor::fill_with(*images.shape(), |to| {
            images.copy_to(to);
            for image in to.chunks_exact_mut(scratch.len().max(1)) {
                for change in &self.0 {
                    size.change(*change, image, &mut scratch, &mut rng);
                }
            }
        }))
    }
}

#[derive(Clone, Copy)]
struct Size {
    height: usize,
    width: usize,
    channels: usize,
}

impl Size {
    /// Changes an image that is not empty.
    fn change(self, change: Change, image: &mut [f32], scratch: &mut [f32], rng: &mut Rng) {
        let Size { height, width, channels } = self;
        match change {
            Change::Shift(most) => {
                let (down, right) = (rng.below(2 * most + 1), rng.below(2 * most + 1));
                scratch.copy_from_slice(image);
                self.moved(scratch, image, most, (down, right));
            }
            Change::Flip => {
                if rng.below(2) == 1 {
                    scratch.copy_from_slice(image);
                    let pixels = |row: usize| row * width * channels..(row + 1) * width * channels;
                    for row in 0..height {
                        let from = scratch[pixels(row)].chunks_exact(channels).rev();
                        image[pixels(row)]
                            .chunks_exact_mut(channels)
                            .zip(from)
                            .for_each(|(to, from)| to.copy_from_slice(from));
                    }
                }
            }
            Change::Noise(deviation) => {
                image.iter_mut().for_each(|x| *x += deviation * rng.normal() as f32);
            }
            Change::Cutout(side) => {
                let (row, column) = (rng.below(height), rng.below(width));
                let around = |center: usize, end: usize| {
                    let begin = center.saturating_sub(side / 2);
                    begin..(center + side - side / 2).min(end)
                };
                for row in around(row, height) {
                    let columns = around(column, width);
                    let begin = row * width;
                    image[(begin + columns.start) * channels..(begin + columns.end) * channels].fill(0.0);
                }
            }
        }
    }

    /// What stands at (y, x) comes from (y + down − most, x + right − most), or is 0.
    fn moved(self, from: &[f32], to: &mut [f32], most: usize, (down, right): (usize, usize)) {
        let Size { height, width, channels } = self;
        for (place, pixel) in to.chunks_exact_mut(channels).enumerate() {
            let (y, x) = (place / width + down, place % width + right);
            let source = y.checked_sub(most).zip(x.checked_sub(most)).filter(|&(y, x)| y < height && x < width);
            match source {
                Some((y, x)) => pixel.copy_from_slice(&from[(y * width + x) * channels..][..channels]),
                None => pixel.fill(0.0),
            }
        }
    }
}

/// Pairs of examples mixed, and their labels with them (mixup, Zhang et al. 2018): λ·x + (1 − λ)·x′ and λ·y + (1 − λ)·y′ with one
/// λ ~ Beta(α, α) for each example, x′ another example of the batch (or the same), and y as soft targets `[N, classes]`.
///
/// # Errors
/// If α is not above 0 and finite, if there is not one label for each example, or if a label is no class.
pub fn mixup(
    examples: &Tensor,
    labels: &Tensor<i64>,
    classes: usize,
    alpha: f64,
    seed: u64,
) -> Result<(Tensor, Tensor)> {
    let beta = (alpha.is_finite()).then(|| Beta::new(alpha, alpha).ok()).flatten();
    let Some(beta) = beta else { return setting("mixup", format!("α = {alpha}; it is above 0 and finite")) };
    let count = labels.len();
    if examples.rank() == 0 || examples.shape()[0] != count || labels.rank() != 1 {
        let (examples, labels) = (examples.shape(), labels.shape());
        return setting("mixup", format!("examples {examples:?} with labels {labels:?}; give [N, …] and [N]"));
    }
    let (numbers, labels) = (examples.to_vec(), labels.to_vec());
    check_labels(&labels, classes, None)?;
    let mut partners: Vec<usize> = (0..count).collect();
    Rng::seed(seed).shuffle(&mut partners);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(!seed);
    let shares: Vec<f32> = (0..count).map(|_| beta.sample(&mut rng) as f32).collect();
    let width = numbers.len().checked_div(count).unwrap_or(0);
    let row = |example: usize| &numbers[example * width..][..width];
    let mixed = Tensor::fill_with(*examples.shape(), |to| {
        for (example, to) in to.chunks_exact_mut(width.max(1)).enumerate() {
            let share = shares[example];
            for (to, (a, b)) in to.iter_mut().zip(row(example).iter().zip(row(partners[example]))) {
                *to = share * a + (1.0 - share) * b;
            }
        }
    });
    let targets = Tensor::fill_with([count, classes], |to| {
        to.fill(0.0);
        for (example, to) in to.chunks_exact_mut(classes.max(1)).enumerate() {
            to[labels[example] as usize] += shares[example];
            to[labels[partners[example]] as usize] += 1.0 - shares[example];
        }
    });
    Ok((mixed, targets))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number `n·1000 + y·100 + x·10 + c + 1`, so that a pixel says where it was and 0 is nobody's.
    fn images(n: usize) -> Tensor {
        Tensor::from_fn([n, 3, 4, 2], |[n, y, x, c]| (n * 1000 + y * 100 + x * 10 + c + 1) as f32)
    }

    #[test]
    fn shifts_are_every_distance_and_bring_zeros() {
        let from = images(300);
        let to = Augment::new().crop(2).apply(&from, 3).unwrap();
        let mut seen = std::collections::BTreeMap::new();
        for n in 0..300 {
            let pixel = |image: &Tensor, y: i64, x: i64, c: usize| {
                let inside = (0..3).contains(&y) && (0..4).contains(&x);
                if inside { image.to_vec()[((y * 4 + x) * 2) as usize + c] } else { 0.0 }
            };
            let (from, to) = (from.narrow(0, n, 1), to.narrow(0, n, 1));
            let fits = |&(dy, dx): &(i64, i64)| {
                (0..24).all(|i| {
                    pixel(&to, i / 8, i / 2 % 4, i as usize % 2)
                        == pixel(&from, i / 8 + dy, i / 2 % 4 + dx, i as usize % 2)
                })
            };
            let mut distances = (-2..=2).flat_map(|dy| (-2..=2).map(move |dx| (dy, dx)));
            *seen.entry(distances.find(fits).expect("a shift of at most two")).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 25, "{seen:?}");
    }

    #[test]
    fn flips_are_mirrors_of_about_half() {
        let from = images(200);
        let to = Augment::new().flip().apply(&from, 3).unwrap();
        let mirrored = from.flip(2);
        let same = |a: &Tensor, b: &Tensor, n| a.narrow(0, n, 1).to_vec() == b.narrow(0, n, 1).to_vec();
        let flipped = (0..200).filter(|&n| same(&to, &mirrored, n)).count();
        assert_eq!((0..200).filter(|&n| same(&to, &from, n)).count(), 200 - flipped);
        assert!((70..130).contains(&flipped), "{flipped}");
    }

    #[test]
    fn noise_has_its_deviation_and_cutout_its_square() {
        let from = Tensor::ones([50, 10, 10, 3]);
        let noise = (Augment::new().noise(0.5).apply(&from, 1).unwrap() - &from).to_vec();
        let mean = noise.iter().sum::<f32>() / 15000.0;
        let variance = noise.iter().map(|x| x * x).sum::<f32>() / 15000.0;
        assert!(mean.abs() < 0.02 && (variance - 0.25).abs() < 0.02, "{mean} {variance}");
        let cut = Augment::new().cutout(4).apply(&from, 1).unwrap();
        let zeros: Vec<usize> =
            cut.to_vec().chunks(300).map(|image| image.iter().filter(|&&x| x == 0.0).count()).collect();
        // 2 to 4 rows by 2 to 4 columns of 3 channels: a square may stand out of the image by half.
        assert!(zeros.iter().all(|zeros| [12, 18, 24, 27, 36, 48].contains(zeros)), "{zeros:?}");
        assert!(zeros.contains(&48) && zeros.iter().any(|&zeros| zeros < 48), "{zeros:?}");
    }

    #[test]
    fn seeds_decide_and_shapes_are_checked() {
        let all = Augment::new().shift(1).flip().noise(0.1).cutout(2);
        let with = |seed| all.apply(&images(5), seed).unwrap();
        assert_eq!(with(4), with(4));
        assert_ne!(with(4), with(5));
        for empty in [[0, 3, 4, 2], [2, 0, 4, 2], [2, 3, 0, 2], [2, 3, 4, 0]] {
            assert_eq!(all.apply(&Tensor::zeros(empty), 1).unwrap().shape()[..], empty);
        }
        let text = |result: Result<Tensor>| result.unwrap_err().to_string();
        assert_eq!(text(all.apply(&Tensor::zeros([2, 3]), 1)), "Augment: shape [2, 3]; images are [N, H, W, C]");
        assert!(text(Augment::new().noise(-1.0).apply(&images(1), 1)).contains("noise of deviation -1"));
    }

    #[test]
    fn mixtures_keep_examples_and_targets_together() {
        let labels = Tensor::from((0..40i64).map(|i| i % 4).collect::<Vec<_>>());
        // An example is its own target, so what was mixed how must show in both alike.
        let examples = Tensor::from_fn([40, 4], |[n, class]| if n % 4 == class { 1.0 } else { 0.0 });
        let (mixed, targets) = mixup(&examples, &labels, 4, 0.4, 9).unwrap();
        assert!(mixed.allclose(&targets, 0.0, 1e-6));
        let sums: Vec<f32> = targets.to_vec().chunks(4).map(|target| target.iter().sum()).collect();
        assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6));
        assert!(targets.to_vec().iter().filter(|&&x| x > 0.01 && x < 0.99).count() > 20);
        assert_eq!(mixup(&examples, &labels, 4, 0.4, 9).unwrap(), (mixed, targets));
        let text = |classes, alpha| mixup(&examples, &labels, classes, alpha, 1).unwrap_err().to_string();
        assert_eq!(text(3, 1.0), "label 3 of example 3 is not in 0..3");
        for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(text(4, alpha).contains("it is above 0 and finite"), "{alpha}");
        }
        assert_eq!(mixup(&Tensor::zeros([0, 3]), &Tensor::from(0i64..0), 4, 1.0, 1).unwrap().1.shape()[..], [0, 4]);
    }
}
