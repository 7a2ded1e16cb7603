//! A run with all that must be remembered: dropout, running statistics, shuffled batches with noise that workers fetch ahead, a
//! schedule, a plateau; and every optimiser to make it with.

use super::bits;
use nn::data::{Examples, Loader, Mapped, Source as _};
use nn::optim::Lbfgs;
use nn::prelude::*;
use nn::schedule::{OneCycle, PlateauOptions};

#[derive(Module)]
pub struct Net {
    hidden: Linear,
    norm: BatchNorm,
    act: PRelu,
    drop: Dropout,
    out: Linear,
}

impl Net {
    fn new(rng: &mut Rng) -> Net {
        Net {
            hidden: Linear::new(4, 6, rng),
            norm: BatchNorm::new(6),
            act: PRelu::per_feature(6),
            drop: Dropout::new(0.3),
            out: Linear::new(6, 2, rng),
        }
    }

    fn forward(&self, x: Var) -> Var {
        let h = self.norm.forward(self.hidden.forward(x));
        self.out.forward(self.drop.forward(self.act.forward(h)))
    }
}

/// Inputs and targets.
type Batch = (Tensor, Tensor);
type Noisy = Mapped<Examples<Batch>, fn(Batch, u64) -> nn::Result<Batch>>;

/// Five batches an epoch, the last of them short.
fn batches(rng: &mut Rng) -> Loader<Noisy> {
    let examples = Examples::new((Tensor::randn([23, 4], rng), Tensor::randn([23, 2], rng))).unwrap();
    let noise: fn(Batch, u64) -> nn::Result<Batch> =
        |(x, y), seed| Ok((&x + &(x.randn_like(&mut Rng::seed(seed)) * 0.1), y));
    Loader::new(examples.map(noise), 5).shuffled(rng.next_u64())
}

/// A network in training: what it learns, with what, and where it stands.
#[derive(State)]
pub struct Run<O> {
    net: Net,
    optimiser: O,
    schedule: Schedule,
    plateau: Plateau,
    batches: Loader<Noisy>,
    rng: Rng,
    losses: f64,
}

/// A run at its start. The plateau's rate is a factor of the schedule's.
pub fn run<O: Learns>(optimiser: O, schedule: impl FnOnce(f64) -> nn::Result<Schedule>) -> Run<O> {
    let mut rng = Rng::seed(3);
    let schedule = schedule(optimiser.rate()).unwrap();
    let options = PlateauOptions { factor: 0.9, patience: 1, cooldown: 2, lowest: 0.5, ..Default::default() };
    let plateau = Plateau::new(1.0, options).unwrap();
    Run { net: Net::new(&mut rng), optimiser, schedule, plateau, batches: batches(&mut rng), rng, losses: 0.0 }
}

impl<O: Learns> Run<O> {
    /// With so many workers that fetch ahead.
    pub fn workers(self, workers: usize) -> Self {
        Run { batches: self.batches.workers(workers), ..self }
    }

    fn step(&mut self, step: u64) {
        let (x, y) = self.batches.next_batch().unwrap();
        let seed = self.rng.next_u64();
        self.optimiser.set_pace(&self.schedule, step, self.plateau.rate());
        let loss = self.optimiser.learn(&mut self.net, |net| {
            let tape = Tape::training(seed);
            net.forward(tape.input(x.clone())).mse(&y)
        });
        self.plateau.observe(loss);
        self.losses += loss;
    }

    /// Goes on from what the directory holds; the numbers that it ends with.
    pub fn until(mut self, end: u64, checkpoint: &Checkpoint) -> Vec<u8> {
        for step in checkpoint.restore(&mut self).unwrap()..end {
            self.step(step);
            checkpoint.save_if_due(step + 1, &self).unwrap();
        }
        bits(&self)
    }

    pub fn without_a_stop(mut self, end: u64) -> Vec<u8> {
        (0..end).for_each(|step| self.step(step));
        bits(&self)
    }
}

