//! Values whose axes in the file are products of axes here: `[T, N, D]`, `[N·heads, T, D]`, as recurrent layers and PyTorch's attention have them.
//!
//! Here the batch stays the first axis and is no part of a product. So what moves or joins axes in the file is followed in what is known of the value, and as soon as the
//! batch is the first axis of the file too, it is a value as others.

use super::super::steps::{Arrange, Range, ReshapeTo, Size, SliceAxes};
use super::affine;
use super::builder::Builder;
use super::computed::Whole;
use super::file::{Node, Problem, Result, damaged, unsupported};
use super::known::{Known, as_in_file, axis_of, check, of_node, order_of};
use super::shapes::axes_of;
use std::collections::VecDeque;
use tape::Float;

/// A value, and of which of its own axes each axis of the file is the product, the outermost first.
#[derive(Clone)]
pub(super) struct Folded {
    /// Its axes are counted as they are here.
    known: Known,
    axes: Vec<Vec<usize>>,
}

/// What a node that only moves numbers makes of a value whose first axis is not the batch's, or makes such a value of; None if it does neither.
pub(super) fn followed<'f, T: Float>(builder: &mut Builder<'f, T>, i: usize) -> Result<Option<Folded>> {
    let node = &builder.file.nodes[i];
    let from = node.input(0).and_then(|name| builder.folded.get(name)).cloned();
    let is_plain = node.input(0).is_some_and(|name| builder.values.contains_key(name));
    Ok(match (node.op, from) {
        ("Transpose", Some(from)) => {
            let order = order_of(node, from.axes.len())?;
            Some(from.transposed(&order))
        }
        ("Transpose", None) if is_plain => {
            let from = Folded::of(&builder.value(node, 0)?);
            let order = order_of(node, from.axes.len())?;
            (order[0] != 0).then(|| from.transposed(&order))
        }
        ("Reshape", Some(from)) => Some(from.reshaped(builder, node)?),
        ("Reshape", None) if is_plain && joins_batch(builder, node)? => {
            Some(Folded::of(&builder.value(node, 0)?).reshaped(builder, node)?)
        }
        ("Unsqueeze", Some(from)) => Some(from.unsqueezed(builder, node)?),
        ("Squeeze", Some(from)) => Some(from.squeezed(builder, node)?),
        ("Gather", Some(from)) => Some(from.picked(builder, node)?),
        ("Gather", None) if is_plain => Some(Folded::of(&builder.value(node, 0)?).picked(builder, node)?),
        ("MatMul" | "Gemm", Some(from)) if builder.is_constant(node, 1) => Some(from.mapped(builder, i)?),
        _ => None,
    })
}

/// Whether a `Reshape` to `[-1, …]` leaves less of an example than it has: the batch is a factor of the first axis.
fn joins_batch<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<bool> {
    let shape = builder.wholes(node, 1)?;
    let x = builder.value(node, 0)?;
    let behind = shape.get(1..).unwrap_or_default().iter().try_fold(1usize, |all, whole| match whole {
        Whole::Is(size @ 1..) => all.checked_mul(*size as usize),
        _ => None,
    });
    let all = x.sizes[1..].iter().try_fold(1usize, |all, size| all.checked_mul((*size)?));
    Ok(match (shape.first(), all, behind) {
        (Some(Whole::Is(-1)), Some(all), Some(behind)) => all > behind && all.is_multiple_of(behind),
        _ => false,
    })
}

impl Folded {
    fn of(known: &Known) -> Folded {
        let own = Known {
            slot: known.slot,
            axes: as_in_file(known.rank()),
            sizes: known.axes.iter().map(|&axis| known.sizes[axis]).collect(),
        };
        Folded { known: own, axes: (0..known.rank()).map(|axis| vec![known.place(axis)]).collect() }
    }

    /// The results `[N, T, directions·H]` of a recurrent layer, as `[T, directions, N, H]` in the file.
    pub(super) fn of_results<T: Float>(
        builder: &mut Builder<'_, T>,
        results: &Known,
        directions: usize,
    ) -> Result<Folded> {
        let mut folded = Folded::of(results);
        if directions == 1 {
            folded.axes = vec![vec![1], vec![], vec![0], vec![2]];
            return Ok(folded);
        }
        folded.split(builder, 2, directions)?;
        folded.axes = vec![vec![1], vec![2], vec![0], vec![3]];
        Ok(folded)
    }

