//! Spectral norms from above, by Gram iteration (Delattre, Barthélemy, Araujo, Allauzen 2023) with its rounding counted in.
//!
//! σ(A)² = σ(AᵀA). With A₀ the matrix and A_{k+1} = A_kᵀA_k, σ(A₀) = σ(A_k)^(1/2^k), and every norm that is above σ is close to it after the root of
//! order 2^k. Power iteration comes from below and would certify nothing.
//!
//! Rounding: whatever the order of summation, |fl(AᵀA) − AᵀA| ≤ γ_m·|A|ᵀ|A| for m rows (Higham 2002, section 3.5), so σ(A_k)² ≤ σ(A_{k+1}) + γ_m·‖A_k‖_F².
//! The sum is unrolled from the last step to the first. Each A_k is scaled by a power of two, so that its largest number is near 1: squares neither overflow
//! nor vanish, and what underflows is far below the margin.

use crate::Result;
use crate::error::setting;
use tape::{Float, Tensor};

/// More steps change nothing: the root of order 2^40 of any ratio of norms is 1 to 1e-10.
const MOST_STEPS: i32 = 40;
/// The bound is at most this much above the norm, rounding aside.
const TOLERANCE: f64 = 1e-10;

/// At least the largest singular value of a matrix `[rows, columns]`, and at most 1e-8 of it more; computed in f64. 0 for a matrix without elements.
///
/// ```
/// use tape::Tensor;
/// let norm = nn::lipschitz::spectral_norm_above(&Tensor::from([[3.0, 0.0], [4.0, 0.0]]))?;
/// assert!((5.0..5.0 + 1e-7).contains(&norm));
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If the tensor is no matrix, or if an element is NaN or infinite.
pub fn spectral_norm_above<T: Float>(matrix: &Tensor<T>) -> Result<f64> {
    if matrix.rank() != 2 {
        let shape = matrix.shape();
        return setting("spectral_norm_above", format!("shape {shape:?} is no matrix; reshape it to [rows, columns]"));
    }
    let numbers = matrix.cast::<f64>();
    check_finite("spectral_norm_above", &numbers)?;
    Ok(norm_above(numbers))
}

/// At least the norm of a convolution without bias, whatever the sizes of its inputs, their zero padding, its stride and its dilation; of a transposed one too, which
/// is the adjoint. `weight` is `[K…, C / groups, F]`.
///
/// A convolution is Σ_t S_t ⊗ W_t over its taps t, where W_t is the matrix `[C, F]` of a tap and S_t moves places: each place is read at most once for a tap and
/// serves at most one window, so ‖S_t‖ ≤ 1. Three bounds follow, of which the least counts: Σ_t σ(W_t); √taps·σ(W as `[taps·C, F]`), as a place appears in at
/// most as many windows as there are taps; and √taps·σ(W as `[C, taps·F]`), the same for the adjoint. With groups, the largest group's counts. Exact for 1×1 windows.
///
/// # Errors
/// If the weight has no axes of channels and filters, if groups do not divide the filters, or if an element is NaN or infinite.
pub fn conv_norm_above<T: Float>(weight: &Tensor<T>, groups: usize) -> Result<f64> {
    const WHAT: &str = "conv_norm_above";
    let [window @ .., channels, filters] = &weight.shape()[..] else {
        return setting(WHAT, format!("shape {:?} has no axes [K…, C / groups, F]", weight.shape()));
    };
    let (taps, channels, filters) = (window.iter().product::<usize>(), *channels, *filters);
    if groups == 0 || !filters.is_multiple_of(groups) {
        return setting(WHAT, format!("{groups} groups do not divide {filters} filters"));
    }
    let numbers = weight.cast::<f64>();
    check_finite(WHAT, &numbers)?;
    let (numbers, width) = (numbers.reshape([taps, channels, filters]), filters / groups);
    let root = up((taps as f64).sqrt());
    let of_group = |group: usize| {
        let part = numbers.narrow(2, group * width, width).contiguous();
        let by_taps = part.axis_iter(0).fold(0.0, |sum, tap| up(sum + norm_above(tap)));
        let by_windows = up(root * norm_above(part.reshape([taps * channels, width])));
        let by_places = up(root * norm_above(part.permute([1, 0, 2]).reshape([channels, taps * width])));
        by_taps.min(by_windows).min(by_places)
    };
    Ok((0..groups).map(of_group).fold(0.0, f64::max))
}

