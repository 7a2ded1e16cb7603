//! Products of two values, recurrent layers, indices: what is refused, and that damaged files run or are.

use super::*;
use crate::onnx::{Graph, Input, Layout, Mask, Value};
use crate::{
    AttentionMask, Embedding, Gru, Lstm, MultiHeadAttention, Nonlinearity, Recurrence, Rnn, SinusoidalEncoding,
};

fn floats(sizes: &'static [usize]) -> (&'static str, &'static [usize], Numbers) {
    ("w", sizes, Numbers::Floats(vec![0.5; sizes.iter().product()]))
}

#[test]
fn products_of_values_keep_examples_apart() {
    let square: Nodes<'_> = &[("MatMul", &["input", "input"], &[])];
    refused(&model(&[3], square, &[]), "a product of values of 2 and 2 axes; both have three or more");
    damaged(&model(&[3, 4], square, &[]), "a product of 4 columns with 3 rows");
    let bytes = model(&[2, 2], square, &[]);
    for layout in [Layout::FeaturesFirst, Layout::FeaturesLast] {
        // The product of the file's matrices, whatever the order of axes here.
        let product = Import::new().layout(layout).from_bytes(&bytes).unwrap();
        let of_file = [[1.0, 2.0], [3.0, 4.0]];
        let (x, turned) = (Tensor::from([of_file]), layout == Layout::FeaturesFirst);
        let arranged = |x: Tensor| if turned { x.permute([0, 2, 1]).contiguous() } else { x };
        let y = product.forward(Tape::inference().input(arranged(x))).into_value();
        assert_eq!(arranged(y).to_vec(), [7.0, 10.0, 15.0, 22.0], "{layout:?}");
    }
    let transpose = ("Transpose", &["input"][..], &[("perm", Attribute::Ints(vec![0, 2, 1, 3]))][..]);
    let uneven: Nodes<'_> = &[transpose, ("MatMul", &["input", "value1"], &[])];
    refused(&model(&[2, 3, 2], uneven, &[]), "axis 1 of the values of a product: Some(2) and Some(3)");
}

