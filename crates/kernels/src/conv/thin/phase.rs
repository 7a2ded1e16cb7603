//! One axis of dx, phase by phase: places whose distance is a whole number of strides meet dy through the same taps.

use crate::conv::ConvGeometry;

/// Places a stride apart, `count` of them from `first` on. By the first of its taps place number j meets dy's place j + `meets`, by each
/// next one `step` further on. Taps by which no place meets any are not there.
pub(super) struct Phase {
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) taps: Vec<usize>,
    pub(super) meets: isize,
    pub(super) step: usize,
}

impl Phase {
    /// What the first place meets by the last tap.
    pub(super) fn last(&self) -> isize {
        self.meets + (self.taps.len().saturating_sub(1) * self.step) as isize
    }

    /// Which of the places `from..to` of the axis are of this phase, by number.
    pub(super) fn within(&self, from: usize, to: usize, stride: usize) -> (usize, usize) {
        let before = |place: usize| place.saturating_sub(self.first).div_ceil(stride).min(self.count);
        (before(from), before(to))
    }
}

/// All phases of an axis, and what they meet of dy: its first `places`, and as many missing ones before and behind them.
pub(super) struct Axis {
    pub(super) phases: Vec<Phase>,
    pub(super) before: usize,
    pub(super) places: usize,
    /// From a row of a copy of dy to the next, if this is the axis within rows: the zeros between two are behind the one and before the other.
    pub(super) reach: usize,
}

impl Axis {
    pub(super) fn of(g: &ConvGeometry, axis: usize) -> Axis {
        let [stride, dilation, padding] = [g.stride, g.dilation, g.padding].map(|sizes| sizes[axis] as isize);
        let (input, output) = (g.input[axis], g.output[axis] as isize);
        let phase = |first: usize| {
            let count = (input - first).div_ceil(g.stride[axis]);
            let meets = |tap: &usize| {
                let at = first as isize + padding - *tap as isize * dilation;
                let place = at.div_euclid(stride);
                let is_met = at.rem_euclid(stride) == 0 && place < output && place + count as isize > 0;
                is_met.then_some(place)
            };
            // The last tap meets what comes first.
            let taps: Vec<usize> = (0..g.kernel[axis]).rev().filter(|tap| meets(tap).is_some()).collect();
            let met = |number: usize| taps.get(number).and_then(meets);
            let first_met = met(0).unwrap_or(0);
            let step = met(1).map_or(0, |next| (next - first_met) as usize);
            Phase { first, count, taps, meets: first_met, step }
        };
        let phases: Vec<Phase> = (0..g.stride[axis].min(input)).map(phase).collect();
        let most = |of: fn(&Phase) -> isize| phases.iter().map(of).max().unwrap_or(0).max(0) as usize;
        let (before, end) = (most(|phase| -phase.meets), most(|phase| phase.last() + phase.count as isize));
        let places = end.min(g.output[axis]);
        let reach = (places + before.max(end - places)).max(most(|phase| phase.count as isize));
        Axis { phases, before, places, reach }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ConvAlgorithm;

    /// Pairs (place of dx, tap, place of dy), by definition.
    fn pairs(g: &ConvGeometry) -> Vec<(usize, usize, usize)> {
        let mut pairs = Vec::new();
        for i in 0..g.input[2] {
            for k in 0..g.kernel[2] {
                for o in 0..g.output[2] {
                    if i + g.padding[2] == o * g.stride[2] + k * g.dilation[2] {
                        pairs.push((i, k, o));
                    }
                }
            }
        }
        pairs
    }

    #[test]
    fn phases_meet_every_place_that_there_is_once_and_zeros_elsewhere() {
        let sizes = [(7, 7, 3), (6, 3, 3), (5, 9, 4), (1, 1, 1), (2, 4, 5), (9, 3, 2), (3, 0, 2), (4, 40, 3)];
        let ways = [(1, 1, 0), (1, 1, 1), (2, 1, 1), (3, 2, 2), (2, 3, 0), (1, 2, 5), (4, 6, 30)];
        for ((input, output, kernel), (stride, dilation, padding)) in
            sizes.into_iter().flat_map(|size| ways.map(|way| (size, way)))
        {
            let g = ConvGeometry {
                batch: 1,
                channels: 1,
                filters: 1,
                groups: 1,
                input: [1, 1, input],
                kernel: [1, 1, kernel],
                output: [1, 1, output],
                stride: [1, 1, stride],
                dilation: [1, 1, dilation],
                padding: [0, 0, padding],
                algorithm: ConvAlgorithm::Direct,
            };
            let axis = Axis::of(&g, 2);
            let (mut found, mut places) = (Vec::new(), Vec::new());
            for phase in &axis.phases {
                assert_eq!(phase.within(0, input, stride), (0, phase.count));
                for number in 0..phase.count {
                    let place = phase.first + number * stride;
                    places.push(place);
                    for (tap, step) in phase.taps.iter().zip(0..) {
                        let met = number as isize + phase.meets + step * phase.step as isize;
                        // In a copy it is the place itself, or a zero between two rows.
                        let (row, column) = (met.div_euclid(axis.reach as isize), met.rem_euclid(axis.reach as isize));
                        if (0..output as isize).contains(&met) {
                            assert_eq!((row, column), (0, met), "{g:?}");
                            assert!((met as usize) < axis.places, "{g:?}");
                            found.push((place, *tap, met as usize));
                        } else {
                            assert!(column as usize >= axis.places && met >= -(axis.before as isize), "{g:?}");
                        }
                    }
                }
            }
            found.sort_unstable();
            let mut expected = pairs(&g);
            expected.sort_unstable();
            assert_eq!(found, expected, "{g:?}");
            places.sort_unstable();
            assert!(places.into_iter().eq(0..input), "{g:?}");
        }
    }
}
