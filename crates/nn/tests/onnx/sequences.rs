//! Sequences: positions, attention, encoder blocks, recurrent layers, and networks that take indices.

use super::{Cases, same};
use nn::onnx::{Export, Import, Layout};
use nn::prelude::*;
use nn::{Nonlinearity, Recurrence, SinusoidalEncoding, data::npy};

/// A layer under a mask.
struct Masked<L>(L, AttentionMask);

macro_rules! masked {
    ($($layer:ident $forward:ident),+) => {$(
        impl Module for Masked<$layer> {
            fn visit<'a>(&'a self, path: &mut nn::module::Path, visitor: &mut dyn nn::module::Visitor<'a>) {
                self.0.visit(path, visitor);
            }
            fn visit_mut<'a>(&'a mut self, path: &mut nn::module::Path, visitor: &mut dyn nn::module::VisitorMut<'a>) {
                self.0.visit_mut(path, visitor);
            }
        }
        impl Layer for Masked<$layer> {
            fn forward(&self, x: Var) -> Var {
                self.0.$forward(x, &self.1)
            }
            fn onnx(
                &self,
                at: &mut nn::module::Path,
                graph: &mut nn::onnx::Graph,
                x: nn::onnx::Value,
            ) -> nn::Result<nn::onnx::Value> {
                self.0.onnx_masked(at, graph, x, &self.1)
            }
        }
    )+};
}
masked!(MultiHeadAttention attend, TransformerEncoder forward_masked);

impl Cases<'_> {
    fn add_sequence(&mut self, name: &str, sizes: &[usize], net: impl Layer) {
        self.add_in(name, sizes, Layout::FeaturesLast, net);
    }

    /// A network of ids below `words`.
    fn add_ids(&mut self, name: &str, words: usize, sizes: &[usize], embedding: &Embedding, rest: &impl Layer) {
        let shape = [&[3], sizes].concat();
        let ids: Vec<usize> = (0..shape.iter().product()).map(|_| self.rng.below(words)).collect();
        let ids = Tensor::from(ids).reshape(&shape[..]);
        let tape = Tape::inference();
        let y = rest.forward(embedding.forward(&tape, &ids)).into_value();
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let net = Export::new().save_ids(sizes, file("onnx"), |at, graph, ids| {
            let x = at.enter("words", |at| embedding.onnx(at, graph, ids))?;
            at.enter("rest", |at| rest.onnx(at, graph, x))
        });
        net.unwrap();
        let again = Import::new().load_ids(file("onnx")).unwrap();
        same(name, &again.forward(&tape, &ids).into_value(), &y);
        let names: Vec<String> = again.named_parameters().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[0], "words.weight");
        Export::new().save_ids(sizes, file("again.onnx"), |at, graph, ids| again.onnx(at, graph, ids)).unwrap();
        let twice = Import::new().load_ids(file("again.onnx")).unwrap();
        same(name, &twice.forward(&tape, &ids).into_value(), &y);
        for ending in ["", "again."] {
            std::fs::write(file(&format!("{ending}in.npy")), npy::to_bytes(ids.clone())).unwrap();
            std::fs::write(file(&format!("{ending}out.npy")), npy::to_bytes(y.clone())).unwrap();
            self.names.push(format!("{name} {ending}"));
        }
    }
}

