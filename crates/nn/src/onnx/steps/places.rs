//! More places around a value, or fewer.

use super::{Attribute, Graph, Path, Value, bare};
use crate::{Layer, Result};
use tape::{Float, PadMode, Tensor, Var};

bare!(PadAxes SliceAxes);

/// Places before and after every axis.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct PadAxes {
    pub(in crate::onnx) places: Vec<(usize, usize)>,
    pub(in crate::onnx) mode: PadMode,
}

impl<T: Float> Layer<T> for PadAxes {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let places = self.places.iter().zip(0..).filter(|&(&places, _)| places != (0, 0));
        places.fold(x, |x, (&(before, after), axis)| x.pad_with(axis, before, after, self.mode))
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let mut in_model = vec![(0, 0); x.rank()];
        self.places.iter().enumerate().for_each(|(axis, &places)| in_model[x.axis_in_model(axis)] = places);
        let name = graph.pad_axes(at, &x, &in_model, self.mode);
        let sizes = x.sizes.iter().zip(&self.places[1..]).map(|(&size, (before, after))| before + size + after);
        Ok(Value { name, sizes: sizes.collect(), layout: x.layout })
    }
}

/// Some places of an axis: from one to before another, every so many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::onnx) struct Range {
    pub(in crate::onnx) axis: usize,
    /// Negative ones count from the end; what is beyond the axis is cut.
    pub(in crate::onnx) start: i64,
    pub(in crate::onnx) end: i64,
    /// Above 0.
    pub(in crate::onnx) step: usize,
}

impl Range {
    /// The first place, how many there are to the end, and how many are taken.
    pub(in crate::onnx) fn of(&self, size: usize) -> (usize, usize, usize) {
        let most = size as i64;
        let place = |at: i64| if at < 0 { at.saturating_add(most).max(0) } else { at.min(most) } as usize;
        let (start, end) = (place(self.start), place(self.end));
        let length = end.saturating_sub(start);
        (start, length, length.div_ceil(self.step))
    }
}

/// Ranges of axes.
#[derive(Clone, Debug)]
pub(in crate::onnx) struct SliceAxes(pub(in crate::onnx) Vec<Range>);

impl<T: Float> Layer<T> for SliceAxes {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.0.iter().fold(x, |x, range| {
            let axis = range.axis as isize;
            let (start, length, count) = range.of(x.shape()[range.axis]);
            let x = x.narrow(axis, start, length);
            if range.step == 1 || count == 0 {
                return x;
            }
            // Whole steps, of which the first place of each is taken.
            let step = range.step.min(length);
            let x = x.pad(axis, 0, (count * step).saturating_sub(length), 0.0);
            let mut parts = x.shape().to_vec();
            parts.splice(range.axis..=range.axis, [count, step]);
            x.reshape(&parts[..]).narrow(axis + 1, 0, 1).squeeze(axis + 1)
        })
    }

    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let starts = graph.ints(at, "starts", self.0.iter().map(|range| range.start));
        let ends = graph.ints(at, "ends", self.0.iter().map(|range| range.end));
        let axes = graph.ints(at, "axes", self.0.iter().map(|range| x.axis_in_model(range.axis) as i64));
        let steps = graph.ints(at, "steps", self.0.iter().map(|range| range.step as i64));
        let name = graph.node(at, "Slice", &[&x.name, &starts, &ends, &axes, &steps], Vec::new());
        let mut sizes = x.sizes.clone();
        self.0.iter().for_each(|range| sizes[range.axis - 1] = range.of(sizes[range.axis - 1]).2);
        Ok(Value { name, sizes, layout: x.layout })
    }
}

impl Graph {
    /// A `Pad` node; places are for every axis in the order of the model.
    pub(in crate::onnx) fn pad_axes(
        &mut self,
        at: &Path,
        x: &Value,
        places: &[(usize, usize)],
        mode: PadMode,
    ) -> String {
        let ends = places.iter().map(|places| places.0).chain(places.iter().map(|places| places.1));
        let places = self.ints(at, "pads", ends.map(|places| places as i64));
        let (mode, value) = match mode {
            PadMode::Constant(value) => ("constant", self.constant(at, "value", &Tensor::scalar(value))),
            PadMode::Reflect => ("reflect", String::new()),
            PadMode::Replicate => ("edge", String::new()),
            PadMode::Circular => ("wrap", String::new()),
        };
        let mut inputs = vec![x.name.as_str(), &places];
        if !value.is_empty() {
            inputs.push(&value);
        }
        self.node(at, "Pad", &inputs, vec![("mode", Attribute::Text(mode))])
    }
}
