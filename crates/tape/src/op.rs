//! [`Op`]: what an operation computes and how gradients flow back through it, in one place.
//!
//! An op is a small struct with its settings. [`Op::apply`] checks shapes, runs [`Op::forward`] and, where a gradient is
//! wanted, records what [`Op::vjp`] will read. A rule returns cotangents of its operands, written in ops on [`Var`]s; the
//! engine (`backward.rs`) adds them up, sums over broadcast axes, and skips what needs no gradient.

use crate::backward::Pass;
use crate::error::expect;
use crate::tape::UNTRACKED;
use crate::{Float, Result, Shape, Tape, Tensor, Var};
use std::panic::Location;

/// An operation with `N` operands. [`OpMany`] takes any number.
///
/// ```
/// use tape::{Float, Kept, Op, Tape, Tensor, Var, gradcheck};
///
/// struct Cube;
/// impl<T: Float> Op<T> for Cube {
///     fn name(&self) -> &'static str { "cube" }
///     fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> { x.map(|v| v * v * v) }
///     fn vjp(&self, mut kept: Kept<T>, dy: Var<T>) -> [Option<Var<T>>; 1] { [Some(dy * kept.x(0).square() * 3)] }
/// }
///
/// let x = Tensor::from([-1.0, 2.0]);
/// let tape = Tape::probing();
/// let y = Cube.apply([tape.var(x.clone())]);
/// assert_eq!(y.to_vec(), [-1.0, 8.0]);
/// gradcheck(|[x]| Cube.apply([x]).sum(), [&x.cast()])?;
/// # Ok::<(), tape::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an op on `{T}` with {N} operand(s)",
    note = "gradient checks run in f64: write `impl<T: Float> Op<T> for …` instead of `impl Op<f32> for …`"
)]
pub trait Op<T: Float, const N: usize = 1>: Sized + 'static {
    /// The op's name, for errors and pictures of the graph.
    fn name(&self) -> &'static str;

    /// The result's shape; unless overridden, what the operands broadcast to.
    ///
    /// # Errors
    /// If the op has no result for these shapes.
    #[inline]
    fn shape(&self, operands: [&Shape; N]) -> Result<Shape> {
        let mut shape = *operands[0];
        for operand in &operands[1..] {
            shape = shape.broadcast(self.name(), operand)?;
        }
        Ok(shape)
    }

    /// What the rule will read; unless overridden, all operands.
    #[inline]
    fn keeps(&self, _operands: [&Tensor<T>; N]) -> Keeps {
        Keeps::OPERANDS
    }

    /// The result. An operand that nobody else holds may be overwritten. `self` may note what the rule needs besides tensors.
    fn forward(&mut self, operands: [Tensor<T>; N]) -> Tensor<T>;

    /// From the result's cotangent to those of the operands, in differentiable ops; None where there is none or
    /// [`Kept::needs`] says that nobody wants it. A cotangent may have any shape that the result's has or the operand's:
    /// axes that broadcasting added are summed by the engine.
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; N];

    /// Bytes the op itself holds for its rule, besides operands and result: for [`Tape::kept`].
    fn own_bytes(&self) -> usize {
        0
    }

    /// Computes the result and records the op if a gradient may flow through it.
    ///
    /// # Panics
    /// If the shapes do not fit, or if operands are recorded on different tapes.
    #[track_caller]
    #[inline]
    fn apply(self, operands: [Var<T>; N]) -> Var<T> {
        record(self, operands, Location::caller(), |node| Box::new(node))
    }

    /// The result for plain tensors.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    fn eval(mut self, operands: [Tensor<T>; N]) -> Tensor<T> {
        expect(self.shape(operands.each_ref().map(Tensor::shape)));
        self.forward(operands)
    }
}

