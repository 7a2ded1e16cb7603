//! The ops, one word and one file each: formula, derivative, conventions, rule.

mod arithmetic;
mod elementwise;
mod extremum;
mod leaky_relu;
mod mean;
mod norm;
mod operators;
mod prelu;
mod prod;
mod reduce;
mod sort;
mod square;
mod sum;
#[cfg(test)]
mod table;
mod variance;
mod views;
mod where_else;
