//! How a row is timed and printed, as every engine of the board does.

use std::time::Instant;

/// A row, ready to run.
pub struct Row {
    /// One iteration.
    pub run: Box<dyn FnMut()>,
    /// Checksums of outputs and gradients of one iteration from the initial state.
    pub check: Box<dyn FnMut() -> String>,
    /// What was measured, beyond the name.
    pub what: String,
}

/// A row's name and how to make it.
pub type Rows = Vec<(String, Box<dyn Fn() -> Row>)>;

/// Calls faster than this are timed in batches of about this length.
const BATCH_S: f64 = 50e-6;

/// The median time of one call in microseconds, after warm-up.
pub fn microseconds(run: &mut dyn FnMut()) -> f64 {
    let budget_s: f64 = std::env::var("BOARD_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0.6);
    let mut time = |calls: usize| {
        let start = Instant::now();
        (0..calls).for_each(|_| run());
        start.elapsed().as_secs_f64() / calls as f64
    };
    let warm_up = Instant::now();
    let mut once = f64::INFINITY;
    while warm_up.elapsed().as_secs_f64() < budget_s / 4.0 || once == f64::INFINITY {
        once = once.min(time(1));
    }
    let calls = (BATCH_S / once).ceil().max(1.0) as usize;
    let (start, mut times) = (Instant::now(), Vec::new());
    while (start.elapsed().as_secs_f64() < budget_s || times.len() < 5) && times.len() < 5000 {
        times.push(time(calls));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2] * 1e6
}

/// The command line of `board`.
///
/// # Errors
/// If a row is unknown.
pub fn main(rows: &Rows) -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, names): (Vec<_>, Vec<_>) = arguments.into_iter().partition(|a| a.starts_with("--"));
    let (list, check) = (flags.iter().any(|f| f == "--list"), flags.iter().any(|f| f == "--check"));
    if let Some(unknown) = names.iter().find(|name| rows.iter().all(|row| row.0 != **name)) {
        return Err(format!("no row is named {unknown}; --list names them"));
    }
    for (name, make) in rows.iter().filter(|row| names.is_empty() || names.contains(&row.0)) {
        if list {
            println!("{name}");
            continue;
        }
        let Row { mut run, check: mut checked, what } = make();
        match check {
            true => println!("{name}\t{}", checked()),
            false => println!("{name}\t{:.3}\t{what}", microseconds(&mut run)),
        }
    }
    Ok(())
}
