//! The parameters of a model as one long sequence that can be cut anywhere, without allocating.

use crate::parallel::Split;

/// One parameter's update, which can be done in parts.
pub(super) trait Divide: Send {
    /// The update of some of the elements.
    type Part<'p>: Send
    where
        Self: 'p;

    /// The number of elements.
    fn len(&self) -> usize;
    /// All of it.
    fn part(&mut self) -> Self::Part<'_>;
    /// The number of elements of a part.
    fn part_len<'p>(part: &Self::Part<'p>) -> usize
    where
        Self: 'p;
    /// The first `at` elements and the rest.
    fn halve<'p>(part: Self::Part<'p>, at: usize) -> (Self::Part<'p>, Self::Part<'p>)
    where
        Self: 'p;
}

/// A stretch of the sequence: perhaps the end of one parameter, then whole ones, then perhaps the beginning of another.
pub(super) struct Span<'s, U: Divide> {
    head: Option<U::Part<'s>>,
    whole: &'s mut [U],
    tail: Option<U::Part<'s>>,
    length: usize,
}

impl<'s, U: Divide> Span<'s, U> {
    /// Everything.
    pub(super) fn new(whole: &'s mut [U]) -> Self {
        let length = whole.iter().map(U::len).sum();
        Span { head: None, whole, tail: None, length }
    }

    /// The parts, in order.
    pub(super) fn parts(self) -> impl Iterator<Item = U::Part<'s>> {
        self.head.into_iter().chain(self.whole.iter_mut().map(U::part)).chain(self.tail)
    }
}

impl<U: Divide> Split for Span<'_, U> {
    fn len(&self) -> usize {
        self.length
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let Span { head, whole, tail, length } = self;
        let (left_length, right_length) = (at, length - at);
        let left = |head, whole, tail| Span { head, whole, tail, length: left_length };
        let right = |head, whole, tail| Span { head, whole, tail, length: right_length };

        let head_length = head.as_ref().map_or(0, U::part_len);
        if let Some(head) = head {
            if at < head_length {
                let (first, rest) = U::halve(head, at);
                return (left(Some(first), &mut [], None), right(Some(rest), whole, tail));
            }
            return cut(Some(head), at - head_length, whole, tail, left, right);
        }
        cut(None, at, whole, tail, left, right)
    }
}

/// Cuts the whole parameters and the tail at `at`, counted from their beginning; `head` goes to the left.
fn cut<'s, U: Divide, S>(
    head: Option<U::Part<'s>>,
    mut at: usize,
    whole: &'s mut [U],
    tail: Option<U::Part<'s>>,
    left: impl FnOnce(Option<U::Part<'s>>, &'s mut [U], Option<U::Part<'s>>) -> S,
    right: impl FnOnce(Option<U::Part<'s>>, &'s mut [U], Option<U::Part<'s>>) -> S,
) -> (S, S) {
    let index = whole
        .iter()
        .position(|update| {
            let inside = at < update.len();
            if !inside {
                at -= update.len();
            }
            inside
        })
        .unwrap_or(whole.len());
    let (before, after) = whole.split_at_mut(index);
    if let Some((first, after)) = after.split_first_mut() {
        if at == 0 {
            return (left(head, before, None), right(Some(first.part()), after, tail));
        }
        let (front, back) = U::halve(first.part(), at);
        return (left(head, before, Some(front)), right(Some(back), after, tail));
    }
    match tail {
        Some(tail) if at > 0 => {
            let (front, back) = U::halve(tail, at);
            (left(head, before, Some(front)), right(Some(back), &mut [], None))
        }
        tail => (left(head, before, None), right(tail, &mut [], None)),
    }
}
