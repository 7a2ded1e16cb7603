//! Networks of several inputs: decoders with their memory, and padding.

use super::{Cases, same};
use nn::data::npy;
use nn::module::Path;
use nn::onnx::{Export, Graph, Import, Input, Mask, Value};
use nn::prelude::*;

impl Cases<'_> {
    /// A network of named inputs, by what it computes and what it writes.
    fn add_inputs<const COUNT: usize>(
        &mut self,
        name: &str,
        inputs: [(&str, Tensor); COUNT],
        forward: impl Fn(&Tape, [Var; COUNT]) -> Var,
        write: impl Fn(&mut Path, &mut Graph, [Value; COUNT]) -> nn::Result<Value>,
    ) {
        let tape = Tape::inference();
        let given = inputs.each_ref().map(|(_, x)| tape.input(x.clone()));
        let y = forward(&tape, given.clone()).into_value();
        let ports = inputs.each_ref().map(|(name, x)| Input::new(name, &x.shape()[1..]));
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        Export::new().save_inputs(ports, file("onnx"), write).unwrap();
        let again = Import::new().load_inputs(file("onnx")).unwrap();
        assert!(again.inputs().map(|(name, _)| name).eq(inputs.iter().map(|(name, _)| *name)));
        same(name, &again.forward(&given).into_value(), &y);
        let rewrite = |at: &mut Path, graph: &mut Graph, inputs: [Value; COUNT]| again.onnx(at, graph, &inputs);
        Export::new().save_inputs(ports, file("again.onnx"), rewrite).unwrap();
        let twice = Import::new().load_inputs(file("again.onnx")).unwrap();
        same(name, &twice.forward(&given).into_value(), &y);
        for ending in ["", "again."] {
            for (name, x) in &inputs {
                std::fs::write(file(&format!("{ending}{name}.npy")), npy::to_bytes(x.clone())).unwrap();
            }
            std::fs::write(file(&format!("{ending}out.npy")), npy::to_bytes(y.clone())).unwrap();
            self.names.push(format!("{name} {ending}"));
        }
    }
}

fn block(rng: &mut Rng) -> TransformerDecoderLayer {
    TransformerDecoderLayer::new(6, 2, 10, rng)
}

/// 1 behind so many places of each example.
fn behind(places: &[usize], all: usize) -> Tensor {
    let numbers = places.iter().flat_map(|&open| (0..all).map(move |place| f32::from(u8::from(place >= open))));
    Tensor::from(numbers.collect::<Vec<f32>>()).reshape([places.len(), all])
}

pub fn inputs(cases: &mut Cases<'_>) {
    let rng = &mut Rng::seed(14);
    let [x, memory] = [[3, 4, 6], [3, 5, 6]].map(|shape| Tensor::randn(shape, rng));
    let pair = || [("x", x.clone()), ("memory", memory.clone())];
    let none = AttentionMask::none();
    let one = block(rng).norm_first().activation(Activation::Gelu);
    cases.add_inputs(
        "decoder_block",
        pair(),
        |_, [x, memory]| one.forward(x, &memory, &none, &none),
        |at, graph, [x, memory]| one.onnx(at, graph, x, &memory, &none, &none),
    );
    let (causal, covering) = (AttentionMask::causal(), AttentionMask::none().covering(behind(&[2, 5, 1, 3], 5)));
    let blocks = vec![block(rng), block(rng).activation(Activation::PRelu)];
    let decoder = TransformerDecoder::new(blocks).with_norm(LayerNorm::new(6));
    cases.add_inputs(
        "decoder",
        pair(),
        |_, [x, memory]| decoder.forward(x, &memory, &causal, &covering),
        |at, graph, [x, memory]| decoder.onnx(at, graph, x, &memory, &causal, &covering),
    );
    // Of one sequence nothing is left, of another all.
    let of_memory = behind(&[3, 0, 5], 5);
    cases.add_inputs(
        "decoder_padding",
        [("x", x.clone()), ("memory", memory.clone()), ("covered", of_memory)],
        |_, [x, memory, covered]| {
            decoder.forward(x, &memory, &causal, &AttentionMask::none().padding(covered.into_value()))
        },
        |at, graph, [x, memory, covered]| {
            decoder.onnx(at, graph, x, &memory, &causal, Mask::from(&none).padding(covered))
        },
    );
    // Padding in front: under a causal mask the first queries see nothing.
    let front = 1.0 - behind(&[2, 0, 1], 4);
    let encoder = TransformerEncoder::new(vec![TransformerEncoderLayer::new(6, 3, 8, rng)]).causal();
    cases.add_inputs(
        "encoder_padding",
        [("x", x.clone()), ("covered", front)],
        |_, [x, covered]| encoder.forward_masked(x, &AttentionMask::none().padding(covered.into_value())),
        |at, graph, [x, covered]| encoder.onnx_masked(at, graph, x, Mask::from(&none).padding(covered)),
    );
    let apart = MultiHeadAttention::with_widths(6, 5, 5, 2, rng).unwrap();
    cases.add_inputs(
        "attention_of_other_widths",
        [("x", x.clone()), ("memory", Tensor::randn([3, 2, 5], rng))],
        |_, [x, memory]| apart.attend_to(x, &memory, &none),
        |at, graph, [x, memory]| at.enter("apart", |at| apart.onnx_to(at, graph, x, &memory, &none)),
    );
    let source = (Linear::new(6, 6, rng), TransformerEncoderLayer::new(6, 2, 8, rng));
    cases.add_inputs(
        "encoder_and_decoder",
        pair(),
        |_, [x, memory]| decoder.forward(x, &source.forward(memory), &causal, &none),
        |at, graph, [x, memory]| {
            let memory = at.enter("source", |at| source.onnx(at, graph, memory))?;
            at.enter("decoder", |at| decoder.onnx(at, graph, x, &memory, &causal, &none))
        },
    );
    translation(cases, rng);
}

