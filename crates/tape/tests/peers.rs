//! Bugs of other engines that touch several ops at once (docs/PEER_BUGS.md); those of one op stand beside it.

use tape::{Float, Group, Op, Param, Tape, Tensor, Var};

/// Fused and slow forms of one function of x `[rows, classes]`.
type Pair<T> = (fn(Var<T>) -> Var<T>, fn(Var<T>) -> Var<T>);

/// candle 2168, 3568, 3569: fused ops without a backward pass cut the graph in silence. What is fused here has the gradients of
/// its slow form, and parameters upstream get theirs.
#[test]
fn peer_bug_e01() {
    fn exponentials(x: Var<f64>) -> Var<f64> {
        let e = x.exp();
        let sum = e.clone().sum_axes(tape::keep(-1));
        e / sum
    }
    let cases: [Pair<f64>; 4] = [
        (|x| x.softmax(-1), exponentials),
        (|x| x.log_softmax(-1), |x| exponentials(x).ln()),
        (|x| x.logsumexp(-1), |x| x.exp().sum_axes(-1).ln()),
        (
            |x| x.cross_entropy(&Tensor::from([2, 0])),
            |x| {
                let picked = exponentials(x).gather(-1, &Tensor::from([[2], [0]]));
                -picked.ln().mean()
            },
        ),
    ];
    let weight = Param::new(Tensor::f64([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]]), Group::Weight);
    let input = Tensor::f64([[1.0, -2.0], [0.5, 3.0]]);
    for (case, (fused, slow)) in cases.into_iter().enumerate() {
        let gradient = |of: fn(Var<f64>) -> Var<f64>, linear: bool| {
            let tape = Tape::training(0);
            let (x, w) = (tape.input(input.clone()), tape.param(&weight));
            let out = of(if linear { x.linear(w, None) } else { x.matmul(w) });
            (&out * &out).sum().backward().of(&weight).expect("a gradient upstream").clone()
        };
        let exact = gradient(slow, false);
        assert!(exact.to_vec().iter().any(|g| *g != 0.0));
        assert!(gradient(fused, true).allclose(&exact, 1e-12, 1e-14), "case {case}");
    }
}

/// burn 181: adding what broadcasts gave gradients of the broadcast shape.
#[test]
fn peer_bug_e05() {
    let tape = Tape::probing();
    let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let w = tape.var(Tensor::from([[1.0], [-1.0], [2.0]]));
    let bias = tape.var(Tensor::from([[0.5, -0.5, 1.0]]));
    let label = Tensor::from([[1.0], [2.0]]);
    let y = tape.input(x).matmul(&w) + &bias - label;
    assert_eq!(y.to_vec(), [4.5, 3.5, 5.0, 9.5, 8.5, 10.0]);
    let grads = y.sum().backward();
    assert_eq!((&grads[&w].shape()[..], grads[&w].to_vec()), (&[3, 1][..], vec![15.0, 21.0, 27.0]));
    assert_eq!((&grads[&bias].shape()[..], grads[&bias].to_vec()), (&[1, 3][..], vec![2.0; 3]));
}

/// scirs2 103: an op the engine did not list had the slope 1. There is no list here: a rule is part of the op.
#[test]
fn peer_bug_e07() {
    let numbers = Tensor::f64([0.5, 2.0, 4.0]);
    let slope = |f: fn(Var<f64>) -> Var<f64>| {
        let tape = Tape::probing();
        let x = tape.var(numbers.clone());
        f(x.clone()).sum().backward()[&x].clone()
    };
    assert_eq!(slope(|x| x.ln()).to_vec(), [2.0, 0.5, 0.25]);
    assert!(slope(|x| x.exp()).allclose(&numbers.exp(), 1e-15, 0.0));
    assert_eq!(slope(|x| x.sum()).to_vec(), [1.0; 3]);
    assert_eq!(slope(|x| x.sum()).shape(), numbers.shape());
    /// An op that nobody has heard of.
    struct Fourfold;
    impl<T: Float> Op<T> for Fourfold {
        fn name(&self) -> &'static str {
            "fourfold"
        }
        fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
            x * 4.0
        }
        fn vjp(&self, _: tape::Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
            [Some(dy * 4.0)]
        }
    }
    assert_eq!(slope(|x| Fourfold.apply([x])).to_vec(), [4.0; 3]);
}

