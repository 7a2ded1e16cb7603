//! Matrix products.

use crate::harness::{Row, Rows};
use crate::inputs::{checksums, values};
use tape::Tape;

pub fn rows() -> Rows {
    let products =
        [("64x784x512", [64, 784, 512]), ("256x512x512", [256, 512, 512]), ("1024", [1024; 3]), ("2048", [2048; 3])];
    products.map(|(name, sizes)| (format!("matmul_{name}"), make(sizes))).into()
}

fn make([m, k, n]: [usize; 3]) -> Box<dyn Fn() -> Row> {
    Box::new(move || {
        let (a, b) = (values(1, [m, k]), values(2, [k, n]));
        let product = move || Tape::inference().input(a.clone()).matmul(&b).into_value();
        let check = product.clone();
        Row {
            run: Box::new(move || drop(product())),
            check: Box::new(move || checksums("y", &check())),
            what: format!("[{m}, {k}]·[{k}, {n}], 2·{m}·{k}·{n} flop"),
        }
    })
}
