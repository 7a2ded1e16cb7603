mod sequences;

use super::super::Attribute;
use super::super::proto::{Constant, Node, Numbers, Port, encode};
use super::file::File;
use super::known::Known;
use super::*;
use crate::Optimizer as _;
use crate::lipschitz::Certificate;
use crate::onnx::Export;
use crate::{
    Adam, Conv2d, Flatten, Layer, LeakyRelu, Linear, MaxPool2d, Module as _, PRelu, Relu, Residual, Sequential,
};
use tape::{Rng, Tape, Tensor};

/// An operator, its inputs and its attributes.
type One<'n> = (&'static str, &'n [&'n str], &'n [(&'static str, Attribute)]);
type Nodes<'n> = &'n [One<'n>];

/// A model that makes `output` of `input`; what is between is `value1` and so on.
fn model(sizes: &[usize], nodes: Nodes<'_>, constants: &[(&str, &[usize], Numbers)]) -> Vec<u8> {
    let names = (1..nodes.len()).map(|i| format!("value{i}")).chain(["output".to_owned()]);
    let node = |((op, inputs, attributes), output): (&One<'_>, String)| Node {
        op,
        name: format!("the {op}"),
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        output,
        attributes: attributes.to_vec(),
    };
    let nodes: Vec<Node> = nodes.iter().zip(names).map(node).collect();
    let constant = |(name, sizes, numbers): &(&str, &[usize], Numbers)| Constant {
        name: (*name).to_owned(),
        sizes: sizes.to_vec(),
        is_fixed: false,
        numbers: match numbers {
            Numbers::Floats(numbers) => Numbers::Floats(numbers.clone()),
            Numbers::Ints(numbers) => Numbers::Ints(numbers.clone()),
        },
    };
    let constants: Vec<Constant> = constants.iter().map(constant).collect();
    let port = |name: &str| Port { name: name.to_owned(), sizes: sizes.to_vec(), is_whole: false };
    encode(&nodes, &constants, &[port("input")], &port("output"))
}

fn problem(bytes: &[u8]) -> (bool, String) {
    match Import::new().from_bytes(bytes).unwrap_err() {
        Error::Damaged { problem, .. } => (true, problem),
        Error::Unsupported { problem, .. } => (false, problem),
        other => panic!("{other}"),
    }
}

#[track_caller]
fn refused(bytes: &[u8], text: &str) {
    let (is_damaged, problem) = problem(bytes);
    assert!(!is_damaged && problem.contains(text), "{problem}");
}

#[track_caller]
fn damaged(bytes: &[u8], text: &str) {
    let (is_damaged, problem) = problem(bytes);
    assert!(is_damaged && problem.contains(text), "{problem}");
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let tanh: Nodes<'_> = &[("Tanh", &["input"], &[])];
    assert!(Import::new().from_bytes(&model(&[3], tanh, &[])).is_ok());
    let unknown = model(&[3], &[("Tanh", &["input"], &[]), ("Einsum", &["value1"], &[])], &[]);
    let (_, text) = problem(&unknown);
    assert!(
        text.starts_with("byte ") && text.contains(": Einsum `the Einsum`: the operator is not known here"),
        "{text}"
    );
    refused(&unknown, "Known are Constant, Greater, Abs, Add, AveragePool, BatchNormalization");
    let turned = model(&[2, 3], &[("Transpose", &["input"], &[])], &[]);
    refused(&turned, "the output `output` has its batch axis elsewhere than first");
    refused(&model(&[3], &[("Softmax", &["input"], &[("axis", Attribute::Int(0))])], &[]), "axis 0 is the batch's");
    let computed: Nodes<'_> = &[("Tanh", &["input"], &[]), ("Gemm", &["input", "value1"], &[])];
    refused(&model(&[3], computed, &[]), "`value1`, is made of the model's input; only a constant is known");
    // Version 20 is the last field.
    let mut old = model(&[3], tanh, &[]);
    *old.last_mut().unwrap() = 9;
    refused(&old, "operators of version 9; known are 13 to 24");
    let doubles = {
        let mut bytes = model(&[3], tanh, &[]);
        let kind = bytes.windows(4).rposition(|bytes| bytes == [8, 1, 0x12, 9]);
        let first = bytes.windows(4).position(|bytes| bytes == [8, 1, 0x12, 9]);
        assert!(first < kind, "input and output");
        bytes[first.unwrap() + 1] = 11;
        bytes
    };
    refused(&doubles, "input `input`: numbers of type 11; the input here is f32");
}

/// What a node makes of a weight is a weight; `tests/onnx/inputs.rs` has files of PyTorch's with such nodes.
#[test]
fn weights_are_turned_and_split() {
    let weight = [("w", &[2, 3][..], Numbers::Floats((0..6u8).map(f32::from).collect()))];
    let made = |op, attributes: &[(&'static str, Attribute)]| {
        model(&[3], &[(op, &["w"], attributes), ("MatMul", &["input", "value1"], &[])], &weight)
    };
    let perm = |order: &[i64]| [("perm", Attribute::Ints(order.to_vec()))];
    for attributes in [&[][..], &perm(&[1, 0]), &perm(&[-1, 0])] {
        let net = Import::new().from_bytes(&made("Transpose", attributes)).unwrap();
        let y = net.forward(Tape::inference().input(Tensor::from([[1.0, 10.0, 100.0]])));
        assert_eq!(y.to_vec(), [210.0, 543.0], "{attributes:?}");
        assert_eq!(net.num_parameters(), 6);
    }
    damaged(&made("Transpose", &perm(&[0, 2])), "axis 2 of 2");
    damaged(&made("Transpose", &perm(&[1, 1])), "`perm` is [1, 1] for 2 axes");
    damaged(&made("Transpose", &perm(&[0])), "`perm` is [0] for 2 axes");
    damaged(&made("Split", &[("axis", Attribute::Int(3))]), "axis 3 of 2");
    // The only piece is the whole, of two rows for three features.
    damaged(&made("Split", &[("axis", Attribute::Int(-1))]), "a value of 3 features, where the weight takes 2");
    let sizes = ("s", &[1][..], Numbers::Ints(vec![1]));
    let split: Nodes<'_> = &[("Split", &["w", "s"], &[]), ("MatMul", &["input", "value1"], &[])];
    let [weight] = weight;
    damaged(&model(&[3], split, &[weight, sizes]), "1 pieces of sizes [1] for an axis of 2");
}

#[test]
fn tensors_in_other_files_are_refused() {
    use crate::protobuf::Message;
    for external in [true, false] {
        let mut file = Message::default();
        file.message(8, |set| set.varint(2, 20));
        file.message(7, |graph| {
            graph.message(5, |tensor| {
                tensor.varint(1, 1);
                tensor.varint(2, 1);
                tensor.bytes(8, b"w");
                if external {
                    tensor.message(13, |entry| entry.bytes(1, b"location"));
                    tensor.varint(14, 1);
                } else {
                    tensor.varint(14, 0);
                    tensor.float(4, 2.0);
                }
            });
        });
        if external {
            refused(file.as_bytes(), "the numbers of a tensor are in another file. Save the model as one file");
        } else {
            // Now it is the input that is missing.
            refused(file.as_bytes(), "a model without an input");
        }
    }
}

#[test]
fn what_does_not_fit_is_damaged() {
    let weight = |sizes: &'static [usize]| ("w", sizes, Numbers::Floats(vec![0.5; sizes.iter().product()]));
    let gemm: Nodes<'_> = &[("Gemm", &["input", "w"], &[])];
    damaged(&model(&[3], gemm, &[weight(&[4, 2])]), "Gemm `the Gemm`: a value of 3 features, where the weight takes 4");
    damaged(&model(&[3], gemm, &[]), "input 1, `w`, is what nothing before it makes");
    let conv: Nodes<'_> = &[("Conv", &["input", "w"], &[])];
    damaged(&model(&[1, 2, 5], conv, &[weight(&[4, 1, 3, 3])]), "a window of 3 places for 2, padding included");
    damaged(&model(&[1, 9, 5], conv, &[weight(&[4, 2, 3, 3])]), "a value of 1 channels, where the weight takes 2");
    let apart: Nodes<'_> = &[("Conv", &["input", "w"], &[("strides", Attribute::Ints(vec![1, 0]))])];
    damaged(&model(&[2, 9, 5], apart, &[weight(&[4, 2, 3, 3])]), "`strides` is [1, 0]; 1 is the least");
    let wide: Nodes<'_> = &[("Conv", &["input", "w"], &[("pads", Attribute::Ints(vec![1, 1, 1, -1]))])];
    damaged(
        &model(&[2, 9, 5], wide, &[weight(&[4, 2, 3, 3])]),
        "`pads` is [1, 1, 1, -1]; 4 whole numbers from 0 on belong there",
    );
    let short = ("w", &[3, 2][..], Numbers::Floats(vec![0.5; 5]));
    damaged(&model(&[3], gemm, &[short]), "tensor `w`: its shape has 6 numbers, and 5 are there");
    let huge = ("w", &[usize::MAX / 2, 8][..], Numbers::Floats(vec![0.5; 5]));
    damaged(&model(&[3], gemm, &[huge]), "tensor `w`: ");
    let shape = ("s", &[3][..], Numbers::Ints(vec![0, 2, 4]));
    damaged(
        &model(&[9], &[("Reshape", &["input", "s"], &[])], &[shape]),
        "an example of 9 numbers does not take the shape",
    );
    damaged(&model(&[3], &[("Tanh", &["output"], &[])], &[]), "input 0, `output`, is what nothing before it makes");
    damaged(b"", "there is no graph in it");
    let whole = model(&[3], gemm, &[weight(&[3, 2])]);
    for end in 0..whole.len() {
        assert!(Import::new().from_bytes(&whole[..end]).is_err(), "{end} bytes of {}", whole.len());
    }
}

#[test]
fn a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.onnx");
    std::fs::write(&path, "# not a model").unwrap();
    let text = crate::onnx::load(&path).unwrap_err().to_string();
    assert!(text.starts_with(&path.display().to_string()) && text.contains("no ONNX model"), "{text}");
    std::fs::write(&path, "").unwrap();
    assert!(crate::onnx::load(&path).unwrap_err().to_string().ends_with("net.onnx: the file is empty"));
    assert!(matches!(crate::onnx::load(dir.path().join("absent")), Err(Error::Io { .. })));
}

fn chain(rng: &mut Rng) -> Sequential {
    let net = Sequential::new().then(Conv2d::new(2, 4, 3, rng).padding(1)).then(PRelu::per_feature(4));
    net.then(MaxPool2d::new(2))
        .then(Flatten)
        .then(Linear::new(16, 6, rng))
        .then(LeakyRelu::new(0.1))
        .then(Linear::new(6, 3, rng))
}

/// The output after one step.
fn trained(net: &mut impl Layer, x: &Tensor) -> Tensor {
    let loss = net.forward(Tape::training(3).input(x.clone())).square().sum();
    Adam::new(0.01).step(net, loss.backward()).unwrap();
    net.forward(Tape::inference().input(x.clone())).into_value()
}

/// What an imported model is like to work with.
#[test]
fn it_is_trained_and_looked_into_like_what_was_exported() {
    let mut net = chain(&mut Rng::seed(1));
    let mut model = Import::new().from_bytes(&Export::new().to_bytes(&net, &[4, 4, 2]).unwrap()).unwrap();
    assert_eq!(model.input_sizes(), [Some(4), Some(4), Some(2)]);
    let names = |names: Vec<(String, &tape::Param)>| names.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(model.named_parameters()), names(net.named_parameters()));
    let x = Tensor::randn([8, 4, 4, 2], &mut Rng::seed(2));
    let (of_net, of_model) = (trained(&mut net, &x), trained(&mut model, &x));
    let worst = of_net.iter().zip(of_model.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "after a step they are {worst} apart");
    let bounds = [Certificate::of(&model).unwrap().bound(), Certificate::of(&net).unwrap().bound()];
    assert!((bounds[0] / bounds[1] - 1.0).abs() < 1e-4, "{bounds:?}");
    let copy = model.clone();
    assert_eq!(copy.num_parameters(), net.num_parameters());
    model.freeze();
    assert!(copy.parameters().iter().all(|param| param.is_trainable()));

    let residual = Residual(Linear::new(3, 3, &mut Rng::seed(4)));
    let model = Import::new().from_bytes(&Export::new().to_bytes(&residual, &[3]).unwrap()).unwrap();
    let text = Certificate::of(&model).unwrap_err().to_string();
    assert!(text.contains("no chain of layers"), "{text}");
}

