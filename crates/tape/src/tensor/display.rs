//! Printing, as numpy does: nested brackets, columns that line up, the middle of long axes left out.
//!
//! `{}` prints the numbers, `{:?}` the shape too; `{:.3}` sets the digits behind the point (4 unless set).

use super::Tensor;
use kernels::pool::Element;
use std::fmt;

/// Beyond this many elements the middle of long axes is left out.
const SUMMARISED: usize = 1000;
/// How many positions are shown at each end then.
const EDGE: usize = 3;

/// Numbers that can be printed in columns.
pub trait Cell: Element {
    /// One cell.
    fn cell(self, style: Style) -> String;
    /// The style that suits all of these numbers.
    fn style(numbers: &[Self], digits: Option<usize>) -> Style;
}

/// How the numbers of one tensor are printed.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    digits: usize,
    scientific: bool,
    exact: bool,
}

macro_rules! float_cells {
    ($type:ty) => {
        impl Cell for $type {
            fn cell(self, style: Style) -> String {
                let digits = style.digits;
                match style {
                    _ if self.is_nan() => "nan".to_string(),
                    _ if self.is_infinite() => if self > 0.0 { "inf" } else { "-inf" }.to_string(),
                    Style { scientific: true, .. } => format!("{self:.digits$e}"),
                    Style { exact: true, .. } => format!("{self}."),
                    _ => format!("{self:.digits$}"),
                }
            }

            fn style(numbers: &[Self], digits: Option<usize>) -> Style {
                let finite = || numbers.iter().filter(|x| x.is_finite());
                let largest = finite().fold(0.0, |m: $type, x| m.max(x.abs()));
                let smallest = finite().filter(|x| **x != 0.0).fold(<$type>::INFINITY, |m, x| m.min(x.abs()));
                let scientific = largest >= 1e8 || smallest < 1e-4 && smallest > 0.0;
                let exact = digits.is_none() && !scientific && finite().all(|x| x.fract() == 0.0);
                Style { digits: digits.unwrap_or(4), scientific, exact }
            }
        }
    };
}
float_cells!(f32);
float_cells!(f64);

macro_rules! whole_cells {
    ($($type:ty),+) => {$(
        impl Cell for $type {
            fn cell(self, _: Style) -> String {
                self.to_string()
            }
            fn style(_: &[Self], _: Option<usize>) -> Style {
                Style { digits: 0, scientific: false, exact: true }
            }
        }
    )+};
}
whole_cells!(i64, i32, u64, u32, u8);

impl<T: Cell> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (positions, numbers) = self.shown();
        let style = T::style(&numbers, f.precision());
        let cells: Vec<String> = numbers.iter().map(|number| number.cell(style)).collect();
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        write_axis(f, &positions, &mut cells.iter(), width, 0)
    }
}

impl<T: Cell> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        write!(f, " {:?}", self.shape())
    }
}

/// The positions of one axis that are shown; None stands for those left out.
type Positions = Vec<Option<usize>>;

impl<T: Cell> Tensor<T> {
    /// What is shown: the positions of each axis, and the numbers there.
    fn shown(&self) -> (Vec<Positions>, Vec<T>) {
        let is_long = self.len() > SUMMARISED;
        let positions: Vec<Positions> = self.shape().iter().map(|&size| positions(size, is_long)).collect();
        let mut numbers = Vec::new();
        let mut shown = self.clone();
        for (axis, positions) in positions.iter().enumerate() {
            if positions.contains(&None) {
                let size = shown.shape()[axis];
                let head = shown.narrow(axis as isize, 0, EDGE);
                let tail = shown.narrow(axis as isize, size - EDGE, EDGE);
                shown = joined(&head, &tail, axis);
            }
        }
        numbers.extend(shown.to_vec());
        (positions, numbers)
    }
}

/// Two tensors one after the other along an axis.
fn joined<T: Element>(head: &Tensor<T>, tail: &Tensor<T>, axis: usize) -> Tensor<T> {
    let inner: usize = head.shape()[axis..].iter().product();
    let (a, b) = (head.to_vec(), tail.to_vec());
    let mut numbers = Vec::with_capacity(2 * a.len());
    for (a, b) in a.chunks(inner.max(1)).zip(b.chunks(inner.max(1))) {
        numbers.extend_from_slice(a);
        numbers.extend_from_slice(b);
    }
    Tensor::new(&numbers, head.shape().with(axis, 2 * EDGE))
}

fn positions(size: usize, is_long: bool) -> Positions {
    if !is_long || size <= 2 * EDGE {
        return (0..size).map(Some).collect();
    }
    (0..EDGE).map(Some).chain([None]).chain((size - EDGE..size).map(Some)).collect()
}

fn write_axis<'a>(
    f: &mut fmt::Formatter<'_>,
    axes: &[Positions],
    cells: &mut impl Iterator<Item = &'a String>,
    width: usize,
    depth: usize,
) -> fmt::Result {
    let Some((axis, inner)) = axes.split_first() else {
        return match cells.next() {
            Some(cell) => write!(f, "{cell:>width$}"),
            None => Ok(()),
        };
    };
    f.write_str("[")?;
    for (i, position) in axis.iter().enumerate() {
        if i > 0 {
            if inner.is_empty() {
                f.write_str(", ")?;
            } else {
                write!(f, ",{}{:indent$}", "\n".repeat(inner.len()), "", indent = depth + 1)?;
            }
        }
        match position {
            Some(_) => write_axis(f, inner, cells, width, depth + 1)?,
            None => f.write_str("…")?,
        }
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn columns_line_up() {
        let x = Tensor::from([[1.0, -22.5], [0.25, 3.0]]);
        assert_eq!(x.to_string(), "[[  1.0000, -22.5000],\n [  0.2500,   3.0000]]");
        assert_eq!(format!("{x:.1}"), "[[  1.0, -22.5],\n [  0.2,   3.0]]");
        assert_eq!(format!("{:?}", Tensor::from([1, 20])), "[ 1, 20] [2]");
        assert_eq!(Tensor::from([1.0, f32::NAN, f32::NEG_INFINITY]).to_string(), "[  1.,  nan, -inf]");
        assert_eq!(Tensor::from(2.5).to_string(), "2.5000");
        assert_eq!(Tensor::from([1e-9, 1.0]).to_string(), "[1.0000e-9,  1.0000e0]");
    }

    #[test]
    fn long_axes_lose_their_middle() {
        assert_eq!(Tensor::arange(2000).to_string(), "[   0.,    1.,    2., …, 1997., 1998., 1999.]");
        let text = Tensor::arange(3000).reshape([1000, 3]).to_string();
        assert_eq!(text.lines().count(), 7, "{text}");
        assert!(text.ends_with("[2997., 2998., 2999.]]"), "{text}");
    }

    #[test]
    fn empty_tensors_and_three_axes_print() {
        assert_eq!(Tensor::zeros([0]).to_string(), "[]");
        assert_eq!(Tensor::zeros([2, 0]).to_string(), "[[],\n []]");
        assert_eq!(Tensor::zeros([2, 1, 1]).to_string(), "[[[0.]],\n\n [[0.]]]");
    }
}
