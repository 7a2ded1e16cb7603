use crate::{Buffer, Group, Param, Tape, Tensor, Var};
use std::rc::Rc;

fn param(numbers: &[f32]) -> Rc<Param> {
    Rc::new(Param::new(Tensor::new(numbers, [numbers.len()]), Group::Weight))
}

/// Dropout, a parameter twice, another once.
fn block(x: Var, a: &Param, b: &Param) -> Var {
    let (a, b) = (x.tape().param(a), x.tape().param(b));
    ((x * &a).tanh().dropout(0.5) * a + b).sin()
}

#[test]
fn gradients_are_those_without() {
    let (a, b) = (param(&[0.5, -1.0, 2.0, 0.25]), param(&[0.1, 0.2, 0.3, 0.4]));
    let run = |checkpoint: bool| {
        let tape = Tape::training(3);
        let x = tape.var(Tensor::new(&(0..40).map(|i| (i as f32).cos()).collect::<Vec<_>>(), [10, 4]));
        let (a2, b2) = (Rc::clone(&a), Rc::clone(&b));
        let f = move |x: Var| block(x, &a2, &b2);
        let before = x.clone().dropout(0.25);
        let y = if checkpoint { before.checkpoint(f) } else { f(before) };
        let y = y.dropout(0.5) * tape.param(&a);
        let value = y.value().clone();
        let grads = y.sum().backward();
        (value, grads[&x].clone(), grads[&*a].clone(), grads[&*b].clone())
    };
    let (with, without) = (run(true), run(false));
    assert_eq!(with.0, without.0);
    assert_eq!(with.1, without.1);
    assert!(with.2.allclose(&without.2, 1e-6, 1e-6) && with.3.allclose(&without.3, 1e-6, 1e-6));
    assert_eq!(Rc::strong_count(&a), 1, "a used-up checkpoint lets go of its closure");
}

#[test]
fn nested_and_repeated() {
    let a = param(&[0.5, 1.5]);
    let run = |checkpoint: bool| {
        let tape = Tape::training(3);
        let x = tape.var(Tensor::from([1.0, 2.0]));
        let weight = Rc::clone(&a);
        let inner = move |x: Var| {
            let a = x.tape().param(&weight);
            (x * a).dropout(0.5).exp()
        };
        let y = if checkpoint {
            let outer = move |x: Var| x.checkpoint(inner.clone()).sin().checkpoint(inner.clone());
            x.clone().checkpoint(outer)
        } else {
            inner(inner(x.clone()).sin())
        };
        let grads = y.sum().backward();
        (grads[&x].clone(), grads[&*a].clone())
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn buffers_are_updated_once() {
    let buffer = Rc::new(Buffer::new(Tensor::from([1.0])));
    let tape = Tape::training(1);
    let x = tape.var(Tensor::from([3.0]));
    tape.update(&buffer, Tensor::from([2.0]));
    let shared = Rc::clone(&buffer);
    let y = x.clone().checkpoint(move |x| {
        let tape = x.tape().clone();
        tape.update(&shared, tape.buffer(&shared) * 2.0);
        x.square()
    });
    assert_eq!(tape.buffer(&buffer).item(), 4.0);
    let grads = y.sum().backward();
    assert_eq!((grads[&x].item(), grads.updates().get(&buffer).unwrap().item()), (6.0, 4.0));
}

#[test]
fn nothing_but_the_input_is_kept() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::ones([1000]));
    let y = x.checkpoint(|x| x.exp().sin().exp().tanh());
    assert_eq!(tape.kept().bytes(), 4000);
    let _ = y;
}

#[test]
fn frozen_parameters_and_inputs_take_no_gradient() {
    let mut frozen = Param::new(Tensor::from([2.0]), Group::Weight);
    frozen.set_trainable(false);
    let (frozen, free) = (Rc::new(frozen), param(&[3.0]));
    let tape = Tape::training(1);
    let (a, b) = (Rc::clone(&frozen), Rc::clone(&free));
    let y = tape.input(Tensor::from([5.0])).checkpoint(move |x| {
        let tape = x.tape().clone();
        x * tape.param(&a) * tape.param(&b)
    });
    let grads = y.sum().backward();
    assert_eq!(grads[&*free].item(), 10.0);
    assert!(grads.of(&frozen).is_none());
    let y = Tape::inference().input(Tensor::from([5.0])).checkpoint(Var::square);
    assert!(!y.is_tracked() && y.item() == 25.0);
}

#[test]
#[should_panic(expected = "checkpoint: the closure's result depends on recorded values from outside")]
fn recorded_values_from_outside_are_refused() {
    let tape = Tape::probing();
    let (x, w) = (tape.var(Tensor::from([1.0])), tape.var(Tensor::from([2.0])));
    let _ = x.checkpoint(move |x| x * w.clone());
}

#[test]
#[should_panic(expected = "checkpoint: what is computed again is not recorded")]
fn second_order_is_refused() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::from([1.0]));
    let _ = x.clone().checkpoint(Var::square).grad([&x]);
}
