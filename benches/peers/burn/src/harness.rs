//! Rows, timing and the command line, as in `../harness.py`.

use std::process::exit;
use std::time::{Duration, Instant};

const THREADS: usize = 2;
const WARM_UPS: usize = 3;
const SHORTEST_SAMPLE: Duration = Duration::from_micros(50);
const MAX_SAMPLES: usize = 2000;

/// A row set up: one timed iteration, and one from the initial state for its checksums.
pub struct Row {
    pub run: Box<dyn FnMut()>,
    pub check: Box<dyn FnMut() -> String>,
}

/// A row's name and how to set it up.
pub type Named = (String, Box<dyn Fn() -> Row>);

/// Names a row.
pub fn named(name: impl Into<String>, set_up: impl Fn() -> Row + 'static) -> Named {
    (name.into(), Box::new(set_up))
}

/// `[--list | --check] [ROW…]`
pub fn main(rows: &[Named]) {
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global().expect("no pool was built before");
    let (flags, wanted): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    if flags.iter().any(|flag| flag == "--list") {
        rows.iter().for_each(|(name, _)| println!("{name}"));
        return;
    }
    let unknown: Vec<_> = wanted.iter().filter(|name| !rows.iter().any(|(known, _)| known == *name)).collect();
    unknown.iter().for_each(|name| eprintln!("{name}: burn has no such row"));
    for (name, set_up) in rows.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
        let mut row = set_up();
        if flags.iter().any(|flag| flag == "--check") {
            println!("{name}\t{}", (row.check)());
        } else {
            let (median, least) = measure(&mut row.run);
            println!("{name}\t{median:.2}\tburn 0.22 flex (min {least:.2})");
        }
    }
    exit(i32::from(!unknown.is_empty()));
}

/// The median and the least time of one call in microseconds.
fn measure(run: &mut dyn FnMut()) -> (f64, f64) {
    (0..WARM_UPS).for_each(|_| run());
    let start = Instant::now();
    run();
    let batch = (SHORTEST_SAMPLE.as_secs_f64() / start.elapsed().as_secs_f64()).ceil().max(1.0) as usize;
    let end = Instant::now() + seconds();
    let mut samples = Vec::new();
    while (Instant::now() < end && samples.len() < MAX_SAMPLES) || samples.len() < 5 {
        let start = Instant::now();
        (0..batch).for_each(|_| run());
        samples.push(start.elapsed().as_secs_f64() * 1e6 / batch as f64);
    }
    samples.sort_by(f64::total_cmp);
    (samples[samples.len() / 2], samples[0])
}

/// How long a row is measured: `BOARD_SECONDS`, 0.6 unless set.
fn seconds() -> Duration {
    let set = std::env::var("BOARD_SECONDS").ok();
    Duration::from_secs_f64(set.map_or(0.6, |text| text.parse().expect("BOARD_SECONDS is a number of seconds")))
}
