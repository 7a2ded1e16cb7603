//! Which examples come when: a function of the settings, the epoch and the batch's number.

use super::Position;
use std::sync::Arc;
use tape::Rng;

/// A loader's settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) examples: usize,
    pub(super) size: usize,
    pub(super) drop_last: bool,
    pub(super) shuffled: bool,
    pub(super) seed: u64,
}

impl Plan {
    /// The batches of an epoch.
    pub(super) fn batches(&self) -> u64 {
        let batches = if self.drop_last { self.examples / self.size } else { self.examples.div_ceil(self.size) };
        batches as u64
    }

    /// The position after so many batches from the first epoch on, of which each has at least one.
    pub(super) fn position(&self, number: u64) -> Position {
        Position { epoch: number / self.batches(), batch: number % self.batches() }
    }

    /// The examples in the order of an epoch.
    fn order(&self, epoch: u64) -> Arc<[usize]> {
        let mut order: Vec<usize> = (0..self.examples).collect();
        if self.shuffled {
            Rng::seed(mix(self.seed, epoch)).shuffle(&mut order);
        }
        order.into()
    }

    /// The examples of a batch.
    pub(super) fn examples_of<'o>(&self, order: &'o [usize], at: Position) -> &'o [usize] {
        let begin = at.batch as usize * self.size;
        &order[begin..order.len().min(begin + self.size)]
    }

    /// A batch's own seed.
    pub(super) fn seed_of(&self, at: Position) -> u64 {
        // The epoch's own number is its order's seed.
        mix(mix(!self.seed, at.epoch), at.batch)
    }
}

/// A number that depends on both, well mixed (splitmix64).
fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The orders of the last two epochs: workers are in the next one while batches of the last are waited for.
#[derive(Debug, Default)]
pub(super) struct Orders([Option<(u64, Arc<[usize]>)>; 2]);

impl Orders {
    pub(super) fn of(&mut self, plan: &Plan, epoch: u64) -> Arc<[usize]> {
        let known = self.0.iter().flatten().find(|(of, _)| *of == epoch);
        if let Some((_, order)) = known {
            return Arc::clone(order);
        }
        let order = plan.order(epoch);
        self.0.swap(0, 1);
        self.0[0] = Some((epoch, Arc::clone(&order)));
        order
    }
}
