//! `#[derive(Module)]`: walks the parameters of a network, named after its fields.
//!
//! Works on structs (named, tuple, unit) and enums, with generics. Numbers, `bool` and `String` are modules without parameters, so
//! plain settings need no mark; a field that is no module at all (a closure, a foreign type) says `#[module(skip)]`.
//!
//! Names of what is in a field begin with the field's, unless it says `#[module(flatten)]`.
//!
//! A field that PyTorch calls or writes otherwise says so for `to_pytorch` and `from_pytorch`: `#[module(pytorch(name = "weight"))]`,
//! `reversed` where its axes are in reverse order there, `vector` where it has one axis there.
//!
//! The float type of the parameters is the type parameter bounded by `Float`; without one it is `f32`, or what
//! `#[module(float = f64)]` on the type says. With such a type parameter the type also gets its twin in another precision:
//! `net.cast::<f64>()`.

mod cast;
mod fields;
mod state;
mod visit;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `nn::Module` (and `nn::CastTo` for types generic over their float) field by field, and `nn::State` through it. See the crate's
/// documentation.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let target = match fields::Target::new(&input) {
        Ok(target) => target,
        Err(error) => return error.to_compile_error().into(),
    };
    let mut code = visit::module(&target);
    code.extend(cast::cast_to(&target));
    code.extend(state::of_module(&target));
    code.into()
}

/// Implements `nn::State` for a struct, field by field: for what a run remembers beside its modules. A module has it already.
#[proc_macro_derive(State)]
pub fn derive_state(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    state::of_fields(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}
