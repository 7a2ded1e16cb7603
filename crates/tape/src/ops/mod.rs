//! The ops, one word and one file each: formula, derivative, conventions, rule.

mod arithmetic;
mod clamp;
mod compare;
mod dropout;
mod elementwise;
mod erf;
mod exp;
mod gelu;
mod leaky_relu;
mod lerp;
mod ln;
mod maximum;
mod operators;
mod pow;
mod prelu;
mod reduce;
mod relu;
mod round;
mod select;
mod sigmoid;
mod sqrt;
mod square;
mod sum;
#[cfg(test)]
mod table;
mod tanh;
mod trig;
mod views;
mod where_else;
