//! [`Average`]: a running average of a network's weights, which often does better than the last ones.
//!
//! Three rules, PyTorch's `swa_utils.AveragedModel`: after t updates the average a of weights w₁ … w_t is
//!
//! | | | |
//! |---|---|---|
//! | [`Average::equal`] | the mean of all (stochastic weight averaging, Izmailov et al. 2018) | a + (w − a) / t |
//! | [`Average::exponential`] | recent ones count most; begins as w₁ (Polyak, Ruppert; Tarvainen, Valpola 2017) | d·a + (1 − d)·w |
//! | [`Average::corrected`] | the same beginning as 0 and divided by 1 − dᵗ, as Adam's means: the first weights do not count for more | a + (w − a)·(1 − d) / (1 − dᵗ) |
//!
//! ```
//! use nn::prelude::*;
//! use nn::Average;
//! let mut net = Linear::new(2, 1, &mut Rng::seed(1));
//! let (mut sgd, mut average) = (Sgd::new(0.1), Average::exponential(0.9)?);
//! for step in 0..20 {
//!     let tape = Tape::training(step);
//!     let loss = net.forward(tape.input(Tensor::randn([8, 2], &mut Rng::seed(step)))).square().mean();
//!     sgd.step(&mut net, loss.backward())?;
//!     average.update(&net)?;
//! }
//! let mut averaged = net.clone();
//! average.copy_to(&mut averaged)?;
//! assert_ne!(averaged.weight().value().to_vec(), net.weight().value().to_vec());
//! # Ok::<(), nn::Error>(())
//! ```

mod statistics;

pub use statistics::update_bn;

use crate::error::setting;
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::state::{Named, Recall, Record, State};
use crate::{Buffer, Result};
use tape::{Float, Param, Tensor};

/// A running average of a module's parameters and buffers, by name.
#[derive(Clone, Debug)]
pub struct Average<T: Float = f32> {
    rule: Rule,
    copies_buffers: bool,
    updates: u64,
    /// In the order of the module's walk.
    values: Vec<(String, Tensor<T>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Equal,
    Exponential(f64),
    Corrected(f64),
}

const WHAT: &str = "Average";

impl<T: Float> Average<T> {
    fn of(rule: Rule) -> Average<T> {
        Average { rule, copies_buffers: false, updates: 0, values: Vec::new() }
    }

    /// The mean of all weights that it is updated with: SWA.
    pub fn equal() -> Average<T> {
        Average::of(Rule::Equal)
    }

    /// The weights' exponential moving average, beginning as the first: EMA.
    ///
    /// # Errors
    /// If the decay is not in [0, 1].
    pub fn exponential(decay: f64) -> Result<Average<T>> {
        check_decay(decay, decay <= 1.0, "[0, 1]")?;
        Ok(Average::of(Rule::Exponential(decay)))
    }

    /// The exponential moving average in which the first weights do not count for more than their share.
    ///
    /// # Errors
    /// If the decay is not in [0, 1).
    pub fn corrected(decay: f64) -> Result<Average<T>> {
        check_decay(decay, decay < 1.0, "[0, 1)")?;
        Ok(Average::of(Rule::Corrected(decay)))
    }

    /// Whether buffers are the last ones instead of averages: PyTorch's `use_buffers=False`.
    #[must_use]
    pub fn copies_buffers(mut self, copies_buffers: bool) -> Self {
        self.copies_buffers = copies_buffers;
        self
    }

    /// How many weights it is the average of.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The averages with their names, in the order of the module; empty before the first update.
    pub fn values(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor<T>)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Goes on from what an average with the same settings was: its [`Average::updates`] and [`Average::values`].
    ///
    /// # Errors
    /// If there are values without updates, or updates without values. Nothing is changed then.
    pub fn restore(&mut self, updates: u64, values: Vec<(String, Tensor<T>)>) -> Result<()> {
        if (updates == 0) != values.is_empty() {
            return setting(WHAT, format!("{} values do not fit {updates} updates", values.len()));
        }
        (self.updates, self.values) = (updates, values);
        Ok(())
    }

    /// Takes in the module's parameters, frozen ones included, and buffers.
    ///
    /// # Errors
    /// If names or shapes are not those of the last update. Nothing is changed then.
    pub fn update(&mut self, net: &impl Module<T>) -> Result<()> {
        let now = Collected::of(net);
        if self.updates == 0 {
            self.values = now.into_iter().map(|(name, value, _)| (name, value.clone())).collect();
            self.updates = 1;
            return Ok(());
        }
        self.check(now.iter().map(|(name, value, _)| (name.as_str(), *value)))?;
        self.updates += 1;
        let weight = self.weight();
        for ((_, average), (_, value, is_buffer)) in self.values.iter_mut().zip(now) {
            *average = if is_buffer && self.copies_buffers { value.clone() } else { average.lerp(value, weight) };
        }
        Ok(())
    }