    fn size(&self, axis: usize) -> Result<usize> {
        match self.known.sizes[axis] {
            Some(size) if axis > 0 => Ok(size),
            _ => unsupported("an axis of the batch's size, or of one that is not fixed, where another belongs"),
        }
    }

    /// As the file has them.
    pub(super) fn sizes(&self) -> Vec<Whole> {
        let size = |own: &Vec<usize>| match own[..] {
            [0] => Whole::Batch,
            _ => own
                .iter()
                .try_fold(1i64, |all, &axis| all.checked_mul(self.size(axis).ok()? as i64))
                .map_or(Whole::Unknown, Whole::Is),
        };
        self.axes.iter().map(size).collect()
    }

    pub(super) fn transposed(self, order: &[usize]) -> Folded {
        Folded { axes: order.iter().map(|&axis| self.axes[axis].clone()).collect(), known: self.known }
    }

    /// Of a sequence with its steps first, `[T, N, features]`: with the batch first.
    pub(super) fn batch_before_steps(self) -> Option<Folded> {
        let turned = (self.axes.len() == 3).then(|| self.transposed(&[1, 0, 2]))?;
        turned.is_plain().then_some(turned)
    }

    /// Whether the first axis is the batch's, and the batch no part of another one.
    pub(super) fn is_plain(&self) -> bool {
        self.axes.first().is_some_and(|first| first[..] == [0])
    }

    /// The value as others are; see [`Folded::is_plain`].
    pub(super) fn plain<T: Float>(mut self, builder: &mut Builder<'_, T>) -> Result<Known> {
        if self.axes.iter().any(|own| own.len() != 1) {
            // Axes of one product side by side, to be joined.
            let order: Vec<usize> = self.axes.concat();
            self.arrange(builder, &order);
            let sizes: Vec<usize> = self.axes[1..].iter().map(|own| self.product(own)).collect::<Result<_>>()?;
            self.reshape(builder, &sizes)?;
            self.axes = (0..self.known.rank()).map(|axis| vec![axis]).collect();
        }
        let rank = self.axes.len();
        let mut known = Known { slot: self.known.slot, axes: vec![0; rank], sizes: vec![None; rank] };
        for (axis, own) in self.axes.iter().enumerate() {
            known.axes[own[0]] = axis;
            known.sizes[axis] = self.known.sizes[own[0]];
        }
        Ok(known)
    }

    fn product(&self, own: &[usize]) -> Result<usize> {
        own.iter().try_fold(1usize, |all, &axis| match all.checked_mul(self.size(axis)?) {
            Some(product) => Ok(product),
            None => damaged("an axis of more places than there can be"),
        })
    }

    /// Its own axes in another order, the first of which stays.
    fn arrange<T: Float>(&mut self, builder: &mut Builder<'_, T>, order: &[usize]) {
        if !order.iter().copied().eq(0..order.len()) {
            let sizes = order.iter().map(|&axis| self.known.sizes[axis]).collect();
            let known = Known { slot: 0, axes: as_in_file(order.len()), sizes };
            self.known = builder.layer("", Arrange(order.to_vec()), &self.known, known);
            let place = |axis: usize| order.iter().position(|&other| other == axis).unwrap_or(axis);
            self.axes.iter_mut().flatten().for_each(|axis| *axis = place(*axis));
        }
    }

    /// Its own axes behind the batch's of these sizes; `axes` is for the caller to set.
    fn reshape<T: Float>(&mut self, builder: &mut Builder<'_, T>, sizes: &[usize]) -> Result<()> {
        let after: Vec<Option<usize>> = [None].into_iter().chain(sizes.iter().map(|&size| Some(size))).collect();
        check(&after)?;
        let known = Known { slot: 0, axes: as_in_file(after.len()), sizes: after };
        let layer = ReshapeTo(sizes.iter().map(|&size| Size::Is(size)).collect());
        self.known = builder.layer("", layer, &self.known, known);
        Ok(())
    }

    fn own_sizes(&self) -> Result<Vec<usize>> {
        (1..self.known.rank()).map(|axis| self.size(axis)).collect()
    }