/// What a run learns with.
pub trait Learns: State + Send + Sync {
    /// The learning rate now.
    fn rate(&self) -> f64;
    /// The schedule's rate of a step, times a factor; its momentum.
    fn set_pace(&mut self, schedule: &Schedule, step: u64, factor: f64);
    /// One step; the loss before it.
    fn learn(&mut self, net: &mut Net, loss: impl Fn(&Net) -> Var) -> f64;
}

impl<O: Optimizer + State + Send + Sync> Learns for O {
    fn rate(&self) -> f64 {
        self.learning_rate()
    }
    fn set_pace(&mut self, schedule: &Schedule, step: u64, factor: f64) {
        schedule.apply(step, self);
        self.set_learning_rate(factor * schedule.rate(step));
    }
    fn learn(&mut self, net: &mut Net, loss: impl Fn(&Net) -> Var) -> f64 {
        let loss = loss(net);
        let value = f64::from(loss.item());
        self.step(net, loss.backward()).unwrap();
        value
    }
}

/// L-BFGS, one iteration for each batch; it has no rate.
#[derive(State)]
pub struct Iterated(pub Lbfgs);

impl Learns for Iterated {
    fn rate(&self) -> f64 {
        1.0
    }
    fn set_pace(&mut self, _: &Schedule, _: u64, _: f64) {}
    fn learn(&mut self, net: &mut Net, loss: impl Fn(&Net) -> Var) -> f64 {
        self.0.minimize(net, loss).unwrap().value
    }
}

/// Up and down with the momentum.
pub fn cycle(peak: f64, steps: u64) -> nn::Result<Schedule> {
    Schedule::one_cycle(OneCycle { momentum: Some([0.5, 0.8]), ..OneCycle::new(peak, steps) })
}

/// Every optimiser, every schedule; Levenberg and Marquardt's method remembers nothing between its calls.
pub const RUNS: usize = 13;

/// Calls `$check` with what starts the run of a number.
macro_rules! with_run {
    ($number:expr, $check:ident $(, $argument:expr)*) => {{
        use nn::optim::Lbfgs;
        use $crate::run::{Iterated, cycle, run};
        macro_rules! start {
            ($optimiser:expr, $schedule:expr) => { &|| $check(&|| run($optimiser, $schedule) $(, $argument)*) };
        }
        let slopes = |name: &str| name.ends_with("alpha");
        let runs: [&dyn Fn(); $crate::run::RUNS] = [
            start!(Sgd::new(0.01), Schedule::constant),
            // The momentum stays where the first part left it.
            start!(Sgd::new(0.01).momentum(0.9).nesterov(true), |r| cycle(r, 6)?.then(6, Schedule::constant(r)?)),
            start!(Adam::new(0.01), |r| cycle(r, 200)),
            start!(AdamW::new(0.01).amsgrad(true), |r| Schedule::cosine(r, 0.1 * r, 30)),
            start!(NAdam::new(0.01), |r| Schedule::cosine_restarts(r, 0.1 * r, 5, 2)),
            start!(RAdam::new(0.01), |r| Schedule::exponential(r, 0.999)),
            start!(Adamax::new(0.01), |r| Schedule::step(r, 50, 0.9)),
            start!(RmsProp::new(0.01).centred(true).momentum(0.9), |r| Schedule::multi_step(r, [7, 11], 0.5)),
            start!(Adagrad::new(0.01), |r| Schedule::linear(r, 0.5 * r, 12)),
            start!(Adadelta::new(1.0), |r| Schedule::polynomial(r, 100_000, 2.0)),
            start!(Lion::new(1e-3), |r| Schedule::cosine(r, 0.1 * r, 30)?.after_warm_up(9, 0.1 * r)),
            start!(Sgd::new(0.01).group(slopes, |group| group.learning_rate(0.1)), Schedule::constant),
            start!(Iterated(Lbfgs::new().iterations(1)), Schedule::constant),
        ];
        runs[$number]();
    }};
}
pub(crate) use with_run;
