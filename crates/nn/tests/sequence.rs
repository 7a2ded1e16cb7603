//! Sequence layers beside PyTorch's: values and gradients in f64, weights through files with its names and axes
//! (`reference/make_sequence.py`), and what stands at the edges.

use nn::prelude::*;
use nn::{Result, gradcheck_module};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[path = "sequence/dropout.rs"]
mod dropout;

type V = Var<f64>;

/// A tensor of PyTorch's file.
type Stored = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

fn wave(count: usize, k: usize) -> Vec<f64> {
    (0..count).map(|i| 0.6 * (1.7 * i as f64 + 0.9 * k as f64 + 0.3).sin()).collect()
}

fn stored(bytes: &[u8]) -> Stored {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
    let one = |(name, view): (String, TensorView<'_>)| {
        (name, (view.shape().to_vec(), view.data().chunks_exact(8).map(number).collect()))
    };
    file.tensors().into_iter().map(one).collect()
}

fn file(tensors: &Stored) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> =
        tensors.values().map(|(_, numbers)| numbers.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, (shape, _)), bytes)| (name, TensorView::new(Dtype::F64, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// The lines of a case by what they say.
fn reference(case: &str) -> BTreeMap<&'static str, Vec<f64>> {
    let lines = include_str!("reference/sequence.txt").lines().filter_map(|line| {
        let mut words = line.split(' ');
        (words.next() == Some(case))
            .then(|| (words.next().unwrap(), words.map(|word| word.parse().unwrap()).collect::<Vec<f64>>()))
    });
    lines.collect()
}

fn near(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{what}, number {i}: {a}, PyTorch says {b}");
    }
}

fn check<M: Module<f64>>(case: &str, net: M, shapes: &[&[usize]], f: impl Fn(&M, &[V]) -> Vec<V>) {
    check_on(case, net, shapes, |net, xs, _| f(net, xs));
}

/// Fills a module through a file of PyTorch's form, runs it, and compares every output and every gradient.
fn check_on<M: Module<f64>>(case: &str, mut net: M, shapes: &[&[usize]], f: impl Fn(&M, &[V], &Tape<f64>) -> Vec<V>) {
    let mut weights = stored(&net.to_pytorch_bytes().unwrap());
    weights.values_mut().enumerate().for_each(|(k, (_, numbers))| *numbers = wave(numbers.len(), k));
    net.from_pytorch_bytes(&file(&weights)).unwrap();
    let tape = Tape::<f64>::training(1);
    let input = |(j, shape): (usize, &&[usize])| {
        tape.var(Tensor::new(&wave(shape.iter().product(), 100 + j), Shape::from(*shape)))
    };
    let xs: Vec<V> = shapes.iter().enumerate().map(input).collect();
    let ys = f(&net, &xs, &tape);
    let mut theirs = reference(case);
    let mut take = |what: &str| theirs.remove(what).unwrap_or_else(|| panic!("{case} has no {what} in sequence.txt"));
    let mut loss = tape.input(Tensor::f64(0.0));
    for (i, y) in ys.into_iter().enumerate() {
        near(&y.to_vec(), &take(&format!("y{i}")), &format!("{case}: y{i}"));
        let factors: Vec<f64> = (0..y.len()).map(|i| (i as f64).cos()).collect();
        loss = loss + (y.clone() * Tensor::new(&factors, *y.shape())).sum();
    }
    let grads = loss.backward();
    for (j, x) in xs.iter().enumerate() {
        near(&grads[x].to_vec(), &take(&format!("x{j}")), &format!("{case}: the gradient of x{j}"));
    }
    // Gradients in the place of the weights, so that the file turns their axes.
    for (_, param) in net.named_parameters_mut() {
        *param.value_mut() = grads[&*param].clone();
    }
    for (name, (_, numbers)) in stored(&net.to_pytorch_bytes().unwrap()) {
        near(&numbers, &take(&name), &format!("{case}: the gradient of {name}"));
    }
    assert!(theirs.is_empty(), "{case}: {:?} was not compared", theirs.keys());
}

fn rng() -> Rng {
    Rng::seed(1)
}

fn ids() -> Tensor<i64> {
    Tensor::from([[2, 0, 2], [4, 1, 2]])
}