    /// The share of the last weights in the average.
    fn weight(&self) -> f64 {
        match self.rule {
            Rule::Equal => 1.0 / self.updates as f64,
            Rule::Exponential(decay) => 1.0 - decay,
            // 1 − dᵗ, without cancellation for decays near 1.
            Rule::Corrected(decay) => (1.0 - decay) / -(self.updates as f64 * decay.ln()).exp_m1(),
        }
    }

    /// Writes the averages into a module: a clone of the one that is trained, to be evaluated or saved.
    ///
    /// # Errors
    /// If there was no update, or if names or shapes are not those of the updates. The module is as it was then.
    pub fn copy_to(&self, net: &mut impl Module<T>) -> Result<()> {
        struct Write<'v, T: Float>(std::slice::Iter<'v, (String, Tensor<T>)>);
        impl<'a, T: Float> VisitorMut<'a, T> for Write<'_, T> {
            fn param(&mut self, _: &str, param: &'a mut Param<T>) {
                if let Some((_, value)) = self.0.next() {
                    *param.value_mut() = value.clone();
                    // Rounding may have led beyond a bound.
                    param.project();
                }
            }
            fn buffer(&mut self, _: &str, buffer: &'a mut Buffer<T>) {
                if let Some((_, value)) = self.0.next() {
                    *buffer.value_mut() = value.clone();
                }
            }
        }
        if self.updates == 0 {
            return setting(WHAT, "there is nothing to copy: update it first");
        }
        self.check(Collected::of(net).iter().map(|(name, value, _)| (name.as_str(), *value)))?;
        net.visit_mut(&mut Path::default(), &mut Write(self.values.iter()));
        Ok(())
    }

    /// That names and shapes are those of the averages.
    fn check<'n>(&self, now: impl ExactSizeIterator<Item = (&'n str, &'n Tensor<T>)>) -> Result<()> {
        let (ours, theirs) = (self.values.len(), now.len());
        for ((name, average), (other, value)) in self.values().zip(now) {
            let (shape, own) = (value.shape(), average.shape());
            if name != other || shape != own {
                let problem = format!("`{other}` of shape {shape:?} stands where `{name}` of shape {own:?} was; ");
                return setting(WHAT, problem + "an average is of one kind of module, make a new one");
            }
        }
        if ours != theirs {
            return setting(WHAT, format!("the module has {theirs} tensors, the averaged one had {ours}"));
        }
        Ok(())
    }
}

fn check_decay(decay: f64, is_small_enough: bool, range: &str) -> Result<()> {
    if decay >= 0.0 && is_small_enough {
        return Ok(());
    }
    setting(WHAT, format!("the decay is {decay}; it must be in {range}"))
}

/// Every parameter and buffer in the order of the walk: its name, its value, whether it is a buffer.
struct Collected<'a, T: Float>(Vec<(String, &'a Tensor<T>, bool)>);

impl<'a, T: Float> Collected<'a, T> {
    fn of(net: &'a impl Module<T>) -> Vec<(String, &'a Tensor<T>, bool)> {
        let mut collected = Collected(Vec::new());
        net.visit(&mut Path::default(), &mut collected);
        collected.0
    }
}

impl<'a, T: Float> Visitor<'a, T> for Collected<'a, T> {
    fn param(&mut self, name: &str, param: &'a Param<T>) {
        self.0.push((name.to_string(), param.value(), false));
    }
    fn buffer(&mut self, name: &str, buffer: &'a Buffer<T>) {
        self.0.push((name.to_string(), buffer.value(), true));
    }
}

