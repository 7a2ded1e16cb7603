//! The engine: accumulation, pruning, freeing, drops, and the bugs other engines had.

use tape::{Error, Float, Group, Keeps, Kept, Op, Param, Rng, Tape, Tensor, Var, gradcheck};

fn vector(numbers: &[f32]) -> Tensor {
    Tensor::from(numbers)
}

#[test]
fn peer_bug_e03() {
    // A diamond whose nodes are visited more than once.
    let tape = Tape::probing();
    let (x, a) = (tape.var(vector(&[1.0])), tape.var(vector(&[1.0])));
    let xa = &x * &a;
    let f = &x * &xa + &x * &x * &a + &x * &xa;
    assert_eq!(f.sum().backward()[&x].to_vec(), [6.0]);
}

#[test]
fn peer_bug_e13() {
    // The first value on a tape is number 0, and counts.
    let tape = Tape::probing();
    let x = tape.var(vector(&[3.0]));
    assert_eq!((&x * &x).backward()[&x].item(), 6.0);
}

#[test]
fn peer_bug_e17() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::from([[1.0], [2.0], [3.0]]));
    let z = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]);
    let grads = (x.clone().expand([3, 3]) * z).sum().backward();
    assert_eq!(grads[&x].to_vec(), [6.0, 15.0, 24.0]);
}

#[test]
fn peer_bug_e19() {
    /// Its rule runs a backward pass of its own, on a tape of its own.
    struct Nested;
    impl<T: Float> Op<T> for Nested {
        fn name(&self) -> &'static str {
            "nested"
        }
        fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
            &x * &x
        }
        fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
            let tape = Tape::probing();
            let x = tape.var(kept.x(0).into_value());
            let grads = (&x * &x).sum().backward();
            [Some(dy * grads[&x].clone())]
        }
    }
    let tape = Tape::probing();
    let x = tape.var(vector(&[1.0, -2.0]));
    assert_eq!(Nested.apply([x.clone()]).sum().backward()[&x].to_vec(), [2.0, -4.0]);
}

#[test]
fn peer_bug_e21() {
    // A million ops run backward and drop on a 64 KiB stack.
    let work = || {
        let tape = Tape::probing();
        let x = tape.var(vector(&[1.0]));
        let mut y = x.clone();
        for _ in 0..500_000 {
            y = y.clone() + y * 1e-9;
        }
        let deep = &y * 1.0;
        let slope = y.backward()[&x].item();
        drop(deep);
        slope
    };
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(work).unwrap();
    assert!((thread.join().unwrap() - 1.0005).abs() < 1e-3);
    let dropped = || {
        let tape = Tape::probing();
        let mut y = tape.var(vector(&[1.0]));
        for _ in 0..1_000_000 {
            y = y * 1.0;
        }
        tape.len()
    };
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(dropped).unwrap();
    assert_eq!(thread.join().unwrap(), 1_000_001);
}

#[test]
fn peer_bug_e27() {
    let tape = Tape::probing();
    let (a, b) = (tape.var(vector(&[1.0])), tape.var(vector(&[4.0])));
    let grads = (&a / &b).backward();
    assert_eq!(grads[&a].item(), 0.25);
    drop(grads);
}

#[test]
fn a_parameter_is_one_leaf_however_often_it_is_used() {
    let param = Param::new(vector(&[2.0]), Group::Weight);
    let other = Param::new(vector(&[5.0]), Group::Weight);
    let tape = Tape::probing();
    let y = tape.param(&other) * tape.param(&param) * tape.param(&param);
    let grads = y.backward();
    assert_eq!((grads[&param].item(), grads[&other].item()), (20.0, 4.0));
    let twin = param.clone();
    assert!(grads.of(&twin).is_none(), "a clone is a parameter of its own");
    // The tape forgets parameters, so that a step may change them in place.
    assert_eq!((tape.param(&param) * 3.0).backward()[&param].item(), 3.0);
}

#[test]
fn frozen_parameters_get_no_gradient() {
    let mut param = Param::new(vector(&[2.0]), Group::Weight);
    param.set_trainable(false);
    let tape = Tape::probing();
    let x = tape.var(vector(&[3.0]));
    let grads = (tape.param(&param) * &x).backward();
    assert_eq!((grads.of(&param).is_none(), grads[&x].item()), (true, 2.0));
}

#[test]
fn backward_drops_what_the_tape_held_of_parameters() {
    let mut param = Param::new(vector(&[2.0]), Group::Weight);
    let before = param.value().clone();
    drop(before);
    let tape = Tape::training(1);
    let grads = (tape.param(&param) * tape.param(&param)).sum().backward();
    let numbers = param.value().as_slice().unwrap().as_ptr();
    param.value_mut().make_mut()[0] = 7.0;
    assert_eq!(param.value().as_slice().unwrap().as_ptr(), numbers, "changed in place");
    drop(grads);
}

