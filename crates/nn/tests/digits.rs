//! The front page's network on the digits: it learns, and its bits do not depend on the number of threads.

mod net;

use net::Net;
use nn::prelude::*;

/// The network after so many steps, as bits.
fn trained(steps: usize, train: &Dataset) -> (Net, Vec<u32>) {
    let mut rng = Rng::seed(7);
    let mut net = Net::new(64, 128, 10, &mut rng);
    let mut adam = Adam::new(1e-3);
    let mut left = steps;
    while left > 0 {
        for (images, labels) in train.batches(64).shuffled(rng.next_u64()).take(left) {
            let tape = Tape::training(rng.next_u64());
            let loss = net.forward(tape.input(images)).cross_entropy(&labels);
            adam.step(&mut net, loss.backward()).unwrap();
            left -= 1;
        }
    }
    let bits = net.parameters().iter().flat_map(|param| param.value().to_vec()).map(f32::to_bits).collect();
    (net, bits)
}

#[test]
fn same_bits_with_any_number_of_threads() {
    let (train, _) = nn::data::digits().unwrap();
    let [one, two, three, eight] = [1, 2, 3, 8].map(|threads| kernels::with_threads(threads, || trained(50, &train).1));
    assert!(one.len() > 9000 && one == two && one == three && one == eight);
}

#[test]
fn ten_epochs_learn_the_digits() {
    let (train, test) = nn::data::digits().unwrap();
    let (net, _) = trained(230, &train);
    let accuracy = nn::metrics::accuracy(|x| net.forward(x), &test);
    assert!(accuracy > 0.9, "{accuracy}");
}