impl<T: Float> State for Average<T> {
    fn record(&self, to: &mut Record) {
        to.field("updates", &self.updates);
        to.enter("values", |to| Named::put(&self.values, to));
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        from.field("updates", &mut self.updates);
        if let Some(values) = from.enter("values", Named::get) {
            from.set(&mut self.values, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[derive(Module, Clone)]
    #[module(float = f64)]
    struct Net {
        w: Param<f64>,
        mean: Buffer<f64>,
    }

    fn net(numbers: [f64; 2], mean: f64) -> Net {
        Net { w: Param::new(Tensor::f64(numbers), Group::Weight), mean: Buffer::new(Tensor::f64([mean])) }
    }

    /// The weights of step t.
    fn weights(t: usize) -> [f64; 3] {
        [0.0, 1.0, 2.0].map(|i| (i + 0.7 * (t * t) as f64).sin() + i)
    }

    /// Updates so many times; averages of weights and buffer.
    fn averaged(mut average: Average<f64>, times: usize) -> [f64; 3] {
        for t in 0..times {
            let [a, b, mean] = weights(t);
            average.update(&net([a, b], mean)).unwrap();
        }
        assert_eq!(average.updates(), times as u64);
        let mut to = net([0.0; 2], 0.0);
        average.copy_to(&mut to).unwrap();
        [to.w.value().to_vec(), to.mean.value().to_vec()].concat().try_into().unwrap()
    }

    #[test]
    fn averages_are_the_definitions() {
        let decay: f64 = 0.9;
        for times in [1, 2, 3, 50] {
            for i in 0..3 {
                let w: Vec<f64> = (0..times).map(|t| weights(t)[i]).collect();
                let mean = w.iter().sum::<f64>() / times as f64;
                // PyTorch: decay · average + (1 − decay) · weights, from the first weights on.
                let ema = w[1..].iter().fold(w[0], |ema, w| decay * ema + (1.0 - decay) * w);
                let from_zero = w.iter().fold(0.0, |ema, w| decay * ema + (1.0 - decay) * w);
                let corrected = from_zero / (1.0 - decay.powi(times as i32));
                let got = [Average::equal(), Average::exponential(decay).unwrap(), Average::corrected(decay).unwrap()];
                for (got, expected) in got.map(|average| averaged(average, times)[i]).iter().zip([mean, ema, corrected])
                {
                    assert!((got - expected).abs() < 1e-14, "{times} updates: {got} instead of {expected}");
                }
                let got = averaged(Average::equal().copies_buffers(true), times)[i];
                assert!((got - if i == 2 { w[times - 1] } else { mean }).abs() < 1e-14);
            }
        }
        assert_eq!(averaged(Average::corrected(0.0).unwrap(), 5), weights(4));
        assert_eq!(averaged(Average::exponential(0.0).unwrap(), 5), weights(4));
        assert_eq!(averaged(Average::exponential(1.0).unwrap(), 5), weights(0));
    }

    #[test]
    fn averages_do_not_follow_the_module() {
        let (mut net, mut average) = (net([1.0, 2.0], 3.0), Average::equal());
        average.update(&net).unwrap();
        net.w.value_mut().make_mut().fill(9.0);
        assert_eq!(average.values().next().unwrap().1.to_vec(), [1.0, 2.0]);
        average.copy_to(&mut net).unwrap();
        net.w.value_mut().make_mut().fill(7.0);
        assert_eq!(average.values().next().unwrap().1.to_vec(), [1.0, 2.0]);
    }

    #[test]
    fn averages_go_on_where_they_were() {
        let of = |t: usize| net([weights(t)[0], weights(t)[1]], weights(t)[2]);
        let (mut whole, mut first) = (Average::corrected(0.8).unwrap(), Average::corrected(0.8).unwrap());
        (0..5).for_each(|t| first.update(&of(t)).unwrap());
        let mut second = Average::corrected(0.8).unwrap();
        let values = first.values().map(|(name, value)| (name.to_string(), value.clone())).collect();
        second.restore(first.updates(), values).unwrap();
        (5..9).for_each(|t| second.update(&of(t)).unwrap());
        (0..9).for_each(|t| whole.update(&of(t)).unwrap());
        assert!(whole.values().zip(second.values()).all(|(a, b)| a.0 == b.0 && a.1.to_vec() == b.1.to_vec()));
        assert!(second.restore(3, Vec::new()).is_err() && second.updates() == 9);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in [-0.1, 1.1, f64::NAN] {
            assert!(Average::<f32>::exponential(bad).unwrap_err().to_string().contains("must be in [0, 1]"));
        }
        assert!(Average::<f32>::corrected(1.0).unwrap_err().to_string().contains("must be in [0, 1)"));
        let mut average = Average::equal();
        let mut to = net([5.0; 2], 5.0);
        assert!(average.copy_to(&mut to).unwrap_err().to_string().contains("update it first"));
        average.update(&net([1.0, 2.0], 3.0)).unwrap();
        let mut other = Net { w: Param::new(Tensor::f64([1.0]), Group::Weight), mean: Buffer::new(Tensor::f64([1.0])) };
        let text = average.update(&other).unwrap_err().to_string();
        assert!(text.starts_with("Average: `w` of shape [1] stands where `w` of shape [2] was"), "{text}");
        assert!(average.copy_to(&mut other).is_err());
        assert_eq!((other.w.value().item(), average.updates()), (1.0, 1));
        let text = average.update(&net([1.0, 2.0], 3.0).w).unwrap_err().to_string();
        assert!(text.contains("stands where `w`"), "{text}");
    }
}
