use super::super::table::{Entry, entry};
use super::{Conv, Padding};
use crate::{Rectifier, Rng, Tape, Tensor, gradcheck};

/// The definition: `sizes` are per spatial axis (stride, padding before and after, dilation), missing axes are (1, 0, 0, 1).
fn naive(x: &Tensor<f64>, w: &Tensor<f64>, axes: &[(usize, usize, usize, usize)], groups: usize) -> Tensor<f64> {
    let count = axes.len();
    let (xs, ws) = (x.shape().to_vec(), w.shape().to_vec());
    let out = |a: usize| (xs[a + 1] + axes[a].1 + axes[a].2 - (ws[a] - 1) * axes[a].3 - 1) / axes[a].0 + 1;
    let mut shape = xs.clone();
    (0..count).for_each(|a| shape[a + 1] = out(a));
    shape[count + 1] = ws[count + 1];
    let (c_in, c_out) = (ws[count], ws[count + 1] / groups);
    let numbers = (x.to_vec(), w.to_vec());
    let place = |at: &[usize], shape: &[usize]| at.iter().zip(shape).fold(0, |i, (at, size)| i * size + at);
    let mut y = Vec::new();
    let places = |shape: &[usize]| shape.iter().product::<usize>();
    let digits = |mut i: usize, shape: &[usize]| {
        let mut digits = vec![0; shape.len()];
        for (digit, &size) in digits.iter_mut().zip(shape).rev() {
            (*digit, i) = (i % size, i / size);
        }
        digits
    };
    for i in 0..places(&shape) {
        let at = digits(i, &shape);
        let mut sum = 0.0;
        for k in 0..places(&ws[..count]) {
            let tap = digits(k, &ws[..count]);
            for c in 0..c_in {
                let filter = at[count + 1];
                let (mut from, mut weight) = (vec![at[0]], tap.clone());
                for a in 0..count {
                    from.push((at[a + 1] * axes[a].0 + tap[a] * axes[a].3).wrapping_sub(axes[a].1));
                }
                from.push(filter / c_out * c_in + c);
                weight.extend([c, filter]);
                if from.iter().zip(&xs).all(|(place, size)| place < size) {
                    sum += numbers.0[place(&from, &xs)] * numbers.1[place(&weight, &ws)];
                }
            }
        }
        y.push(sum);
    }
    Tensor::new(&y, shape)
}

const R: &[(f64, f64)] = &[(-2.0, 2.0)];
const PLAIN: (usize, usize, usize, usize) = (1, 0, 0, 1);

pub(in super::super) fn entries() -> Vec<Entry> {
    vec![
        entry!(
            "conv",
            &[
                &[&[2, 4, 3, 2], &[3, 3, 2, 3], &[3]],
                &[&[0, 3, 3, 1], &[3, 3, 1, 2], &[2]],
                &[&[1, 1, 1, 1], &[3, 3, 1, 1], &[1]]
            ],
            R,
            |x| x[0].clone().conv(&x[1], Some(&x[2]), &Conv::new().padding(1)),
            whole | x | naive(&x[0], &x[1], &[(1, 1, 1, 1); 2], 1) + &x[2]
        ),
        entry!(
            "conv",
            &[&[&[1, 6, 5, 4], &[3, 2, 2, 2]], &[&[1, 4, 4, 2], &[2, 3, 1, 4]]],
            R,
            |x| x[0].clone().conv(
                &x[1],
                None,
                &Conv::new().stride([2, 1]).padding(Padding::sides([1, 0], [0, 1])).groups(2)
            ),
            whole | x | naive(&x[0], &x[1], &[(2, 1, 0, 1), (1, 0, 1, 1)], 2)
        ),
        entry!(
            "conv",
            &[&[&[2, 7, 3], &[3, 3, 2]], &[&[1, 5, 1], &[3, 1, 1]]],
            R,
            |x| x[0].clone().conv(&x[1], None, &Conv::new().dilation(2)),
            whole | x | naive(&x[0], &x[1], &[(1, 0, 0, 2)], 1)
        ),
        entry!(
            "conv",
            &[&[&[1, 3, 3, 2, 2], &[2, 2, 1, 2, 3]]],
            R,
            |x| x[0].clone().conv(&x[1], None, &Conv::new().stride([1, 2, 1])),
            whole | x | naive(&x[0], &x[1], &[PLAIN, (2, 0, 0, 1), PLAIN], 1)
        ),
        entry!(
            "conv_moments",
            &[&[&[2, 7, 3], &[3, 3, 2]], &[&[1, 5, 1], &[3, 1, 1]], &[&[0, 5, 1], &[3, 1, 1]]],
            R,
            |x| x[0].clone().conv_moments(&x[1], &Conv::new().dilation(2)).0,
            whole | x | naive(&x[0], &x[1], &[(1, 0, 0, 2)], 1)
        ),
        entry!(
            "conv_act",
            &[&[&[1, 4, 3, 2], &[3, 3, 2, 2], &[2]]],
            R,
            |x| x[0].clone().conv_act(&x[1], Some(&x[2]), Rectifier::LeakyRelu(0.25), &Conv::new().padding(1)),
            whole | x | {
                let z = naive(&x[0], &x[1], &[(1, 1, 1, 1); 2], 1) + &x[2];
                z.map(|z| if z > 0.0 { z } else { 0.25 * z })
            }
        ),
        entry!(
            "conv_act",
            &[&[&[1, 4, 2], &[2, 2, 3], &[3]]],
            &[(-2.0, 2.0), (-2.0, 2.0), (0.1, 0.5)],
            |x| x[0].clone().conv_act(&x[1], None, Rectifier::PRelu(x[2].clone()), &Conv::new()),
            whole | x | naive(&x[0], &x[1], &[PLAIN], 1).prelu(&x[2])
        ),
        entry!(
            "conv_transpose",
            &[&[&[1, 3, 2, 2], &[3, 2, 3, 2], &[3]], &[&[1, 1, 1, 1], &[2, 2, 1, 1], &[1]]],
            R,
            |x| x[0].clone().conv_transpose(&x[1], Some(&x[2]), &Conv::new().stride([2, 1]).output_padding([1, 0])),
            whole | x | transposed(&x[0], &x[1], [2, 1], [1, 0]) + &x[2]
        ),
    ]
}