#[test]
fn gradients_of_gradients() {
    let tape = Tape::probing();
    let x = tape.var(vector(&[2.0, -3.0]));
    let y = (&x * &x * &x).sum();
    let [dx] = y.grad([&x]);
    let [ddx] = dx.clone().sum().grad([&x]);
    let [dddx] = ddx.clone().sum().grad([&x]);
    assert_eq!((dx.to_vec(), ddx.to_vec(), dddx.to_vec()), (vec![12.0, 27.0], vec![12.0, -18.0], vec![6.0, 6.0]));
    // Nothing was freed.
    assert_eq!(y.backward()[&x].to_vec(), [12.0, 27.0]);
}

#[test]
fn grad_prunes_and_gives_zeros_where_there_is_no_path() {
    let tape = Tape::probing();
    let (x, z) = (tape.var(vector(&[2.0])), tape.var(vector(&[5.0])));
    let h = &x * 3.0;
    let y = &h * &h;
    let [dh, dz, dy] = y.grad([&h, &z, &y]);
    assert_eq!((dh.item(), dz.item(), dy.item()), (12.0, 0.0, 1.0));
}

#[test]
fn watched_and_detached_values() {
    let tape = Tape::probing();
    let x = tape.var(vector(&[2.0]));
    let h = &x * 3.0;
    h.watch();
    let grads = (&h * &h + &x * h.clone().detach()).backward();
    assert_eq!((grads[&h].item(), grads[&x].item()), (12.0, 42.0));
    let y = tape.var(vector(&[1.0])).detach();
    assert!(!y.is_tracked());
}

#[test]
fn inference_records_nothing() {
    let tape = Tape::inference();
    let x = tape.var(vector(&[2.0]));
    let y = (&x * &x).leaky_relu(0.1);
    assert!(!y.is_tracked() && tape.is_empty());
}

#[test]
fn peer_bug_e23() {
    // Forward passes without backward leave nothing behind; nor do steps with it.
    let param = Param::new(Tensor::ones([64, 64]), Group::Weight);
    let forward = |backward: bool| {
        let tape = Tape::training(0);
        let y = (tape.param(&param) * tape.input(Tensor::ones([64, 64])).leaky_relu(0.1)).sum();
        if backward {
            drop(y.backward());
        }
    };
    forward(true);
    forward(false);
    let live = kernels::pool::stats().live_bytes;
    for i in 0..10_000 {
        forward(i % 2 == 0);
    }
    assert_eq!(kernels::pool::stats().live_bytes, live);
}

#[test]
fn operands_that_somebody_holds_are_not_overwritten() {
    let held = vector(&[-1.0, 2.0]);
    let tape = Tape::inference();
    let y = tape.input(held.clone()).leaky_relu(0.5);
    assert_eq!((held.to_vec(), y.to_vec()), (vec![-1.0, 2.0], vec![-0.5, 2.0]));
    let own = tape.input(vector(&[-1.0, 2.0]));
    let numbers = own.value().as_slice().unwrap().as_ptr();
    let y = own.leaky_relu(0.5);
    assert_eq!(y.value().as_slice().unwrap().as_ptr(), numbers, "in place");
}

#[test]
fn gradients_of_parts_of_a_batch_add_up() {
    let param = Param::new(vector(&[2.0]), Group::Weight);
    let unused = Param::new(vector(&[2.0]), Group::Weight);
    let pass = |x: f32| {
        let tape = Tape::probing();
        (tape.param(&param) * x).backward()
    };
    let mut grads = pass(3.0);
    grads.merge(&pass(4.0));
    assert_eq!(grads[&param].item(), 7.0);
    let tape = Tape::probing();
    grads.merge(&(tape.param(&unused) * 5.0).backward());
    assert_eq!((grads[&param].item(), grads[&unused].item()), (7.0, 5.0));
    fn is_shareable<T: Send + Sync>(_: &T) {}
    is_shareable(&grads);
    is_shareable(&param);
}

fn message(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let error = std::panic::catch_unwind(f).expect_err("it should panic");
    error.downcast_ref::<String>().cloned().unwrap_or_else(|| (*error.downcast_ref::<&str>().unwrap()).to_string())
}

