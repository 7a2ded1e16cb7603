use super::super::table::{Entry, entry};
use super::Moments;
use crate::{Rectifier, Rng, Tape, Tensor, Var, gradcheck, keep};

const EPSILON: f64 = 1e-2;

/// Features on the last axis, as rows.
fn rows(x: &Tensor<f64>) -> Tensor<f64> {
    let features = *x.shape().last().unwrap();
    x.reshape([x.len() / features.max(1), features])
}

fn oracle(x: &[Tensor<f64>], residual: Option<usize>, slope: impl Fn(usize) -> f64) -> Tensor<f64> {
    let flat = rows(&x[0]);
    let centred = &flat - flat.mean_axes(keep(0));
    let variance = (&centred * &centred).mean_axes(keep(0));
    let y = centred / (variance + EPSILON).sqrt() * &x[1] + &x[2];
    let y = residual.map_or(y.clone(), |r| &y + rows(&x[r]));
    let features = x[1].len();
    let numbers: Vec<f64> =
        y.to_vec().iter().enumerate().map(|(i, &y)| if y > 0.0 { y } else { slope(i % features) * y }).collect();
    Tensor::new(&numbers, *x[0].shape())
}

fn given<T: crate::Float>() -> Moments<T> {
    let tensor = |numbers: [f64; 2]| Tensor::f64(numbers).cast::<T>();
    Moments { mean: tensor([0.5, -0.25]), variance: tensor([2.0, 0.5]), count: 7 }
}

pub(in super::super) fn entries() -> Vec<Entry> {
    const R: &[(f64, f64)] = &[(-2.0, 2.0), (0.5, 2.0), (-1.0, 1.0), (-2.0, 2.0), (0.1, 0.5)];
    const PLAIN: &[&[&[usize]]] = &[&[&[4, 3], &[3], &[3]], &[&[2, 2, 3, 2], &[2], &[2]], &[&[2, 1], &[1], &[1]]];
    const SLOPES: &[&[&[usize]]] =
        &[&[&[5, 2], &[2], &[2], &[5, 2], &[2]], &[&[2, 2, 3], &[3], &[3], &[2, 2, 3], &[1]]];
    vec![
        entry!(
            "batch_norm",
            PLAIN,
            R,
            |x| x[0].clone().batch_norm(&x[1], &x[2], EPSILON).0,
            whole | x | oracle(x, None, |_| 1.0)
        ),
        // A weight of both signs, around 0: the output is not enough.
        entry!(
            "batch_norm",
            PLAIN,
            &[(-2.0, 2.0), (-0.003, 0.003), (-1.0, 1.0)],
            |x| x[0].clone().batch_norm(&x[1], &x[2], EPSILON).0,
            whole | x | oracle(x, None, |_| 1.0)
        ),
        entry!(
            "batch_norm_act",
            PLAIN,
            R,
            |x| x[0].clone().batch_norm_act(&x[1], &x[2], EPSILON, None, Some(Rectifier::Relu)).0,
            whole | x | oracle(x, None, |_| 0.0)
        ),
        entry!(
            "batch_norm_act",
            &[&[&[4, 3], &[3], &[3], &[4, 3]]],
            R,
            |x| x[0].clone().batch_norm_act(&x[1], &x[2], EPSILON, Some(&x[3]), Some(Rectifier::LeakyRelu(0.25))).0,
            whole | x | oracle(x, Some(3), |_| 0.25)
        ),
        entry!(
            "batch_norm_act",
            SLOPES,
            R,
            |x| {
                let act = Rectifier::PRelu(x[4].clone());
                x[0].clone().batch_norm_act(&x[1], &x[2], EPSILON, Some(&x[3]), Some(act)).0
            },
            whole | x | oracle(x, Some(3), |j| x[4].to_vec()[j % x[4].len()])
        ),
        // Negative slopes, and a residual beyond what the output could tell.
        entry!(
            "batch_norm_act",
            &[&[&[5, 2], &[2], &[2], &[5, 2], &[2]]],
            &[(-2.0, 2.0), (0.5, 2.0), (-1.0, 1.0), (-2.0, 2.0), (-0.5, -0.1)],
            |x| {
                let act = Rectifier::PRelu(x[4].clone());
                x[0].clone().batch_norm_act(&x[1], &x[2], EPSILON, Some(&x[3]), Some(act)).0
            },
            whole | x | oracle(x, Some(3), |j| x[4].at([j]))
        ),
        entry!(
            "batch_norm_act",
            &[&[&[5, 2], &[2], &[2], &[5, 2]]],
            &[(-2.0, 2.0), (0.5, 2.0), (-1.0, 1.0), (900.0, 901.0)],
            |x| x[0].clone().batch_norm_act(&x[1], &x[2], EPSILON, Some(&x[3]), None).0,
            whole | x | oracle(x, Some(3), |_| 1.0)
        ),
        entry!(
            "batch_norm_act_given",
            PLAIN,
            R,
            |x| {
                let moments = x[0].value().moments();
                x[0].clone().batch_norm_act_given(
                    &moments,
                    &x[1],
                    &x[2],
                    EPSILON,
                    None,
                    Some(Rectifier::LeakyRelu(0.25)),
                )
            },
            whole | x | oracle(x, None, |_| 0.25)
        ),
        entry!(
            "normalise",
            &[&[&[4, 2], &[2], &[2]], &[&[0, 2], &[2], &[2]]],
            R,
            |x| x[0].clone().normalise(&given(), &x[1], &x[2], EPSILON, None, Some(Rectifier::LeakyRelu(0.5))),
            whole | x | {
                let moments = given::<f64>();
                let y = (&x[0] - &moments.mean) / (moments.variance + EPSILON).sqrt() * &x[1] + &x[2];
                y.leaky_relu(0.5)
            }
        ),
    ]
}

