//! What an invertible leaky rectifier makes possible: a flow with exact log-likelihood. Linear maps kept invertible as L·U and leaky rectifiers with learned
//! slopes above 0 carry the data to a normal distribution; log p(x) = log N(z) + Σ log|det J| (Dinh, Krueger, Bengio 2015; of these layers: Chan, Penquitt,
//! Gottschalk 2023, "LU-Net"). A ReLU has no inverse: its log|det J| is −∞ wherever a unit is off.
//!
//! `cargo run --release --example flow -- [--seed N] [--quick]` prints likelihoods and the verdict, and writes `out/flow.png` and `out/flow_likelihood.png`.

mod data;
#[path = "../support/plane.rs"]
mod plane;
#[path = "../support/mod.rs"]
mod support;

use data::{LN_TAU, POINTS, gaussian_log_densities, mean, two_moons};
use nn::prelude::*;
use plane::Plane;
use plotters::prelude::SeriesLabelPosition;
use support::{Options, Picture, options};

const LAYERS: usize = 12;
/// The density is summed over [−REACH, REACH]².
const REACH: f64 = 5.0;

/// x·L·U + b: ones on L's diagonal, powers of e on U's, whose exponents add up to log|det|.
#[derive(Module)]
struct LinearLu {
    factors: Param,
    exponents: Param,
    bias: Param,
}

impl LinearLu {
    fn new(rng: &mut Rng) -> LinearLu {
        let param = |value| Param::new(value, Group::Weight);
        let factors = param(Tensor::randn([2, 2], rng) * 0.5);
        LinearLu { factors, exponents: param(Tensor::zeros([2])), bias: param(Tensor::randn([2], rng) * 0.5) }
    }

    fn forward_with_log_det(&self, x: Var) -> (Var, Var) {
        let [factors, exponents, bias] = [&self.factors, &self.exponents, &self.bias].map(|p| x.tape().param(p));
        let (lower, upper) =
            (factors.clone().tril(-1) + Tensor::eye(2), factors.triu(1) + exponents.clone().exp().diag());
        (x.matmul(lower).matmul(upper) + bias, exponents.sum())
    }
}

#[derive(Module)]
struct Flow {
    layers: Vec<(LinearLu, ConstrainedPRelu)>,
    last: LinearLu,
}

impl Flow {
    /// log p of each row.
    fn log_density(&self, x: Var) -> nn::Result<Var> {
        let (mut z, mut log_det) = (x, None::<Var>);
        for (linear, act) in &self.layers {
            let (h, constant) = linear.forward_with_log_det(z);
            let (y, own) = act.forward_with_log_det(h)?;
            let own = own + constant;
            (z, log_det) = (
                y,
                Some(match log_det {
                    Some(sum) => sum + own,
                    None => own,
                }),
            );
        }
        let (z, constant) = self.last.forward_with_log_det(z);
        let normal = z.square().sum_axes(1) * -0.5 - LN_TAU + constant;
        Ok(match log_det {
            Some(sum) => normal + sum,
            None => normal,
        })
    }

    fn log_densities(&self, x: &Tensor) -> nn::Result<Vec<f64>> {
        Ok(self.log_density(Tape::inference().input(x.clone()))?.to_vec().into_iter().map(f64::from).collect())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { seed, quick } = options(1)?;
    let epochs = if quick { 40 } else { 300 };
    let mut rng = Rng::seed(seed);
    let (train, held_out) = (two_moons(&mut rng), two_moons(&mut rng));
    let act = || ConstrainedPRelu::per_feature(2, Constraint::Invertible(0.01), Enforcement::Reparametrisation);
    let layers = (0..LAYERS).map(|_| (LinearLu::new(&mut rng), act().starting_at(0.7))).collect();
    let mut flow = Flow { layers, last: LinearLu::new(&mut rng) };
    let mut adam = Adam::new(0.0);
    let gaussian = gaussian_log_densities(&train, &held_out);
    let mut curves = [vec![], vec![]];
    println!("mean log-likelihood of two moons, {POINTS} points each (a Gaussian's, held out: {:.4})", mean(&gaussian));
    println!("{:>5}  {:>8}  {:>8}", "epoch", "training", "held out");
    for epoch in 0..=epochs {
        let means = [&train, &held_out].map(|data| flow.log_densities(data).map(|logs| mean(&logs)));
        for (curve, mean) in curves.iter_mut().zip(means) {
            curve.push((epoch as f64, mean?));
        }
        if epoch % (epochs / 10) == 0 {
            println!("{epoch:5}  {:8.4}  {:8.4}", curves[0][epoch].1, curves[1][epoch].1);
        }
        adam.set_learning_rate(0.01 * (1.0 - epoch as f64 / epochs as f64));
        for batch in (0..POINTS / 200).map(|i| train.narrow(0, 200 * i, 200)).take(if epoch < epochs { 10 } else { 0 })
        {
            let loss = -flow.log_density(Tape::training(0).input(batch))?.mean();
            adam.step(&mut flow, loss.backward())?;
        }
    }
    // The density jumps along lines, so a sum over cells of side h is off by O(h): two sides show how much.
    let mut integrals = [0.0; 2];
    let mut density = Vec::new();
    for (cells, integral) in [200, 400].into_iter().zip(&mut integrals) {
        let grid: Vec<f32> = Plane::middles(REACH, cells).flat_map(|(x, y)| [x as f32, y as f32]).collect();
        density = flow.log_densities(&Tensor::new(&grid, [cells * cells, 2]))?.into_iter().map(f64::exp).collect();
        *integral = density.iter().sum::<f64>() * (2.0 * REACH / cells as f64).powi(2);
        println!("integral of the density over {cells}² cells: {integral:.5}");
    }
    let points: Vec<(f64, f64)> = held_out.to_vec().chunks(2).map(|p| (p[0].into(), p[1].into())).collect();
    let title = "Density of a flow of leaky rectifiers, and held-out points";
    Plane { title, reach: REACH, cells: 400, values: &density, points: &points }.write("flow")?;
    let [training, held] = curves;
    Picture::new("Mean log-likelihood of two moons", "epoch", "log-likelihood")
        .curve("training", training)
        .curve("held out", held)
        .curve("Gaussian, held out", [(0.0, mean(&gaussian)), (epochs as f64, mean(&gaussian))])
        .legend(SeriesLabelPosition::LowerRight)
        .write("flow_likelihood")?;
    let gains: Vec<f64> =
        flow.log_densities(&held_out)?.iter().zip(&gaussian).map(|(flow, other)| flow - other).collect();
    let gain = mean(&gains);
    let error = (gains.iter().map(|g| (g - gain).powi(2)).sum::<f64>() / (POINTS * (POINTS - 1)) as f64).sqrt();
    let holds = (integrals[1] - 1.0).abs() < 0.01 && gain > 4.0 * error;
    let verdict = if holds { "holds" } else { "fails" };
    println!(
        "verdict: the claim {verdict}: the density integrates to {:.4} (within 0.01 of 1), and held-out points gain {gain:.4} ± {error:.4} over a Gaussian",
        integrals[1]
    );
    Ok(())
}