/// burn 4069: a cast in the middle cut the graph. A tape has one float type, so a cast stands before it; `Tensor::cast` holds the
/// example that `Var` has none.
#[test]
fn peer_bug_e09() {
    let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let tape = Tape::<f64>::probing();
    let wide = tape.var(x.cast());
    assert_eq!(wide.clone().sum().backward()[&wide].to_vec(), [1.0; 4]);
    let param = Param::new(x, Group::Weight);
    let twin = param.cast::<f64>();
    let tape = Tape::training(0);
    assert_eq!(tape.param(&twin).sum().backward()[&twin].to_vec(), [1.0; 4]);
}

/// burn 1225: what the rule of one side reads was kept only if that side was tracked.
#[test]
fn peer_bug_e15() {
    let (base, exponent) = (Tensor::from([2.0, 7.0]), Tensor::from([4.0, 2.0]));
    let tape = Tape::probing();
    let (x, n) = (tape.input(base.clone()), tape.var(exponent.clone()));
    let grads = x.clone().pow(&n).sum().backward();
    assert!(grads[&n].allclose(&Tensor::from([11.0904, 95.3496]), 1e-5, 0.0), "{:?}", grads[&n]);
    assert!(grads.get(&x).is_none());
    let tape = Tape::probing();
    let (x, n) = (tape.var(base), tape.input(exponent));
    assert_eq!(x.clone().pow(&n).sum().backward()[&x].to_vec(), [32.0, 14.0]);
    let tape = Tape::probing();
    let (left, right) = (tape.input(Tensor::from([3.0])), tape.var(Tensor::from([5.0])));
    assert_eq!((&left * &right).backward()[&right].to_vec(), [3.0]);
    assert!((&left / &right).backward()[&right].allclose(&Tensor::from([-0.12]), 1e-6, 0.0));
}

/// burn 4829: a flag that said whether scores are logits was ignored. There is no flag: `cross_entropy` takes logits, and
/// probabilities go by their logarithm.
#[test]
fn peer_bug_n19() {
    let numbers = Tensor::from([
        [0.1, 0.2, 0.7, 0.0, 0.0],
        [0.7, 0.1, 0.1, 0.1, 0.0],
        [0.2, 0.2, 0.2, 0.2, 0.2],
        [0.0, 0.3, 0.3, 0.2, 0.2],
    ]);
    let labels = Tensor::from([2, 0, 4, 1]);
    let tape = Tape::probing();
    let x = tape.var(numbers);
    assert!((x.clone().cross_entropy(&labels).item() - 1.354_197).abs() < 1e-6);
    let likelihood = -x.clone().gather(-1, &labels.reshape([4, 1])).ln().mean();
    assert!((likelihood.item() - 0.881_690_14).abs() < 1e-6);
    // Logarithms of probabilities are logits too, −∞ included.
    let loss = x.clone().ln().cross_entropy(&labels);
    assert!((loss.item() - 0.881_690_14).abs() < 1e-6);
    // Only the label's probability has a slope by the first form: −1/(4·p).
    let slopes = likelihood.backward()[&x].to_vec();
    assert!((slopes[2] + 0.25 / 0.7).abs() < 1e-6 && slopes[0] == 0.0, "{slopes:?}");
}

/// No bug: a convention that has no kink to hide behind.
#[test]
fn the_slope_of_the_root_at_0_is_infinite() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::from([0.0, 4.0]));
    assert_eq!(x.clone().sqrt().sum().backward()[&x].to_vec(), [f32::INFINITY, 0.25]);
}