#[test]
#[should_panic(expected = "onnx: an input of shape [2, 5]; the model takes examples of [Some(3)]")]
fn an_input_of_another_shape_is_named() {
    let bytes = Export::new().to_bytes::<f32>(&Relu, &[3]).unwrap();
    Import::new().from_bytes(&bytes).unwrap().forward(Tape::inference().input(Tensor::zeros([2, 5])));
}

#[test]
fn a_shared_tensor_becomes_a_parameter_of_each() {
    let weight = |count: usize| ("shared.weight", vec![2, 2], Numbers::Floats(vec![0.5; count]));
    let many = |count: usize| {
        let names: Vec<String> =
            (0..count).map(|i| if i == 0 { "input".into() } else { format!("value{i}") }).collect();
        let inputs: Vec<[&str; 2]> = names.iter().map(|name| [name.as_str(), "shared.weight"]).collect();
        let nodes: Vec<_> = inputs.iter().map(|inputs| ("Gemm", &inputs[..], &[][..])).collect();
        let (name, sizes, numbers) = weight(4);
        model(&[2], &nodes, &[(name, &sizes, numbers)])
    };
    let model = Import::new().from_bytes(&many(3)).unwrap();
    let names: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["shared.weight", "shared_2.weight", "shared_3.weight"]);
    assert_eq!(model.forward(Tape::inference().input(Tensor::ones([1, 2]))).to_vec(), [1.0, 1.0]);
}