/// The transposed convolution of `[N, H, W, C]` by `[KH, KW, F, C]`, scattered.
fn transposed(x: &Tensor<f64>, w: &Tensor<f64>, stride: [usize; 2], extra: [usize; 2]) -> Tensor<f64> {
    let (xs, ws) = (x.shape().to_vec(), w.shape().to_vec());
    let size = |a: usize| (xs[a + 1] - 1) * stride[a] + ws[a] + extra[a];
    let shape = [xs[0], size(0), size(1), ws[2]];
    let mut y = vec![0.0; shape.iter().product()];
    for n in 0..xs[0] {
        for (h, v) in (0..xs[1]).flat_map(|h| (0..xs[2]).map(move |v| (h, v))) {
            for (kh, kw) in (0..ws[0]).flat_map(|kh| (0..ws[1]).map(move |kw| (kh, kw))) {
                for (f, c) in (0..ws[2]).flat_map(|f| (0..ws[3]).map(move |c| (f, c))) {
                    let (row, column) = (h * stride[0] + kh, v * stride[1] + kw);
                    let at = ((n * shape[1] + row) * shape[2] + column) * shape[3] + f;
                    y[at] += x.at([n, h, v, c]) * w.at([kh, kw, f, c]);
                }
            }
        }
    }
    Tensor::new(&y, shape)
}

#[test]
fn same_padding_keeps_or_divides_the_size() {
    let y = |size: usize, taps: usize, stride: usize| {
        let x = Tensor::ones([1, size, 1]);
        x.conv(&Tensor::ones([taps, 1, 1]), None, &Conv::new().stride(stride).padding(Padding::Same))
    };
    for (size, taps, stride) in [(5, 3, 1), (6, 4, 1), (7, 3, 2), (8, 3, 2), (8, 5, 3), (1, 4, 1)] {
        assert_eq!(y(size, taps, stride).len(), size.div_ceil(stride), "{size} {taps} {stride}");
    }
    // The odd place is added at the end.
    assert_eq!(y(4, 2, 1).to_vec(), [2.0, 2.0, 2.0, 1.0]);
}

#[test]
fn a_transposed_convolution_undoes_the_sizes() {
    for (size, taps, stride, padding, dilation) in [(7, 3, 2, 1, 1), (8, 3, 2, 1, 1), (9, 2, 3, 0, 2), (5, 4, 1, 2, 1)]
    {
        let settings = Conv::new().stride(stride).padding(padding).dilation(dilation);
        let y = Tensor::ones([2, size, 3]).conv(&Tensor::ones([taps, 3, 4]), None, &settings);
        let left = (size + 2 * padding - (taps - 1) * dilation - 1) % stride;
        let back = y.conv_transpose(&Tensor::ones([taps, 3, 4]), None, &settings.output_padding(left));
        assert_eq!(back.shape(), &[2, size, 3]);
    }
}

