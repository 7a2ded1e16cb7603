//! Labels and logits: refused by name, or what a naive loop in f64 says.

use super::Bytes;
use nn::prelude::*;

/// The first bytes: rows, classes, and for each row a label; then logits by their bits.
pub fn labels(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let (rows, classes) = (bytes.below(4), 1 + bytes.below(6));
    let labels: Vec<i64> = (0..rows).map(|_| label(&mut bytes)).collect();
    let logits: Vec<f32> = (0..rows * classes).map(|_| f32::from_bits(u32::from_le_bytes(bytes.array()))).collect();
    let outside = labels.iter().position(|&label| !(0..classes as i64).contains(&label));
    let checked = Dataset::with_classes(Tensor::zeros([rows, 1]), Tensor::from(labels.clone()), classes);
    match (outside, checked) {
        (None, Ok(_)) => {}
        (Some(at), Err(error)) => {
            let text = format!("label {} of example {at} is not in 0..{classes}", labels[at]);
            assert_eq!(error.to_string(), text);
            return;
        }
        (outside, checked) => panic!("labels {labels:?} of {classes} classes: {outside:?}, {:?}", checked.map(|_| ())),
    }
    let tape = Tape::probing();
    let x = tape.var(Tensor::new(&logits, [rows, classes]));
    let softmax = x.clone().softmax(-1).to_vec();
    let loss = x.clone().cross_entropy(&Tensor::from(labels.clone()));
    let (loss, gradient) = (loss.item(), loss.backward()[&x].to_vec());
    if rows == 0 {
        assert_eq!((loss, gradient.len()), (0.0, 0));
        return;
    }
    let mut expected = 0.0;
    for (row, &label) in labels.iter().enumerate() {
        let here = row * classes..(row + 1) * classes;
        let (exact, cost) = naive(&logits[here.clone()], label as usize);
        expected += cost / rows as f64;
        for ((&y, &g), (class, &p)) in
            softmax[here.clone()].iter().zip(&gradient[here.clone()]).zip(exact.iter().enumerate())
        {
            assert!(is_close(y, p, 1e-6), "softmax {y} instead of {p} of {:?}", &logits[here]);
            let slope = (p - f64::from(u8::from(class == label as usize))) / rows as f64;
            assert!(is_close(g, slope, 1e-6), "slope {g} instead of {slope} of {:?}", &logits[here]);
        }
    }
    assert!(is_close(loss, expected, 1e-6), "loss {loss} instead of {expected} of {logits:?}, {labels:?}");
}

/// Mostly small, at times anything.
fn label(bytes: &mut Bytes<'_>) -> i64 {
    match bytes.next() {
        255 => i64::from_le_bytes(bytes.array()),
        small => i64::from(small) - 1,
    }
}

/// Softmax, and ln Σ exp − the label's logit.
fn naive(logits: &[f32], label: usize) -> (Vec<f64>, f64) {
    let logits: Vec<f64> = logits.iter().copied().map(f64::from).collect();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, |most, x| if x > most || x.is_nan() { x } else { most });
    let most = if logits.iter().any(|x| x.is_nan()) { f64::NAN } else { most };
    let sum: f64 = logits.iter().map(|x| (x - most).exp()).sum();
    let softmax = logits.iter().map(|x| (x - most).exp() / sum).collect();
    (softmax, sum.ln() + (most - logits[label]))
}

fn is_close(got: f32, exact: f64, tolerance: f64) -> bool {
    let wide = f64::from(got);
    let rounded = f64::from(exact as f32);
    wide.is_nan() && exact.is_nan() || wide == rounded || (wide - exact).abs() <= tolerance * (1.0 + exact.abs())
}