#[test]
fn misuse_is_named_with_the_way_out() {
    let second = message(|| {
        let tape = Tape::probing();
        let x = tape.var(vector(&[1.0]));
        let y = &x * &x;
        let z = &y * 2.0;
        drop(y.backward());
        drop(z.backward());
    });
    assert!(second.contains("the op `mul` at") && second.contains("y.grad([&x])"), "{second}");
    let vector_loss = message(|| drop(Tape::probing().var(vector(&[1.0, 2.0])).backward()));
    assert!(vector_loss.contains("shape [2]") && vector_loss.contains("backward_with"), "{vector_loss}");
    let nothing = message(|| drop(Tape::inference().var(vector(&[1.0])).backward()));
    assert!(nothing.contains("nothing was recorded"), "{nothing}");
    let tapes = message(|| drop(Tape::probing().var(vector(&[1.0])) + Tape::probing().var(vector(&[1.0]))));
    assert!(tapes.contains("add: operands are recorded on different tapes"), "{tapes}");
    let shapes = message(|| drop(Tape::probing().var(vector(&[1.0, 2.0])) * vector(&[1.0, 2.0, 3.0])));
    assert!(shapes.starts_with("mul: shapes [2] and [3] do not fit"), "{shapes}");
    let missing = message(|| {
        let tape = Tape::probing();
        let (x, z) = (tape.var(vector(&[1.0])), tape.var(vector(&[1.0])));
        let grads = x.backward();
        let _ = &grads[&z];
    });
    assert!(missing.contains("the loss does not depend on it"), "{missing}");
}

#[test]
fn misuse_panics_at_the_callers_line() {
    let line = std::sync::Arc::new(std::sync::Mutex::new(0));
    let (seen, hook) = (line.clone(), std::panic::take_hook());
    // The hook is everybody's: tests beside this one panic too.
    let me = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == me {
            *seen.lock().unwrap() = info.location().unwrap().line();
        }
    }));
    let expected = line!() + 1;
    let _ = std::panic::catch_unwind(|| Tape::inference().input(vector(&[1.0, 2.0])) + vector(&[1.0, 2.0, 3.0]));
    std::panic::set_hook(hook);
    assert_eq!(*line.lock().unwrap(), expected);
}

#[test]
fn anomalies_are_named() {
    let forward = message(|| {
        let tape = Tape::probing().detect_anomalies();
        let x = tape.var(vector(&[1.0, 0.0]));
        drop(1.0 / x);
    });
    assert!(forward.contains("`div` made inf at element 1 of shape [2]"), "{forward}");
    /// Its value is finite and its slope is not.
    struct Steep;
    impl<T: Float> Op<T> for Steep {
        fn name(&self) -> &'static str {
            "steep"
        }
        fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
            Keeps::NOTHING
        }
        fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
            x
        }
        fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
            [Some(dy * f64::INFINITY)]
        }
    }
    let backward = message(|| {
        let tape = Tape::probing().detect_anomalies();
        drop(Steep.apply([tape.var(vector(&[1.0]))]).backward());
    });
    assert!(backward.contains("the rule of `steep` made the gradient inf"), "{backward}");
}

#[test]
fn a_rule_with_the_wrong_shape_is_named() {
    struct Wrong;
    impl<T: Float> Op<T> for Wrong {
        fn name(&self) -> &'static str {
            "wrong"
        }
        fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
            x
        }
        fn vjp(&self, kept: Kept<'_, T>, _: Var<T>) -> [Option<Var<T>>; 1] {
            [Some(kept.constant(Tensor::full_of([7], T::ONE)))]
        }
    }
    let text = message(|| drop(Wrong.apply([Tape::probing().var(vector(&[1.0, 2.0]))]).sum().backward()));
    assert!(
        text.contains("the rule of `wrong` returned a cotangent of shape [7] for an operand of shape [2]"),
        "{text}"
    );
}

#[test]
fn dropout_seeds_depend_on_the_seed_and_the_number_alone() {
    let draws = |tape: Tape| [(); 3].map(|()| tape.next_dropout_seed());
    assert_eq!(draws(Tape::training(5)), draws(Tape::training(5)));
    assert_ne!(draws(Tape::training(5)), draws(Tape::training(6)));
    assert_eq!(draws(Tape::probing()), [None; 3]);
    assert!(draws(Tape::inference().with_dropout(1))[0].is_some());
}

#[test]
fn errors_carry_op_and_shapes() {
    let error = Tensor::<f32>::try_new(&[1.0], [2, 3]).unwrap_err();
    assert_eq!(error.to_string(), "Tensor::new: shape [2, 3]: it has 6 elements, 1 numbers were given");
    assert!(matches!(error, Error::Invalid { op: "Tensor::new", .. }));
}

#[test]
fn random_compositions_have_the_gradients_they_claim() {
    let mut rng = Rng::seed(3);
    for _ in 0..20 {
        let x = Tensor::f64([0.0; 6]).reshape([2, 3]).randn_like(&mut rng);
        let a = Tensor::f64([0.3]);
        let constant = rng.normal();
        gradcheck(|[x, a]| ((&x * &a).leaky_relu(0.2) * constant + &x).prelu(&a).square().sum_axes(0), [&x, &a])
            .unwrap();
    }
}
