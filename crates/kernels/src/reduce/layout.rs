//! Shape and axes as the kernels see them: axes of length 1 gone, neighbours of the same kind merged, so that kept and
//! reduced groups take turns.

use super::Axes;

/// The most axes an array can have.
const MAX_RANK: usize = 8;

/// Groups of axes, kept and reduced in turn, none of length 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    lengths: [usize; MAX_RANK],
    rank: usize,
    /// Whether the last group is reduced; the others follow from it.
    last_is_reduced: bool,
}

impl Layout {
    /// # Panics
    /// If there are more than 8 axes.
    #[track_caller]
    pub(super) fn new(shape: &[usize], axes: Axes) -> Layout {
        assert!(shape.len() <= MAX_RANK, "arrays have at most {MAX_RANK} axes, this one {}", shape.len());
        let mut layout = Layout { lengths: [1; MAX_RANK], rank: 0, last_is_reduced: false };
        for (axis, &length) in shape.iter().enumerate() {
            layout.push(length, axes.contains(axis));
        }
        layout
    }

    fn push(&mut self, length: usize, is_reduced: bool) {
        if length == 1 {
            return;
        }
        if self.rank > 0 && self.last_is_reduced == is_reduced {
            self.lengths[self.rank - 1] *= length;
        } else {
            self.lengths[self.rank] = length;
            self.rank += 1;
            self.last_is_reduced = is_reduced;
        }
    }

    /// The groups, outermost first: length, and whether it is reduced.
    pub(super) fn groups(&self) -> impl DoubleEndedIterator<Item = (usize, bool)> + '_ {
        let is_reduced = |i: usize| self.last_is_reduced == (self.rank - 1 - i).is_multiple_of(2);
        (0..self.rank).map(move |i| (self.lengths[i], is_reduced(i)))
    }

    fn product(&self, of_reduced: bool) -> usize {
        self.groups().filter(|group| group.1 == of_reduced).map(|group| group.0).product()
    }

    /// How many numbers each result is made of.
    pub(super) fn count(&self) -> usize {
        self.product(true)
    }

    /// How many results there are.
    pub(super) fn results(&self) -> usize {
        self.product(false)
    }

    /// Whether any axis is left to reduce.
    pub(super) fn reduces(&self) -> bool {
        self.rank > 1 || (self.rank == 1 && self.last_is_reduced)
    }

    /// The innermost reduced group as (blocks, rows, width) of `[blocks, rows, width]` reduced over its rows, and the layout
    /// that is left. Without reduced axes every element is a block.
    pub(super) fn innermost(&self) -> ([usize; 3], Layout) {
        let mut left = Layout { lengths: [1; MAX_RANK], rank: 0, last_is_reduced: false };
        let reduced = if self.last_is_reduced { self.rank.checked_sub(1) } else { self.rank.checked_sub(2) };
        for (i, (length, is_reduced)) in self.groups().enumerate() {
            if reduced != Some(i) {
                left.push(length, is_reduced);
            }
        }
        let all: usize = self.lengths[..self.rank].iter().product();
        let Some(reduced) = reduced else { return ([all, 1, 1], left) };
        let width = self.lengths[reduced + 1..self.rank].iter().product();
        let rows = self.lengths[reduced];
        ([all / (rows * width), rows, width], left)
    }

    /// The length of the first group, if it is kept and something behind it is reduced.
    pub(super) fn outer(&self) -> Option<usize> {
        self.groups().next().filter(|&(_, is_reduced)| !is_reduced && self.rank > 1).map(|(length, _)| length)
    }

    /// The same with another length of the first group.
    pub(super) fn with_outer(mut self, length: usize) -> Layout {
        self.lengths[0] = length;
        self
    }

    /// Which result the element at `index` goes to.
    pub(super) fn result_of(&self, mut index: usize) -> usize {
        let (mut result, mut stride) = (0, 1);
        for (length, is_reduced) in self.groups().rev() {
            if !is_reduced {
                result += index % length * stride;
                stride *= length;
            }
            index /= length;
        }
        result
    }

    /// Where the first element of a result's set stands.
    pub(super) fn first_of(&self, mut result: usize) -> usize {
        let (mut index, mut stride) = (0, 1);
        for (length, is_reduced) in self.groups().rev() {
            if !is_reduced {
                index += result % length * stride;
                result /= length;
            }
            stride *= length;
        }
        index
    }
}
