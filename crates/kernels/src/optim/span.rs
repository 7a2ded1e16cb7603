//! The parameters of a model as one long sequence that can be cut anywhere, without allocating.

use super::Update;
use crate::parallel::Split;

/// A stretch of the sequence: perhaps the end of one parameter, then whole ones, then perhaps the beginning of another.
pub(super) struct Span<'s, 'a, T, R> {
    head: Option<Update<'s, T, R>>,
    whole: &'s mut [Update<'a, T, R>],
    tail: Option<Update<'s, T, R>>,
    length: usize,
}

impl<'s, 'a, T, R: Copy> Span<'s, 'a, T, R> {
    /// Everything.
    pub(super) fn new(whole: &'s mut [Update<'a, T, R>]) -> Self {
        let length = whole.iter().map(|update| update.p.len()).sum();
        Span { head: None, whole, tail: None, length }
    }

    /// The parts, in order.
    pub(super) fn parts(self) -> impl Iterator<Item = Update<'s, T, R>> {
        self.head.into_iter().chain(self.whole.iter_mut().map(Update::by_ref)).chain(self.tail)
    }
}

impl<'s, 'a, T: Send + Sync, R: Copy + Send> Split for Span<'s, 'a, T, R> {
    fn len(&self) -> usize {
        self.length
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let Span { head, whole, tail, length } = self;
        let left = |head, whole, tail| Span { head, whole, tail, length: at };
        let right = |head, whole, tail| Span { head, whole, tail, length: length - at };

        let head_length = head.as_ref().map_or(0, |head| head.p.len());
        match head {
            Some(head) if at < head_length => {
                let (first, rest) = head.split_at(at);
                (left(Some(first), &mut [], None), right(Some(rest), whole, tail))
            }
            head => {
                let ((before, front), (back, after, tail)) = cut(at - head_length, whole, tail);
                (left(head, before, front), right(back, after, tail))
            }
        }
    }
}

type Parameters<'s, 'a, T, R> = &'s mut [Update<'a, T, R>];
type Part<'s, T, R> = Option<Update<'s, T, R>>;

/// Cuts the whole parameters and the tail at `at`, counted from their beginning.
#[expect(clippy::type_complexity, reason = "both halves, each with the part of the parameter that is cut")]
fn cut<'s, 'a, T, R: Copy>(
    mut at: usize,
    whole: Parameters<'s, 'a, T, R>,
    tail: Part<'s, T, R>,
) -> ((Parameters<'s, 'a, T, R>, Part<'s, T, R>), (Part<'s, T, R>, Parameters<'s, 'a, T, R>, Part<'s, T, R>)) {
    let inside = |update: &Update<'a, T, R>| {
        let inside = at < update.p.len();
        if !inside {
            at -= update.p.len();
        }
        inside
    };
    let index = whole.iter().position(inside).unwrap_or(whole.len());
    let (before, after) = whole.split_at_mut(index);
    if let Some((first, after)) = after.split_first_mut() {
        if at == 0 {
            return ((before, None), (Some(first.by_ref()), after, tail));
        }
        let (front, back) = first.by_ref().split_at(at);
        return ((before, Some(front)), (Some(back), after, tail));
    }
    match tail {
        Some(tail) if at > 0 => {
            let (front, back) = tail.split_at(at);
            ((before, Some(front)), (Some(back), &mut [], None))
        }
        tail => ((before, None), (tail, &mut [], None)),
    }
}