#[test]
fn embeddings_are_pytorchs() {
    let embedding = Embedding::new(5, 3, &mut rng());
    let run =
        |case: &str, net: Embedding<f64>| check_on(case, net, &[], |net, _, tape| vec![net.forward(tape, &ids())]);
    run("embedding", embedding.cast());
    run("embedding_padding", embedding.clone().padding(2).cast());
    assert_eq!(embedding.padding(2).weight().value().narrow(0, 2, 1).to_vec(), [0.0f32; 3]);
}

const X: &[usize] = &[2, 4, 3];

fn deep() -> Recurrence {
    Recurrence::default().layers(2).bidirectional()
}

#[test]
fn rnns_are_pytorchs() -> Result<()> {
    let rnn = |act, settings: &Recurrence| Ok::<_, nn::Error>(Rnn::with(3, 2, act, settings, &mut rng())?.cast());
    let run = |net: &Rnn<f64>, x: &[V]| {
        let (y, h) = net.forward_from(x[0].clone(), x.get(1).cloned());
        vec![y, h]
    };
    check("rnn", rnn(Nonlinearity::Tanh, &Recurrence::default())?, &[X], run);
    check("rnn_relu", rnn(Nonlinearity::Act(Activation::Relu), &deep())?, &[X, &[4, 2, 2]], run);
    let leaky = Nonlinearity::Act(Activation::LeakyRelu(0.2));
    check("rnn_leaky", rnn(leaky, &Recurrence::default())?, &[X], run);
    Ok(())
}

/// Slopes of 0.2 in a recurrent PReLU are a leak of 0.2.
#[test]
fn learned_slopes_are_the_slopes_in_use() -> Result<()> {
    let rnn = |act| Rnn::with(3, 2, Nonlinearity::Act(act), &deep(), &mut rng());
    let (mut learned, leaky) = (rnn(Activation::PRelu)?, rnn(Activation::LeakyRelu(0.2))?);
    let values = |net: &Rnn| net.forward(Tape::inference().input(Tensor::randn([2, 4, 3], &mut rng()))).to_vec();
    assert_ne!(values(&learned), values(&leaky));
    for (name, param) in learned.named_parameters_mut() {
        if name.starts_with("alpha") {
            *param.value_mut() = Tensor::full([2], 0.2);
        }
    }
    assert_eq!(values(&learned), values(&leaky));
    Ok(())
}

#[test]
fn grus_are_pytorchs() -> Result<()> {
    let gru = |settings: &Recurrence| Ok::<_, nn::Error>(Gru::with(3, 2, settings, &mut rng())?.cast());
    let run = |net: &Gru<f64>, x: &[V]| {
        let (y, h) = net.forward_from(x[0].clone(), x.get(1).cloned());
        vec![y, h]
    };
    check("gru", gru(&Recurrence::default())?, &[X], run);
    check("gru_plain", gru(&Recurrence::default().without_bias())?, &[X, &[1, 2, 2]], run);
    check("gru_deep", gru(&deep())?, &[X, &[4, 2, 2]], run);
    Ok(())
}

#[test]
fn lstms_are_pytorchs() -> Result<()> {
    let lstm = |settings: &Recurrence| Ok::<_, nn::Error>(Lstm::with(3, 2, settings, &mut rng())?.cast());
    let run = |net: &Lstm<f64>, x: &[V]| {
        let state = (x.len() > 1).then(|| (x[1].clone(), x[2].clone()));
        let (y, (h, c)) = net.forward_from(x[0].clone(), state);
        vec![y, h, c]
    };
    check("lstm", lstm(&Recurrence::default())?, &[X], run);
    check("lstm_plain", lstm(&Recurrence::default().without_bias())?, &[X, &[1, 2, 2], &[1, 2, 2]], run);
    check("lstm_deep", lstm(&deep())?, &[X, &[4, 2, 2], &[4, 2, 2]], run);
    check("lstm_projected", lstm(&deep().projection(1))?, &[X, &[4, 2, 1], &[4, 2, 2]], run);
    Ok(())
}

const S: &[usize] = &[2, 3, 4];
const M: &[usize] = &[2, 5, 4];

fn both((y, weights): (V, V)) -> Vec<V> {
    vec![y, weights]
}