/// That no element is NaN or infinite.
pub(super) fn check_finite(what: &'static str, numbers: &Tensor<f64>) -> Result<()> {
    match numbers.iter().enumerate().find(|(_, x)| !x.is_finite()) {
        Some((at, x)) => setting(what, format!("element {at} is {x}; a bound needs finite numbers")),
        None => Ok(()),
    }
}

/// Above the number by more than the rounding of the few operations that made it.
pub(crate) fn up(x: f64) -> f64 {
    x * (1.0 + 8.0 * f64::EPSILON)
}

/// As [`spectral_norm_above`], of finite numbers. Inline, so that its products are compiled where they are called and not with the library.
#[inline]
fn norm_above(matrix: Tensor<f64>) -> f64 {
    let is_wide = matrix.shape()[0] < matrix.shape()[1];
    let matrix = if is_wide { matrix.transpose().contiguous() } else { matrix.contiguous() };
    let Some((mut a, first)) = scaled(&matrix) else { return 0.0 };
    // Of each step: what rounding may have hidden, and the power of two that was taken out.
    let mut steps = Vec::new();
    for step in 1..=MOST_STEPS {
        let rows = a.shape()[0] as f64;
        let hidden = (rows + 2.0) * f64::EPSILON * squares_above(&a);
        let gram = a.transpose().matmul(&a);
        let Some((next, exponent)) = scaled(&gram) else { unreachable!("the largest square is near 1") };
        a = next;
        steps.push((hidden, exponent));
        let (above, below) = (symmetric_norm_above(&a), symmetric_norm_below(&a));
        if (above / below).ln() < TOLERANCE * 2f64.powi(step) {
            break;
        }
    }
    let last = symmetric_norm_above(&a);
    let bound = steps
        .iter()
        .rev()
        .fold(last, |above, &(hidden, exponent)| up((times_power_of_two(above, exponent) + hidden).sqrt()));
    times_power_of_two(bound, first).next_up()
}

/// The matrix over a power of two, its largest number near 1, and that power; None if all are 0 or there are none.
fn scaled(matrix: &Tensor<f64>) -> Option<(Tensor<f64>, i32)> {
    let largest = matrix.iter().fold(0.0, |max: f64, x| max.max(x.abs()));
    if largest == 0.0 {
        return None;
    }
    let exponent = largest.log2().floor() as i32;
    Some((matrix.clone().map(|x| times_power_of_two(x, -exponent)), exponent))
}

/// x·2^exponent in two steps, as 2^exponent alone may be out of range.
fn times_power_of_two(x: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    x * 2f64.powi(half) * 2f64.powi(exponent - half)
}

/// At least ‖A‖_F².
fn squares_above(a: &Tensor<f64>) -> f64 {
    let sum: f64 = a.iter().map(|x| x * x).sum();
    sum * (1.0 + (a.len() as f64 + 2.0) * f64::EPSILON)
}

/// At least σ(A): the least of ‖A‖_F and √(‖A‖_1·‖A‖_∞), which is exact where the former is worst, for equal singular values.
fn symmetric_norm_above(a: &Tensor<f64>) -> f64 {
    let n = a.shape()[0];
    let (mut rows, mut columns) = (vec![0.0; n], vec![0.0; n]);
    for (place, x) in a.iter().enumerate() {
        rows[place / n] += x.abs();
        columns[place % n] += x.abs();
    }
    let largest = |sums: Vec<f64>| sums.into_iter().fold(0.0, f64::max) * (1.0 + (n as f64 + 2.0) * f64::EPSILON);
    let by_sums = up((largest(rows) * largest(columns)).sqrt());
    by_sums.min(up(squares_above(a).sqrt()))
}

