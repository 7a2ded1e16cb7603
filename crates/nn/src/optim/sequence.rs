//! The order in which a step's updates run: the first eighths of all large parameters, then their second eighths, and so on.
//!
//! The threads of a parallel region share a sequence out from front to back. In this order each of 2, 4 or 8 threads gets the same share
//! of every weight, counted in rows, and products share a weight's rows out the same way: a core then updates what it also
//! multiplies with. A line of memory that two cores have read is slow to write: MLP 784-512-512-10, batch 64, on two cores, Adam's step
//! took 640 µs parameter by parameter and 255 in this order.

use super::state::recycled;
use kernels::optim::Update;
use tape::Float;

/// Into how many parts a large parameter is cut.
const PARTS: usize = 8;
/// From this many numbers on a parameter is cut.
const LARGE: usize = 64 << 10;
/// Parts start at multiples of this many numbers: whole lines of the cache.
const ALIGN: usize = 32;

/// A step's updates, kept empty between steps for its memory.
pub(super) struct Sequence<U>([Vec<U>; PARTS]);

impl<U> Sequence<U> {
    pub(super) fn new() -> Sequence<U> {
        Sequence([const { Vec::new() }; PARTS])
    }

    /// Takes over the memory of a sequence, for updates that borrow from something else.
    pub(super) fn recycled<V>(from: &mut Sequence<V>) -> Sequence<U> {
        Sequence(from.0.each_mut().map(|part| recycled(std::mem::take(part))))
    }

    /// All of them, in order.
    pub(super) fn joined(&mut self) -> &mut [U] {
        let [first, later @ ..] = &mut self.0;
        later.iter_mut().for_each(|part| first.append(part));
        first
    }
}

impl<'a, T: Float, R: Copy> Sequence<Update<'a, T, R>> {
    /// Adds the update of a parameter, or of its parts.
    pub(super) fn push(&mut self, update: Update<'a, T, R>) {
        let mut rest = update;
        if rest.p.len() >= LARGE {
            for part in (1..PARTS).rev() {
                let at = (rest.p.len() * part / (part + 1)).next_multiple_of(ALIGN);
                let (before, last) = rest.split_at(at);
                self.0[part].push(last);
                rest = before;
            }
        }
        self.0[0].push(rest);
    }
}

impl<U> Clone for Sequence<U> {
    fn clone(&self) -> Self {
        Sequence::new()
    }
}

impl<U> std::fmt::Debug for Sequence<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sequence")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_one_part_and_parts_come_in_turn() {
        for lengths in [vec![], vec![3, 1], vec![LARGE + 5, 10, 3 * LARGE], vec![LARGE - 1, LARGE]] {
            let mut params: Vec<Vec<f32>> = lengths.iter().map(|&n| vec![0.0; n]).collect();
            let grads: Vec<Vec<f32>> = params.clone();
            let mut sequence = Sequence::new();
            for (rule, (p, g)) in params.iter_mut().zip(&grads).enumerate() {
                let (memory, lr, weight_decay) = (Default::default(), 0.1, 0.0);
                sequence.push(Update { p, g, memory, lr, weight_decay, decoupled: false, step: 1, rule });
            }
            let joined = sequence.joined();
            for update in joined.iter_mut() {
                assert_eq!(update.p.len(), update.g.len());
                update.p.iter_mut().for_each(|p| *p += 1.0);
            }
            let joined: Vec<(usize, usize)> = joined.iter().map(|update| (update.rule, update.p.len())).collect();
            for (i, &length) in lengths.iter().enumerate() {
                let parts: Vec<usize> = joined.iter().filter(|part| part.0 == i).map(|part| part.1).collect();
                assert_eq!(parts.iter().sum::<usize>(), length);
                assert_eq!(parts.len(), if length >= LARGE { PARTS } else { 1 });
                assert!(parts.iter().all(|&part| part.abs_diff(length / parts.len()) <= PARTS * ALIGN));
            }
            let first: Vec<usize> = joined.iter().take(lengths.len()).map(|part| part.0).collect();
            assert!(first.into_iter().eq(0..lengths.len()), "first parts of all come before second ones");
            assert!(params.iter().flatten().all(|&p| p == 1.0));
        }
    }
}
