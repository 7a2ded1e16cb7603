//! Convolutions, norms and the training step of a residual network: features last.

use super::training::large_steps;
use crate::harness::{Row, Rows};
use crate::inputs::{checksums, labels, scaled, slopes, values};
use nn::models::{ResNetCifar, resnet_cifar};
use nn::prelude::*;
use std::rc::Rc;
use tape::Conv;

/// Name, x, w, stride, padding, dilation, groups; transposed ones by the last flag.
struct Convolution {
    name: &'static str,
    x: &'static [usize],
    w: &'static [usize],
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
}

const fn conv(name: &'static str, x: &'static [usize], w: &'static [usize]) -> Convolution {
    Convolution { name, x, w, stride: 1, padding: 1, dilation: 1, groups: 1 }
}

const CONVOLUTIONS: &[Convolution] = &[
    conv("16_32", &[64, 32, 32, 16], &[3, 3, 16, 16]),
    conv("32_16", &[64, 16, 16, 32], &[3, 3, 32, 32]),
    conv("64_8", &[64, 8, 8, 64], &[3, 3, 64, 64]),
    conv("64_56", &[16, 56, 56, 64], &[3, 3, 64, 64]),
    conv("128_28", &[16, 28, 28, 128], &[3, 3, 128, 128]),
    conv("stem_3_16", &[64, 32, 32, 3], &[3, 3, 3, 16]),
    Convolution { stride: 2, padding: 3, ..conv("stem_7x7", &[16, 112, 112, 3], &[7, 7, 3, 64]) },
    Convolution { stride: 2, ..conv("stride2_16_32", &[64, 32, 32, 16], &[3, 3, 16, 32]) },
    Convolution { stride: 2, ..conv("stride2_32_64", &[64, 16, 16, 32], &[3, 3, 32, 64]) },
    Convolution { padding: 0, ..conv("1x1_64_256", &[16, 28, 28, 64], &[1, 1, 64, 256]) },
    Convolution { stride: 2, padding: 0, ..conv("1x1_stride2", &[64, 32, 32, 16], &[1, 1, 16, 32]) },
    Convolution { padding: 2, ..conv("5x5", &[32, 28, 28, 32], &[5, 5, 32, 32]) },
    Convolution { groups: 4, ..conv("groups4", &[16, 28, 28, 64], &[3, 3, 16, 64]) },
    Convolution { groups: 64, ..conv("depthwise", &[16, 56, 56, 64], &[3, 3, 1, 64]) },
    Convolution { padding: 2, dilation: 2, ..conv("dilation2", &[16, 28, 28, 64], &[3, 3, 64, 64]) },
    conv("1d", &[32, 1024, 64], &[3, 64, 64]),
    conv("3d", &[4, 16, 28, 28, 16], &[3, 3, 3, 16, 16]),
    Convolution { stride: 2, ..conv("transposed", &[16, 14, 14, 64], &[4, 4, 32, 64]) },
];

/// The rows of this kind.
pub fn rows() -> Rows {
    let mut rows: Rows = Vec::new();
    for shape in CONVOLUTIONS {
        rows.push((format!("conv_{}", shape.name), Box::new(move || convolution(shape))));
    }
    rows.push(("bn_prelu_fwdbwd".to_string(), Box::new(|| norm_act([32, 56, 56, 64]))));
    rows.push(("bn_prelu_large_fwdbwd".to_string(), Box::new(|| norm_act([128, 56, 56, 64]))));
    rows.push(("layer_norm_1024x1024".to_string(), Box::new(layer_norm)));
    rows.push(("group_norm_8".to_string(), Box::new(group_norm)));
    rows.push(("resnet20_64".to_string(), Box::new(resnet)));
    rows
}

