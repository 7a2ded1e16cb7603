//! [`Tape::observed`]: every op that ran on an observing tape, with the numbers that went in and came out.

use crate::tape::{Origin, UNTRACKED};
use crate::{Float, Gradients, ParamId, Tape, Tensor};
use std::panic::Location;

/// What a tape remembers of an op.
#[derive(Clone)]
pub(crate) struct Seen<T: Float> {
    op: &'static str,
    ids: Vec<u32>,
    operands: Vec<Tensor<T>>,
    id: u32,
    result: Tensor<T>,
    at: &'static Location<'static>,
}

/// Where an operand came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The parameter.
    Param(ParamId),
    /// The op at this place of [`Tape::observed`].
    Op(usize),
    /// An input, or a value made outside the tape.
    Input,
}

/// An op, what went in, and what came out.
#[derive(Clone, Debug)]
pub struct Observed<T: Float = f32> {
    /// Its name: `prelu`, `linear`.
    pub op: &'static str,
    /// Where each operand came from.
    pub sources: Vec<Source>,
    /// Their numbers.
    pub operands: Vec<Tensor<T>>,
    /// What came out.
    pub result: Tensor<T>,
    /// The line that asked for it.
    pub at: &'static Location<'static>,
    id: u32,
}

impl<T: Float> Observed<T> {
    /// The result's gradient; None where the loss does not reach it.
    pub fn gradient<'a>(&self, gradients: &'a Gradients<T>) -> Option<&'a Tensor<T>> {
        gradients.at(self.id)
    }
}

/// Takes note of an op's result, and checks it if the tape finds anomalies.
#[cold]
#[track_caller]
pub(crate) fn look<T: Float>(
    tape: &Tape<T>,
    op: &'static str,
    (ids, operands): (&[u32], &[Tensor<T>]),
    (id, result): (u32, &Tensor<T>),
    at: &'static Location<'static>,
) {
    if tape.finds_anomalies() {
        crate::anomaly::check_forward(op, operands, result);
    }
    if let Some(seen) = tape.seen().filter(|_| id != UNTRACKED) {
        let (ids, operands, result) = (ids.to_vec(), operands.to_vec(), result.clone());
        seen.borrow_mut().push(Seen { op, ids, operands, id, result, at });
    }
}

impl<T: Float> Tape<T> {
    /// The ops that ran on this tape with a tracked operand, in order; none unless it is [`Tape::observing`]. Their gradients are in what a backward
    /// pass after this call gives.
    ///
    /// ```
    /// use tape::{Source, Tape, Tensor};
    /// let tape = Tape::observing(false);
    /// let x = tape.var(Tensor::from([-2.0, 3.0]));
    /// let loss = x.relu().square().sum();
    /// let ops = tape.observed();
    /// assert_eq!((ops[0].op, ops[1].op, ops[1].sources[0]), ("relu", "square", Source::Op(0)));
    /// let gradients = loss.backward();
    /// assert_eq!((ops[0].result.to_vec(), ops[0].gradient(&gradients).unwrap().to_vec()), (vec![0.0, 3.0], vec![0.0, 6.0]));
    /// ```
    pub fn observed(&self) -> Vec<Observed<T>> {
        let seen = self.seen().map(|seen| seen.borrow().clone()).unwrap_or_default();
        let places: Vec<(u32, usize)> = seen.iter().enumerate().map(|(place, seen)| (seen.id, place)).collect();
        let source = |id: u32| match places.binary_search_by_key(&id, |&(id, _)| id) {
            Ok(at) => Source::Op(places[at].1),
            Err(_) if id == UNTRACKED => Source::Input,
            Err(_) => self.with_record(id, |record| match record.origin {
                Origin::Param(param) => Source::Param(param),
                _ => Source::Input,
            }),
        };
        let observed = |seen: Seen<T>| {
            self.with_record(seen.id, |record| record.is_watched = true);
            let sources = seen.ids.iter().map(|&id| source(id)).collect();
            let Seen { op, operands, id, result, at, .. } = seen;
            Observed { op, sources, operands, result, at, id }
        };
        seen.into_iter().map(observed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Group, Param, Rectifier};

    #[test]
    fn joint_ops_are_seen_step_by_step_with_their_parameters() {
        let (w, alpha) =
            (Param::new(Tensor::from([[1.0, -1.0]]), Group::Weight), Param::new(Tensor::from([0.5]), Group::Slope));
        let tape = Tape::observing(true);
        let x = tape.input(Tensor::from([[2.0], [3.0]]));
        let act = Rectifier::PRelu(tape.param(&alpha));
        let y = x.linear_act(tape.param(&w), None, act);
        let ops = tape.observed();
        assert_eq!(ops.iter().map(|op| op.op).collect::<Vec<_>>(), ["linear", "prelu"]);
        assert_eq!(ops[0].sources, [Source::Input, Source::Param(w.id())]);
        assert_eq!(ops[1].sources, [Source::Op(0), Source::Param(alpha.id())]);
        assert_eq!(ops[1].operands[0].to_vec(), [2.0, -2.0, 3.0, -3.0]);
        let gradients = y.sum().backward();
        assert_eq!(ops[0].gradient(&gradients).unwrap().to_vec(), [1.0, 0.5, 1.0, 0.5]);
        assert_eq!(tape.observed().len(), 3, "rules are not observed");
    }

    #[test]
    fn other_tapes_remember_nothing() {
        let tape = Tape::probing();
        let y = tape.var(Tensor::from([1.0])).exp();
        assert!(tape.observed().is_empty() && !tape.is_observing());
        drop(y);
    }
}
