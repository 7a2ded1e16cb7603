//! The person before the terminal: a progress bar, and Ctrl-C.

use super::Metric;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether Ctrl-C was pressed since the last run began. A signal comes to the program, not to a run: no way around a global.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static HANDLER: Once = Once::new();

pub(super) struct Terminal {
    bar: ProgressBar,
}

impl Terminal {
    pub(super) fn new(progress: bool, first: u64, total: u64) -> Terminal {
        HANDLER.call_once(|| {
            // A program with a handler of its own keeps it. A second Ctrl-C ends the program at once.
            let _ = ctrlc::set_handler(|| {
                if INTERRUPTED.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
            });
        });
        INTERRUPTED.store(false, Ordering::Relaxed);
        // indicatif draws nothing where standard error is no terminal.
        let target = if progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{bar:30} step {pos}/{len}  {per_sec}  {eta} left  {msg}");
        let bar = ProgressBar::with_draw_target(Some(total), target);
        bar.set_style(style.expect("the template is fixed"));
        bar.set_position(first);
        bar.reset_eta();
        Terminal { bar }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        INTERRUPTED.load(Ordering::Relaxed)
    }

    pub(super) fn step(&self, step: u64, loss: f64) {
        self.bar.set_position(step);
        self.bar.set_message(format!("loss {loss:.4}"));
    }

    pub(super) fn epoch(&self, epoch: u64, metrics: &[Metric]) {
        let metrics: Vec<String> = metrics.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        self.bar.println(format!("epoch {epoch:>4}  {}", metrics.join("  ")));
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