/// An operation on any number of operands, at least one.
pub trait OpMany<T: Float>: Sized + 'static {
    /// The op's name, for errors and pictures of the graph.
    fn name(&self) -> &'static str;

    /// The result's shape.
    ///
    /// # Errors
    /// If the op has no result for these shapes.
    fn shape(&self, operands: &[&Shape]) -> Result<Shape>;

    /// What the rule will read; unless overridden, all operands.
    fn keeps(&self, _operands: &[&Tensor<T>]) -> Keeps {
        Keeps::OPERANDS
    }

    /// The result.
    fn forward(&mut self, operands: Vec<Tensor<T>>) -> Tensor<T>;

    /// From the result's cotangent to those of the operands.
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> Vec<Option<Var<T>>>;

    /// Computes the result and records the op if a gradient may flow through it.
    ///
    /// # Panics
    /// If there are no operands, if the shapes do not fit, or if operands are recorded on different tapes.
    #[track_caller]
    fn apply(self, operands: Vec<Var<T>>) -> Var<T> {
        record_many(self, operands, Location::caller())
    }

    /// The result for plain tensors.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    fn eval(mut self, operands: Vec<Tensor<T>>) -> Tensor<T> {
        expect(self.shape(&operands.iter().map(Tensor::shape).collect::<Vec<_>>()));
        self.forward(operands)
    }
}

/// What a rule will read: any of the operands (up to 31), the result, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeps(u32);

impl Keeps {
    /// Neither operands nor result.
    pub const NOTHING: Keeps = Keeps(0);
    /// All operands.
    pub const OPERANDS: Keeps = Keeps(u32::MAX >> 1);
    /// The result.
    pub const RESULT: Keeps = Keeps(1 << 31);

    /// One operand.
    pub const fn operand(i: usize) -> Keeps {
        Keeps(1 << i)
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Keeps) -> Keeps {
        Keeps(self.0 | other.0)
    }

    #[inline]
    fn has_operand(self, i: usize) -> bool {
        self.0 & (1 << i.min(30)) != 0
    }

    #[inline]
    fn has_result(self) -> bool {
        self.0 & Keeps::RESULT.0 != 0
    }
}

/// What an op kept for its rule, as [`Var`]s: recorded ones where the rule itself is recorded, plain ones in a first-order pass.
pub struct Kept<'a, T: Float> {
    operands: &'a mut [Option<Tensor<T>>],
    result: Option<Tensor<T>>,
    ids: &'a [u32],
    id: u32,
    pass: &'a Pass<'a, T>,
    name: &'static str,
}

impl<T: Float> Kept<'_, T> {
    /// Hands over operand `i`. To use it twice, clone it.
    ///
    /// # Panics
    /// If [`Op::keeps`] did not ask for it, or if it was handed over before.
    #[track_caller]
    pub fn x(&mut self, i: usize) -> Var<T> {
        let value = self.operands[i].take();
        let Some(value) = value else { not_kept(self.name, &format!("operand {i}")) };
        self.pass.var(value, self.ids[i])
    }

    /// Hands over the result.
    ///
    /// # Panics
    /// As [`Kept::x`].
    #[track_caller]
    pub fn y(&mut self) -> Var<T> {
        let Some(value) = self.result.take() else { not_kept(self.name, "the result") };
        self.pass.var(value, self.id)
    }

    /// Whether the result was kept.
    #[inline]
    pub(crate) fn has_y(&self) -> bool {
        self.result.is_some()
    }

    /// A value in the place of operand `i`, which was not kept: what is computed from it is differentiated as if it had been
    /// computed from the operand. Sound where both have the same derivatives of what the rule does with them.
    pub(crate) fn stand_in(&self, i: usize, value: Tensor<T>) -> Var<T> {
        self.pass.var(value, self.ids[i])
    }

    /// Whether anybody wants operand `i`'s cotangent.
    #[inline]
    pub fn needs(&self, i: usize) -> bool {
        self.pass.wants(self.ids[i])
    }

    /// Whether the rule runs once and is not recorded: it may then call a fused kernel and overwrite what it was handed.
    #[inline]
    pub fn first_order(&self) -> bool {
        self.pass.is_first_order()
    }

    /// A value that no gradient flows to, for constants a rule computes by itself.
    pub fn constant(&self, value: Tensor<T>) -> Var<T> {
        self.pass.var(value, UNTRACKED)
    }
}

