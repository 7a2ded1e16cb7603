//! What a pass over the result does: runs of places on each axis, and for each combination of them what its places read.

use super::ConvGeometry;
use super::axis::{Axis, Run};

/// Rows of neighbouring numbers of the source, as long as neighbouring rows of weights are many: `steps` numbers from `source` on meet
/// the weights' rows from `weights` on, and so do those that lie `source_row` and `weights_row` further, `rows` times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) source: usize,
    pub(super) weights: usize,
    pub(super) steps: usize,
    pub(super) rows: usize,
    pub(super) source_row: usize,
    pub(super) weights_row: usize,
}

/// Places of one plane of the result that read the source through the same blocks: a grid of them.
#[derive(Clone, Copy)]
pub(super) struct Patch<'a> {
    pub(super) blocks: &'a [Block],
    /// The number of the source from which blocks are counted for the first place.
    pub(super) source: usize,
    /// The first place's row and column.
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) down: Way,
    pub(super) right: Way,
}

/// One axis of a [`Patch`].
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// Places.
    pub(super) count: usize,
    /// From one to the next: numbers of the source, and rows or columns of the result.
    pub(super) source: usize,
    pub(super) step: usize,
}

/// The sizes of a pass: y over x, or dx over dy.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Spatial sizes of the source and the result.
    pub(super) source: [usize; 3],
    pub(super) result: [usize; 3],
    /// Channels of all groups.
    pub(super) source_channels: usize,
    pub(super) result_channels: usize,
    pub(super) groups: usize,
    /// The runs of each axis.
    runs: [Vec<Run>; 3],
    /// What the places of each combination of runs read, the last axis fastest.
    blocks: Vec<Vec<Block>>,
    /// Taps of the window.
    pub(super) taps: usize,
}

impl Plan {
    pub(super) fn forward(g: &ConvGeometry) -> Plan {
        let runs = [0, 1, 2].map(|axis| Axis::of(g, axis).forward());
        Plan::new(g, runs, (g.input, g.channels), (g.output, g.filters))
    }

    pub(super) fn backward(g: &ConvGeometry) -> Plan {
        let runs = [0, 1, 2].map(|axis| Axis::of(g, axis).backward());
        Plan::new(g, runs, (g.output, g.filters), (g.input, g.channels))
    }

    fn new(g: &ConvGeometry, runs: [Vec<Run>; 3], source: ([usize; 3], usize), result: ([usize; 3], usize)) -> Plan {
        let ((source, source_channels), (result, result_channels)) = (source, result);
        let (groups, taps) = (g.groups, g.kernel.iter().product());
        let blocks = Vec::new();
        let mut plan = Plan { source, result, source_channels, result_channels, groups, runs, blocks, taps };
        for d in &plan.runs[0] {
            for h in &plan.runs[1] {
                for w in &plan.runs[2] {
                    plan.blocks.push(plan.blocks_of([d, h, w], g.kernel));
                }
            }
        }
        plan
    }

    /// Channels of the source, and of the result, in one group.
    pub(super) fn channels(&self) -> (usize, usize) {
        (self.source_channels / self.groups, self.result_channels / self.groups)
    }

    /// Numbers of one image of the source.
    pub(super) fn source_image(&self) -> usize {
        self.source.iter().product::<usize>() * self.source_channels
    }

    /// Numbers in one row of the result.
    pub(super) fn result_row(&self) -> usize {
        self.result[2] * self.result_channels
    }

