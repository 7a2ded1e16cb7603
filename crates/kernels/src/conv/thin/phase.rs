//! One axis of dx, phase by phase: places whose distance is a whole number of strides meet dy through the same taps.

use crate::conv::ConvGeometry;
use std::ops::Range;

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

/// The phases of an axis.
pub(super) fn phases(g: &ConvGeometry, axis: usize) -> Vec<Phase> {
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
    (0..g.stride[axis].min(input)).map(phase).collect()
}

/// What some places of an axis of dx meet: `places` of dy from `first` on, and missing ones before and behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) places: usize,
    pub(super) before: usize,
    pub(super) behind: usize,
    /// From one copy of them to the next: what is missing behind the one is missing before the other, too.
    pub(super) reach: usize,
}

impl Span {
    /// Of the places in `range` of dx's axis, where dy's has `output`.
    pub(super) fn of(phases: &[Phase], range: &Range<usize>, stride: usize, output: usize) -> Span {
        let (mut first, mut end, mut count) = (isize::MAX, isize::MIN, 0);
        for phase in phases {
            let (from, to) = phase.within(range.start, range.end, stride);
            count = count.max(to - from);
            if from < to && !phase.taps.is_empty() {
                first = first.min(from as isize + phase.meets);
                end = end.max(to as isize + phase.last());
            }
        }
        // Nothing is met.
        let (first, end) = if first < end { (first, end) } else { (0, 0) };
        let within = |place: isize| place.clamp(0, output as isize) as usize;
        let (start, places) = (within(first), within(end) - within(first));
        // Both are 0 where all that is met lies on the other side.
        let before = (start as isize - first).max(0) as usize;
        let behind = (end - within(end) as isize).max(0) as usize;
        Span { first: start, places, before, behind, reach: (places + before.max(behind)).max(count) }
    }

    /// Where dy's place is in the copy.
    pub(super) fn place(&self, met: isize) -> isize {
        met - self.first as isize + self.before as isize
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
        for (((input, output, kernel), (stride, dilation, padding)), width) in sizes
            .into_iter()
            .flat_map(|size| ways.map(|way| (size, way)))
            .flat_map(|case| [1, 2, 5, 9].map(|width| (case, width)))
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
            let phases = phases(&g, 2);
            let (mut found, mut places) = (Vec::new(), Vec::new());
            // In one part, and in several.
            for (from, to) in (0..input).step_by(width).map(|from| (from, (from + width).min(input))) {
                let span = Span::of(&phases, &(from..to), stride, output);
                for phase in &phases {
                    let (start, end) = phase.within(from, to, stride);
                    assert!(end - start <= span.reach, "{g:?}");
                    for number in start..end {
                        let place = phase.first + number * stride;
                        places.push(place);
                        for (tap, step) in phase.taps.iter().zip(0..) {
                            let met = number as isize + phase.meets + step * phase.step as isize;
                            let at = span.place(met);
                            if (0..output as isize).contains(&met) {
                                let copied = span.before..span.before + span.places;
                                assert!(copied.contains(&(at as usize)) && met as usize >= span.first, "{g:?}");
                                found.push((place, *tap, met as usize));
                            } else {
                                // A zero before the places, behind them, or, in a row of copies, between two.
                                let from_places = (at - span.before as isize).rem_euclid(span.reach as isize);
                                assert!(from_places as usize >= span.places, "{g:?}");
                                assert!((0..(span.before + span.places + span.behind) as isize).contains(&at), "{g:?}");
                            }
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
