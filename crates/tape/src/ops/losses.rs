//! Losses of a prediction x and a target t of the same shape, each the mean over all elements; of no elements NaN.
//!
//! | | of an element, r = x − t | derivative in x | |
//! |---|---|---|---|
//! | mse | r² | 2 r | |
//! | l1 | \|r\| | sign r, 0 at 0 | |
//! | huber | r²/2 where \|r\| ≤ δ, else δ (\|r\| − δ/2) | r, held between −δ and δ | Huber 1964 |
//! | bce_with_logits | max(x, 0) − x·t + ln(1 + e^(−\|x\|)) | σ(x) − t | t from 0 to 1 |
//!
//! The target may be a variable too. Shapes must be equal: `[n]` against `[n, 1]` would broadcast to n² pairs.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([0.0, 3.0]));
//! let target = Tensor::from([1.0, 1.0]);
//! assert_eq!(x.clone().mse(&target).item(), 2.5);
//! assert_eq!(x.clone().huber(&target, 1.0).backward()[&x].to_vec(), [-0.5, 0.5]);
//! ```

use super::elementwise::binary;
use crate::error::expect;
use crate::{Error, Float, Kept, Op, Operand, Shape, Tensor, Var};

/// The Huber loss of r; its derivative is r, clamped.
struct Huber {
    delta: f64,
}

impl<T: Float> Op<T> for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }
    fn forward(&mut self, [r]: [Tensor<T>; 1]) -> Tensor<T> {
        let (delta, half) = (T::from_f64(self.delta), T::from_f64(0.5));
        r.map(|r| {
            let held = match r {
                r if r > delta => delta,
                r if r < -delta => -delta,
                r => r,
            };
            held * (r - half * held)
        })
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(kept.x(0).clamp(-self.delta, self.delta) * dy)]
    }
}

/// The binary cross-entropy of each logit and target.
struct BceWithLogits;

impl<T: Float> Op<T, 2> for BceWithLogits {
    fn name(&self) -> &'static str {
        "bce_with_logits"
    }
    fn forward(&mut self, [x, target]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(x, target, kernels::bce_with_logits)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let (x, target) = (kept.x(0), kept.x(1));
        let d_target = kept.needs(1).then(|| -(&x * &dy));
        let dx = kept.needs(0).then(|| (x.sigmoid() - target) * dy);
        [dx, d_target]
    }
}

/// The target as a value on the prediction's tape.
#[track_caller]
fn target<T: Float>(op: &'static str, x: &Var<T>, target: impl Operand<T>) -> Var<T> {
    let target = target.on(x.tape());
    let (lhs, rhs): (&Shape, &Shape) = (x.shape(), target.shape());
    if lhs != rhs {
        let hint = "prediction and target have the same shape; reshape one of them";
        expect::<()>(Err(Error::ShapeMismatch { op, lhs: lhs.to_vec(), rhs: rhs.to_vec(), hint }));
    }
    target
}

impl<T: Float> Var<T> {
    /// The mean of (x − t)².
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn mse(self, target: impl Operand<T>) -> Var<T> {
        let target = self::target("mse", &self, target);
        (self - target).square().mean()
    }