#[cold]
#[track_caller]
fn not_kept(op: &str, what: &str) -> ! {
    panic!(
        "the rule of `{op}` asks for {what}, which `keeps` did not name or which it was handed before (clone it to use it twice)"
    )
}

/// A recorded op, whatever its number of operands.
pub(crate) trait Node<T: Float> {
    fn name(&self) -> &'static str;
    fn operands(&self) -> &[u32];
    /// Runs the rule on its result's cotangent and hands the operands' to the pass. With `consume`, for the last time.
    fn pull(&mut self, pass: &mut Pass<'_, T>, dy: Tensor<T>, dy_id: u32, consume: bool);
    /// What is kept for the rule.
    fn kept(&self) -> Vec<Tensor<T>>;
    /// Bytes kept besides.
    fn own_bytes(&self) -> usize {
        0
    }
}

pub(crate) struct Recorded<T: Float, O, const N: usize> {
    op: O,
    id: u32,
    operands: [u32; N],
    xs: [Option<Tensor<T>>; N],
    y: Option<Tensor<T>>,
}

impl<T: Float, O: Op<T, N>, const N: usize> Node<T> for Recorded<T, O, N> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn operands(&self) -> &[u32] {
        &self.operands
    }

    fn pull(&mut self, pass: &mut Pass<'_, T>, dy: Tensor<T>, dy_id: u32, consume: bool) {
        let (mut copies, result);
        let xs = if consume {
            result = self.y.take();
            &mut self.xs
        } else {
            result = self.y.clone();
            copies = self.xs.clone();
            &mut copies
        };
        let name = self.op.name();
        let dy = Var::new(dy, pass.tape().clone(), dy_id);
        let kept = Kept { operands: xs, result, ids: &self.operands, id: self.id, pass, name };
        let mut cotangents = self.op.vjp(kept, dy);
        for (&operand, cotangent) in self.operands.iter().zip(&mut cotangents) {
            if let Some(cotangent) = cotangent {
                pass.add(operand, cotangent.take_parts(), name);
            }
        }
    }

    fn kept(&self) -> Vec<Tensor<T>> {
        self.xs.iter().flatten().chain(&self.y).cloned().collect()
    }

    fn own_bytes(&self) -> usize {
        self.op.own_bytes()
    }
}

#[track_caller]
#[inline]
pub(crate) fn record<T: Float, O: Op<T, N>, const N: usize>(
    mut op: O,
    mut operands: [Var<T>; N],
    at: &'static Location<'static>,
    boxed: impl FnOnce(Recorded<T, O, N>) -> Box<dyn Node<T>>,
) -> Var<T> {
    let shape = expect(op.shape(operands.each_ref().map(Var::shape)));
    let tape = tape_of(op.name(), &operands);
    let ids = operands.each_ref().map(Var::id);
    let is_tracked = tape.is_recording() && ids.iter().any(|&id| id != UNTRACKED);
    let values = std::array::from_fn(|i| operands[i].take_value());
    if !is_tracked {
        let inputs = tape.finds_anomalies().then(|| values.clone());
        let y = op.forward(values);
        if let Some(inputs) = inputs {
            crate::anomaly::check_forward(op.name(), &inputs, &y);
        }
        return Var::new(y, tape, UNTRACKED);
    }
    let keeps = op.keeps(values.each_ref());
    let xs = std::array::from_fn(|i| keeps.has_operand(i).then(|| values[i].clone()));
    let inputs = tape.looks().then(|| values.clone());
    let y = op.forward(values);
    assert!(*y.shape() == shape, "{}: `forward` made shape {:?}, `shape` says {shape:?}", op.name(), y.shape());
    let kept_y = keeps.has_result().then(|| y.clone());
    let id = tape.next_id();
    if let Some(inputs) = inputs {
        crate::observe::look(&tape, op.name(), (&ids, &inputs), (id, &y), at);
    }
    let node = boxed(Recorded { op, id, operands: ids, xs, y: kept_y });
    tape.push_op(node, y.shape(), at);
    Var::new(y, tape, id)
}

