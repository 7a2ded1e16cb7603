//! Runs that stop, are killed, find their files damaged, and go on bit for bit.

use nn::prelude::*;
use nn::state::Record;
use run::{Learns, RUNS, Run, run, with_run};
use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[path = "checkpoint/run.rs"]
mod run;

/// Everything a run remembers, as bytes.
fn bits(state: &impl State) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = Checkpoint::new(folder.path()).save(0, state).unwrap();
    std::fs::read(path).unwrap()
}

thread_local! {
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn warnings() -> Vec<String> {
    WARNINGS.take()
}

fn quiet(directory: impl AsRef<Path>) -> Checkpoint {
    Checkpoint::new(directory).warn(|warning| WARNINGS.with_borrow_mut(|warnings| warnings.push(warning.to_owned())))
}

/// What starts a run, the same each time.
trait Start<O: Learns>: Fn() -> Run<O> + Sync {}
impl<O: Learns, F: Fn() -> Run<O> + Sync> Start<O> for F {}

#[test]
fn a_run_goes_on_bit_for_bit_with_every_optimiser_and_any_threads() {
    for number in 0..RUNS {
        with_run!(number, resumes);
    }
}

fn resumes<O: Learns>(start: &impl Start<O>) {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = quiet(folder.path()).every(4).keep(2);
    kernels::with_threads(2, || start().workers(1).until(10, &checkpoint));
    assert_eq!(checkpoint.steps().unwrap(), [4, 8]);
    let resumed = kernels::with_threads(3, || start().workers(2).until(17, &checkpoint));
    assert_eq!(checkpoint.steps().unwrap(), [12, 16]);
    assert!(resumed == start().without_a_stop(17));
}

/// The child of the test below: saves at every step until it is killed.
#[test]
fn child_that_is_killed() {
    let Ok(directory) = std::env::var("RECTIFY_KILLED_IN") else { return };
    let number: usize = std::env::var("RECTIFY_KILLED_WITH").unwrap().parse().unwrap();
    let checkpoint = Checkpoint::new(directory);
    with_run!(number, run_until_killed, &checkpoint);
}

fn run_until_killed<O: Learns>(start: &impl Start<O>, checkpoint: &Checkpoint) {
    let some = std::process::id() as usize;
    kernels::with_threads(1 + some % 3, || start().workers(some % 4).until(1 << 40, checkpoint));
}

#[test]
fn killed_at_any_moment_the_directory_loads_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let directory = |number: usize| folder.path().join(number.to_string());
    for kill in 0..100 {
        let number = kill % RUNS;
        let directory = directory(number);
        let before = quiet(&directory).steps().unwrap().last().copied().unwrap_or(0);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed"])
            .env("RECTIFY_KILLED_IN", &directory)
            .env("RECTIFY_KILLED_WITH", number.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Until it saves; then for some moment more, which is another one each time.
        while quiet(&directory).steps().unwrap().last().copied().unwrap_or(0) <= before {
            assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(137 * (kill as u64 % 53)));
        child.kill().unwrap();
        child.wait().unwrap();
        with_run!(number, loads, &directory);
    }
    for number in 0..RUNS {
        with_run!(number, ends_as_if_not_killed, &directory(number));
    }
}

fn loads<O: Learns>(start: &impl Start<O>, directory: &Path) {
    assert!(quiet(directory).restore(&mut start()).unwrap() > 0);
    assert!(warnings().is_empty());
}

fn ends_as_if_not_killed<O: Learns>(start: &impl Start<O>, directory: &Path) {
    let checkpoint = quiet(directory);
    let end = checkpoint.steps().unwrap().last().unwrap() + 5;
    assert!(start().workers(1).until(end, &checkpoint) == start().without_a_stop(end));
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| name.starts_with("step-")), "what killed saves left is swept away");
}

fn saved(directory: &Path, steps: &[u64]) -> Checkpoint {
    let checkpoint = quiet(directory).keep(10);
    for &step in steps {
        checkpoint.save(step, &(step, 0.5 * step as f64)).unwrap();
    }
    checkpoint
}

