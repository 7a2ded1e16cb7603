//! The tapes of a checkpoint's two runs.

use super::{Inner, Rehearsal, Tape};
use crate::checkpoint::Start;
use crate::param::ParamId;
use crate::{Float, Var};
use std::cell::RefCell;
use std::rc::Rc;

impl<T: Float> Tape<T> {
    /// This tape's settings and state, for a checkpoint.
    pub(crate) fn start(&self) -> Start<T> {
        let Inner { training, dropout, draws, .. } = &*self.inner;
        Start { training: *training, dropout: *dropout, draws: draws.get(), updates: self.updates() }
    }

    /// A tape for a checkpoint's second run.
    pub(crate) fn replaying(start: Start<T>) -> Tape<T> {
        let tape = Tape::with(true, start.training, start.dropout);
        tape.inner.draws.set(start.draws);
        tape.with_updates(|updates| *updates = start.updates);
        tape
    }

    /// A tape for a checkpoint's first run: records nothing and asks `outer` for parameters.
    pub(crate) fn rehearsing(start: Start<T>, outer: Tape<T>) -> Tape<T> {
        let finds_anomalies = outer.finds_anomalies();
        let mut tape = Tape::with(false, start.training, start.dropout);
        let inner = Rc::get_mut(&mut tape.inner).expect("nobody else has a handle yet");
        inner.rehearsal = Some(Rehearsal { outer, asked: RefCell::default() });
        inner.draws.set(start.draws);
        inner.finds_anomalies.set(finds_anomalies);
        tape.with_updates(|updates| *updates = start.updates);
        tape
    }

    /// Goes on where a checkpoint's first run ended.
    pub(crate) fn go_on_from(&self, rehearsal: &Tape<T>) {
        self.inner.draws.set(rehearsal.inner.draws.get());
        let updates = rehearsal.updates();
        self.with_updates(|own| *own = updates);
    }

    /// The parameters a checkpoint's first run asked for.
    pub(crate) fn take_asked(&self) -> Vec<(ParamId, Var<T>)> {
        self.inner.rehearsal.as_ref().map(|rehearsal| rehearsal.asked.take()).unwrap_or_default()
    }
}
