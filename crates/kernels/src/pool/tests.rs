//! Size classes, sharing and recycling. Caps and counters, which are global, are in `tests/pool.rs`.

use super::*;
use std::sync::Arc;

#[test]
fn classes_waste_at_most_an_eighth() {
    for bytes in (1..5000).chain((12..40).flat_map(|e| [(1 << e) - 1, 1 << e, (1 << e) + 1, 3 << e])) {
        let class = class_of(bytes);
        let size = bytes_of(class);
        assert!(size >= bytes, "{bytes} bytes in class {class} of {size}");
        assert!(size - bytes < (size / 8).max(64), "{bytes} bytes in class {class} of {size}");
        assert!(class == 0 || bytes_of(class - 1) < bytes, "{bytes} fit in the class below {class}");
        assert!(size.is_multiple_of(64));
    }
}

#[test]
fn numbers_are_aligned_and_initialised() {
    for len in [0, 1, 16, 100, 5000, 700_000] {
        let block = Block::<u8, f32>::zeroed(7, len);
        assert_eq!(block.data().as_ptr() as usize % 64, 0);
        assert_eq!(block.data(), vec![0.0; len]);
        assert_eq!((*block.header(), block.len(), block.is_empty()), (7, len, len == 0));
    }
}

#[test]
fn a_recycled_block_is_zeroed_when_asked() {
    let mut first = Buffer::<f32>::new(1234);
    first.fill(3.0);
    let place = first.as_ptr();
    drop(first);
    let second = Buffer::<f32>::zeroed(1234);
    assert_eq!(second.as_ptr(), place, "the block should come back");
    assert!(second.iter().all(|&v| v == 0.0));
}

#[test]
fn only_the_last_handle_may_write() {
    let mut a = Block::<(), i64>::zeroed((), 3);
    let b = a.clone();
    assert!(a.ptr_eq(&b) && !a.is_unique() && a.get_mut().is_none());
    drop(b);
    a.get_mut().expect("the other handle is gone").1[1] = 5;
    assert_eq!(a.data(), [0, 5, 0]);
}

#[test]
fn the_header_is_dropped_once_with_the_last_handle() {
    let counted = Arc::new(());
    let a = Block::<Arc<()>, f64>::new(Arc::clone(&counted), 10);
    let b = a.clone();
    drop(a);
    assert_eq!(Arc::strong_count(&counted), 2);
    drop(b);
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn handles_may_be_dropped_by_many_threads_at_once() {
    let counted = Arc::new(());
    for len in [10, 100_000] {
        let block = Block::<Arc<()>, f64>::zeroed(Arc::clone(&counted), len);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let mine = block.clone();
                scope.spawn(move || {
                    for _ in 0..1000 {
                        assert_eq!(mine.clone().data()[0], 0.0);
                    }
                });
            }
            drop(block);
        });
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}

#[test]
fn impossible_sizes_panic_with_the_numbers() {
    let panic = std::panic::catch_unwind(|| Buffer::<f64>::new(usize::MAX / 2)).err().expect("must panic");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.contains("elements of 8 bytes"), "{message}");
}