/// Forward and backward of what `make` records of variables, by dy.
pub(super) fn passes(
    operands: Vec<(&'static str, Tensor)>,
    dy: Tensor,
    what: String,
    make: impl Fn(&Tape, &[Var]) -> Var + 'static,
) -> Row {
    let pass = Rc::new(move || {
        let tape = Tape::training(0);
        let vars: Vec<Var> = operands.iter().map(|(_, value)| tape.var(value.clone())).collect();
        let y = make(&tape, &vars);
        let value = y.value().clone();
        let grads = y.backward_with(dy.clone());
        let d = |(var, (name, _)): (&Var, &(&'static str, Tensor))| (*name, grads.get(var).cloned());
        let d: Vec<_> = vars.iter().zip(&operands).map(d).collect();
        (value, d)
    });
    let same = Rc::clone(&pass);
    Row {
        run: Box::new(move || drop(pass())),
        check: Box::new(move || {
            let (y, d) = same();
            let mut sums = vec![checksums("y", &y)];
            sums.extend(d.iter().map(|(name, d)| checksums(&format!("d{name}"), d.as_ref().expect("it is reached"))));
            sums.join(" ")
        }),
        what,
    }
}

fn convolution(shape: &'static Convolution) -> Row {
    let Convolution { name, x, w, stride, padding, dilation, groups } = *shape;
    let settings = Conv::new().stride(stride).padding(padding).dilation(dilation).groups(groups);
    let fan: usize = w[..w.len() - 1].iter().product();
    let (x, w) = (values(1, x), scaled(2, w, (fan as f64).powf(-0.5), 0.0));
    let apply = move |x: Var, w: &Var| match name {
        "transposed" => x.conv_transpose(w, None, &settings),
        _ => x.conv(w, None, &settings),
    };
    let tape = Tape::inference();
    let shape_of_y = *apply(tape.input(x.clone()), &tape.input(w.clone())).shape();
    let what = format!(
        "{:?} by {:?}, stride {stride}, padding {padding}, dilation {dilation}, groups {groups}",
        x.shape(),
        w.shape()
    );
    passes(vec![("x", x), ("w", w)], values(3, shape_of_y), what, move |_, v| apply(v[0].clone(), &v[1]))
}

fn norm_act(shape: [usize; 4]) -> Row {
    let channels = shape[3];
    let operands = vec![
        ("x", values(1, shape)),
        ("weight", scaled(4, [channels], 0.5, 1.0)),
        ("bias", scaled(5, [channels], 0.5, 0.0)),
        ("alpha", slopes(3, channels)),
    ];
    passes(operands, values(2, shape), format!("{shape:?}, batch norm, then {channels} slopes"), |_, v| {
        let act = tape::Rectifier::PRelu(v[3].clone());
        v[0].clone().batch_norm_act(&v[1], &v[2], 1e-5, None, Some(act)).0
    })
}

fn layer_norm() -> Row {
    let operands = vec![
        ("x", values(1, [1024, 1024])),
        ("weight", scaled(4, [1024], 0.5, 1.0)),
        ("bias", scaled(5, [1024], 0.5, 0.0)),
    ];
    passes(operands, values(2, [1024, 1024]), "rows of 1024".to_string(), |_, v| {
        v[0].clone().layer_norm(&v[1], Some(&v[2]), 1e-5)
    })
}

fn group_norm() -> Row {
    let shape = [16, 28, 28, 64];
    let operands =
        vec![("x", values(1, shape)), ("weight", scaled(4, [64], 0.5, 1.0)), ("bias", scaled(5, [64], 0.5, 0.0))];
    passes(operands, values(2, shape), format!("{shape:?}, 8 groups"), |_, v| {
        v[0].clone().group_norm(8, &v[1], &v[2], 1e-5)
    })
}

/// ResNet-20 with the parameters of the page: the k-th parameter, counted from 0, is tensor 100 + k.
pub fn page_resnet() -> ResNetCifar {
    let mut net = resnet_cifar(20, Activation::PRelu, 10, &mut Rng::seed(0));
    for (k, (name, param)) in net.named_parameters_mut().into_iter().enumerate() {
        let shape = *param.value().shape();
        let tensor = 100 + k as u64;
        let fan: usize = shape[..shape.rank() - 1].iter().product();
        *param.value_mut() = match shape.rank() {
            1 if name.ends_with("alpha") => slopes(tensor, shape[0]),
            1 if name.ends_with("norm.weight") => scaled(tensor, shape, 0.25, 1.0),
            1 => scaled(tensor, shape, 0.25, 0.0),
            _ => scaled(tensor, shape, (6.0 / fan as f64).sqrt(), 0.0),
        };
    }
    net
}

fn resnet() -> Row {
    let (x, classes) = (values(1, [64, 32, 32, 3]), labels(64, 10));
    let loss = move |net: &ResNetCifar| {
        let tape = Tape::training(0);
        net.forward(tape.input(x.clone())).cross_entropy(&classes)
    };
    let what = "ResNet-20 with PReLU, 64 images of 32×32×3, SGD with momentum".to_string();
    large_steps(page_resnet(), Sgd::new(0.01).momentum(0.9), loss, ["conv", "bias"], what)
}
