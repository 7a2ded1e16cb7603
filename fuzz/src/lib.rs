//! Bodies of the fuzz targets: plain functions on bytes that panic where something is wrong.

mod data_file;
mod einsum;
mod labels;
mod model_file;
mod onnx;
mod views;

pub use data_file::data_file;
pub use einsum::einsum;
pub use labels::labels;
pub use model_file::model_file;
pub use onnx::onnx;
pub use views::views;

/// Bytes taken one by one; zeros when they run out.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    /// A number below a bound above 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.next()) % bound
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next())
    }
}