/// A network of two sentences, in ids.
fn translation(cases: &mut Cases<'_>, rng: &mut Rng) {
    let (words, places, block) = (Embedding::new(9, 6, rng), LearnedPositions::new(7, 6, rng), block(rng));
    let [source, target] = [5, 4].map(|steps| {
        let ids: Vec<usize> = (0..3 * steps).map(|_| rng.below(9)).collect();
        Tensor::from(ids).reshape([3, steps])
    });
    let (tape, causal, none) = (Tape::inference(), AttentionMask::causal(), AttentionMask::none());
    let memory = places.forward(words.forward(&tape, &source));
    let y = block.forward(words.forward(&tape, &target), &memory, &causal, &none).into_value();
    let file = |ending: &str| cases.folder.join(format!("translation.{ending}"));
    let inputs = [Input::ids("source", &[5]), Input::ids("target", &[4])];
    let written = Export::new().save_inputs(inputs, file("onnx"), |at, graph, [source, target]| {
        let memory = at.enter("words", |at| words.onnx(at, graph, source))?;
        let memory = at.enter("places", |at| places.onnx(at, graph, memory))?;
        let x = at.enter("words", |at| words.onnx(at, graph, target))?;
        at.enter("block", |at| block.onnx(at, graph, x, &memory, &causal, &none))
    });
    written.unwrap();
    let text = Import::new().load_inputs(file("onnx")).unwrap_err().to_string();
    assert!(text.contains("input `source`: numbers of type 7; the input here is f32"), "{text}");
    std::fs::write(file("source.npy"), npy::to_bytes(source)).unwrap();
    std::fs::write(file("target.npy"), npy::to_bytes(target)).unwrap();
    std::fs::write(file("out.npy"), npy::to_bytes(y)).unwrap();
    cases.names.push("translation ".into());
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let rng = &mut Rng::seed(15);
    let (block, none) = (block(rng), AttentionMask::none());
    let text = |inputs: [Input<'_>; 3]| {
        let bytes = Export::new().inputs_to_bytes(inputs, |at, graph, [x, memory, covered]| {
            let mask = Mask::from(&none).padding(covered);
            at.enter("block", |at| block.onnx(at, graph, x, &memory, &none, mask))
        });
        bytes.unwrap_err().to_string()
    };
    let [x, memory, covered] = [Input::new("x", &[4, 6]), Input::new("memory", &[5, 6]), Input::new("covered", &[5])];
    let twice = text([x, x, covered]);
    assert!(twice.contains("an input named \"x\"; names of inputs differ, and none is empty or \"output\""), "{twice}");
    for name in ["", "output"] {
        assert!(text([x, Input::new(name, &[5, 6]), covered]).contains(&format!("an input named {name:?}")));
    }
    let short = text([x, memory, Input::new("covered", &[4])]);
    assert!(short.contains("`block.multihead_attn`: the padding of an example has shape [4]; it is [5]"), "{short}");
    let narrow = text([x, Input::new("memory", &[5, 4]), covered]);
    assert!(narrow.contains("kv_proj`: an example of shape [5, 4] does not end in 6 features"), "{narrow}");
    let flat = text([x, Input::new("memory", &[6]), covered]);
    assert!(flat.contains("an example of shape [6]; attention takes [T, D]"), "{flat}");
    let ids = text([x, Input::ids("memory", &[5, 6]), covered]);
    assert!(ids.contains("reads ids where an `Embedding` belongs before it"), "{ids}");
}

