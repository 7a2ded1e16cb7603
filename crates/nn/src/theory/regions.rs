//! Into how many linear regions a network of rectifiers can cut its inputs.

use crate::Result;
use crate::error::setting;

/// The regions into which n hyperplanes in general position cut a space of d dimensions: Σ_{j ≤ d} C(n, j) (Zaslavsky 1975). As many as one hidden
/// layer of n rectifiers makes of d inputs.
///
/// ```
/// assert_eq!(nn::theory::zaslavsky(12, 2)?, 79);
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If the number has more than 128 bits.
pub fn zaslavsky(units: usize, dimensions: usize) -> Result<u128> {
    let mut binomial: u128 = 1;
    let mut sum: u128 = 1;
    for j in 1..=dimensions.min(units) {
        // C(n, j) = C(n, j − 1)·(n − j + 1)/j, which leaves no remainder.
        let next = multiply_and_divide(binomial, (units - j + 1) as u128, j as u128);
        match next.and_then(|next| sum.checked_add(next).map(|sum| (next, sum))) {
            Some(pair) => (binomial, sum) = pair,
            None => return too_many("zaslavsky"),
        }
    }
    Ok(sum)
}

/// The most regions that a network with these hidden layers can make of `inputs` inputs: Π_ℓ Σ_{j ≤ min(n_0, …, n_{ℓ−1})} C(n_ℓ, j) (Montúfar 2017; Raghu et al. 2017).
/// For every piecewise-linear rectifier with one kink.
///
/// # Errors
/// If the number has more than 128 bits.
pub fn most_regions(inputs: usize, widths: &[usize]) -> Result<u128> {
    let mut dimensions = inputs;
    let mut product: u128 = 1;
    for &width in widths {
        let Some(next) = product.checked_mul(zaslavsky(width, dimensions)?) else { return too_many("most_regions") };
        product = next;
        dimensions = dimensions.min(width);
    }
    Ok(product)
}

/// As many regions some ReLU network with these hidden layers does make: Π_{ℓ < L} ⌊n_ℓ/n_0⌋^(n_0) · Σ_{j ≤ n_0} C(n_L, j) (Montúfar, Pascanu, Cho, Bengio 2014,
/// theorem 4), n_0 the number of inputs: a lower bound of the maximum.
///
/// # Errors
/// If there are no inputs, no layers, a layer narrower than the inputs, or if the number has more than 128 bits.
pub fn montufar(inputs: usize, widths: &[usize]) -> Result<u128> {
    let Some((&last, before)) = widths.split_last() else { return setting("montufar", "no hidden layers") };
    if inputs == 0 {
        return setting("montufar", "0 inputs");
    }
    if let Some(layer) = widths.iter().position(|&width| width < inputs) {
        let width = widths[layer];
        return setting("montufar", format!("layer {layer} has {width} units, fewer than the {inputs} inputs"));
    }
    let mut product = zaslavsky(last, inputs)?;
    for &width in before {
        let folds = u32::try_from(inputs).ok().and_then(|power| ((width / inputs) as u128).checked_pow(power));
        let Some(next) = folds.and_then(|folds| product.checked_mul(folds)) else { return too_many("montufar") };
        product = next;
    }
    Ok(product)
}

/// a·b/c, which leaves no remainder, unless it overflows.
fn multiply_and_divide(a: u128, b: u128, c: u128) -> Option<u128> {
    let common = greatest_divisor(a, c);
    // What is left of c divides b.
    (a / common).checked_mul(b / (c / common))
}

fn greatest_divisor(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn too_many(what: &'static str) -> Result<u128> {
    setting(what, "more than 2¹²⁸ regions")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pascal's triangle.
    fn naive(units: usize, dimensions: usize) -> u128 {
        let mut row = vec![1u128];
        for _ in 0..units {
            row = (0..=row.len()).map(|j| row.get(j).unwrap_or(&0) + if j > 0 { row[j - 1] } else { 0 }).collect();
        }
        row.iter().take(dimensions + 1).sum()
    }

    #[test]
    fn numbers_are_pascals() {
        for units in 0..40 {
            for dimensions in 0..45 {
                assert_eq!(zaslavsky(units, dimensions).unwrap(), naive(units, dimensions), "{units}, {dimensions}");
            }
        }
        assert_eq!(zaslavsky(12, 2).unwrap(), 79);
        assert_eq!(zaslavsky(127, 127).unwrap(), 1 << 127);
        assert_eq!(zaslavsky(128, 128).unwrap_err().to_string(), "zaslavsky: more than 2¹²⁸ regions");
    }

    #[test]
    fn bounds_are_in_order() {
        for (inputs, widths) in [(1, &[2, 2, 2][..]), (2, &[4, 4]), (2, &[12]), (3, &[7, 9, 5]), (2, &[8, 3, 6])] {
            let (lower, upper) = (montufar(inputs, widths).unwrap(), most_regions(inputs, widths).unwrap());
            assert!(lower <= upper, "{inputs} {widths:?}: {lower} {upper}");
        }
        // The tent map: two units a layer fold [0, 1] once each.
        assert_eq!(montufar(1, &[2; 14]).unwrap(), 3 << 13);
        assert_eq!(most_regions(1, &[2; 14]).unwrap(), 3u128.pow(14));
        assert_eq!(most_regions(2, &[1, 9]).unwrap(), 2 * 10);
        assert_eq!(most_regions(5, &[]).unwrap(), 1);
    }

    #[test]
    fn what_is_out_of_range_is_said() {
        let text = |result: Result<u128>| result.unwrap_err().to_string();
        assert_eq!(text(montufar(3, &[4, 2])), "montufar: layer 1 has 2 units, fewer than the 3 inputs");
        assert_eq!(text(montufar(3, &[])), "montufar: no hidden layers");
        assert_eq!(text(most_regions(100, &[100; 2])), "most_regions: more than 2¹²⁸ regions");
    }
}