#[test]
fn a_damaged_last_one_falls_back_to_the_one_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = saved(folder.path(), &[10, 20, 30]);
    let last = folder.path().join("step-0000000030.safetensors");
    let mut bytes = std::fs::read(&last).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&last, bytes).unwrap();
    let mut run = (0u64, 0.0f64);
    assert_eq!(checkpoint.restore(&mut run).unwrap(), 20);
    assert_eq!(run, (20, 10.0));
    let [warning] = &warnings()[..] else { panic!("one warning") };
    assert!(warning.contains("step-0000000030.safetensors: its checksum is "), "{warning}");
    assert!(warning.ends_with("it is damaged; going on from step 20"), "{warning}");
    assert_eq!(checkpoint.steps().unwrap(), [10, 20]);
    assert!(folder.path().join("step-0000000030.safetensors.damaged").exists(), "nothing is lost");
    checkpoint.save(25, &run).unwrap();
}

#[test]
fn where_all_are_damaged_that_is_an_error_and_nothing_moves() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = saved(folder.path(), &[1, 2]);
    for step in [1, 2] {
        let path = folder.path().join(format!("step-{step:010}.safetensors"));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    }
    let mut run = (7u64, 7.0f64);
    let error = checkpoint.restore(&mut run).unwrap_err().to_string();
    assert!(error.contains("step-0000000002.safetensors: this is no checkpoint, or a damaged one"), "{error}");
    assert_eq!((run, checkpoint.steps().unwrap()), ((7, 7.0), vec![1, 2]));
    warnings();
}

#[test]
fn no_byte_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = saved(folder.path(), &[5]);
    let path = folder.path().join("step-0000000005.safetensors");
    let sound = std::fs::read(&path).unwrap();
    let mut run = (0u64, 0.0f64);
    for at in 0..sound.len() {
        for bit in [1, 32, 128] {
            let mut bytes = sound.clone();
            bytes[at] ^= bit;
            std::fs::write(&path, &bytes).unwrap();
            assert!(checkpoint.restore(&mut run).is_err(), "byte {at}, bit {bit}");
        }
        std::fs::write(&path, &sound[..at]).unwrap();
        assert!(checkpoint.restore(&mut run).is_err(), "{at} bytes");
    }
    assert_eq!(run, (0, 0.0));
    std::fs::write(&path, [&sound[..], &[0]].concat()).unwrap();
    assert!(checkpoint.restore(&mut run).is_err(), "one byte more");
    std::fs::write(&path, &sound).unwrap();
    assert_eq!(checkpoint.restore(&mut run).unwrap(), 5);
    warnings();
}

#[test]
fn another_run_is_told_in_what_it_differs_and_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = quiet(folder.path());
    checkpoint.save(1, &(1u64, Tensor::from([1.0, 2.0]), 3.0f64)).unwrap();
    let mut other = (9u64, Tensor::zeros([3]), 4.0f32, true);
    let error = checkpoint.restore(&mut other).unwrap_err().to_string();
    let table = "does not fit this model:\n  \
                 missing     3\n  \
                 different   1 is [2] in the file and [3] in the run\n  \
                 different   2 is F64 [] in the file; it must be F32 []";
    assert!(error.ends_with(table), "{error}");
    assert_eq!((other.0, other.1.to_vec(), other.2, other.3), (9, vec![0.0; 3], 4.0, true));
}

#[test]
fn a_later_step_in_the_directory_is_another_runs() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = saved(folder.path(), &[30]);
    let error = checkpoint.save(10, &(0u64, 0.0)).unwrap_err().to_string();
    assert!(
        error.ends_with("holds step 30, later than 10: restore the run first, or give it another directory"),
        "{error}"
    );
    assert_eq!(checkpoint.steps().unwrap(), [30]);
    checkpoint.save(30, &(30u64, 1.0)).unwrap(); // the same step again is a save like any
    assert_eq!(checkpoint.steps().unwrap(), [30]);
}