/// Files like these are damaged in what follows.
fn seeds() -> Vec<Vec<u8>> {
    let rng = &mut Rng::seed(5);
    let spatial = (
        Residual(Conv2d::new(2, 2, 3, rng).padding(1)),
        crate::Upsample2d::nearest(2),
        crate::AvgPool2d::new(3).stride(2).padding(1).ceil(),
        crate::Pad { sizes: [(1, 0), (0, 1)], mode: tape::PadMode::Reflect },
        crate::CRelu,
        crate::GroupNorm::new(2, 4),
        crate::ConvTranspose2d::new(4, 2, 2, rng).stride(2),
    );
    let flat = (crate::RmsNorm::new(4), Linear::new(4, 3, rng), crate::Silu, crate::LayerNorm::new(3));
    vec![
        Export::new().to_bytes(&spatial, &[3, 4, 2]).unwrap(),
        Export::new().to_bytes(&flat, &[2, 4]).unwrap(),
        Export::new().to_bytes(&chain(rng), &[4, 4, 2]).unwrap(),
        Export::new().to_bytes(&crate::models::resnet_cifar(8, crate::Activation::Relu, 2, rng), &[4, 4, 3]).unwrap(),
    ]
}

/// The numbers in the largest value for one example, if all sizes are fixed.
fn largest(values: &[Known]) -> Option<usize> {
    let numbers = |known: &Known| known.sizes[1..].iter().try_fold(1usize, |all, size| all.checked_mul((*size)?));
    values.iter().map(numbers).try_fold(0, |most, count| Some(most.max(count?)))
}