struct RecordedMany<T: Float, O> {
    op: O,
    id: u32,
    operands: Vec<u32>,
    xs: Vec<Option<Tensor<T>>>,
    y: Option<Tensor<T>>,
}

impl<T: Float, O: OpMany<T>> Node<T> for RecordedMany<T, O> {
    fn name(&self) -> &'static str {
        self.op.name()
    }

    fn operands(&self) -> &[u32] {
        &self.operands
    }

    fn pull(&mut self, pass: &mut Pass<'_, T>, dy: Tensor<T>, dy_id: u32, consume: bool) {
        let (mut xs, result) =
            if consume { (std::mem::take(&mut self.xs), self.y.take()) } else { (self.xs.clone(), self.y.clone()) };
        let name = self.op.name();
        let dy = Var::new(dy, pass.tape().clone(), dy_id);
        let kept = Kept { operands: &mut xs, result, ids: &self.operands, id: self.id, pass, name };
        let mut cotangents = self.op.vjp(kept, dy);
        assert_eq!(cotangents.len(), self.operands.len(), "{name}: a rule returns one cotangent for each operand");
        for (&operand, cotangent) in self.operands.iter().zip(&mut cotangents) {
            if let Some(cotangent) = cotangent {
                pass.add(operand, cotangent.take_parts(), name);
            }
        }
    }

    fn kept(&self) -> Vec<Tensor<T>> {
        self.xs.iter().flatten().chain(&self.y).cloned().collect()
    }
}

#[track_caller]
fn record_many<T: Float, O: OpMany<T>>(mut op: O, operands: Vec<Var<T>>, at: &'static Location<'static>) -> Var<T> {
    assert!(!operands.is_empty(), "{}: there are no operands; give at least one", op.name());
    let shape = expect(op.shape(&operands.iter().map(Var::shape).collect::<Vec<_>>()));
    let tape = tape_of(op.name(), &operands);
    let ids: Vec<u32> = operands.iter().map(Var::id).collect();
    let is_tracked = tape.is_recording() && ids.iter().any(|&id| id != UNTRACKED);
    let values: Vec<Tensor<T>> = operands.into_iter().map(Var::into_value).collect();
    let inputs = tape.looks().then(|| values.clone());
    let keeps = if is_tracked { op.keeps(&values.iter().collect::<Vec<_>>()) } else { Keeps::NOTHING };
    let xs = values.iter().enumerate().map(|(i, x)| keeps.has_operand(i).then(|| x.clone())).collect();
    let y = op.forward(values);
    assert!(*y.shape() == shape, "{}: `forward` made shape {:?}, `shape` says {shape:?}", op.name(), y.shape());
    let id = if is_tracked { tape.next_id() } else { UNTRACKED };
    if let Some(inputs) = inputs {
        crate::observe::look(&tape, op.name(), (&ids, &inputs), (id, &y), at);
    }
    if !is_tracked {
        return Var::new(y, tape, UNTRACKED);
    }
    let kept_y = keeps.has_result().then(|| y.clone());
    let node = Box::new(RecordedMany { op, id, operands: ids, xs, y: kept_y });
    tape.push_op(node, y.shape(), at);
    Var::new(y, tape, id)
}

/// The tape the result goes on: that of the tracked operands, which must be one.
#[track_caller]
#[inline]
fn tape_of<T: Float>(op: &str, operands: &[Var<T>]) -> Tape<T> {
    let mut tape = operands[0].tape();
    let mut tracked = operands[0].is_tracked();
    for operand in &operands[1..] {
        if operand.is_tracked() {
            let fits = !tracked || operand.tape().is(tape);
            assert!(fits, "{op}: operands are recorded on different tapes; use one tape, or `detach` one of them");
            (tape, tracked) = (operand.tape(), true);
        }
    }
    tape.clone()
}
