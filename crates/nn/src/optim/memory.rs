//! Optimisers as state: the learning rate, and what is remembered for each parameter.

use super::Lbfgs;
use super::state::{Slot, States};
use super::{Descent, Method, Optimizer as _};
use crate::state::{Recall, Record, State, get_names, put_names, recall_any, record_tensor};
use tape::{Float, Tensor};

/// The rate, which schedules change, and the memory. Everything else is a setting of the program.
impl<M: Method, T: Float> State for Descent<M, T> {
    fn record(&self, to: &mut Record) {
        to.field("learning_rate", &self.learning_rate());
        to.field("memory", &self.states);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        if let Some(rate) = from.enter("learning_rate", Recall::get) {
            let mut now = self.learning_rate();
            from.set(&mut now, rate);
            self.set_learning_rate(now);
        }
        from.field("memory", &mut self.states);
    }
}

/// By the parameters' names, in the order of the walk.
impl<T: Float> State for States<T> {
    fn record(&self, to: &mut Record) {
        put_names(self.slots.iter().map(|slot| slot.name.as_str()), to);
        for slot in &self.slots {
            to.enter(&slot.name, |to| {
                to.field("steps", &slot.steps);
                to.field("scalar", &slot.scalar);
                for (i, memory) in slot.memory.iter().enumerate() {
                    if let Some(memory) = memory {
                        to.enter(&i.to_string(), |to| record_tensor(memory, to));
                    }
                }
            });
        }
    }

    fn recall(&mut self, from: &mut Recall<'_>) {
        let Some(names) = get_names(from) else { return };
        let slot = |name: String| {
            let mut slot = Slot::new(&name, self.groups());
            from.enter(&name, |from| {
                from.field("steps", &mut slot.steps);
                from.field("scalar", &mut slot.scalar);
                for (i, memory) in slot.memory.iter_mut().enumerate() {
                    *memory = from.enter(&i.to_string(), |from| if from.has() { recall_any(from) } else { None });
                }
            });
            slot
        };
        let slots = names.into_iter().map(slot).collect();
        from.set(&mut self.slots, slots);
    }
}

/// What the last steps taught, the oldest first.
impl State for Lbfgs {
    fn record(&self, to: &mut Record) {
        to.field("pairs", &self.learned().len());
        for (i, (step, change)) in self.learned().enumerate() {
            to.enter(&i.to_string(), |to| {
                to.field("step", &Tensor::f64(step));
                to.field("change", &Tensor::f64(change));
            });
        }
    }

    fn recall(&mut self, from: &mut Recall<'_>) {
        let Some(pairs) = from.enter("pairs", Recall::get::<usize>) else { return };
        let mut learned = self.clone();
        learned.reset();
        for i in 0..pairs {
            let pair = from.enter(&i.to_string(), |from| {
                Some((
                    from.enter("step", Recall::get::<Tensor<f64>>)?,
                    from.enter("change", Recall::get::<Tensor<f64>>)?,
                ))
            });
            let Some((step, change)) = pair else { return };
            if let Err(error) = learned.learn_from(&step.to_vec(), &change.to_vec()) {
                return from.refuse(&error.to_string());
            }
        }
        from.set(self, learned);
    }
}
