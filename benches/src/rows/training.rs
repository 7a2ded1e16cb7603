//! Training steps, written as the front page writes them, and an optimiser alone.

use crate::harness::{Row, Rows};
use crate::inputs::{checksums, labels, values};
use crate::nets::{Hidden1, Hidden2};
use nn::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// Adam steps before the parameters of `adam_1m` are checked.
const CHECKED_STEPS: usize = 3;

/// The rows of this kind.
pub fn rows() -> Rows {
    let mut rows: Rows = vec![("xor_step".to_string(), Box::new(xor_step))];
    for batch in [64, 256] {
        rows.push((format!("mlp_{batch}"), Box::new(move || mlp(batch))));
    }
    rows.push(("adam_1m".to_string(), Box::new(|| adam(1 << 20))));
    rows
}

fn xor_step() -> Row {
    let (x, target) = (values(1, [4, 2]), values(2, [4, 1]));
    let net = Hidden1::of_the_board(2, 16, 1);
    let loss = move |net: &Hidden1| {
        let tape = Tape::training(0);
        net.forward(tape.input(x.clone())).mse(&target)
    };
    steps(net, Sgd::new(0.1), loss, "MLP 2-16-1, 4 rows, mean squared error, SGD")
}

fn mlp(batch: usize) -> Row {
    let (x, labels) = (values(1, [batch, 784]), labels(batch, 10));
    let loss = move |net: &Hidden2| {
        let tape = Tape::training(0);
        net.forward(tape.input(x.clone())).cross_entropy(&labels)
    };
    steps(
        Hidden2::of_the_board(784, 512, 10),
        Adam::new(1e-3),
        loss,
        &format!("MLP 784-512-512-10, {batch} rows, Adam"),
    )
}

/// Training steps of a net that goes on from iteration to iteration.
fn steps<N, O>(net: N, optimiser: O, loss: impl Fn(&N) -> Var + 'static, what: &str) -> Row
where
    N: Module + 'static,
    O: Optimizer + 'static,
{
    let state = Rc::new(RefCell::new((net, optimiser)));
    let (same_state, loss) = (Rc::clone(&state), Rc::new(loss));
    let same_loss = Rc::clone(&loss);
    Row {
        run: Box::new(move || {
            let (net, optimiser) = &mut *state.borrow_mut();
            let loss = loss(net);
            optimiser.step(net, loss.backward()).expect("finite gradients");
        }),
        check: Box::new(move || {
            let (net, optimiser) = &mut *same_state.borrow_mut();
            let loss = same_loss(net);
            let mut sums = vec![checksums("loss", loss.value())];
            let grads = loss.backward();
            sums.extend(named(net).iter().map(|(name, param)| checksums(&format!("d{name}"), &grads[*param])));
            optimiser.step(net, grads).expect("finite gradients");
            sums.extend(named(net).iter().map(|(name, param)| checksums(name, param.value())));
            sums.join(" ")
        }),
        what: what.to_string(),
    }
}

/// Training steps of a large net: checked are three losses, and then the first parameter and the last, under these names.
pub(super) fn large_steps<N, O>(
    net: N,
    optimiser: O,
    loss: impl Fn(&N) -> Var + 'static,
    [first, last]: [&'static str; 2],
    what: String,
) -> Row
where
    N: Module + 'static,
    O: Optimizer + 'static,
{
    let state = Rc::new(RefCell::new((net, optimiser)));
    let same_state = Rc::clone(&state);
    let step = Rc::new(move |(net, optimiser): &mut (N, O)| {
        let loss = loss(net);
        let value = loss.value().clone();
        optimiser.step(net, loss.backward()).expect("finite gradients");
        value
    });
    let same_step = Rc::clone(&step);
    Row {
        run: Box::new(move || drop(step(&mut state.borrow_mut()))),
        check: Box::new(move || {
            let state = &mut *same_state.borrow_mut();
            let mut sums: Vec<String> = (0..3).map(|i| checksums(&format!("loss{i}"), &same_step(state))).collect();
            let params = state.0.named_parameters();
            for (name, param) in [(first, params.first()), (last, params.last())] {
                sums.push(checksums(name, param.expect("it has parameters").1.value()));
            }
            sums.join(" ")
        }),
        what,
    }
}

/// Parameters under the page's names: `weight1`, `bias1`, `alpha1`, `weight2`, …
fn named(net: &impl Module) -> Vec<(String, &Param)> {
    let mut layer = 0;
    let named = net.named_parameters().into_iter().map(|(name, param)| {
        let kind = name.rsplit('.').next().unwrap_or_default();
        layer += usize::from(kind == "weight");
        (format!("{kind}{layer}"), param)
    });
    named.collect()
}

/// Adam alone: a parameter whose gradient is given costs no op.
fn adam(count: usize) -> Row {
    let (gradient, param) = (values(2, [count]), Param::new(values(1, [count]), Group::Weight));
    let state = Rc::new(RefCell::new((param, Adam::new(1e-3))));
    let step = move || {
        let (param, adam) = &mut *state.borrow_mut();
        let grads = Tape::training(0).param(param).backward_with(gradient.clone());
        adam.step(param, grads).expect("finite gradients");
        param.value().clone()
    };
    let check = step.clone();
    Row {
        run: Box::new(move || drop(step())),
        check: Box::new(move || {
            (1..CHECKED_STEPS).for_each(|_| drop(check()));
            checksums("p", &check())
        }),
        what: format!("Adam step of {count} parameters"),
    }
}
