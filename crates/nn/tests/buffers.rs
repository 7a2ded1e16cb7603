//! Buffers change with the optimiser's step, and only then: a module that centres its input by a running mean.

use nn::prelude::*;

/// x − mean: the batch's in training, the running one otherwise.
#[derive(Module)]
struct Centre<T: Float = f32> {
    mean: Buffer<T>,
    linear: Linear<T>,
}

impl Centre {
    fn new() -> Centre {
        Centre { mean: Buffer::new(Tensor::zeros([2])), linear: Linear::new(2, 1, &mut Rng::seed(1)) }
    }

    fn forward(&self, x: Var) -> Var {
        let tape = x.tape().clone();
        if !tape.is_training() {
            return self.linear.forward(x - self.mean.value());
        }
        let mean = x.clone().mean_axes(0);
        tape.update(&self.mean, tape.buffer(&self.mean) * 0.9 + mean.value() * 0.1);
        self.linear.forward(x - mean)
    }
}

fn batch(a: f32, b: f32) -> Tensor {
    Tensor::from([[a - 1.0, b], [a + 1.0, b]])
}

fn gradients(net: &Centre, batches: &[Tensor]) -> Gradients {
    let tape = Tape::training(1);
    let losses = batches.iter().map(|batch| net.forward(tape.input(batch.clone())).square().sum());
    losses.reduce(|a, b| a + b).unwrap().backward()
}

fn close(net: &Centre, expected: [f32; 2]) {
    assert!(net.mean.value().allclose(&Tensor::from(expected), 1e-6, 1e-6), "{:?} for {expected:?}", net.mean);
}

#[test]
fn a_step_writes_the_running_mean() {
    let (mut net, mut sgd, mut adam) = (Centre::new(), Sgd::new(0.1).momentum(0.9), Adam::new(0.1));
    let grads = gradients(&net, &[batch(10.0, -20.0)]);
    close(&net, [0.0, 0.0]);
    sgd.step(&mut net, grads).unwrap();
    close(&net, [1.0, -2.0]);
    let grads = gradients(&net, &[batch(10.0, -20.0)]);
    adam.step(&mut net, grads).unwrap();
    close(&net, [1.9, -3.8]);
    // Evaluation reads it and changes nothing.
    let tape = Tape::inference();
    let y = net.forward(tape.input(Tensor::from([[1.9, -3.8]])));
    assert!((y.item() - net.linear.bias().unwrap().value().item()).abs() < 1e-6);
    assert!(tape.updates().is_empty());
}

#[test]
fn the_second_use_on_a_tape_builds_on_the_first() {
    let mut net = Centre::new();
    let grads = gradients(&net, &[batch(10.0, 0.0), batch(20.0, 10.0)]);
    Sgd::new(0.1).step(&mut net, grads).unwrap();
    close(&net, [0.9 * 1.0 + 2.0, 1.0]);
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let mut net = Centre::new();
    let grads = gradients(&net, &[batch(10.0, 0.0)]);
    assert!(Sgd::new(f64::NAN).step(&mut net, grads).is_err());
    close(&net, [0.0, 0.0]);
    // A mean that overflows, in a network whose gradients do not see it.
    let before = net.linear.weight().value().to_vec();
    let tape = Tape::training(1);
    tape.update(&net.mean, Tensor::from([1.0, f32::INFINITY]));
    let grads = net.linear.forward(tape.input(batch(1.0, 1.0))).sum().backward();
    let error = Adam::new(0.1).step(&mut net, grads).unwrap_err().to_string();
    assert!(error.starts_with("the update of the buffer `mean` is inf at element 1; nothing was updated"), "{error}");
    close(&net, [0.0, 0.0]);
    assert_eq!(net.linear.weight().value().to_vec(), before);
}

#[test]
fn gradients_of_threads_merge_to_the_mean() {
    let mut net = Centre::new();
    let batches = [batch(10.0, 0.0), batch(20.0, 0.0), batch(60.0, 3.0)];
    let [mut grads, second, third] = std::thread::scope(|scope| {
        let net = &net;
        batches
            .each_ref()
            .map(|batch| scope.spawn(move || gradients(net, std::slice::from_ref(batch))))
            .map(|t| t.join().unwrap())
    });
    grads.merge(&second);
    grads.merge(&third);
    Sgd::new(0.1).step(&mut net, grads).unwrap();
    close(&net, [3.0, 0.1]);
}

#[test]
fn statistics_can_be_estimated_without_a_step() {
    let mut net = Centre::new();
    let tape = Tape::training(1);
    let _ = net.forward(tape.input(batch(10.0, 5.0)));
    net.apply_updates(&tape.updates());
    close(&net, [1.0, 0.5]);
    assert_eq!(net.cast_is_a_twin(), [1.0, 0.5]);
}

impl Centre {
    fn cast_is_a_twin(&self) -> Vec<f32> {
        self.cast::<f64>().mean.cast::<f32>().value().to_vec()
    }
}
