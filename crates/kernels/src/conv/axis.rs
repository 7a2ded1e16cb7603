//! One spatial axis: which places of the result read which places of the source through which taps.
//!
//! Forward the result is y and the source x; backward to data the result is dx and the source dy, and taps are counted from the window's
//! end. Either way places with the same taps that follow one another by a fixed step form a [`Run`]: the inside of the axis is one (or,
//! backward through a stride, one for each remainder), and each place near the edge that lacks taps is one by itself. Nothing is copied
//! or padded: taps that fall outside are not there.

use super::ConvGeometry;

/// Places of the result that read the source through the same taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first place, and how far the next is.
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) count: usize,
    /// Each tap and the place of the source that the first place reads through it, ascending in both.
    pub(super) taps: Vec<(usize, usize)>,
    /// How far in the source the next place reads.
    pub(super) source_step: usize,
}

impl Run {
    /// The places of the run in `from..to`: the number in the run of the first, and how many.
    pub(super) fn within(&self, from: usize, to: usize) -> (usize, usize) {
        let before = |place: usize| place.saturating_sub(self.first).div_ceil(self.step).min(self.count);
        (before(from), before(to) - before(from))
    }
}

/// The sizes of one axis.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
}

impl Axis {
    pub(super) fn of(geometry: &ConvGeometry, axis: usize) -> Axis {
        Axis {
            input: geometry.input[axis],
            output: geometry.output[axis],
            kernel: geometry.kernel[axis],
            stride: geometry.stride[axis],
            dilation: geometry.dilation[axis],
            padding: geometry.padding[axis],
        }
    }

    /// Of y over x.
    pub(super) fn forward(self) -> Vec<Run> {
        let reads = |place: usize, tap: usize| {
            let at = (place * self.stride + tap * self.dilation).checked_sub(self.padding)?;
            (at < self.input).then_some(at)
        };
        self.runs(self.output, 1, self.stride, reads)
    }

    /// Of dx over dy.
    pub(super) fn backward(self) -> Vec<Run> {
        let reads = |place: usize, tap: usize| {
            let window = (place + self.padding).checked_sub((self.kernel - 1 - tap) * self.dilation)?;
            (window.is_multiple_of(self.stride) && window / self.stride < self.output).then(|| window / self.stride)
        };
        self.runs(self.input, self.stride, 1, reads)
    }

    fn runs(
        self,
        places: usize,
        step: usize,
        source_step: usize,
        reads: impl Fn(usize, usize) -> Option<usize>,
    ) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for remainder in 0..step.min(places) {
            let start = runs.len();
            for first in (remainder..places).step_by(step) {
                let taps = || (0..self.kernel).filter_map(|tap| Some((tap, reads(first, tap)?)));
                if let Some(run) = runs[start..].last_mut()
                    && run.taps.iter().map(|tap| tap.0).eq(taps().map(|tap| tap.0))
                {
                    run.count += 1;
                } else {
                    runs.push(Run { first, step, count: 1, taps: taps().collect(), source_step });
                }
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_axes(test: impl Fn(Axis)) {
        for (input, output, kernel) in [(7, 7, 3), (6, 3, 3), (5, 9, 4), (1, 1, 1), (2, 4, 5), (9, 3, 2), (0, 2, 3)] {
            for (stride, dilation, padding) in [(1, 1, 0), (1, 1, 1), (2, 1, 1), (3, 2, 2), (2, 3, 0), (1, 2, 5)] {
                test(Axis { input, output, kernel, stride, dilation, padding });
            }
        }
    }

    /// Pairs (output place, tap, input place), by definition.
    fn pairs(axis: Axis) -> Vec<(usize, usize, usize)> {
        let mut pairs = Vec::new();
        for o in 0..axis.output {
            for k in 0..axis.kernel {
                for i in 0..axis.input {
                    if i + axis.padding == o * axis.stride + k * axis.dilation {
                        pairs.push((o, k, i));
                    }
                }
            }
        }
        pairs
    }

    fn of_runs(runs: &[Run]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for run in runs {
            for n in 0..run.count {
                found.extend(
                    run.taps.iter().map(|&(tap, at)| (run.first + n * run.step, tap, at + n * run.source_step)),
                );
            }
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn runs_cover_every_place_and_tap_once() {
        all_axes(|axis| {
            assert_eq!(of_runs(&axis.forward()), pairs(axis));
            let mut backward: Vec<_> = pairs(axis).into_iter().map(|(o, k, i)| (i, axis.kernel - 1 - k, o)).collect();
            backward.sort_unstable();
            assert_eq!(of_runs(&axis.backward()), backward);
            for (runs, places) in [(axis.forward(), axis.output), (axis.backward(), axis.input)] {
                let mut covered: Vec<usize> =
                    runs.iter().flat_map(|run| (0..run.count).map(|n| run.first + n * run.step)).collect();
                covered.sort_unstable();
                assert!(covered.into_iter().eq(0..places));
            }
        });
    }

    #[test]
    fn a_run_is_cut_where_a_band_ends() {
        let run = Run { first: 3, step: 2, count: 5, taps: vec![], source_step: 1 }; // 3, 5, 7, 9, 11
        for (band, within) in
            [((0, 3), (0, 0)), ((0, 4), (0, 1)), ((4, 8), (1, 2)), ((5, 40), (1, 4)), ((12, 20), (5, 0))]
        {
            assert_eq!(run.within(band.0, band.1), within, "{band:?}");
        }
    }

    #[test]
    fn the_inside_is_one_run() {
        let axis = Axis { input: 32, output: 32, kernel: 3, stride: 1, dilation: 1, padding: 1 };
        assert_eq!(axis.forward().iter().map(|run| run.count).collect::<Vec<_>>(), [1, 30, 1]);
        assert_eq!(axis.backward().iter().map(|run| run.count).collect::<Vec<_>>(), [1, 30, 1]);
        let halved = Axis { output: 16, stride: 2, ..axis };
        assert_eq!(halved.forward().iter().map(|run| run.count).collect::<Vec<_>>(), [1, 15]);
        assert_eq!(halved.backward().iter().map(|run| run.count).collect::<Vec<_>>(), [16, 15, 1]);
    }
}