/// One op and three give the same numbers, whether backward reads the input or the output.
#[test]
fn fused_numbers_are_those_of_the_ops() {
    let mut rng = Rng::seed(3);
    let (x, r) = (Tensor::randn([3, 5, 7, 20], &mut rng), Tensor::randn([3, 5, 7, 20], &mut rng));
    let (weight, bias) = (Tensor::uniform([20], 0.5, 1.5, &mut rng), Tensor::randn([20], &mut rng));
    let c = Tensor::randn([3, 5, 7, 20], &mut rng);
    for slope in [0.25, -0.25] {
        let run = |fused: bool| {
            let tape = Tape::training(1);
            let [x, r, weight, bias] = [&x, &r, &weight, &bias].map(|t| tape.var(t.clone()));
            let alpha = tape.var(Tensor::full([20], slope));
            let z = match fused {
                true => {
                    x.clone().batch_norm_act(&weight, &bias, 1e-5, Some(&r), Some(Rectifier::PRelu(alpha.clone()))).0
                }
                false => (x.clone().batch_norm(&weight, &bias, 1e-5).0 + &r).prelu(&alpha),
            };
            let value = z.value().clone();
            let grads = (z * tape.input(c.clone())).sum().backward();
            let of = |v: &Var| grads[v].clone();
            [value, of(&x), of(&r), of(&weight), of(&bias), of(&alpha)]
        };
        for (i, (fused, plain)) in run(true).iter().zip(run(false)).enumerate() {
            assert!(fused.allclose(&plain, 2e-5, 2e-5), "number {i} at slope {slope}");
        }
    }
}

/// Statistics that jump between calls are those of each call's numbers.
#[test]
fn each_call_has_its_own_statistics() {
    let tape = Tape::training(1);
    let (weight, bias) = (tape.var(Tensor::ones([1])), tape.var(Tensor::zeros([1])));
    for offset in [0.0, 1e4, -3.0] {
        let x = tape.input(Tensor::from([[offset - 1.0], [offset + 1.0]]));
        let (y, moments) = x.batch_norm(&weight, &bias, 1e-9);
        assert!(y.value().allclose(&Tensor::from([[-1.0], [1.0]]), 1e-4, 0.0));
        assert_eq!((moments.mean.item(), moments.variance.item(), moments.count), (offset, 1.0, 2));
    }
}

/// burn: ε was added after the root.
#[test]
fn peer_bug_n07() {
    let tape = Tape::inference();
    let (weight, bias) = (tape.input(Tensor::ones([1])), tape.input(Tensor::zeros([1])));
    let x = || tape.input(Tensor::from([[-1.0], [1.0]]));
    assert_eq!(x().batch_norm(&weight, &bias, 3.0).0.to_vec(), [-0.5, 0.5]);
    let (weight, bias) = (tape.input(Tensor::ones([2])), tape.input(Tensor::zeros([2])));
    let x = || tape.input(Tensor::from([[-1.0, 1.0]]));
    assert_eq!(x().layer_norm(&weight, Some(&bias), 3.0).to_vec(), [-0.5, 0.5]);
    assert_eq!(x().rms_norm(&weight, 3.0).to_vec(), [-0.5, 0.5]);
    assert_eq!(x().group_norm(1, &weight, &bias, 3.0).to_vec(), [-0.5, 0.5]);
}

#[test]
fn kept_is_the_output_where_that_is_enough() {
    let kept = |weight: f32, slope: f64| {
        let tape = Tape::training(1);
        let x = tape.var(Tensor::ones([64, 8]));
        let (weight, bias) = (tape.var(Tensor::full([8], weight)), tape.var(Tensor::zeros([8])));
        let live = kernels_live();
        let z = x.batch_norm_act(&weight, &bias, 1e-5, None, Some(Rectifier::LeakyRelu(slope))).0;
        let own = kernels_live() - live;
        drop(z);
        own
    };
    // The input stays alive through the leaf either way; the output is all there is besides.
    assert!(kept(1.0, 0.1) <= kept(1.0, -0.1));
}

fn kernels_live() -> i64 {
    kernels::pool::stats().live_bytes as i64
}

#[test]
#[should_panic(expected = "x […, C] takes a weight and a bias [C]")]
fn a_weight_of_another_width_is_refused() {
    let tape = Tape::inference();
    let (weight, bias) = (tape.input(Tensor::ones([2])), tape.input(Tensor::ones([3])));
    let _ = tape.input(Tensor::ones([4, 3])).batch_norm(&weight, &bias, 1e-5);
}

#[test]
fn an_unused_gradient_is_no_obstacle() {
    let mut rng = Rng::seed(5);
    let x = Tensor::randn([6, 3], &mut rng).cast::<f64>();
    gradcheck(
        |[x]| {
            let tape = x.tape().clone();
            let (weight, bias) = (tape.input(Tensor::f64([1.0, 2.0, 0.5])), tape.input(Tensor::f64([0.0, 1.0, -1.0])));
            x.batch_norm(&weight, &bias, 1e-3).0.square().sum()
        },
        [&x],
    )
    .unwrap();
}
