use super::*;
use crate::data::{Dataset, Examples, Source};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use tape::Tensor;

/// Gives the examples and the seed back; slow where `delay` says, so that workers overtake each other.
struct Echo {
    examples: usize,
    fetched: Arc<AtomicUsize>,
}

type Seen = (Vec<usize>, u64);

impl Source for Echo {
    type Batch = Seen;
    fn len(&self) -> usize {
        self.examples
    }
    fn fetch(&self, examples: &[usize], seed: u64) -> Result<Seen> {
        let turn = self.fetched.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_micros([300, 0, 100, 0][turn % 4]));
        match examples {
            [13] => setting("Echo", "there is no 13"),
            [14] => panic!("14 fell over"),
            _ => Ok((examples.to_vec(), seed)),
        }
    }
}

fn echo(examples: usize, size: usize) -> Loader<Echo> {
    Loader::new(Echo { examples, fetched: Arc::default() }, size)
}

fn epoch(loader: &mut Loader<Echo>) -> Vec<Seen> {
    let expected = loader.len();
    let seen: Vec<Seen> = loader.map(Result::unwrap).collect();
    assert_eq!(seen.len(), expected);
    seen
}

#[test]
fn any_number_of_workers_gives_the_same() {
    let epochs = |workers| {
        let mut loader = echo(23, 4).shuffled(5).workers(workers);
        (0..4).map(|_| epoch(&mut loader)).collect::<Vec<_>>()
    };
    let alone = epochs(0);
    for seen in &alone {
        let mut all: Vec<usize> = seen.iter().flat_map(|(examples, _)| examples.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..23).collect::<Vec<_>>());
        assert_eq!(seen[5].0.len(), 3);
    }
    let mut seeds: Vec<u64> = alone.iter().flatten().map(|(_, seed)| *seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 24, "every batch has a seed of its own");
    assert!((1..4).all(|later| alone[later] != alone[later - 1]));
    for workers in [1, 2, 5] {
        assert_eq!(epochs(workers), alone, "{workers} workers");
    }
    assert_ne!(epoch(&mut echo(23, 4).shuffled(6)), alone[0]);
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let whole = |loader: &mut Loader<Echo>| (0..3).map(|_| epoch(loader)).collect::<Vec<_>>().concat();
    let uninterrupted = whole(&mut echo(10, 3).shuffled(2));
    for taken in 0..=12 {
        for workers in [0, 3] {
            let mut first = echo(10, 3).shuffled(2).workers(workers);
            let mut seen = Vec::new();
            while seen.len() < taken {
                seen.extend(first.next().map(Result::unwrap));
            }
            let position = first.at();
            drop(first);
            let mut second = echo(10, 3).shuffled(2).workers(3 - workers);
            second.seek(position).unwrap();
            while second.at().epoch < 3 {
                seen.extend(second.next().map(Result::unwrap));
            }
            assert_eq!(seen, uninterrupted, "{taken} {workers}");
        }
    }
    let mut loader = echo(10, 3);
    let beyond = Position { epoch: 2, batch: 5 };
    let text = "Loader::seek: batch 5 of epoch 2, and an epoch has 4; the batch size or the data is another";
    assert_eq!(loader.seek(beyond).unwrap_err().to_string(), text);
    assert_eq!(loader.at(), Position::default());
}

#[test]
fn what_is_left_is_kept_or_dropped() {
    for (examples, size, kept, dropped) in [(0, 3, 0, 0), (2, 3, 1, 0), (3, 3, 1, 1), (7, 3, 3, 2), (9, 3, 3, 3)] {
        for workers in [0, 2] {
            let mut keeping = echo(examples, size).workers(workers);
            let mut dropping = echo(examples, size).drop_last().workers(workers);
            for _ in 0..2 {
                let all: Vec<usize> = epoch(&mut keeping).into_iter().flat_map(|(examples, _)| examples).collect();
                assert_eq!(all, (0..examples).collect::<Vec<_>>());
                assert!(epoch(&mut dropping).iter().all(|(examples, _)| examples.len() == size));
            }
            assert_eq!((keeping.batches_per_epoch(), dropping.batches_per_epoch()), (kept, dropped));
            assert_eq!(keeping.at(), Position { epoch: 2, batch: 0 });
        }
    }
}

#[test]
fn errors_and_panics_come_in_their_place() {
    for workers in [0, 1, 3] {
        let mut loader = echo(17, 1).workers(workers);
        let before: Vec<Seen> = loader.by_ref().take(13).map(Result::unwrap).collect();
        assert_eq!(before[12].0, [12]);
        assert_eq!(loader.next().unwrap().unwrap_err().to_string(), "Echo: there is no 13");
        let panic = catch_unwind(AssertUnwindSafe(|| loader.next())).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"14 fell over"));
        assert_eq!(loader.next().unwrap().unwrap().0, [15]);
        assert_eq!(loader.at(), Position { epoch: 0, batch: 16 });
    }
}

#[test]
fn workers_fetch_so_far_ahead_and_end_with_the_loader() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let mut loader = Loader::new(Echo { examples: 100, fetched: Arc::clone(&fetched) }, 1).workers(2);
    let until = |count: usize| {
        for _ in 0..2000 {
            if fetched.load(Ordering::SeqCst) >= count {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        // What would be fetched beyond, were there no bound.
        std::thread::sleep(std::time::Duration::from_millis(5));
        fetched.load(Ordering::SeqCst)
    };
    assert_eq!(fetched.load(Ordering::SeqCst), 0, "nothing is fetched before it is asked for");
    loader.next().unwrap().unwrap();
    assert_eq!(until(5), 5, "one was taken, four wait");
    loader.next().unwrap().unwrap();
    assert_eq!(until(6), 6);
    let source = Arc::downgrade(&loader.source);
    drop(loader);
    assert_eq!(source.strong_count(), 0, "no worker holds the source any more");
    assert_eq!(fetched.load(Ordering::SeqCst), 6);
}

#[test]
fn data_sets_examples_and_functions_over_batches() {
    let data = Dataset::new(Tensor::arange(6).reshape([3, 2]), Tensor::from([2i64, 0, 1])).unwrap();
    let batches: Vec<_> = Loader::new(Arc::new(data), 2).map(Result::unwrap).collect();
    assert_eq!(batches[0], (Tensor::from([[0.0, 1.0], [2.0, 3.0]]), Tensor::from([2i64, 0])));
    assert_eq!(batches[1], (Tensor::from([[4.0, 5.0]]), Tensor::from([1i64])));
    let pairs = Examples::new((Tensor::arange(3), Tensor::f64([0.5, 1.5, 2.5]))).unwrap();
    let sums = pairs.map(|(x, y), seed| Ok((x.cast::<f64>() + y, seed)));
    let mut loader = Loader::new(sums, 2).seeded(9).workers(2);
    let seen: Vec<_> = loader.by_ref().map(Result::unwrap).collect();
    assert_eq!((seen[0].0.to_vec(), seen[1].0.to_vec()), (vec![0.5, 2.5], vec![4.5]));
    assert_ne!(seen[0].1, seen[1].1);
}
