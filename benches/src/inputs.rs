//! The numbers every engine of the board computes with: `benches/peers/README.md`, "Inputs", is the definition.

use tape::{Shape, Tensor};

/// Tensor number of the weights in the `dot` checksum.
const CHECK: u64 = 1000;

/// Element `i` of a tensor, uniform in [−1, 1), exact.
fn unit(tensor: u64, i: usize) -> f64 {
    let mut h = ((i as u64 + 1) * 2_654_435_761 + tensor * 40_503 * 65_537) as u32;
    h ^= h >> 16;
    h = h.wrapping_mul(0x7FEB_352D);
    h ^= h >> 15;
    h = h.wrapping_mul(0x846C_A68B);
    h ^= h >> 16;
    f64::from(h) / f64::from(1u32 << 31) - 1.0
}

/// A tensor: offset + scale·unit, rounded once.
pub fn scaled(tensor: u64, shape: impl Into<Shape>, scale: f64, offset: f64) -> Tensor {
    Tensor::fill_with(shape, |to| {
        to.iter_mut().enumerate().for_each(|(i, x)| *x = (offset + scale * unit(tensor, i)) as f32);
    })
}

/// A tensor of numbers in [−1, 1).
pub fn values(tensor: u64, shape: impl Into<Shape>) -> Tensor {
    scaled(tensor, shape, 1.0, 0.0)
}

/// Slopes of PReLU: 0.25 + 0.125·unit.
pub fn slopes(tensor: u64, count: usize) -> Tensor {
    scaled(tensor, [count], 0.125, 0.25)
}

/// Class labels: i mod classes.
pub fn labels(count: usize, classes: usize) -> Tensor<i64> {
    Tensor::from((0..count).map(|i| (i % classes) as i64).collect::<Vec<i64>>())
}

/// `name.sum`, `name.abs` and `name.dot` of a tensor.
pub fn checksums(name: &str, x: &Tensor) -> String {
    let (mut sum, mut abs, mut dot) = (0.0, 0.0, 0.0);
    for (i, v) in x.to_vec().into_iter().enumerate() {
        let v = f64::from(v);
        sum += v;
        abs += v.abs();
        dot += v * unit(CHECK, i);
    }
    format!("{name}.sum={sum:?} {name}.abs={abs:?} {name}.dot={dot:?}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_those_of_the_page() {
        let of_hash = |h: u32| (f64::from(h) / 2f64.powi(31) - 1.0) as f32;
        let first = [1_988_833_745, 454_468_735, 3_765_136_778, 4_146_443_537].map(of_hash);
        assert_eq!(super::values(1, [4]).to_vec(), first);
        assert_eq!(super::values(2, [1]).item(), of_hash(2_886_653_389));
    }
}