/// burn: the epoch that a checkpoint ended was run once more.
#[test]
fn peer_bug_d07() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::new(folder.path());
    let mut run = Vec::new();
    for end in [3, 5, 5, 6] {
        let mut count = 0u64;
        for step in checkpoint.restore(&mut count).unwrap()..end {
            run.push(step);
            count += 1;
            checkpoint.save(step + 1, &count).unwrap();
        }
        assert_eq!(count, end);
    }
    assert_eq!(run, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn the_last_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::new(folder.path().join("not/yet/there")).every(2).keep(3);
    assert_eq!(checkpoint.restore(&mut 1u64).unwrap(), 0);
    for step in 1..=11 {
        checkpoint.save_if_due(step, &step).unwrap();
    }
    assert_eq!(checkpoint.steps().unwrap(), [6, 8, 10]);
    let mut last = 0u64;
    assert_eq!((checkpoint.restore(&mut last).unwrap(), last), (10, 10));
}

/// Every version of the form is read for good: this file was written by version 1.
#[test]
fn files_of_version_1_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let old = include_bytes!("reference/checkpoint_v1.safetensors");
    std::fs::write(folder.path().join("step-0000000012.safetensors"), old).unwrap();
    let mut net = Sequential::new().then(Linear::new(2, 1, &mut Rng::seed(0))).then(PRelu::shared());
    let mut run = (&mut net, Adam::<f32>::new(1.0), Rng::seed(0), (false, String::new(), 0usize));
    assert_eq!(quiet(folder.path()).restore(&mut run).unwrap(), 12);
    let (_, adam, mut rng, rest) = run;
    assert_eq!((adam.learning_rate(), rest), (0.125, (true, "text".to_owned(), 9)));
    assert_eq!(rng.next_u64(), Rng::seed(5).next_u64());
    assert_eq!(net.named_parameters()[0].1.value().to_vec(), [0.5, -2.0]);
    warnings();
}

#[test]
fn a_newer_version_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let old = include_bytes!("reference/checkpoint_v1.safetensors");
    let at = |needle: &str| old.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap();
    let (version, sum) = (at("checkpoint\":\"1\"") + 13, at("checksum\":\"") + 11);
    let mut newer = old.to_vec();
    newer[version] = b'2';
    newer[sum..][..8].copy_from_slice(b"00000000");
    let digits = format!("{:08x}", crc32fast::hash(&newer));
    newer[sum..][..8].copy_from_slice(digits.as_bytes());
    std::fs::write(folder.path().join("step-0000000012.safetensors"), newer).unwrap();
    let error = quiet(folder.path()).restore(&mut 0u64).unwrap_err().to_string();
    assert!(
        error.ends_with("it has version 2 of the form, and this Rectify reads up to 1: take a newer one"),
        "{error}"
    );
}

#[test]
fn names_are_those_of_fields_and_no_two_are_the_same() {
    let names: Vec<String> = Record::of(&run(Sgd::new(0.1), Schedule::constant)).names().map(str::to_owned).collect();
    let net = "net.act.alpha net.hidden.bias net.hidden.weight net.norm.bias net.norm.running_mean net.norm.running_var \
               net.norm.weight net.out.bias net.out.weight";
    let rates =
        "optimiser.learning_rate optimiser.memory.names plateau.best plateau.cooling plateau.rate plateau.waited";
    let expected = format!("batches.batch batches.epoch losses {net} {rates} rng");
    assert_eq!(names.join(" "), expected);

    struct Twice;
    impl State for Twice {
        fn record(&self, to: &mut Record) {
            to.field("a", &1u64);
            to.field("a", &2u64);
        }
        fn recall(&mut self, _: &mut nn::state::Recall<'_>) {}
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Checkpoint::new(folder.path().join("run")).save(1, &Twice).unwrap_err().to_string();
    assert_eq!(error, "Checkpoint: two parts of the run are named `a`");
    assert!(!folder.path().join("run").exists());
}
