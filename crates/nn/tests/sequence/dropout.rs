//! Where sequence layers drop: with probability 1, so that what is left shows where they do not.

use super::rng;
use nn::prelude::*;

/// The first layer's results, which the second one hears; not its states, and not the second one's results.
#[test]
fn recurrent_layers_drop_between_each_other() {
    let net = |settings: &Recurrence| Lstm::with(3, 2, settings, &mut rng()).unwrap();
    let deep = Recurrence::default().layers(2);
    let (plain, dropping) = (net(&deep), net(&deep.dropout(1.0)));
    let x = Tensor::randn([2, 4, 3], &mut rng());
    let run = |net: &Lstm, tape: &Tape, x: &Tensor| {
        let (y, (h, _)) = net.forward_from(tape.input(x.clone()), None);
        (y.to_vec(), h.value().narrow(0, 0, 1).to_vec())
    };
    let expected = run(&plain, &Tape::training(1), &x);
    assert_eq!(run(&dropping, &Tape::inference(), &x), expected);
    let (y, first) = run(&dropping, &Tape::training(1), &x);
    assert_eq!(first, expected.1);
    assert!(y != expected.0 && y.iter().all(|&number| number != 0.0));
    assert_eq!(y, run(&dropping, &Tape::training(1), &(&x * 2.0)).0, "the second layer hears nothing of x");
    let one = Recurrence::default();
    let [kept, same] = [one.dropout(1.0), one].map(|settings| run(&net(&settings), &Tape::training(1), &x));
    assert_eq!(kept, same, "one layer has no other");
}

#[test]
fn attention_drops_what_is_looked_up_and_tells_the_weights() {
    let net = MultiHeadAttention::new(4, 2, &mut rng());
    let x = Tensor::randn([2, 3, 4], &mut rng());
    let run = |net: &MultiHeadAttention, tape: Tape| {
        let (y, weights) = net.attend_with_weights(tape.input(x.clone()), &AttentionMask::causal());
        (y.to_vec(), weights.to_vec())
    };
    let plain = run(&net, Tape::training(1));
    let bias = net.out_proj().bias().unwrap().value().to_vec();
    let net = net.dropout(1.0);
    assert_eq!(run(&net, Tape::training(1)), (bias.repeat(6), plain.1.clone()));
    assert_eq!(run(&net, Tape::inference()), plain);
}

/// A block on its input, dropping with a probability.
type Run<'a> = dyn Fn(&Tape, f64) -> Var + 'a;

/// PyTorch's places: the weights of each attention, hidden units, and what each residual adds.
#[test]
fn blocks_drop_everything_they_add_and_hidden_units() {
    let x = Tensor::randn([2, 3, 4], &mut rng());
    let encoder = TransformerEncoderLayer::new(4, 2, 5, &mut rng()).norm_first();
    let decoder = TransformerDecoderLayer::new(4, 2, 5, &mut rng()).norm_first();
    let encode = |tape: &Tape, p: f64| encoder.clone().dropout(p).forward(tape.input(x.clone()));
    let decode = |tape: &Tape, p: f64| {
        let none = AttentionMask::none();
        decoder.clone().dropout(p).forward(tape.input(x.clone()), &tape.input(&x * 2.0), &none, &none)
    };
    // Norms behind the residuals.
    let behind = |tape: &Tape, p: f64| {
        let encoder = TransformerEncoderLayer::new(4, 2, 5, &mut rng());
        encoder.dropout(p).forward(tape.input(x.clone()))
    };
    let norm = LayerNorm::new(4);
    let normal = norm.forward(norm.forward(Tape::inference().input(x.clone()))).into_value();
    let runs: [&Run<'_>; 3] = [&encode, &decode, &behind];
    for ((run, drops), rest) in runs.into_iter().zip([4, 6, 4]).zip([&x, &x, &normal]) {
        assert_eq!(run(&Tape::training(1), 1.0).value(), rest);
        assert_eq!(run(&Tape::inference(), 1.0).into_value(), run(&Tape::training(1), 0.0).into_value());
        let (tape, counted) = (Tape::training(1), Tape::<f32>::training(1));
        run(&tape, 0.5);
        (0..drops).for_each(|_| assert!(counted.next_dropout_seed().is_some()));
        assert_eq!(tape.next_dropout_seed(), counted.next_dropout_seed(), "{drops} times");
    }
}