    /// Whether each channel of the result reads one of the source alone, and each of the source serves one.
    pub(super) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.channels() == (1, 1)
    }

    /// Whether there may be places that read nothing.
    pub(super) fn leaves_gaps(&self) -> bool {
        self.blocks.iter().any(Vec::is_empty)
    }

    /// Rows of the source's numbers that are summed into one number of the result, at most.
    pub(super) fn terms(&self) -> usize {
        self.taps * self.channels().0
    }

    /// So many rows of the result from `first` on (counted over images and depths), cut into the parts of each plane (counted
    /// likewise), each with where it starts and ends there.
    pub(super) fn pieces(&self, first: usize, rows: usize) -> impl Iterator<Item = (usize, (usize, usize))> + use<> {
        let (height, mut row, end) = (self.result[1], first, first + rows);
        std::iter::from_fn(move || {
            let (plane, from) = (row / height.max(1), row % height.max(1));
            let count = (height - from).min(end - row);
            row += count;
            (count > 0).then_some((plane, (from, from + count)))
        })
    }

    /// How many patches a plane may have.
    pub(super) fn patches(&self) -> usize {
        self.blocks.len()
    }

    /// What of a patch lies in the rows `from..to` of a plane (counted over images and depths), its rows counted from `from`.
    #[inline(always)]
    pub(super) fn patch(&self, index: usize, plane: usize, (from, to): (usize, usize)) -> Option<Patch<'_>> {
        let (image, depth) = (plane / self.result[0], plane % self.result[0]);
        let (heights, widths) = (self.runs[1].len(), self.runs[2].len());
        let deep = &self.runs[0][index / widths / heights];
        let (vertical, horizontal) = (&self.runs[1][index / widths % heights], &self.runs[2][index % widths]);
        let (plane, is_here) = deep.within(depth, depth + 1);
        let (number, rows) = vertical.within(from, to);
        if is_here == 0 || rows == 0 {
            return None;
        }
        let of_row = self.source[2] * self.source_channels;
        let base = image * self.source_image() + plane * deep.source_step * self.source[1] * of_row;
        let down = Way { count: rows, source: vertical.source_step * of_row, step: vertical.step };
        let source = horizontal.source_step * self.source_channels;
        Some(Patch {
            blocks: &self.blocks[index],
            source: base + number * down.source,
            row: vertical.first + number * vertical.step - from,
            column: horizontal.first,
            down,
            right: Way { count: horizontal.count, source, step: horizontal.step },
        })
    }

    fn blocks_of(&self, runs: [&Run; 3], kernel: [usize; 3]) -> Vec<Block> {
        let (channels, _) = self.channels();
        let mut blocks: Vec<Block> = Vec::new();
        for &(kd, d) in &runs[0].taps {
            for &(kh, h) in &runs[1].taps {
                let start = blocks.len();
                for &(kw, w) in &runs[2].taps {
                    let source = ((d * self.source[1] + h) * self.source[2] + w) * self.source_channels;
                    let weights = ((kd * kernel[1] + kh) * kernel[2] + kw) * channels;
                    match blocks[start..].last_mut() {
                        Some(last) if last.source + last.steps == source && last.weights + last.steps == weights => {
                            last.steps += channels;
                        }
                        _ => blocks.push(Block {
                            source,
                            weights,
                            steps: channels,
                            rows: 1,
                            source_row: 0,
                            weights_row: 0,
                        }),
                    }
                }
            }
        }
        gather_rows(blocks)
    }
}

/// Joins blocks of one length that lie equally far apart.
fn gather_rows(blocks: Vec<Block>) -> Vec<Block> {
    let mut gathered: Vec<Block> = Vec::new();
    for block in blocks {
        if let Some(last) = gathered.last_mut()
            && last.steps == block.steps
        {
            let apart = (block.source - last.source, block.weights - last.weights);
            if last.rows == 1 {
                (last.source_row, last.weights_row) = apart;
            }
            if apart == (last.rows * last.source_row, last.rows * last.weights_row) {
                last.rows += 1;
                continue;
            }
        }
        gathered.push(block);
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConvAlgorithm;

    #[test]
    fn inside_a_plain_convolution_one_block_holds_all_taps() {
        let geometry = ConvGeometry {
            batch: 1,
            channels: 16,
            filters: 8,
            groups: 1,
            input: [1, 32, 32],
            kernel: [1, 3, 3],
            output: [1, 32, 32],
            stride: [1; 3],
            dilation: [1; 3],
            padding: [0, 1, 1],
            algorithm: ConvAlgorithm::Direct,
        };
        let inside = Block { source: 0, weights: 0, steps: 48, rows: 3, source_row: 32 * 16, weights_row: 48 };
        assert_eq!(*Plan::forward(&geometry).blocks[4], [inside]);
        let corner = Block { source: 0, weights: 4 * 16, steps: 32, rows: 2, source_row: 32 * 16, weights_row: 48 };
        assert_eq!(*Plan::forward(&geometry).blocks[0], [corner]);
        let back = Block { steps: 24, source_row: 32 * 8, weights_row: 24, ..inside };
        assert_eq!(*Plan::backward(&geometry).blocks[4], [back]);
    }
}