pub fn attention(cases: &mut Cases<'_>) {
    let rng = &mut Rng::seed(4);
    cases.add_sequence("waves", &[5, 6], SinusoidalEncoding::new(9, 6));
    cases.add_sequence("waves_of_odd_width", &[5, 3], SinusoidalEncoding::new(5, 3));
    cases.add_sequence("places", &[5, 6], LearnedPositions::new(9, 6, rng));
    cases.add("places_features_first", &[5, 6], LearnedPositions::new(5, 6, rng));
    cases.add_sequence("places_of_rows", &[2, 5, 6], LearnedPositions::new(5, 6, rng));
    cases.add_sequence("layer_norm_sequences", &[5, 6], LayerNorm::new(6));
    let attention = MultiHeadAttention::new(6, 2, rng);
    cases.add_sequence("attention", &[5, 6], attention.clone());
    cases.add("attention_features_first", &[5, 6], attention.clone());
    cases.add_sequence("attention_without_bias", &[5, 6], attention.clone().without_bias());
    cases.add_sequence("attention_one_head", &[1, 6], MultiHeadAttention::new(6, 1, rng).causal());
    cases.add_sequence("attention_causal", &[5, 6], attention.clone().causal());
    cases.add_sequence("attention_causal_mask", &[5, 6], Masked(attention.clone(), AttentionMask::causal()));
    let far = Tensor::from([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    let covering = AttentionMask::none().covering(far);
    cases.add_sequence("attention_covering", &[3, 6], Masked(attention.clone(), covering));
    let bias = Tape::inference().input(Tensor::randn([2, 3, 3], rng));
    let adding = AttentionMask::causal().adding(bias);
    cases.add_sequence("attention_adding", &[3, 6], Masked(attention, adding));
}

fn block(rng: &mut Rng) -> TransformerEncoderLayer {
    TransformerEncoderLayer::new(6, 2, 10, rng)
}

pub fn encoders(cases: &mut Cases<'_>) {
    let rng = &mut Rng::seed(5);
    cases.add_sequence("block", &[4, 6], block(rng));
    cases.add("block_features_first", &[4, 6], block(rng));
    cases.add_sequence("block_norm_first_gelu", &[4, 6], block(rng).norm_first().activation(Activation::Gelu).causal());
    cases.add_sequence("block_prelu", &[4, 6], block(rng).activation(Activation::PRelu).causal());
    cases.add_sequence("encoder", &[4, 6], TransformerEncoder::new(vec![block(rng), block(rng)]));
    let blocks = vec![block(rng).norm_first(), block(rng).norm_first()];
    let encoder = TransformerEncoder::new(blocks).with_norm(LayerNorm::new(6));
    cases.add_sequence("encoder_causal", &[4, 6], encoder.clone().causal());
    cases.add_sequence("encoder_causal_mask", &[4, 6], Masked(encoder.clone(), AttentionMask::causal()));
    let head = (LearnedPositions::new(8, 6, rng), encoder.causal(), Linear::new(6, 11, rng));
    cases.add_ids("language_model", 11, &[4], &Embedding::new(11, 6, rng), &head);
    let waves = (SinusoidalEncoding::new(8, 6), block(rng), GlobalAvgPool, Linear::new(6, 2, rng));
    cases.add_ids("classifier_of_ids", 7, &[5], &Embedding::new(7, 6, rng).padding(2), &waves);
    cases.add_ids("embedding", 7, &[5, 2], &Embedding::new(7, 3, rng), &Tanh);
}

/// A function of each number alone.
struct Tanh;

impl Module for Tanh {
    fn visit<'a>(&'a self, _: &mut nn::module::Path, _: &mut dyn nn::module::Visitor<'a>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut nn::module::Path, _: &mut dyn nn::module::VisitorMut<'a>) {}
}

impl Layer for Tanh {
    fn forward(&self, x: Var) -> Var {
        x.tanh()
    }
    fn onnx(
        &self,
        at: &mut nn::module::Path,
        graph: &mut nn::onnx::Graph,
        x: nn::onnx::Value,
    ) -> nn::Result<nn::onnx::Value> {
        Ok(graph.map(at, "Tanh", &x, Vec::new()))
    }
}

pub fn recurrent(cases: &mut Cases<'_>) {
    let rng = &mut Rng::seed(6);
    let usual = Recurrence::default();
    let deep = usual.layers(2).bidirectional().dropout(0.5);
    for (name, settings) in [("", usual), ("_deep", deep), ("_without_bias", usual.layers(3).without_bias())] {
        let mut rnn = |act| Rnn::with(3, 4, act, &settings, rng).unwrap();
        let [tanh, relu] = [Nonlinearity::Tanh, Nonlinearity::Act(Activation::Relu)].map(&mut rnn);
        let leaky = rnn(Nonlinearity::Act(Activation::LeakyRelu(0.2)));
        let elu = rnn(Nonlinearity::Act(Activation::Elu(0.7)));
        cases.add_sequence(&format!("rnn{name}"), &[5, 3], tanh);
        cases.add_sequence(&format!("rnn_relu{name}"), &[5, 3], relu);
        cases.add_sequence(&format!("rnn_leaky{name}"), &[5, 3], leaky);
        cases.add_sequence(&format!("rnn_elu{name}"), &[5, 3], elu);
        cases.add_sequence(&format!("lstm{name}"), &[5, 3], Lstm::with(3, 4, &settings, rng).unwrap());
        cases.add_sequence(&format!("gru{name}"), &[5, 3], Gru::with(3, 4, &settings, rng).unwrap());
    }
    cases.add("gru_features_first", &[5, 3], (Gru::new(3, 4, rng), Linear::new(4, 2, rng)));
    cases.add_sequence("lstm_one_step", &[1, 3], (Linear::new(3, 2, rng), Lstm::new(2, 1, rng), Relu));
    let net = (Lstm::new(3, 4, rng), Gru::new(4, 5, rng), GlobalAvgPool, Linear::new(5, 2, rng));
    cases.add_ids("lstm_of_ids", 9, &[6], &Embedding::new(9, 3, rng), &net);
}

fn refused<T>(result: nn::Result<T>) -> String {
    result.err().expect("it has no form").to_string()
}

/// What ONNX does not say is refused by the layer's path, with a way out.
#[test]
fn what_cannot_be_said_is_named() {
    let rng = &mut Rng::seed(7);
    let export = Export::new().layout(Layout::FeaturesLast);
    let lstm = Lstm::with(4, 6, &Recurrence::default().projection(2), rng).unwrap();
    let text = refused(export.to_bytes(&(Linear::new(3, 4, rng), lstm), &[5, 3]));
    assert!(text.starts_with("onnx: `1`: ONNX's LSTM has no projection of results; train it without"), "{text}");
    let rnn = Rnn::with(3, 4, Nonlinearity::Act(Activation::PRelu), &Recurrence::default(), rng).unwrap();
    let text = refused(export.to_bytes(&rnn, &[5, 3]));
    assert!(text.contains("ONNX's RNN does not know PRelu; it knows tanh, ReLU, leaky ReLU and ELU"), "{text}");
    let text = refused(export.to_bytes(&Gru::new(3, 4, rng), &[5, 4]));
    assert!(text.contains("an example of shape [5, 4]; it is [T, 3]"), "{text}");
    let apart = MultiHeadAttention::with_widths(4, 3, 4, 2, rng).unwrap();
    let text = refused(export.to_bytes(&(Relu, apart), &[5, 4]));
    assert!(text.starts_with("onnx: `1`: keys or values have a width of their own"), "{text}");
    let attention = MultiHeadAttention::new(4, 2, rng);
    let padding = AttentionMask::none().padding(Tensor::zeros([2, 5]));
    let text = refused(export.to_bytes(&Masked(attention.clone(), padding), &[5, 4]));
    assert!(
        text.contains(
            "the padding of a mask belongs to one batch; give the model an input for it: `onnx::Mask::padding`"
        ),
        "{text}"
    );
    let blind = AttentionMask::none().covering(Tensor::from([[1.0, 1.0], [0.0, 0.0]]));
    let text = refused(export.to_bytes(&Masked(attention.clone(), blind), &[2, 4]));
    assert!(text.contains("the mask covers all keys of a query, which in ONNX makes NaN"), "{text}");
    let text = refused(export.to_bytes(&attention, &[3, 5, 4]));
    assert!(text.contains("an example of shape [3, 5, 4]; attention takes [T, D]"), "{text}");
    let text = refused(export.to_bytes(&LearnedPositions::new(4, 3, rng), &[5, 3]));
    assert!(text.contains("an example of shape [5, 3]; it is [T, 3] with T at most 4"), "{text}");
}

/// Indices go into an embedding, and nothing else does.
#[test]
fn ids_and_numbers_are_told_apart() {
    let rng = &mut Rng::seed(8);
    let (embedding, linear) = (Embedding::new(5, 4, rng), Linear::new(3, 4, rng));
    let text = refused(Export::new().ids_to_bytes(&[3], |at, graph, ids| linear.onnx(at, graph, ids)));
    assert!(text.contains("`Gemm` reads ids where an `Embedding` belongs before it"), "{text}");
    let text = refused(Export::new().ids_to_bytes(&[3], |_, _, ids| Ok(ids)));
    assert!(text.contains("`the output` reads ids"), "{text}");
    let ids = Export::new().ids_to_bytes(&[3], |at, graph, ids| embedding.onnx(at, graph, ids)).unwrap();
    let text = refused(Import::new().from_bytes(&ids));
    assert!(text.contains("numbers of type 7; the input here is f32; `Import::load_ids` reads networks"), "{text}");
    let numbers = Export::new().to_bytes(&linear, &[3]).unwrap();
    let text = refused(Import::new().ids_from_bytes(&numbers));
    assert!(text.contains("numbers of type 1; the input here is i64; `Import::load` reads networks"), "{text}");
    for end in 0..ids.len() {
        assert!(Import::new().ids_from_bytes(&ids[..end]).is_err(), "{end} bytes of {}", ids.len());
    }
}

/// A causal layer does what the mask does, and what comes back in is trained as what went out: masks and waves are no parameters.
#[test]
fn causal_layers_are_masked_ones_and_masks_are_not_learned() {
    let rng = &mut Rng::seed(9);
    let block = block(rng).norm_first();
    let x = Tensor::randn([2, 5, 6], rng);
    let run = |f: &dyn Fn(Var) -> Var| f(Tape::inference().input(x.clone())).to_vec();
    let masked = run(&|x| block.forward_masked(x, &AttentionMask::causal()));
    assert_eq!(run(&|x| block.clone().causal().forward(x)), masked);
    assert_ne!(run(&|x| block.forward(x)), masked);
    let net = (SinusoidalEncoding::new(5, 6), block.causal());
    let export = Export::new().layout(Layout::FeaturesLast);
    let mut bytes = export.to_bytes(&net, &[5, 6]).unwrap();
    for _ in 0..2 {
        let again = Import::new().layout(Layout::FeaturesLast).from_bytes(&bytes).unwrap();
        assert_eq!(again.num_parameters(), net.num_parameters());
        bytes = export.to_bytes(&again, &[5, 6]).unwrap();
    }
}