/// candle: dw lost rows where the stride does not divide.
#[test]
fn peer_bug_p01() {
    strided(&[(6, 6), (7, 9)]);
}

/// candle: dx took its output padding from the height alone.
#[test]
fn peer_bug_p03() {
    strided(&[(6, 7), (7, 6), (5, 8)]);
}

fn strided(sizes: &[(usize, usize)]) {
    let mut rng = Rng::seed(4);
    for &(height, width) in sizes {
        let x = Tensor::randn([1, height, width, 1], &mut rng).cast::<f64>();
        let w = Tensor::randn([3, 2, 1, 2], &mut rng).cast::<f64>();
        gradcheck(|[x, w]| x.conv(&w, None, &Conv::new().stride([2, 3]).padding([1, 0])).square().sum(), [&x, &w])
            .unwrap();
    }
}

/// candle: the gradient of a transposed convolution ignored the stride.
#[test]
fn peer_bug_p05() {
    let mut rng = Rng::seed(5);
    let x = Tensor::randn([1, 3, 4, 2], &mut rng).cast::<f64>();
    let w = Tensor::randn([3, 3, 2, 2], &mut rng).cast::<f64>();
    gradcheck(|[x, w]| x.conv_transpose(&w, None, &Conv::new().stride(2).padding(1)).square().sum(), [&x, &w]).unwrap();
}

/// candle: the layout was guessed from strides. Here it is features last whatever the strides are.
#[test]
fn peer_bug_p07() {
    let mut rng = Rng::seed(6);
    let nchw = Tensor::randn([2, 3, 4, 5], &mut rng);
    let (x, w) = (nchw.permute([0, 2, 3, 1]), Tensor::randn([3, 3, 3, 4], &mut rng));
    let settings = Conv::new().padding(1);
    assert_eq!(x.conv(&w, None, &settings).to_vec(), x.copy().conv(&w, None, &settings).to_vec());
}

/// burn: the gradients of a grouped convolution with stride 2 and no padding had another shape.
#[test]
fn peer_bug_p09() {
    let mut rng = Rng::seed(7);
    let x = Tensor::randn([2, 6, 6, 4], &mut rng).cast::<f64>();
    let w = Tensor::randn([3, 3, 2, 6], &mut rng).cast::<f64>();
    gradcheck(|[x, w]| x.conv(&w, None, &Conv::new().stride(2).groups(2)).square().sum(), [&x, &w]).unwrap();
}

/// burn: dw of a window of one place over one place, of a permuted operand.
#[test]
fn peer_bug_p11() {
    let mut rng = Rng::seed(8);
    let (x, w) = (Tensor::randn([3, 1, 1, 2], &mut rng), Tensor::randn([1, 1, 3, 2], &mut rng));
    let tape = Tape::probing();
    let (x, w) = (tape.var(x.permute([3, 1, 2, 0])), tape.var(w));
    let grads = x.clone().conv(&w, None, &Conv::new()).sum().backward();
    let expected = x.value().reshape([2, 3]).sum_axes(0).to_vec();
    for (c, expected) in expected.into_iter().enumerate() {
        assert!((grads[&w].at([0, 0, c, 0]) - expected).abs() < 1e-6);
    }
}

#[test]
fn rectified_bits_are_those_of_two_ops() {
    let mut rng = Rng::seed(9);
    let (x, w) = (Tensor::randn([2, 9, 8, 5], &mut rng), Tensor::randn([3, 3, 5, 33], &mut rng));
    let (b, alpha) = (Tensor::randn([33], &mut rng), Tensor::full([33], 0.3));
    let run = |act: &dyn Fn(&crate::Var) -> Rectifier, fused: bool| {
        let tape = Tape::probing();
        let [x, w, b, alpha] = [&x, &w, &b, &alpha].map(|t| tape.var(t.clone()));
        let settings = Conv::new().padding(1);
        let before = tape.len();
        let y = match fused {
            true => x.clone().conv_act(&w, Some(&b), act(&alpha), &settings),
            false => act(&alpha).apply(x.clone().conv(&w, Some(&b), &settings)),
        };
        let ops = tape.len() - before;
        let value = y.to_vec();
        let grads = y.square().sum().backward();
        let of = |v: &crate::Var| grads.get(v).map_or(Vec::new(), Tensor::to_vec);
        (ops, vec![value, of(&x), of(&w), of(&b), of(&alpha)])
    };
    let acts: [&dyn Fn(&crate::Var) -> Rectifier; 3] =
        [&|_| Rectifier::Relu, &|_| Rectifier::LeakyRelu(0.1), &|alpha| Rectifier::PRelu(alpha.clone())];
    for act in acts {
        let ((one, fused), (two, plain)) = (run(act, true), run(act, false));
        assert_eq!((one, two), (1, 2));
        assert_eq!(fused, plain);
    }
    assert_eq!(run(&|_| Rectifier::LeakyRelu(-0.5), true).0, 2, "the output does not tell the side");
}