/// About a number that σ of a matrix without negative eigenvalues is not below; it decides when to stop and nothing else.
fn symmetric_norm_below(a: &Tensor<f64>) -> f64 {
    let n = a.shape()[0];
    let (mut trace, mut largest) = (0.0, 0.0f64);
    for x in a.iter().step_by(n + 1) {
        trace += x;
        largest = largest.max(x);
    }
    largest.max(a.iter().map(|x| x * x).sum::<f64>() / trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{Init as _, Orthogonal};
    use proptest::prelude::*;
    use tape::{Conv, Rng, strategy};

    /// By power iteration: never above the norm but for its own rounding.
    fn norm_below(matrix: &Tensor<f64>) -> f64 {
        let mut v = Tensor::f64([1.0]).expand([matrix.shape()[1], 1]).contiguous();
        let mut norm = 0.0;
        for _ in 0..300 {
            let w = matrix.matmul(&v);
            let length = v.norm().item();
            if length == 0.0 {
                break;
            }
            norm = w.norm().item() / length;
            v = matrix.transpose().matmul(&w);
            let length = v.norm().item();
            v = v / length.max(f64::MIN_POSITIVE);
        }
        norm
    }

    fn check<T: Float>(matrix: &Tensor<T>, norm: f64) {
        let above = spectral_norm_above(matrix).unwrap();
        assert!(above >= norm && above <= norm * (1.0 + 1e-8), "{above:e} for {norm:e}");
    }

    #[test]
    fn known_matrices() {
        check(&Tensor::from([[3.0, 0.0, 0.0], [0.0, -7.0, 0.0], [0.0, 0.0, 7.0]]), 7.0);
        check(&Tensor::from([[-0.0, 2.0]]), 2.0);
        // Rank 1: |u|·|v|.
        let (u, v) = (Tensor::f64([[1.0], [-2.0], [2.0]]), Tensor::f64([[3.0, 4.0]]));
        check(&u.matmul(&v), 15.0);
        // The golden ratio.
        check(&Tensor::f64([[1.0, 1.0], [0.0, 1.0]]), f64::midpoint(1.0, 5f64.sqrt()));
        assert_eq!(spectral_norm_above(&Tensor::zeros([3, 4])).unwrap(), 0.0);
        for empty in [[0, 3], [3, 0], [0, 0]] {
            assert_eq!(spectral_norm_above(&Tensor::zeros(empty)).unwrap(), 0.0);
        }
        let n = 64;
        let rotated = Orthogonal::default().gain(3.0).tensor([n, n], &mut Rng::seed(1)).unwrap();
        let above = spectral_norm_above(&rotated).unwrap();
        assert!((above / 3.0 - 1.0).abs() < 1e-6, "{above}: its columns are rounded to f32");
        // Second differences: 2 + 2·cos(π/(n + 1)), close to the next singular values.
        let differences = Tensor::from_fn([n, n], |[i, j]| [2.0, -1.0, 0.0][i.abs_diff(j).min(2)]);
        check(&differences, 2.0 + 2.0 * (std::f64::consts::PI / (n as f64 + 1.0)).cos());
    }

    /// Squares that vanish beside what is summed already: each is a quarter of the last place of 1, but all 2¹⁸ of them are 2⁻³⁶. √(64 + 2⁻³⁶) is 512 units of the last place of 1
    /// above 8·1, where `up` allows for some tens: only the margin of a sum's rounding keeps the bound above. Accumulators of any number up to 64 begin with a 1.
    #[test]
    fn what_rounding_hides_is_counted_in() {
        let (ones, tiny) = (64, 1 << 18);
        let column: Vec<f64> = (0..ones + tiny).map(|row| if row < ones { 1.0 } else { (-27f64).exp2() }).collect();
        let norm = (64.0 + (-36f64).exp2()).sqrt();
        assert!(norm > 8.0 * (1.0 + 100.0 * f64::EPSILON));
        for shape in [[ones + tiny, 1], [1, ones + tiny]] {
            check(&Tensor::<f64>::new(&column, shape), norm);
        }
    }

    /// One tap alone; taps that write to filters of their own; taps that read channels of their own: each time another of the three is exact, and the other two are more.
    #[test]
    fn the_least_of_three_bounds_counts() {
        let check = |shape: [usize; 3], numbers: &[f64], norm: f64| {
            let above = conv_norm_above(&Tensor::<f64>::new(numbers, shape), 1).unwrap();
            assert!(above >= norm && above <= norm * (1.0 + 1e-8), "{shape:?}: {above} for {norm}");
        };
        let unit = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        check([3, 1, 1], &[0.0, -2.0, 0.0], 2.0);
        check([3, 1, 3], &unit, 3f64.sqrt());
        check([3, 3, 1], &unit, 3f64.sqrt());
    }

    #[test]
    fn any_scale() {
        let matrix = Tensor::f64([[1.0, 1.0], [0.0, 1.0]]);
        let golden = f64::midpoint(1.0, 5f64.sqrt());
        for exponent in [-1021, -900, -600, 500, 1022] {
            let scale = 2f64.powi(exponent);
            check(&(&matrix * scale), golden * scale);
        }
        let least = f64::from_bits(1);
        let above = spectral_norm_above(&Tensor::f64([[least, 0.0]])).unwrap();
        assert!(above >= least && above <= 4.0 * least, "{above:e}");
        check(&Tensor::from([[f32::MAX, 0.0], [0.0, f32::MIN_POSITIVE]]), f64::from(f32::MAX));
        check(&Tensor::from([[1e-45f32]]), f64::from(1e-45f32));
    }

    #[test]
    fn no_numbers_no_bound() {
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let text = spectral_norm_above(&Tensor::from([[1.0, x]])).unwrap_err().to_string();
            assert_eq!(text, format!("spectral_norm_above: element 1 is {x}; a bound needs finite numbers"));
            let text = conv_norm_above(&Tensor::from([[x]]), 1).unwrap_err().to_string();
            assert_eq!(text, format!("conv_norm_above: element 0 is {x}; a bound needs finite numbers"));
        }
        let text = spectral_norm_above(&Tensor::zeros([3])).unwrap_err().to_string();
        assert_eq!(text, "spectral_norm_above: shape [3] is no matrix; reshape it to [rows, columns]");
        assert!(
            conv_norm_above(&Tensor::zeros([3]), 1).is_err() && conv_norm_above(&Tensor::zeros([1, 2, 3]), 2).is_err()
        );
    }

    /// The convolution as a matrix, column by column.
    fn dense(weight: &Tensor<f64>, size: usize, channels: usize, settings: &Conv) -> Tensor<f64> {
        let columns: Vec<_> = (0..size * channels)
            .map(|at| {
                let one = Tensor::<f64>::fill_with([1, size, channels], |x| {
                    x.fill(0.0);
                    x[at] = 1.0;
                });
                one.conv(weight, None, settings).flatten(0)
            })
            .collect();
        Tensor::stack(&columns, 1)
    }

    proptest! {
        #[test]
        fn never_below_power_iteration(
            matrix in strategy::shape(2..=2, 1..=24).prop_flat_map(|shape| strategy::tensor_of(shape, -3.0..3.0)),
        ) {
            let above = spectral_norm_above(&matrix).unwrap();
            let below = norm_below(&matrix.cast());
            prop_assert!(above >= below * (1.0 - 1e-13), "{above} for at least {below}");
            let frobenius = matrix.cast::<f64>().norm().item();
            prop_assert!(above <= frobenius * (1.0 + 1e-9) + 1e-300, "{above} for at most {frobenius}");
        }

        #[test]
        fn convolutions_are_never_below_their_matrix(
            seed in any::<u64>(), kernel in 1..4usize, groups in 1..3usize, width in 1..3usize,
            stride in 1..3usize, dilation in 1..3usize, padding in 0..3usize,
        ) {
            let (channels, filters) = (2 * groups, width * groups);
            let weight = Tensor::randn([kernel, channels / groups, filters], &mut Rng::seed(seed)).cast::<f64>();
            let settings = Conv::new().stride(stride).dilation(dilation).padding(padding).groups(groups);
            let above = conv_norm_above(&weight, groups).unwrap();
            let below = norm_below(&dense(&weight, 9, channels, &settings));
            prop_assert!(above >= below * (1.0 - 1e-13), "{above} for at least {below}");
            prop_assert!(kernel > 1 || stride > 1 || above <= below * (1.0 + 1e-3), "{above} for {below}: exact for 1 tap");
        }
    }
}