#[test]
fn recurrent_layers_of_another_kind_are_refused() {
    let time = ("Transpose", &["input"][..], &[("perm", Attribute::Ints(vec![1, 0, 2]))][..]);
    let back = ("Transpose", &["value2"][..], &[("perm", Attribute::Ints(vec![2, 0, 1, 3]))][..]);
    let shape = || ("s", &[3][..], Numbers::Ints(vec![0, 5, -1]));
    let end = ("Reshape", &["value3", "s"][..], &[][..]);
    let weights = [floats(&[1, 4, 3]), ("r", &[1, 4, 4], Numbers::Floats(vec![0.5; 16])), shape()];
    let rnn = |attributes: &[(&'static str, Attribute)]| {
        let node = ("RNN", &["value1", "w", "r"][..], attributes);
        model(&[5, 3], &[time, node, back, end], &weights)
    };
    let layout = Import::new().layout(Layout::FeaturesLast);
    assert!(layout.from_bytes(&rnn(&[])).is_ok());
    refused(&rnn(&[("activations", Attribute::Texts(vec!["Softsign"]))]), "the function Softsign; known are Tanh");
    refused(&rnn(&[("activations", Attribute::Texts(vec!["Tanh", "Relu"]))]), "each direction has the same one here");
    refused(&rnn(&[("direction", Attribute::Text("reverse"))]), "the direction reverse");
    refused(&rnn(&[("clip", Attribute::Float(1.0))]), "lengths of sequences, peepholes or `clip`");
    damaged(&rnn(&[("hidden_size", Attribute::Int(5))]), "weights of shapes [1, 4, 3] and [1, 4, 4]");
    damaged(&rnn(&[("direction", Attribute::Text("bidirectional"))]), "weights of shapes [1, 4, 3] and [1, 4, 4]");
    let plain: Nodes<'_> = &[("RNN", &["input", "w", "r"], &[])];
    refused(&model(&[5, 3], plain, &weights), "an input that is not [T, N, features], by `layout`");
    refused(&model(&[5, 3], &[time], &[]), "the output `output` has its batch axis elsewhere than first");
    let tanh: Nodes<'_> = &[time, ("Tanh", &["value1"], &[])];
    refused(&model(&[5, 3], tanh, &[]), "`value1`, has its batch axis elsewhere than first");
    let half: Nodes<'_> = &[time, ("RNN", &["value1", "w", "r"], &[]), ("Reshape", &["value2", "s"], &[])];
    refused(&model(&[5, 3], half, &weights), "the shape [Is(0), Is(5), Is(-1)] for sizes [Is(5), Is(1), Batch, Is(4)]");
    let squeezed: Nodes<'_> =
        &[time, ("RNN", &["value1", "w", "r"], &[]), ("Squeeze", &["value2"], &[("axes", Attribute::Ints(vec![0]))])];
    damaged(
        &model(&[5, 3], squeezed, &weights),
        "axis 0 of sizes [Is(5), Is(1), Batch, Is(4)] is not known to be of size 1",
    );
}

/// What is computed from shapes is a shape or zeros, and no more of it than shapes have.
#[test]
fn sizes_are_followed_and_nothing_else() {
    let shape = ("Shape", &["input"][..], &[][..]);
    let zeros: Nodes<'_> = &[shape, ("ConstantOfShape", &["value1"], &[]), ("Tanh", &["value2"], &[])];
    refused(&model(&[2, 3], zeros, &[]), "`value2`, is computed from shapes; only sizes are read from those");
    refused(&model(&[2, 3], &zeros[..2], &[]), "the output `output` is computed from shapes");
    let places = |places: &[i64]| ("p", vec![places.len()], Numbers::Ints(places.to_vec()));
    let reshaped: Nodes<'_> = &[shape, ("Gather", &["value1", "p"], &[]), ("Reshape", &["input", "value2"], &[])];
    let of = |numbers: &[i64]| {
        let (name, sizes, numbers) = places(numbers);
        model(&[2, 3], reshaped, &[(name, &sizes, numbers)])
    };
    let turned = Import::new().layout(Layout::FeaturesLast).from_bytes(&of(&[0, -1, 1])).unwrap();
    let y = turned.forward(Tape::inference().input(Tensor::zeros([5, 2, 3])));
    assert_eq!(y.shape(), &[5, 3, 2]);
    refused(&of(&[1, 0, 2]), "in which a size is not fixed or the batch's is not the first");
    damaged(&of(&[0, 3, 1]), "places [0, 3, 1] of 3 sizes");
    damaged(&of(&[0, 1, 1]), "an example of 6 numbers does not take the shape");
    let doubled: [&[&str]; 4] =
        [&["value1", "value1"], &["value2", "value2"], &["value3", "value3"], &["value4", "value4"]];
    let nodes: Vec<One<'_>> = [shape].into_iter().chain(doubled.map(|inputs| ("Concat", inputs, &[][..]))).collect();
    refused(&model(&[2, 3], &nodes, &[]), "48 sizes that are computed; no shape has more than 32");
}

/// Axes of a file moved, joined and parted at random, the batch among them: what comes out is the input with its axes in the order in which they end up.
#[test]
fn axes_are_followed_through_products() {
    let rng = &mut Rng::seed(11);
    let x = Tensor::randn([3, 2, 3, 5], rng);
    for _ in 0..300 {
        let mut axes: Vec<Vec<usize>> = (0..4).map(|axis| vec![axis]).collect();
        let mut nodes: Vec<(&'static str, Vec<i64>)> = Vec::new();
        for _ in 0..7 {
            let at = rng.below(axes.len());
            match rng.below(3) {
                0 => nodes.push(shuffled(&mut axes, rng)),
                1 if at > 0 => {
                    let joined = axes.remove(at);
                    axes[at - 1].extend(joined);
                    nodes.push(("Reshape", regrouped(&axes)));
                }
                _ => nodes.push(parted(&mut axes, at)),
            }
        }
        while let Some(at) = axes.iter().position(|own| own.len() > 1) {
            nodes.push(parted(&mut axes, at));
        }
        let first = axes.iter().position(|own| own[0] == 0).unwrap() as i64;
        nodes.push(("Transpose", [first].into_iter().chain((0..4).filter(|&axis| axis != first)).collect()));
        let batch = axes.remove(first as usize);
        axes.insert(0, batch);
        let bytes = of_moves(&nodes);
        let net = Import::new().layout(Layout::FeaturesLast).from_bytes(&bytes).unwrap();
        let order: [isize; 4] = std::array::from_fn(|axis| axes[axis][0] as isize);
        let y = net.forward(Tape::inference().input(x.clone()));
        assert_eq!(y.shape(), x.permute(order).shape(), "{nodes:?}");
        assert_eq!(y.to_vec(), x.permute(order).to_vec(), "{nodes:?}");
    }
}

fn shuffled(axes: &mut Vec<Vec<usize>>, rng: &mut Rng) -> (&'static str, Vec<i64>) {
    let mut order: Vec<usize> = (0..axes.len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, rng.below(i + 1));
    }
    *axes = order.iter().map(|&axis| axes[axis].clone()).collect();
    ("Transpose", order.into_iter().map(|axis| axis as i64).collect())
}

/// One axis as two, if it is a product.
fn parted(axes: &mut Vec<Vec<usize>>, at: usize) -> (&'static str, Vec<i64>) {
    if axes[at].len() > 1 {
        let inner = axes[at].split_off(1);
        axes.insert(at + 1, inner);
    }
    ("Reshape", regrouped(axes))
}

fn regrouped(axes: &[Vec<usize>]) -> Vec<i64> {
    let sizes = [-1, 2, 3, 5];
    axes.iter().map(|own| if own.contains(&0) { -1 } else { own.iter().map(|&axis| sizes[axis]).product() }).collect()
}

/// A model of an input [N, 2, 3, 5] that moves its axes so.
fn of_moves(nodes: &[(&'static str, Vec<i64>)]) -> Vec<u8> {
    let names: Vec<[String; 2]> = (0..nodes.len())
        .map(|i| [if i == 0 { "input".to_owned() } else { format!("value{i}") }, format!("shape{i}")])
        .collect();
    let inputs: Vec<Vec<&str>> = names
        .iter()
        .zip(nodes)
        .map(|(names, (op, _))| names.iter().take(if *op == "Reshape" { 2 } else { 1 }).map(String::as_str).collect())
        .collect();
    let perms: Vec<Vec<(&'static str, Attribute)>> = nodes
        .iter()
        .map(|(op, order)| match *op {
            "Transpose" => vec![("perm", Attribute::Ints(order.clone()))],
            _ => Vec::new(),
        })
        .collect();
    let all: Vec<One<'_>> =
        nodes.iter().zip(&inputs).zip(&perms).map(|(((op, _), inputs), perm)| (*op, &inputs[..], &perm[..])).collect();
    let lengths: Vec<[usize; 1]> = nodes.iter().map(|(_, shape)| [shape.len()]).collect();
    let constants: Vec<(&str, &[usize], Numbers)> = names
        .iter()
        .zip(nodes)
        .zip(&lengths)
        .filter(|((_, (op, _)), _)| *op == "Reshape")
        .map(|((names, (_, shape)), length)| (names[1].as_str(), &length[..], Numbers::Ints(shape.clone())))
        .collect();
    model(&[2, 3, 5], &all, &constants)
}

#[test]
fn pieces_are_all_of_an_axis() {
    let axis = [("axis", Attribute::Int(1))];
    let split: Nodes<'_> = &[("Split", &["input", "s"], &axis)];
    let sizes = |numbers: Vec<i64>| model(&[3], split, &[("s", &[numbers.len()][..], Numbers::Ints(numbers.clone()))]);
    assert!(Import::new().from_bytes(&sizes(vec![3])).is_ok());
    damaged(&sizes(vec![2]), "1 pieces of sizes [2] for an axis of 3");
    damaged(&sizes(vec![1, 2]), "1 pieces of sizes [1, 2] for an axis of 3");
    damaged(&sizes(vec![-3]), "1 pieces of sizes [-3] for an axis of 3");
    refused(&model(&[3], &[("Split", &["input"], &[])], &[]), "axis 0 is the batch's");
}

/// As PyTorch writes one direction: a `Squeeze` of its axis, and the batch first again.
#[test]
fn a_squeezed_direction_is_the_results() {
    let perm = |order: [i64; 3]| [("perm", Attribute::Ints(order.to_vec()))];
    let (there, back) = (perm([1, 0, 2]), perm([1, 0, 2]));
    let axes = [("axes", Attribute::Ints(vec![1]))];
    let nodes: Nodes<'_> = &[
        ("Transpose", &["input"], &there),
        ("RNN", &["value1", "w", "r"], &[]),
        ("Squeeze", &["value2"], &axes),
        ("Transpose", &["value3"], &back),
    ];
    let weights = [floats(&[1, 1, 1]), ("r", &[1, 1, 1], Numbers::Floats(vec![0.25]))];
    let net = Import::new().layout(Layout::FeaturesLast).from_bytes(&model(&[2, 1], nodes, &weights)).unwrap();
    let y = net.forward(Tape::inference().input(Tensor::from([[[1.0], [2.0]]]))).to_vec();
    let first = 0.5f32.tanh();
    let second = (1.0 + 0.25 * first).tanh();
    assert!((y[0] - first).abs() < 1e-6 && (y[1] - second).abs() < 1e-6, "{y:?}");
}

fn of_ids(rest: impl Fn(&mut crate::module::Path, &mut Graph, Value) -> crate::Result<Value>) -> Vec<u8> {
    let embedding = Embedding::new(5, 4, &mut Rng::seed(1));
    let bytes = Export::new().ids_to_bytes(&[3], |at, graph, ids| {
        let x = at.enter("words", |at| embedding.onnx(at, graph, ids))?;
        rest(at, graph, x)
    });
    bytes.unwrap()
}

#[test]
fn ids_are_looked_up_once() {
    let twice = Embedding::new(5, 4, &mut Rng::seed(2));
    let bytes = Export::new().ids_to_bytes(&[3], |at, graph, ids| {
        let [a, b] = [ids.clone(), ids].map(|ids| twice.onnx(at, graph, ids).unwrap());
        graph.sum(at, a, b)
    });
    let bytes = bytes.unwrap();
    let problem = Import::new().ids_from_bytes(&bytes).unwrap_err().to_string();
    assert!(problem.contains("a second table for the same ids; one is known"), "{problem}");
    let whole = of_ids(|_, _, x| Ok(x));
    let shape = Import::new().ids_from_bytes(&whole).unwrap();
    assert_eq!(shape.embedding().weight().value().shape(), &[5, 4]);
    assert_eq!(shape.model().input_sizes(), [Some(3), Some(4)]);
}

/// As `sequences_that_are_read_run`, for networks of two inputs.
#[test]
fn several_inputs_that_are_read_run() {
    let rng = &mut Rng::seed(6);
    let (attention, none) = (MultiHeadAttention::new(4, 2, rng), AttentionMask::none());
    let inputs = [Input::new("x", &[2, 4]), Input::new("memory", &[3, 4]), Input::new("covered", &[3])];
    let good = Export::new().inputs_to_bytes(inputs, |at, graph, [x, memory, covered]| {
        attention.onnx_to(at, graph, x, &memory, Mask::from(&none).padding(covered))
    });
    let good = good.unwrap();
    let (mut ran, mut bad) = (0, 0);
    for _ in 0..10_000 {
        let mut bytes = good.clone();
        damage(&mut bytes, rng);
        let built = File::parse(&bytes)
            .and_then(|file| Builder::<f32>::new(&file, bytes.len()).build_of_inputs(Layout::FeaturesLast));
        let Ok((model, known)) = built else {
            bad += 1;
            continue;
        };
        if largest(&known).is_none_or(|most| most > 1 << 14) {
            continue;
        }
        let tape = Tape::inference();
        let one = |(_, sizes): (&str, &[Option<usize>])| {
            let sizes: Vec<usize> = [2].into_iter().chain(sizes.iter().map(|size| size.unwrap())).collect();
            tape.input(Tensor::ones(&sizes[..]))
        };
        assert_eq!(model.forward(&model.inputs().map(one).collect::<Vec<_>>()).shape()[0], 2);
        ran += 1;
    }
    assert!(ran > 1_000 && bad > 1_000, "{ran} ran, {bad} were refused");
}

fn built(builder: Builder<'_, f32>, is_ids: bool) -> file::Result<(Model, Option<Embedding>, Vec<Known>)> {
    if is_ids {
        let (model, known) = builder.build_of_ids(Layout::FeaturesLast)?;
        return Ok((model.model().clone(), Some(model.embedding().clone()), known));
    }
    builder.build(Layout::FeaturesLast).map(|(model, known)| (model, None, known))
}

/// A file of tests/reference/make_onnx.py.
fn of_pytorch(wanted: &str) -> Vec<u8> {
    let mut rest = &include_bytes!("../../../../tests/reference/onnx.bin")[..];
    loop {
        let end = rest.iter().position(|&byte| byte == b'\n').expect("the file is there");
        let (name, length) = std::str::from_utf8(&rest[..end]).unwrap().split_once(' ').unwrap();
        let (file, after) = rest[end + 1..].split_at(length.parse().unwrap());
        if name == wanted {
            return file.to_vec();
        }
        rest = after;
    }
}

/// As `what_is_read_runs`, for sequences.
#[test]
fn sequences_that_are_read_run() {
    let rng = &mut Rng::seed(5);
    let deep = Recurrence::default().bidirectional();
    let attention = (SinusoidalEncoding::new(3, 4), MultiHeadAttention::new(4, 2, rng).causal());
    let relu = Nonlinearity::Act(crate::Activation::LeakyRelu(0.1));
    let recurrent = (
        Rnn::with(4, 2, relu, &deep, rng).unwrap(),
        Gru::new(4, 2, rng),
        Lstm::with(2, 2, &deep.without_bias(), rng).unwrap(),
    );
    let export = Export::new().layout(Layout::FeaturesLast);
    let of_pytorch = of_pytorch("multihead_dynamo.onnx");
    let numbers =
        [of_pytorch, export.to_bytes(&attention, &[3, 4]).unwrap(), export.to_bytes(&recurrent, &[3, 4]).unwrap()];
    let lstm = Lstm::new(4, 2, rng);
    let ids = [of_ids(|at, graph, x| lstm.onnx(at, graph, x)), of_ids(|at, graph, x| attention.1.onnx(at, graph, x))];
    let (mut ran, mut bad) = (0, 0);
    for number in 0..20_000 {
        let is_ids = number % 2 == 0;
        let mut bytes = if is_ids { ids[number / 2 % 2].clone() } else { numbers[number / 2 % 3].clone() };
        damage(&mut bytes, rng);
        let built = File::parse(&bytes).and_then(|file| built(Builder::new(&file, bytes.len()), is_ids));
        let Ok((model, embedding, known)) = built else {
            bad += 1;
            continue;
        };
        if largest(&known).is_none_or(|most| most > 1 << 14) {
            continue;
        }
        let sizes: Vec<usize> = [2].into_iter().chain(model.input_sizes().iter().map(|size| size.unwrap())).collect();
        let tape = Tape::inference();
        let x = match embedding {
            Some(embedding) => {
                let places = &sizes[..sizes.len() - 1];
                let ids = Tensor::from(vec![0usize; places.iter().product()]).reshape(places);
                embedding.forward(&tape, &ids)
            }
            None => tape.input(Tensor::ones(&sizes[..])),
        };
        assert_eq!(model.forward(x).shape()[0], 2);
        ran += 1;
    }
    assert!(ran > 2_000 && bad > 2_000, "{ran} ran, {bad} were refused");
}
