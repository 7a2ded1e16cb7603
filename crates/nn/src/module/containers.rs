//! Modules inside other types: vectors, options, tuples, arrays, boxes; and settings, which are modules without parameters.

use super::{CastTo, Module, Path, Visitor, VisitorMut};
use tape::Float;

macro_rules! settings {
    ($($type:ty),+ $(,)?) => {$(
        impl<T: Float> Module<T> for $type {
            fn visit<'a>(&'a self, _: &mut Path, _: &mut dyn Visitor<'a, T>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut Path, _: &mut dyn VisitorMut<'a, T>) {}
        }
        impl<U: Float> CastTo<U> for $type {
            type Output = $type;
            fn cast_to(&self) -> $type {
                self.clone()
            }
        }
    )+};
}
settings!(
    (),
    bool,
    char,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    String,
    &'static str,
    std::ops::Range<usize>,
    std::time::Duration,
    std::path::PathBuf,
    tape::Conv,
    tape::Shape,
    tape::Rng,
);

impl<T: Float, M: Module<T>> Module<T> for [M] {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        for (index, module) in self.iter().enumerate() {
            path.enter_index(index, |path| module.visit(path, visitor));
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        for (index, module) in self.iter_mut().enumerate() {
            path.enter_index(index, |path| module.visit_mut(path, visitor));
        }
    }
}

macro_rules! through {
    (($($generics:tt)*) $type:ty, $inner:ty) => {
        impl<T: Float, M: Module<T>, $($generics)*> Module<T> for $type {
            fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
                <$inner>::visit(self, path, visitor);
            }
            fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
                <$inner>::visit_mut(self, path, visitor);
            }
        }
    };
}
through!(() Vec<M>, [M]);
through!((const N: usize) [M; N], [M]);

impl<T: Float, M: Module<T> + ?Sized> Module<T> for Box<M> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        (**self).visit(path, visitor);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        (**self).visit_mut(path, visitor);
    }
}

impl<T: Float, M: Module<T>> Module<T> for Option<M> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        if let Some(module) = self {
            module.visit(path, visitor);
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        if let Some(module) = self {
            module.visit_mut(path, visitor);
        }
    }
}

impl<U: Float, M: CastTo<U>> CastTo<U> for Vec<M> {
    type Output = Vec<M::Output>;
    fn cast_to(&self) -> Self::Output {
        self.iter().map(M::cast_to).collect()
    }
}

impl<U: Float, M: CastTo<U>, const N: usize> CastTo<U> for [M; N] {
    type Output = [M::Output; N];
    fn cast_to(&self) -> Self::Output {
        self.each_ref().map(M::cast_to)
    }
}

impl<U: Float, M: CastTo<U>> CastTo<U> for Box<M> {
    type Output = Box<M::Output>;
    fn cast_to(&self) -> Self::Output {
        Box::new((**self).cast_to())
    }
}

impl<U: Float, M: CastTo<U>> CastTo<U> for Option<M> {
    type Output = Option<M::Output>;
    fn cast_to(&self) -> Self::Output {
        self.as_ref().map(M::cast_to)
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),+) => {
        impl<T: Float, $($name: Module<T>),+> Module<T> for ($($name,)+) {
            fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
                $(path.enter(stringify!($index), |path| self.$index.visit(path, visitor));)+
            }
            fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
                $(path.enter(stringify!($index), |path| self.$index.visit_mut(path, visitor));)+
            }
        }
        impl<U: Float, $($name: CastTo<U>),+> CastTo<U> for ($($name,)+) {
            type Output = ($($name::Output,)+);
            fn cast_to(&self) -> Self::Output {
                ($(self.$index.cast_to(),)+)
            }
        }
        impl<T: Float, $($name: crate::Layer<T>),+> crate::Layer<T> for ($($name,)+) {
            fn forward(&self, x: tape::Var<T>) -> tape::Var<T> {
                $(let x = self.$index.forward(x);)+
                x
            }
            fn lipschitz(&self, at: &mut Path, bounds: &mut crate::lipschitz::Certificate) -> crate::Result<()> {
                $(at.enter(stringify!($index), |at| self.$index.lipschitz(at, bounds))?;)+
                Ok(())
            }
            fn set_fused(&mut self, fuses: bool) {
                $(self.$index.set_fused(fuses);)+
            }
            #[track_caller]
            fn piecewise(&self, chain: &mut crate::regions::Piecewise) -> crate::Result<()> {
                $(self.$index.piecewise(chain)?;)+
                Ok(())
            }
            #[track_caller]
            fn onnx(&self, at: &mut Path, graph: &mut crate::onnx::Graph, x: crate::onnx::Value) -> crate::Result<crate::onnx::Value> {
                $(let x = at.enter(stringify!($index), |at| self.$index.onnx(at, graph, x))?;)+
                Ok(x)
            }
        }
    };
}
/// Calls a macro with the parts of tuples of one to eight: `A 0, B 1`.
macro_rules! of_every_length {
    ($tuples:ident) => {
        $tuples!(A 0);
        $tuples!(A 0, B 1);
        $tuples!(A 0, B 1, C 2);
        $tuples!(A 0, B 1, C 2, D 3);
        $tuples!(A 0, B 1, C 2, D 3, E 4);
        $tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
        $tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
        $tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
    };
}
of_every_length!(tuples);
pub(crate) use of_every_length;
