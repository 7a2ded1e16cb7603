//! What `#[derive(Module)]` makes of types of every form.

use nn::module::Float;
use nn::prelude::*;
use std::marker::PhantomData;

#[derive(Clone, Module)]
struct Net<T: Float = f32> {
    stem: Linear<T>,
    blocks: Vec<Block<T>>,
    head: Option<Linear<T>>,
    extra: Option<Linear<T>>,
    pair: (PRelu<T>, Boxed<T>),
    array: [PRelu<T>; 2],
    scale: Param<T>,
    mean: Buffer<T>,
    rate: f64,
    name: String,
    #[module(skip)]
    activation: fn(f64) -> f64,
    marker: PhantomData<T>,
}

#[derive(Clone, Module)]
struct Block<T: Float> {
    linear: Linear<T>,
    act: PRelu<T>,
}

#[derive(Clone, Module)]
struct Boxed<T: Float>(Box<Linear<T>>, usize);

#[derive(Clone, Module)]
enum Act<T>
where
    T: Float,
{
    Learned(PRelu<T>),
    Named { inner: PRelu<T> },
    None,
}

#[derive(Clone, Module)]
struct Generic<A, const N: usize> {
    act: A,
    layers: [Linear; N],
}

#[derive(Module)]
struct Unit;

#[derive(Module)]
#[module(float = f64)]
struct InF64 {
    scale: Param<f64>,
}

fn net() -> Net {
    let mut rng = Rng::seed(1);
    let block = Block { linear: Linear::new(2, 2, &mut rng), act: PRelu::per_feature(2) };
    Net {
        stem: Linear::new(3, 2, &mut rng).without_bias(),
        blocks: vec![block.clone(), block],
        head: Some(Linear::new(2, 1, &mut rng)),
        extra: None,
        pair: (PRelu::shared(), Boxed(Box::new(Linear::new(1, 1, &mut rng)), 3)),
        array: [PRelu::shared(), PRelu::shared()],
        scale: Param::new(Tensor::from([1.0]), Group::Weight),
        mean: Buffer::new(Tensor::zeros([4])),
        rate: 0.1,
        name: "net".to_string(),
        activation: f64::sqrt,
        marker: PhantomData,
    }
}

fn names<T: Float>(module: &impl Module<T>) -> Vec<String> {
    module.named_parameters().into_iter().map(|(name, _)| name).collect()
}

const NAMES: [&str; 15] = [
    "stem.weight",
    "blocks.0.linear.weight",
    "blocks.0.linear.bias",
    "blocks.0.act.alpha",
    "blocks.1.linear.weight",
    "blocks.1.linear.bias",
    "blocks.1.act.alpha",
    "head.weight",
    "head.bias",
    "pair.0.alpha",
    "pair.1.0.weight",
    "pair.1.0.bias",
    "array.0.alpha",
    "array.1.alpha",
    "scale",
];

#[test]
fn fields_give_the_names() {
    let mut net = net();
    assert_eq!(names(&net), NAMES);
    let changeable: Vec<String> = net.named_parameters_mut().into_iter().map(|(name, _)| name).collect();
    assert_eq!(changeable, NAMES);
    let buffers: Vec<String> = net.named_buffers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(buffers, ["mean"]);
    assert_eq!(net.num_parameters(), 6 + 2 * (4 + 2 + 2) + 3 + 1 + 2 + 2 + 1);
    assert_eq!(net.parameters().len(), NAMES.len());
}