    /// The mean of |x − t|. Its derivative at 0 is 0.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn l1(self, target: impl Operand<T>) -> Var<T> {
        let target = self::target("l1", &self, target);
        (self - target).abs().mean()
    }

    /// The mean Huber loss: r²/2 where |r| ≤ `delta`, else delta · (|r| − delta/2), of r = x − t.
    ///
    /// # Panics
    /// If the shapes differ, or if `delta` is not above 0.
    #[track_caller]
    pub fn huber(self, target: impl Operand<T>, delta: f64) -> Var<T> {
        let target = self::target("huber", &self, target);
        if delta.is_nan() || delta <= 0.0 {
            expect::<()>(Err(Error::Argument {
                op: "huber",
                problem: format!("delta is {delta}; it must be above 0"),
            }));
        }
        Huber { delta }.apply([self - target]).mean()
    }

    /// The mean binary cross-entropy of logits: max(x, 0) − x·t + ln(1 + e^(−|x|)), which overflows for no logit. An infinite
    /// logit that is right costs 0, one that is wrong ∞. Derivatives: σ(x) − t, and −x for the target.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn bce_with_logits(self, target: impl Operand<T>) -> Var<T> {
        let target = self::target("bce_with_logits", &self, target);
        BceWithLogits.apply([self, target]).mean()
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const SHAPES: &[&[&[usize]]] = &[&[&[], &[]], &[&[2, 3], &[2, 3]], &[&[19], &[19]]];
    fn mean(x: &[Tensor<f64>], f: impl Fn(f64, f64) -> f64) -> Tensor<f64> {
        let sum: f64 = x[0].to_vec().iter().zip(x[1].to_vec()).map(|(x, t)| f(*x, t)).sum();
        Tensor::f64(sum / x[0].len() as f64)
    }
    vec![
        entry!(
            "mse",
            SHAPES,
            &[(-2.0, 2.0)],
            |x| x[0].clone().mse(&x[1]),
            whole | x | mean(x, |x, t| (x - t) * (x - t))
        ),
        entry!("l1", SHAPES, &[(-2.0, 2.0)], |x| x[0].clone().l1(&x[1]), whole | x | mean(x, |x, t| (x - t).abs())),
        entry!(
            "huber",
            SHAPES,
            &[(-2.0, 2.0)],
            |x| x[0].clone().huber(&x[1], 0.75),
            whole
                | x
                | mean(x, |x, t| {
                    let r = (x - t).abs();
                    if r <= 0.75 { r * r / 2.0 } else { 0.75 * (r - 0.375) }
                })
        ),
        entry!(
            "bce_with_logits",
            SHAPES,
            &[(-2.0, 2.0), (0.0, 1.0)],
            |x| x[0].clone().bce_with_logits(&x[1]),
            whole
                | x
                | mean(x, |x, t| {
                    let p = 1.0 / (1.0 + (-x).exp());
                    -t * p.ln() - (1.0 - t) * (1.0 - p).ln()
                })
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn large_logits_neither_overflow_nor_lose_their_gradient() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([1000.0, -1000.0, 1000.0, -1000.0]));
        let loss = x.clone().bce_with_logits(Tensor::from([1.0, 0.0, 0.0, 1.0]));
        assert_eq!(loss.item(), 500.0);
        assert_eq!(loss.backward()[&x].to_vec(), [0.0, 0.0, 0.25, -0.25]);
    }

    #[test]
    fn infinite_logits_cost_nothing_where_they_are_right() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let run = |x: f32, t: f32| {
            let tape = Tape::probing();
            let x = tape.var(Tensor::from([x]));
            let loss = x.clone().bce_with_logits(Tensor::from([t]));
            (loss.item(), loss.backward()[&x].item())
        };
        assert_eq!([run(inf, 1.0), run(-inf, 0.0)], [(0.0, 0.0); 2]);
        assert_eq!([run(inf, 0.0), run(-inf, 1.0), run(inf, 0.5)], [(inf, 1.0), (inf, -1.0), (inf, 0.5)]);
        assert_eq!(run(f32::MAX, 1.0), (0.0, 0.0));
        for (x, t) in [(nan, 0.0), (nan, 1.0), (0.0, nan), (inf, nan), (-inf, nan)] {
            let (loss, slope) = run(x, t);
            assert!(loss.is_nan() && slope.is_nan(), "{x} {t}: {loss} {slope}");
        }
        // A strided target, and no elements: the mean of nothing.
        let x = Tape::inference().input(Tensor::from([[1.0, -inf], [2.0, 3.0]]));
        let t = Tensor::from([[1.0, 0.0], [0.0, 1.0]]);
        assert_eq!(x.clone().bce_with_logits(t.transpose()).item(), x.bce_with_logits(&t).item());
        assert!(Tape::inference().input(Tensor::zeros([0])).bce_with_logits(Tensor::zeros([0])).item().is_nan());
    }

    #[test]
    fn kinks_and_ends() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([1.0, 3.0, f32::INFINITY, f32::NAN]));
        let t = Tensor::from([1.0, 1.0, 1.0, 1.0]);
        let gradient = x.clone().l1(&t).backward()[&x].to_vec();
        assert_eq!(gradient[..3], [0.0, 0.25, 0.25]);
        let gradient = x.clone().huber(&t, 2.0).backward()[&x].to_vec();
        assert_eq!(gradient[..3], [0.0, 0.5, 0.5]);
        assert!(gradient[3].is_nan());
    }

    #[test]
    #[should_panic(expected = "mse: shapes [3] and [3, 1] do not fit: prediction and target have the same shape")]
    fn shapes_must_be_equal() {
        let _ = Tape::inference().input(Tensor::zeros([3])).mse(Tensor::zeros([3, 1]));
    }
}
