//! The ops, one word and one file each: formula, derivative, conventions, rule.

mod arithmetic;
mod einsum;
mod elementwise;
mod index;
mod leaky_relu;
mod linear;
mod matmul;
mod operators;
mod pieces;
mod prelu;
mod reduce;
mod square;
mod sum;
#[cfg(test)]
mod table;
mod views;
mod where_else;
