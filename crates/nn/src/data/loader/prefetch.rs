//! Worker threads that fetch ahead. Batches are numbered; whoever is free takes the next number, and they are handed on in their order.

use super::plan::{Orders, Plan};
use super::{Position, Source};
use crate::Result;
use crate::error::setting;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Batches that wait or are fetched, for each worker.
const AHEAD: usize = 2;

/// A batch, the error instead of it, or what a panic said.
type Outcome<B> = thread::Result<Result<B>>;

pub(super) struct Prefetch<B> {
    shared: Arc<Shared<B>>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared<B> {
    state: Mutex<State<B>>,
    /// There is room for one more.
    room: Condvar,
    /// One is ready, maybe the one that is waited for.
    ready: Condvar,
}

struct State<B> {
    /// The number of the first in `batches`.
    first: u64,
    /// From the first that was not handed on to the last that is being fetched; None where it is not ready.
    batches: VecDeque<Option<Outcome<B>>>,
    orders: Orders,
    stop: bool,
}

impl<B: Send + 'static> Prefetch<B> {
    pub(super) fn start<S: Source<Batch = B>>(
        source: &Arc<S>,
        plan: Plan,
        at: Position,
        workers: usize,
    ) -> Result<Prefetch<B>> {
        // The first thread to run a kernel on many threads becomes one of the pool's, and must outlive it: not one of these.
        kernels::threads();
        let state = State {
            first: at.epoch * plan.batches() + at.batch,
            batches: VecDeque::with_capacity(AHEAD * workers),
            orders: Orders::default(),
            stop: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), room: Condvar::new(), ready: Condvar::new() });
        let mut prefetch = Prefetch { shared, workers: Vec::with_capacity(workers) };
        for worker in 0..workers {
            let (shared, source) = (Arc::clone(&prefetch.shared), Arc::clone(source));
            let run = move || work(&shared, &*source, plan, AHEAD * workers);
            match thread::Builder::new().name(format!("loader-{worker}")).spawn(run) {
                Ok(handle) => prefetch.workers.push(handle),
                Err(error) => return setting("Loader", format!("worker {worker} of {workers} cannot start: {error}")),
            }
        }
        Ok(prefetch)
    }

    /// The next batch, when it is ready.
    pub(super) fn take(&self) -> Result<B> {
        let mut state = self.shared.lock();
        let outcome = loop {
            if let Some(outcome) = state.batches.front_mut().and_then(Option::take) {
                break outcome;
            }
            state = self.shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.batches.pop_front();
        state.first += 1;
        drop(state);
        self.shared.room.notify_one();
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<B> Shared<B> {
    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work<S: Source>(shared: &Shared<S::Batch>, source: &S, plan: Plan, most: usize) {
    let mut state = shared.lock();
    loop {
        while !state.stop && state.batches.len() >= most {
            state = shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop {
            return;
        }
        let number = state.first + state.batches.len() as u64;
        let at = plan.position(number);
        state.batches.push_back(None);
        let order = state.orders.of(&plan, at.epoch);
        drop(state);
        let fetch = || source.fetch(plan.examples_of(&order, at), plan.seed_of(at));
        let outcome = catch_unwind(AssertUnwindSafe(fetch));
        state = shared.lock();
        let place = (number - state.first) as usize;
        state.batches[place] = Some(outcome);
        shared.ready.notify_one();
    }
}

/// Ends the workers and waits for them.
impl<B> Drop for Prefetch<B> {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.room.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches what its source panics with; there is nothing else to hear from it.
            let _ = worker.join();
        }
    }
}
