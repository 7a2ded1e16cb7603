//! A network for the digits with a batch norm before its PReLU, and what the experiment on α and γ measures of it.

use nn::prelude::*;

/// Hidden units.
pub const WIDTH: usize = 32;

pub type Net = (Linear, BatchNorm, PRelu, Linear);

/// Slopes are held above 0: others have no twin.
pub fn fresh(seed: u64) -> Net {
    let mut rng = Rng::seed(seed);
    let (hidden, mut act) = (Linear::new(64, WIDTH, &mut rng).without_bias(), PRelu::per_feature(WIDTH));
    *act.alpha_mut() = Param::new(act.alpha().value().clone(), Group::Slope).within(0.01, f64::INFINITY);
    (hidden, BatchNorm::new(WIDTH), act, Linear::new(WIDTH, 10, &mut rng))
}

pub fn trained(net: &Net, data: &Dataset, epochs: usize, seed: u64) -> nn::Result<Net> {
    let (mut net, mut adam, mut rng) = (net.clone(), Adam::new(2e-3), Rng::seed(seed));
    for _ in 0..epochs {
        for (images, labels) in data.batches(64).shuffled(rng.next_u64()) {
            let loss = net.forward(Tape::training(0).input(images)).cross_entropy(&labels);
            adam.step(&mut net, loss.backward())?;
        }
    }
    Ok(net)
}

/// The largest difference of logits over the largest logit, and whether all classes are the same.
pub fn compare(a: &Net, b: &Net, data: &Dataset) -> (f32, bool) {
    let [a, b] = [a, b].map(|net| net.forward(Tape::inference().input(data.images().clone())).into_value());
    ((&a - &b).abs().max().item() / a.abs().max().item(), a.argmax(1).to_vec() == b.argmax(1).to_vec())
}

/// Accuracy in percent, and loss.
pub fn scores(net: &Net, data: &Dataset) -> [f64; 2] {
    let loss = net.forward(Tape::inference().input(data.images().clone())).cross_entropy(data.labels());
    [100.0 * nn::metrics::accuracy(|x| net.forward(x), data), f64::from(loss.item())]
}

/// With β so many times |γ|.
pub fn shifted(net: &Net, by: f64) -> Net {
    let mut net = net.clone();
    *net.1.bias_mut().value_mut() = net.1.weight().value().abs() * by;
    net
}

/// The mean cosine of ∂y/∂α = z and ∂y/∂γ = αx̂ over channels whose inputs z = γx̂ + β are all negative, and how far it is from |γ|/√(γ² + β²) at most.
pub fn cosines(net: &Net, images: &Tensor) -> (f64, f64) {
    let z = net.1.forward(net.0.forward(Tape::training(0).input(images.clone()))).to_vec();
    let numbers = net.1.weight().value().to_vec().into_iter().zip(net.1.bias().value().to_vec());
    let (mut sum, mut away) = (0.0, 0.0f64);
    for (channel, (gamma, beta)) in numbers.map(|(gamma, beta)| (f64::from(gamma), f64::from(beta))).enumerate() {
        let [mut zz, mut zx, mut xx] = [0.0; 3];
        for z in z.iter().skip(channel).step_by(WIDTH).map(|&z| f64::from(z)) {
            let x = (z - beta) / gamma;
            (zz, zx, xx) = (zz + z * z, zx + z * x, xx + x * x);
        }
        let cosine = zx.abs() / (zz * xx).sqrt();
        (sum, away) = (sum + cosine, away.max((cosine - gamma.abs() / gamma.hypot(beta)).abs()));
    }
    (sum / WIDTH as f64, away)
}