fn of_two() -> Vec<u8> {
    let apart = MultiHeadAttention::new(6, 2, &mut Rng::seed(16));
    let inputs = [Input::new("x", &[4, 6]), Input::new("memory", &[5, 6])];
    let none = AttentionMask::none();
    Export::new().inputs_to_bytes(inputs, |at, graph, [x, memory]| apart.onnx_to(at, graph, x, &memory, &none)).unwrap()
}

/// A model of several inputs trains like any other, and asks for all of them.
#[test]
fn a_model_of_two_inputs_is_a_module() {
    let bytes = of_two();
    let text = Import::new().from_bytes(&bytes).unwrap_err().to_string();
    assert!(text.contains("a model of several inputs; a layer has one, and `Import::load_inputs` reads"), "{text}");
    let mut model = Import::new().inputs_from_bytes(&bytes).unwrap();
    let sizes: Vec<_> = model.inputs().map(|(name, sizes)| (name.to_owned(), sizes.to_vec())).collect();
    assert_eq!(sizes, [("x".into(), vec![Some(4), Some(6)]), ("memory".into(), vec![Some(5), Some(6)])]);
    assert_eq!(model.num_parameters(), 4 * 6 * 6 + 4 * 6);
    let loss = |model: &nn::onnx::InputsModel| {
        let tape = Tape::training(1);
        let [x, memory] =
            [4, 5].map(|steps| tape.input(Tensor::linspace(-1.0, 1.0, 12 * steps).reshape([2, steps, 6])));
        model.forward(&[x, memory]).square().mean()
    };
    let before = loss(&model);
    let was = before.value().item();
    Adam::new(0.01).step(&mut model, before.backward()).unwrap();
    assert!(loss(&model).value().item() < was);
    let copy = model.clone();
    model.freeze();
    assert!(copy.parameters().iter().all(|param| param.is_trainable()));
    let rewritten = Export::new().inputs_to_bytes([Input::new("x", &[4, 6])], |at, graph, x| copy.onnx(at, graph, &x));
    let text = rewritten.unwrap_err().to_string();
    assert!(text.contains("1 inputs; the model takes 2: x, memory"), "{text}");
}

#[test]
#[should_panic(expected = "onnx: 1 inputs; the model takes 2: x, memory")]
fn a_missing_input_is_named() {
    let model = Import::new().inputs_from_bytes(&of_two()).unwrap();
    model.forward(&[Tape::inference().input(Tensor::zeros([1, 4, 6]))]);
}

#[test]
#[should_panic(expected = "onnx: input `memory` of shape [1, 4, 6]; the model takes examples of [Some(5), Some(6)]")]
fn an_input_that_does_not_fit_is_named() {
    let model = Import::new().inputs_from_bytes(&of_two()).unwrap();
    let x = Tape::inference().input(Tensor::zeros([1, 4, 6]));
    model.forward(&[x.clone(), x]);
}

/// Blocks that PyTorch exported, whose weights its exporter splits and turns in the file.
#[test]
fn decoders_of_pytorch_make_what_pytorch_makes() {
    let models = super::files_of(include_bytes!("../reference/onnx_inputs.bin"));
    assert_eq!(models.len(), 2);
    for (name, files) in models {
        let model = Import::new().inputs_from_bytes(files["onnx"]).unwrap();
        let tape = Tape::inference();
        let inputs = ["x.npy", "memory.npy"].map(|file| tape.input(super::tensor(files[file])));
        same(name, &model.forward(&inputs).into_value(), &super::tensor(files["out.npy"]));
    }
}