#[test]
fn enums_generics_and_units() {
    let variants: [(Act<f32>, &[&str]); 3] = [
        (Act::Learned(PRelu::shared()), &["0.alpha"]),
        (Act::Named { inner: PRelu::shared() }, &["inner.alpha"]),
        (Act::None, &[]),
    ];
    for (act, expected) in variants {
        assert_eq!(names(&act), expected);
        assert_eq!(names(&act.cast::<f64>()), expected);
    }
    let mut rng = Rng::seed(2);
    let generic = Generic { act: PRelu::shared(), layers: [Linear::new(1, 1, &mut rng).without_bias()] };
    assert_eq!(names(&generic), ["act.alpha", "layers.0.weight"]);
    assert!(names::<f32>(&Unit).is_empty());
    assert_eq!(names(&InF64 { scale: Param::new(Tensor::f64([1.0]), Group::Weight) }), ["scale"]);
}

#[test]
fn a_vector_of_more_than_ten_counts_on() {
    let layers: Vec<PRelu> = (0..12).map(|_| PRelu::shared()).collect();
    let names = names(&layers);
    assert_eq!((names[9].as_str(), names[10].as_str(), names[11].as_str()), ("9.alpha", "10.alpha", "11.alpha"));
}

#[test]
fn a_clone_is_independent() {
    let net = net();
    let mut copy = net.clone();
    for (_, param) in copy.named_parameters_mut() {
        param.value_mut().make_mut().fill(9.0);
    }
    copy.freeze();
    assert!(net.parameters().iter().all(|param| param.is_trainable() && param.value().to_vec()[0] != 9.0));
    assert!(copy.parameters().iter().all(|param| !param.is_trainable() && param.value().to_vec()[0] == 9.0));
    let ids = |net: &Net| net.parameters().iter().map(|param| param.id()).collect::<Vec<_>>();
    assert!(ids(&net).iter().all(|id| !ids(&copy).contains(id)));
    copy.unfreeze();
    assert!(copy.parameters().iter().all(|param| param.is_trainable()));
}

#[test]
fn the_twin_in_f64_has_the_same_numbers() {
    let net = net();
    let twin = net.cast::<f64>();
    assert_eq!(names(&twin), NAMES);
    assert_eq!((twin.rate, twin.name.as_str(), (twin.activation)(4.0), twin.pair.1.1), (0.1, "net", 2.0, 3));
    for (ours, theirs) in net.parameters().into_iter().zip(twin.parameters()) {
        assert_eq!(ours.group(), theirs.group());
        let wide: Vec<f64> = ours.value().to_vec().into_iter().map(f64::from).collect();
        assert_eq!(wide, theirs.value().to_vec());
    }
}

#[test]
fn layers_in_a_row() {
    let mut rng = Rng::seed(3);
    let (first, last) = (Linear::new(2, 4, &mut rng), Linear::new(4, 1, &mut rng));
    let tuple = (first.clone(), Relu, last.clone());
    let boxed = Sequential::new().then(first).then(Relu).then(last);
    assert_eq!(names(&tuple), ["0.weight", "0.bias", "2.weight", "2.bias"]);
    assert_eq!(names(&boxed), names(&tuple));
    let x = Tensor::randn([5, 2], &mut rng);
    let tape = Tape::inference();
    let y = tuple.forward(tape.input(x.clone())).to_vec();
    assert_eq!(boxed.forward(tape.input(x.clone())).to_vec(), y);
    assert_eq!(boxed.clone().forward(tape.input(x)).to_vec(), y);
    assert_eq!(names(&tuple.cast::<f64>()), names(&tuple));
}

/// Twice in `forward` is one parameter: listed once, one gradient, which is the sum.
#[test]
fn a_parameter_used_twice_is_tied() {
    let act = PRelu::shared();
    let tape = Tape::training(1);
    let grads = act.forward(act.forward(tape.input(Tensor::from([-4.0])))).sum().backward();
    // y = α²·x: dy/dα = 2α·x
    assert_eq!(grads[act.alpha()].to_vec(), [2.0 * 0.25 * -4.0]);
    assert_eq!(grads.params().count(), 1);
}

#[test]
fn modules_and_gradients_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Net>();
    crosses::<Sequential>();
    crosses::<Gradients>();
    crosses::<Adam>();
}