#[track_caller]
fn refused(run: impl FnOnce() + std::panic::UnwindSafe, message: &str) {
    let error = std::panic::catch_unwind(run).expect_err("a panic");
    let text = error.downcast_ref::<String>().expect("a message");
    assert!(text.contains(message), "{text}");
}

#[test]
fn misfits_are_named() {
    let conv = |x: &[usize], w: &[usize], settings: Conv| {
        let (x, w) = (Tensor::ones(x), Tensor::ones(w));
        move || drop(x.conv(&w, None, &settings))
    };
    let plain = Conv::new();
    refused(
        conv(&[1, 4, 2, 3], &[3, 3, 3, 8], plain),
        "conv: shape [1, 4, 2, 3]: axis 2: a window of 3 places (3 taps, dilation 1) is larger than padded x, 0 + 2 + 0",
    );
    refused(conv(&[1, 4, 4, 3], &[3, 3, 2, 8], plain), "conv: shapes [1, 4, 4, 3] and [3, 3, 2, 8] do not fit");
    refused(conv(&[1, 4, 4, 4], &[3, 3, 2, 5], plain.groups(2)), "2 groups do not divide 5 filters");
    refused(conv(&[4, 4], &[3, 4], plain), "one to three spatial axes");
    refused(conv(&[1, 4, 4, 1], &[1, 1, 1, 1], plain.stride(0)), "conv: a stride is 0");
    refused(
        conv(&[1, 4, 4, 1], &[1, 1, 1, 1], plain.stride([1, 2, 1])),
        "stride [1, 2, 1] has 3 numbers for 2 spatial axes",
    );
    let bias = Tensor::ones([3]);
    refused(
        move || drop(Tensor::ones([1, 4, 1]).conv(&Tensor::ones([1, 1, 2]), Some(&bias), &Conv::new())),
        "conv: shape [3]: 2 filters take a bias [2]",
    );
    refused(
        || drop(Tensor::ones([1, 2, 1]).conv_transpose(&Tensor::ones([1, 1, 1]), None, &Conv::new().padding(2))),
        "padding takes 4 places of 2",
    );
    refused(
        || drop(Tensor::ones([1, 2, 1]).conv_transpose(&Tensor::ones([1, 1, 1]), None, &Conv::new().output_padding(1))),
        "the output padding 1 is not below stride or dilation",
    );
}

#[test]
fn moments_come_with_the_result() {
    let mut rng = Rng::seed(9);
    let mut numbers = |shape: [usize; 4]| Tensor::randn(shape, &mut rng).cast::<f64>();
    let (x, w) = (numbers([2, 7, 6, 3]), numbers([3, 2, 3, 5]));
    let run = |with_moments: bool| {
        let tape = Tape::training(1);
        let (x, w) = (tape.var(x.clone()), tape.var(w.clone()));
        let settings = Conv::new().padding(1);
        let (y, moments) = match with_moments {
            true => x.clone().conv_moments(&w, &settings),
            false => {
                let y = x.clone().conv(&w, None, &settings);
                let moments = y.value().moments();
                (y, moments)
            }
        };
        let value = y.value().clone();
        let grads = y.square().sum().backward();
        (value, grads[&x].clone(), grads[&w].clone(), moments)
    };
    let (found, expected) = (run(true), run(false));
    assert_eq!((found.0.to_vec(), found.1.to_vec()), (expected.0.to_vec(), expected.1.to_vec()));
    assert_eq!((found.2.to_vec(), found.3.count), (expected.2.to_vec(), 2 * 7 * 7));
    assert!(found.3.mean.allclose(&expected.3.mean, 1e-12, 1e-12));
    assert!(found.3.variance.allclose(&expected.3.variance, 1e-12, 1e-12));
}