fn padding() -> Tensor<f64> {
    Tensor::f64([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
}

#[test]
fn attention_is_pytorchs() -> Result<()> {
    let net = || MultiHeadAttention::new(4, 2, &mut rng());
    let of_itself = |case: &str, net: MultiHeadAttention, mask: AttentionMask<f64>| {
        check(case, net.cast::<f64>(), &[S], |net, x| both(net.attend_with_weights(x[0].clone(), &mask)));
    };
    of_itself("attention", net(), AttentionMask::none());
    of_itself("attention_causal", net(), AttentionMask::causal());
    of_itself("attention_plain", net().without_bias(), AttentionMask::none());
    let covered = Tensor::f64([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
    of_itself("attention_masks", net(), AttentionMask::none().covering(covered).padding(padding()));
    check("attention_bias", net().cast::<f64>(), &[S, &[3, 3]], |net, x| {
        both(net.attend_with_weights(x[0].clone(), &AttentionMask::none().adding(x[1].clone())))
    });
    check("attention_memory", net().cast::<f64>(), &[S, M], |net, x| {
        vec![net.attend_to(x[0].clone(), &x[1], &AttentionMask::none())]
    });
    let apart = |net: &MultiHeadAttention<f64>, x: &[V]| -> Vec<V> {
        both(net.look_up(x[0].clone(), x[1].clone(), x[2].clone(), &AttentionMask::none()))
    };
    check("attention_apart", net().cast::<f64>(), &[S, M, M], apart);
    let wide = MultiHeadAttention::with_widths(4, 3, 2, 2, &mut rng())?;
    check("attention_widths", wide.cast::<f64>(), &[S, &[2, 5, 3], &[2, 5, 2]], apart);
    Ok(())
}

fn encoder_layer() -> TransformerEncoderLayer {
    TransformerEncoderLayer::new(4, 2, 5, &mut rng()).dropout(0.0)
}

fn decoder_layer() -> TransformerDecoderLayer {
    TransformerDecoderLayer::new(4, 2, 5, &mut rng()).dropout(0.0)
}

#[test]
fn encoders_are_pytorchs() {
    let net = encoder_layer();
    check("encoder_layer", net.cast::<f64>(), &[S], |net, x| vec![net.forward(x[0].clone())]);
    let net = encoder_layer().norm_first().activation(Activation::Gelu);
    check("encoder_layer_first", net.cast::<f64>(), &[S], |net, x| {
        vec![net.forward_masked(x[0].clone(), &AttentionMask::causal().padding(padding()))]
    });
    let net = encoder_layer().activation(Activation::PRelu);
    check("encoder_layer_prelu", net.cast::<f64>(), &[S], |net, x| vec![net.forward(x[0].clone())]);
    let blocks = vec![encoder_layer().norm_first(), encoder_layer().norm_first()];
    let net = TransformerEncoder::new(blocks).with_norm(LayerNorm::new(4));
    check("encoder", net.cast::<f64>(), &[S], |net, x| {
        vec![net.forward_masked(x[0].clone(), &AttentionMask::causal())]
    });
}

#[test]
fn decoders_are_pytorchs() {
    let run = |net: &TransformerDecoderLayer<f64>, x: &[V]| {
        let covered: Vec<f64> = (0..15).map(|i| f64::from(i % 4 == 1)).collect();
        let memory_mask = AttentionMask::none().covering(Tensor::new(&covered, [3, 5]));
        vec![net.forward(x[0].clone(), &x[1], &AttentionMask::causal().padding(padding()), &memory_mask)]
    };
    check("decoder_layer", decoder_layer().cast::<f64>(), &[S, M], run);
    let net = decoder_layer().norm_first().activation(Activation::Gelu);
    check("decoder_layer_first", net.cast::<f64>(), &[S, M], run);
    let net = TransformerDecoder::new(vec![decoder_layer(), decoder_layer()]).with_norm(LayerNorm::new(4));
    check("decoder", net.cast::<f64>(), &[S, M], |net, x| {
        vec![net.forward(x[0].clone(), &x[1], &AttentionMask::causal(), &AttentionMask::none())]
    });
}

/// Second order too, and the slopes of a recurrent PReLU, which PyTorch has not.
#[test]
fn gradients_are_finite_differences() -> Result<()> {
    let mut rng = Rng::seed(3);
    let x = Tensor::randn([2, 3, 4], &mut rng).cast::<f64>();
    let rnn = Rnn::with(4, 3, Nonlinearity::Act(Activation::PRelu), &deep(), &mut rng)?;
    assert_eq!(rnn.named_parameters()[4].0, "alpha_l0");
    gradcheck_module(&rnn.cast::<f64>(), |net, x| net.forward(x).square().sum(), &x).unwrap();
    let lstm = Lstm::with(4, 3, &deep().projection(2), &mut rng)?;
    gradcheck_module(&lstm.cast::<f64>(), |net, x| net.forward(x).square().sum(), &x).unwrap();
    let gru = Gru::new(4, 3, &mut rng);
    gradcheck_module(&gru.cast::<f64>(), |net, x| net.forward(x).square().sum(), &x).unwrap();
    let block = TransformerEncoderLayer::new(4, 2, 5, &mut rng).activation(Activation::Gelu).norm_first();
    let positions = LearnedPositions::new(3, 4, &mut rng);
    let mask = || AttentionMask::causal().padding(Tensor::f64([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]));
    gradcheck_module(
        &(positions, block).cast::<f64>(),
        |(positions, block), x| block.forward_masked(positions.forward(x), &mask()).square().sum(),
        &x,
    )
    .unwrap();
    Ok(())
}

#[test]
fn a_query_that_sees_nothing_gives_zeros() {
    let net = MultiHeadAttention::new(4, 2, &mut rng()).without_bias();
    let low = f32::NEG_INFINITY;
    let tape = Tape::training(0);
    let x = tape.var(Tensor::randn([2, 3, 4], &mut rng()));
    let masks = [
        AttentionMask::none().covering(Tensor::ones([3, 3])),
        AttentionMask::none().padding(Tensor::ones([2, 3])),
        AttentionMask::none().adding(tape.input(Tensor::from([low]))),
        AttentionMask::causal().covering(Tensor::from_fn([3, 3], |[i, j]| f32::from(u8::from(j <= i)))),
    ];
    for mask in masks {
        let (y, weights) = net.attend_with_weights(x.clone(), &mask);
        assert!(y.to_vec().iter().chain(&weights.to_vec()).all(|&number| number == 0.0), "{mask:?}");
        let grads = y.sum().backward();
        assert!(grads[&x].to_vec().iter().all(|&number| number == 0.0));
    }
    // One row of one sequence; what the others see is as without it.
    let mask = AttentionMask::causal().padding(Tensor::from([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]));
    let (_, weights) = net.attend_with_weights(x.clone(), &mask);
    let weights = weights.value().narrow(1, 0, 1).squeeze(1).to_vec();
    assert_eq!(weights[..4], [0.0, 0.0, 0.0, 0.0]);
    assert_eq!(weights[4], 1.0);
    assert!(weights.iter().all(|weight| weight.is_finite()));
}

#[test]
fn one_step_one_sequence_and_none() -> Result<()> {
    let mut rng = rng();
    let lstm = Lstm::with(3, 2, &deep(), &mut rng)?;
    let (gru, attention) = (Gru::new(3, 2, &mut rng), MultiHeadAttention::new(4, 2, &mut rng));
    for [batch, steps] in [[1, 1], [0, 3], [2, 0], [0, 0]] {
        let tape = Tape::training(0);
        let x = || tape.var(Tensor::ones([batch, steps, 3]));
        let (y, (h, c)) = lstm.forward_from(x(), None);
        assert_eq!(
            (&y.shape()[..], &h.shape()[..], c.shape()),
            (&[batch, steps, 4][..], &[4, batch, 2][..], h.shape())
        );
        assert_eq!(gru.forward(x()).shape(), &[batch, steps, 2]);
        let wide = tape.var(Tensor::ones([batch, steps, 4]));
        let z = attention.attend(wide, &AttentionMask::causal());
        assert_eq!(z.shape(), &[batch, steps, 4]);
        if batch * steps > 0 {
            let grads = (y.sum() + z.sum()).backward();
            assert!(grads[lstm.parameters()[0]].to_vec().iter().all(|number| number.is_finite()));
        }
    }
    // Step by step with the state handed on is all at once.
    let lstm = Lstm::new(3, 2, &mut rng);
    let (tape, x) = (Tape::inference(), Tensor::randn([2, 4, 3], &mut rng));
    let (whole, last) = lstm.forward_from(tape.input(x.clone()), None);
    let (first, state) = lstm.forward_from(tape.input(x.narrow(1, 0, 1)), None);
    let (rest, state) = lstm.forward_from(tape.input(x.narrow(1, 1, 3)), Some(state));
    assert!(Var::concat(&[first, rest], 1).value().allclose(whole.value(), 1e-6, 1e-6));
    assert!(state.1.value().allclose(last.1.value(), 1e-6, 1e-6));
    Ok(())
}

#[test]
fn positions_are_the_papers() {
    let encoding = SinusoidalEncoding::new(9, 5).cast::<f64>();
    let y = encoding.forward(Tape::inference().input(Tensor::new(&[0.0; 30], [2, 3, 5]))).to_vec();
    let slow = 10000f64.powf(-0.4);
    near(&y[5..10], &[1f64.sin(), 1f64.cos(), slow.sin(), slow.cos(), 10000f64.powf(-0.8).sin()], "place 1");
    assert_eq!(y[..15], y[15..]);
    assert_eq!(encoding.num_parameters(), 0);
}

#[test]
fn misuse_is_named() {
    let tape = Tape::inference();
    let mut rng = rng();
    let x = || tape.input(Tensor::ones([2, 3, 4]));
    let attention = MultiHeadAttention::new(4, 2, &mut rng);
    let (lstm, embedding) = (Lstm::new(3, 2, &mut rng), Embedding::new(5, 3, &mut rng));
    let state = || tape.input(Tensor::ones([2, 2]));
    let cases: [(&dyn Fn(), &str); 9] = [
        (&|| drop(lstm.forward(x())), "Lstm: x has shape [2, 3, 4]; it is [N, T, 3]"),
        (
            &|| drop(lstm.forward_from(tape.input(Tensor::ones([2, 3, 3])), Some((state(), state())))),
            "Lstm: an initial state has shape [2, 2]; it is [1, 2, 2], for x of shape [2, 3, 3]",
        ),
        (&|| drop(attention.forward(state())), "MultiHeadAttention: x have shape [2, 2]; it is [N, T, 4]"),
        (
            &|| drop(attention.attend_to(x(), &tape.input(Tensor::ones([1, 3, 4])), &AttentionMask::none())),
            "MultiHeadAttention: 2 sequences of 3 queries, keys are [1, 3] and values [1, 3]",
        ),
        (
            &|| drop(attention.attend(x(), &AttentionMask::none().covering(Tensor::ones([2, 3])))),
            "AttentionMask: the mask has shape [2, 3], which does not broadcast to [N, heads, T, S] = [2, 2, 3, 3]",
        ),
        (
            &|| drop(attention.attend(x(), &AttentionMask::none().padding(Tensor::ones([3, 2])))),
            "AttentionMask: the padding has shape [3, 2]; it is [2, 3]",
        ),
        (&|| drop(embedding.forward(&tape, &Tensor::from([5]))), "index_select: index 5"),
        (
            &|| drop(SinusoidalEncoding::new(2, 4).forward(x())),
            "SinusoidalEncoding: x has shape [2, 3, 4]; it is [N, T, 4] with T at most 2",
        ),
        (
            &|| drop(MultiHeadAttention::new(4, 3, &mut Rng::seed(1))),
            "MultiHeadAttention: 3 heads do not divide 4 features",
        ),
    ];
    for (misuse, start) in cases {
        let text = *catch_unwind(AssertUnwindSafe(misuse)).unwrap_err().downcast::<String>().unwrap();
        assert!(text.starts_with(start), "{text}\ndoes not start with\n{start}");
    }
    let settings = Recurrence::default().projection(2);
    let text = Lstm::with(3, 2, &settings, &mut rng).unwrap_err().to_string();
    assert!(text.starts_with("Lstm: a projection to 2 outputs"), "{text}");
    assert!(Gru::with(3, 4, &settings, &mut rng).unwrap_err().to_string().starts_with("Gru: a projection"));
    assert!(Rnn::with(0, 2, Nonlinearity::Tanh, &Recurrence::default(), &mut rng).is_err());
    assert!(Gru::with(1, 2, &Recurrence::default().dropout(1.5), &mut rng).is_err());
}
