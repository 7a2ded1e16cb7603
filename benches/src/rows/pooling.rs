//! Pooling of images.

use super::images::passes;
use crate::harness::{Row, Rows};
use crate::inputs::values;
use tape::{Pool, Var};

const SHAPE: [usize; 4] = [32, 56, 56, 64];

pub fn rows() -> Rows {
    let max = |pool: Pool<2>| move |x: Var| x.max_pool(pool);
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

fn make(what: &str, pool: impl Fn(Var) -> Var + 'static) -> Row {
    let (x, dy) = (values(1, SHAPE), values(2, [32, 28, 28, 64]));
    passes(vec![("x", x)], dy, format!("{what}, of {SHAPE:?}, and its gradient"), move |_, v| pool(v[0].clone()))
}