/// Changes some bytes.
fn damage(bytes: &mut [u8], rng: &mut Rng) {
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len());
        match rng.below(3) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.below(9) as u8,
            _ => bytes[at] = rng.next_u64() as u8,
        }
    }
}

/// A damaged file is refused, or its model runs: shapes that cannot work are found when it is read. `tests/damaged_files_alloc.rs` holds what reading asks for.
#[test]
fn what_is_read_runs() {
    let (mut rng, mut ran, mut bad) = (Rng::seed(6), 0, 0);
    let seeds = &seeds()[..3];
    for number in 0..50_000 {
        let mut bytes = seeds[number % seeds.len()].clone();
        damage(&mut bytes, &mut rng);
        let built = File::parse(&bytes).and_then(|file| Builder::new(&file, bytes.len()).build(Layout::FeaturesFirst));
        let Ok((model, values)) = built else {
            bad += 1;
            continue;
        };
        if largest(&values).is_none_or(|most| most > 1 << 14) {
            continue;
        }
        let sizes: Vec<usize> = [2].into_iter().chain(model.input_sizes().iter().map(|size| size.unwrap())).collect();
        let y = model.forward(Tape::inference().input(Tensor::ones(&sizes[..])));
        assert_eq!(y.shape()[0], 2);
        ran += 1;
    }
    assert!(ran > 5_000 && bad > 5_000, "{ran} ran, {bad} were refused");
}