    /// One of its own axes as two, the outer of this size, which divides it.
    fn split<T: Float>(&mut self, builder: &mut Builder<'_, T>, axis: usize, outer: usize) -> Result<()> {
        let mut sizes = self.own_sizes()?;
        let inner = sizes[axis - 1] / outer;
        sizes.splice(axis - 1..axis, [outer, inner]);
        self.reshape(builder, &sizes)?;
        for own in &mut self.axes {
            own.iter_mut().filter(|other| **other > axis).for_each(|other| *other += 1);
            if let Some(place) = own.iter().position(|&other| other == axis) {
                own.insert(place + 1, axis + 1);
            }
        }
        Ok(())
    }

    fn unsqueezed<'f, T: Float>(mut self, builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Folded> {
        let axes = axes_of(builder, node)?;
        let rank = (self.axes.len() + axes.len()) as i64;
        let mut places: Vec<i64> =
            axes.iter().map(|&axis| if axis < 0 { axis.saturating_add(rank) } else { axis }).collect();
        places.sort_unstable();
        places.dedup();
        if places.len() != axes.len() || places.iter().any(|place| !(0..rank).contains(place)) || rank > 8 {
            return damaged(format!("axes {axes:?} of {rank}"));
        }
        places.into_iter().for_each(|place| self.axes.insert(place as usize, Vec::new()));
        Ok(self)
    }

    fn squeezed<'f, T: Float>(mut self, builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Folded> {
        let axes = axes_of(builder, node)?;
        let rank = self.axes.len() as i64;
        let sizes = self.sizes();
        let mut places: Vec<i64> =
            axes.iter().map(|&axis| if axis < 0 { axis.saturating_add(rank) } else { axis }).collect();
        places.sort_unstable();
        places.dedup();
        for place in places.into_iter().rev() {
            let size = usize::try_from(place).ok().and_then(|place| sizes.get(place));
            if size != Some(&Whole::Is(1)) || self.axes.len() == 1 {
                return damaged(format!("axis {place} of sizes {sizes:?} is not known to be of size 1"));
            }
            let gone = self.axes.remove(place as usize);
            // Its own axes of size 1 change nothing in another product.
            self.axes.iter_mut().find(|own| own[..] != [0]).unwrap_or(&mut Vec::new()).extend(gone);
        }
        Ok(self)
    }

    /// One place of an axis, which goes.
    fn picked<'f, T: Float>(mut self, builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Folded> {
        let axis = axis_of(node.int("axis", 0)?, self.axes.len())?;
        let Some(place) = builder.whole(node, 1)? else {
            return unsupported("places of a value other than one, by a constant");
        };
        let [own] = self.axes[axis][..] else { return unsupported("a place on an axis that is a product") };
        let size = self.size(own)? as i64;
        if !(-size..size).contains(&place) {
            return damaged(format!("place {place} of {size}"));
        }
        let start = place.rem_euclid(size);
        let mut known = self.known.clone();
        known.sizes[own] = Some(1);
        let range = Range { axis: own, start, end: start + 1, step: 1 };
        self.known = builder.layer(&of_node(node), SliceAxes(vec![range]), &self.known, known);
        let mut sizes = self.own_sizes()?;
        sizes.remove(own - 1);
        self.reshape(builder, &sizes)?;
        self.axes.remove(axis);
        self.axes.iter_mut().flatten().filter(|other| **other > own).for_each(|other| *other -= 1);
        Ok(self)
    }

    /// A linear map of the last axis.
    fn mapped<T: Float>(mut self, builder: &mut Builder<'_, T>, i: usize) -> Result<Folded> {
        let last = self.axes.len() - 1;
        let own = self.axes[last].clone();
        let is_gemm = builder.file.nodes[i].op == "Gemm";
        if own.contains(&0) || own.is_empty() || is_gemm && last != 1 {
            return unsupported("a product over the examples of a batch");
        }
        let rest: Vec<usize> = (0..self.known.rank()).filter(|axis| !own.contains(axis)).collect();
        self.arrange(builder, &[&rest[..], &own].concat());
        if own.len() > 1 {
            let features = self.product(&self.axes[last])?;
            let mut sizes = self.own_sizes()?;
            sizes.truncate(rest.len() - 1);
            sizes.push(features);
            self.reshape(builder, &sizes)?;
        }
        self.axes[last] = vec![rest.len()];
        let (known, bias) = affine::mapped(builder, i, &self.known)?;
        self.known = known;
        if let Some(next) = bias {
            builder.take_folded_along(next, &self)?;
        }
        Ok(self)
    }

    fn reshaped<'f, T: Float>(mut self, builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Folded> {
        let shape = builder.wholes(node, 1)?;
        let copies = node.int("allowzero", 0)? == 0;
        let sizes = self.sizes();
        let wanted = shape.iter().enumerate().map(|(axis, whole)| match whole {
            Whole::Is(0) if copies => sizes.get(axis).copied(),
            Whole::Is(-1 | 1..) | Whole::Batch => Some(*whole),
            _ => None,
        });
        let misfit = |folded: &Folded| {
            unsupported(format!(
                "the shape {shape:?} for sizes {:?}, which are not its factors and products",
                folded.sizes()
            ))
        };
        let wanted: Option<Vec<Whole>> = wanted.collect();
        let Some(wanted) = wanted.filter(|wanted| wanted.len() <= 8) else { return misfit(&self) };
        // Axes are taken from both ends; what is left between belongs to the -1.
        let rest = wanted.iter().position(|whole| *whole == Whole::Is(-1));
        let mut left: VecDeque<usize> = self.axes.concat().into();
        let mut axes = vec![Vec::new(); wanted.len()];
        for (axis, whole) in wanted.iter().enumerate().take(rest.unwrap_or(wanted.len())) {
            match self.taken(builder, &mut left, &mut axes, *whole, true)? {
                Some(own) => axes[axis] = own,
                None => return misfit(&self),
            }
        }
        for axis in (rest.map_or(wanted.len(), |rest| rest + 1)..wanted.len()).rev() {
            match self.taken(builder, &mut left, &mut axes, wanted[axis], false)? {
                Some(own) => axes[axis] = own,
                None => return misfit(&self),
            }
        }
        let is_one = |axis: &usize| self.known.sizes[*axis] == Some(1);
        match (rest, axes.len()) {
            (Some(rest), _) => axes[rest].extend(left),
            (None, 1..) if left.iter().all(is_one) => {
                let place = axes.iter().rposition(|own: &Vec<usize>| own[..] != [0]);
                let Some(place) = place else { return misfit(&self) };
                axes[place].extend(left);
            }
            _ => return misfit(&self),
        }
        self.axes = axes;
        Ok(self)
    }

    /// Axes whose product is a size, from one end; None if there are none such. One that has the size as a factor is split, in what is left and in what was taken too.
    fn taken<T: Float>(
        &mut self,
        builder: &mut Builder<'_, T>,
        left: &mut VecDeque<usize>,
        done: &mut [Vec<usize>],
        size: Whole,
        from_front: bool,
    ) -> Result<Option<Vec<usize>>> {
        let mut own = VecDeque::new();
        let mut lacks = match size {
            Whole::Is(size) => usize::try_from(size).map_err(|_| Problem::Damaged(format!("a size of {size}")))?,
            _ => {
                let next = if from_front { left.pop_front() } else { left.pop_back() };
                return Ok((next == Some(0)).then(|| vec![0]));
            }
        };
        while lacks > 1 {
            let next = if from_front { left.pop_front() } else { left.pop_back() };
            let Some(axis) = next.filter(|&axis| axis > 0) else { return Ok(None) };
            let own_size = self.size(axis)?;
            let mut taken = axis;
            if lacks.is_multiple_of(own_size) {
                lacks /= own_size;
            } else if own_size.is_multiple_of(lacks) {
                self.split(builder, axis, if from_front { lacks } else { own_size / lacks })?;
                let shift = |other: &mut usize| *other += usize::from(*other > axis);
                left.iter_mut().chain(&mut own).chain(done.iter_mut().flatten()).for_each(shift);
                if from_front {
                    left.push_front(axis + 1);
                } else {
                    left.push_back(axis);
                    taken = axis + 1;
                }
                lacks = 1;
            } else {
                return Ok(None);
            }
            if from_front { own.push_back(taken) } else { own.push_front(taken) }
        }
        Ok(Some(own.into()))
    }
}
