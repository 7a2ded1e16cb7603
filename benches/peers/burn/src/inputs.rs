//! The numbers every engine of the board computes with: `../README.md`, "Inputs", is the definition.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Tensor number of the weights in the `dot` checksum.
const CHECK: u64 = 1000;

/// Element i of a tensor, uniform in [-1, 1).
fn unit(tensor: u64, i: usize) -> f64 {
    let mut h = ((i as u64 + 1) * 2_654_435_761 + tensor * 40_503 * 65_537) as u32;
    h ^= h >> 16;
    h = h.wrapping_mul(0x7FEB_352D);
    h ^= h >> 15;
    h = h.wrapping_mul(0x846C_A68B);
    h ^= h >> 16;
    f64::from(h) / 2f64.powi(31) - 1.0
}

/// `count` elements: offset + scale·unit in f64, rounded once to f32.
pub fn scaled(tensor: u64, count: usize, scale: f64, offset: f64) -> Vec<f32> {
    (0..count).map(|i| (offset + scale * unit(tensor, i)) as f32).collect()
}

/// A tensor of uniform numbers in [-1, 1). Shapes are ours: features last.
pub fn values<const D: usize>(tensor: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(scaled(tensor, shape.iter().product(), 1.0, 0.0), shape), device)
}

/// Slopes of PReLU: 0.25 + 0.125·unit.
pub fn alphas(tensor: u64, count: usize, device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(scaled(tensor, count, 0.125, 0.25), [count]), device)
}

/// Class labels: i mod classes.
pub fn labels(count: usize, classes: usize, device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i32> = (0..count).map(|i| (i % classes) as i32).collect();
    Tensor::from_data(TensorData::new(labels, [count]), device)
}

/// `name.sum`, `name.abs` and `name.dot` of a tensor in our order (features last), accumulated in f64.
pub fn checksums<const D: usize>(name: &str, tensor: Tensor<D>) -> String {
    let numbers = tensor.into_data().try_to_vec::<f32>().expect("the board is in f32");
    let (mut sum, mut abs, mut dot) = (0.0, 0.0, 0.0);
    for (i, number) in numbers.into_iter().map(f64::from).enumerate() {
        sum += number;
        abs += number.abs();
        dot += number * unit(CHECK, i);
    }
    format!("{name}.sum={sum:?} {name}.abs={abs:?} {name}.dot={dot:?}")
}
