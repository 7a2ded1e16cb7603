//! What the experiments on digits share: a network by its rectifier, and its training.

use nn::prelude::*;

/// Hidden layers with a rectifier behind each, and a linear layer.
pub type Network<T = f32> = (Vec<(Linear<T>, nn::Act<T>)>, Linear<T>);

/// From 64 pixels through hidden layers of these widths to so many outputs; weights by Kaiming's law with the rectifier's leak.
pub fn network(widths: &[usize], outputs: usize, act: Activation, rng: &mut Rng) -> nn::Result<Network> {
    let init = nn::init::Kaiming::default().leak(act.leak());
    let (mut hidden, mut inputs) = (Vec::new(), 64);
    for &width in widths {
        hidden.push((Linear::with_init(inputs, width, &init, rng)?, act.layer(width)));
        inputs = width;
    }
    Ok((hidden, Linear::with_init(inputs, outputs, &init, rng)?))
}

/// Epochs of Adam on the cross-entropy, in batches of 64.
pub fn train(net: &mut Network, data: &Dataset, epochs: usize, rng: &mut Rng) -> nn::Result<()> {
    let mut adam = Adam::new(2e-3);
    for _ in 0..epochs {
        for (images, labels) in data.batches(64).shuffled(rng.next_u64()) {
            let loss = net.forward(Tape::training(rng.next_u64()).input(images)).cross_entropy(&labels);
            adam.step(net, loss.backward())?;
        }
    }
    Ok(())
}
