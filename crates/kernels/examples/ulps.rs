//! The largest error of every transcendental function in f32, at every level, over all bit patterns.
//!
//! `cargo run --release -p rectify-kernels --example ulps [stride] [function …]`: stride 1 (the default) looks at all 2³²
//! arguments, n at every n-th. `pow` is sampled on 2²⁸ / stride pairs with results in range, signs included. The table
//! gives the maximum in ulps and the argument it belongs to.

use kernels::{Broadcast, In1, In2, Level};

#[path = "../src/math/oracle.rs"]
mod oracle;

/// Arguments handled at once.
const BLOCK: usize = 1 << 20;

/// The largest error so far and where.
#[derive(Clone, Copy, Default)]
struct Worst {
    ulps: f64,
    at: f32,
    and: f32,
}

impl Worst {
    fn larger(self, other: Worst) -> Worst {
        if other.ulps > self.ulps { other } else { self }
    }
}

/// What is measured: a kernel over a block, and the truth with the size that an ulp is taken of.
type Run<'a> = &'a dyn Fn(&[f32], &[f32], &mut [f32]);
type Exact<'a> = &'a (dyn Fn(f64, f64) -> (f64, f64) + Sync);

fn main() {
    let mut words = std::env::args().skip(1).peekable();
    let stride: usize = words.next_if(|word| word.parse::<usize>().is_ok()).map_or(1, |word| word.parse().unwrap());
    let wanted: Vec<String> = words.collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let levels: Vec<Level> = Level::ALL.into_iter().filter(|level| level.is_available()).collect();
    print!("| function ");
    levels.iter().for_each(|level| print!("| {level} "));
    println!("|\n|---{}|", "|---".repeat(levels.len()));
    let all = (1usize << 32) / stride;
    let pattern = |i: usize| (f32::from_bits((i * stride) as u32), 1.0);
    for f in oracle::functions().into_iter().filter(|f| is_wanted(f.name)) {
        let run = |x: &[f32], _: &[f32], y: &mut [f32]| (f.kernel)(In1::From { x, y });
        let name = format!("{}, at most {}", f.name, f.ulps);
        measure(&name, &levels, all, &pattern, &run, &|x, _| ((f.exact)(x), (f.exact)(x)));
    }
    for f in oracle::slopes().into_iter().filter(|f| is_wanted(f.name)) {
        let run = two(f.kernel);
        measure(f.name, &levels, all, &pattern, &run, &|x, _| (f.exact)(x));
    }
    if is_wanted("pow") {
        let truth = |x: f64, y: f64| (x.powf(y), x.powf(y));
        measure("pow", &levels, (1 << 28) / stride, &|i| pair(i * stride), &two(kernels::pow), &truth);
    }
}

fn two(kernel: fn(In2<'_, f32>)) -> impl Fn(&[f32], &[f32], &mut [f32]) {
    move |a, b, y| kernel(In2::From { a: Broadcast::full(a), b: Broadcast::full(b), y })
}

/// A base and an exponent with a result that f32 holds, mostly.
fn pair(i: usize) -> (f32, f32) {
    let hash = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ hash >> 32;
    // Half of the bases anywhere, half of them next to 1; a quarter of the exponents integral.
    let mut base = f32::from_bits((hash >> 32) as u32);
    if hash & 1 == 0 {
        base = 1.0 + (base.to_bits() as f32 / 4294967296.0 - 0.5) * 0.5f32.powi((hash >> 1) as i32 & 15);
    }
    let share = ((hash >> 8) as u32 & 0xFF_FFFF) as f32 / 8_388_608.0 - 1.0;
    let mut exponent = 104.0 * share / base.abs().ln();
    if hash & 6 == 0 || base < 0.0 {
        exponent = exponent.round();
    }
    (base, exponent)
}

fn measure(
    name: &str,
    levels: &[Level],
    count: usize,
    argument: &(dyn Fn(usize) -> (f32, f32) + Sync),
    run: Run<'_>,
    exact: Exact<'_>,
) {
    let mut worst = vec![Worst::default(); levels.len()];
    let (mut x, mut y) = (vec![0.0f32; BLOCK], vec![0.0f32; BLOCK]);
    let mut truth = vec![(0.0, 0.0); BLOCK];
    let mut results = vec![vec![0.0f32; BLOCK]; levels.len()];
    for start in (0..count).step_by(BLOCK) {
        let length = BLOCK.min(count - start);
        for i in 0..length {
            (x[i], y[i]) = argument(start + i);
        }
        for (level, result) in levels.iter().zip(&mut results) {
            level.set_current();
            run(&x[..length], &y[..length], &mut result[..length]);
        }
        let (arguments, results) = ((&x[..length], &y[..length]), &results);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let part = length.div_ceil(threads);
        let found: Vec<Vec<Worst>> = std::thread::scope(|scope| {
            let parts = truth[..length].chunks_mut(part).enumerate();
            let handles: Vec<_> = parts
                .map(|(k, truth)| scope.spawn(move || compare(arguments, results, k * part, truth, exact)))
                .collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        for found in found {
            worst.iter_mut().zip(found).for_each(|(worst, found)| *worst = worst.larger(found));
        }
    }
    print!("| {name} ");
    for Worst { ulps, at, and } in worst {
        if name == "pow" { print!("| {ulps:.3} at {at:e}, {and:e} ") } else { print!("| {ulps:.3} at {at:e} ") }
    }
    println!("|");
}

/// The largest error of each level over the arguments from `start` on.
fn compare(
    (x, y): (&[f32], &[f32]),
    results: &[Vec<f32>],
    start: usize,
    truth: &mut [(f64, f64)],
    exact: Exact<'_>,
) -> Vec<Worst> {
    for (i, truth) in truth.iter_mut().enumerate() {
        *truth = exact(f64::from(x[start + i]), f64::from(y[start + i]));
    }
    let of_level = |result: &Vec<f32>| {
        truth.iter().enumerate().fold(Worst::default(), |worst, (i, &(exact, scale))| {
            let i = start + i;
            if worst.ulps > 0.5 && result[i] == exact as f32 && scale == exact {
                return worst; // at most half an ulp
            }
            worst.larger(Worst { ulps: oracle::distance(result[i], exact, scale), at: x[i], and: y[i] })
        })
    };
    results.iter().map(of_level).collect()
}
