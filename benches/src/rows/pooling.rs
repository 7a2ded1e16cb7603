//! Pooling of images.

use crate::harness::{Row, Rows};
use crate::inputs::{checksums, values};
use tape::{Pool, Tape, Var};

const SHAPE: [usize; 4] = [32, 56, 56, 64];

pub fn rows() -> Rows {
    let max = |pool: Pool<2>| move |x: Var<f32>| x.max_pool(pool);
    vec![
        ("max_pool_2x2".into(), Box::new(move || make("max pooling, 2 by 2", max(Pool::new([2, 2]))))),
        (
            "max_pool_3x3s2".into(),
            Box::new(move || {
                let pool = Pool::new([3, 3]).stride([2, 2]).padding([1, 1]);
                make("max pooling, 3 by 3 every 2", max(pool))
            }),
        ),
        ("avg_pool_2x2".into(), Box::new(|| make("mean pooling, 2 by 2", |x| x.avg_pool(Pool::new([2, 2]))))),
    ]
}

fn make(what: &str, pool: impl Fn(Var<f32>) -> Var<f32> + Clone + 'static) -> Row {
    let (x, dy) = (values(1, SHAPE), values(2, [32, 28, 28, 64]));
    let step = move || {
        let tape = Tape::probing();
        let x = tape.var(x.clone());
        let y = pool(x.clone());
        let value = y.value().clone();
        (value, y.backward_with(dy.clone()), x)
    };
    let check = step.clone();
    Row {
        run: Box::new(move || drop(step())),
        check: Box::new(move || {
            let (y, grads, x) = check();
            format!("{} {}", checksums("y", &y), checksums("dx", &grads[&x]))
        }),
        what: format!("{what}, of {SHAPE:?}, and its gradient"),
    }
}
