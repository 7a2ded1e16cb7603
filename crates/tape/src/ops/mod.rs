//! The ops, one word and one file each: formula, derivative, conventions, rule.

mod arithmetic;
mod clamp;
mod compare;
mod dropout;
mod elementwise;
mod erf;
mod exp;
mod extremum;
mod gelu;
mod leaky_relu;
mod lerp;
mod ln;
mod losses;
mod maximum;
mod mean;
mod norm;
mod operators;
mod pow;
mod prelu;
mod prod;
mod reduce;
mod relu;
mod round;
mod select;
mod sigmoid;
mod sort;
mod sqrt;
mod square;
mod sum;
#[cfg(test)]
mod table;
mod tanh;
mod trig;
mod variance;
mod views;
mod where_else;
