//! Einstein sums against a loop over all letters.

use super::Bytes;
use tape::{Tape, Tensor, Var};

/// The first byte says how many operands; a shape each (rank, sizes); what is left is the formula.
pub fn einsum(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let count = bytes.below(4);
    let mut operands = Vec::new();
    for operand in 0..count {
        let rank = bytes.below(5);
        let shape: Vec<usize> = (0..rank).map(|_| bytes.below(4)).collect();
        let numbers: Vec<f64> =
            (0..shape.iter().product()).map(|i| f64::from((i * 7 + operand * 3) as u8 % 11) - 5.0).collect();
        operands.push(Tensor::new(&numbers, shape));
    }
    let Ok(formula) = std::str::from_utf8(bytes.0) else { return };
    let tape = Tape::inference();
    let vars: Vec<Var<f64>> = operands.iter().map(|operand| tape.input(operand.clone())).collect();
    match Var::try_einsum(formula, &vars) {
        Err(error) => assert!(error.to_string().starts_with("einsum: "), "{error}"),
        Ok(y) => {
            let (shape, expected) = naive(formula, &operands);
            assert_eq!((&y.shape()[..], y.to_vec()), (&shape[..], expected), "{formula:?} of {operands:?}");
        }
    }
}

/// The sum over every assignment of the letters. Whole numbers, so that any order of summation is exact.
fn naive(formula: &str, operands: &[Tensor<f64>]) -> (Vec<usize>, Vec<f64>) {
    let formula: String = formula.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = formula.split_once("->").unwrap_or((&formula, ""));
    let inputs: Vec<&[u8]> = left.split(',').map(str::as_bytes).collect();
    let all = inputs.concat();
    let mut out = right.as_bytes().to_vec();
    if !formula.contains("->") {
        out = all.iter().copied().filter(|&letter| all.iter().filter(|&&other| other == letter).count() == 1).collect();
        out.sort_unstable();
    }
    let mut letters = all;
    letters.sort_unstable();
    letters.dedup();
    let place = |letter: u8| letters.iter().position(|&other| other == letter).unwrap();
    let mut sizes = vec![0; letters.len()];
    for (input, operand) in inputs.iter().zip(operands) {
        for (&letter, &size) in input.iter().zip(operand.shape().iter()) {
            sizes[place(letter)] = size;
        }
    }
    let flat = |axes: &[u8], at: &[usize]| {
        axes.iter().fold(0, |flat, &letter| flat * sizes[place(letter)] + at[place(letter)])
    };
    let shape: Vec<usize> = out.iter().map(|&letter| sizes[place(letter)]).collect();
    let mut result = vec![0.0; shape.iter().product()];
    let numbers: Vec<Vec<f64>> = operands.iter().map(Tensor::to_vec).collect();
    for mut index in 0..sizes.iter().product::<usize>() {
        let mut at = vec![0; letters.len()];
        for (at, size) in at.iter_mut().zip(&sizes) {
            (*at, index) = (index % size, index / size);
        }
        let product: f64 = inputs.iter().zip(&numbers).map(|(input, numbers)| numbers[flat(input, &at)]).product();
        result[flat(&out, &at)] += product;
    }
    // −0.0 and 0.0 are one number here.
    (shape, result.into_iter().map(|y| y + 0.0).collect())
}
