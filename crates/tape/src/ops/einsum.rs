//! Einstein sums: `Var::einsum("bij,bjk->bik", &[a, b])` sums products of the operands over every letter that the result lacks.
//!
//! Each letter is an axis. A letter twice in one operand takes its diagonal; letters that only one operand has and nobody
//! else wants are summed at once; then operands are multiplied pair by pair from the left, each pair as one batched matrix
//! product. Without `->` the result has the letters that occur once, in alphabetical order. No ellipsis. Derivatives come
//! from the parts.
//!
//! ```
//! use tape::{Tape, Tensor, Var};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
//! assert_eq!(Var::einsum("ii->", &[x.clone()]).item(), 5.0);
//! assert_eq!(Var::einsum("ij,ij->j", &[x.clone(), x]).to_vec(), [10.0, 20.0]);
//! ```

use super::views::Permute;
use crate::error::expect;
use crate::{Error, Float, MAX_RANK, Op as _, Result, Shape, Tensor, Var};

/// A value and the letter of each of its axes.
struct Term<T: Float> {
    value: Var<T>,
    letters: Vec<u8>,
}

fn bad(problem: String) -> Error {
    Error::Argument { op: "einsum", problem }
}

/// The letters of each operand and of the result.
fn parse(spec: &str) -> Result<(Vec<Vec<u8>>, Vec<u8>)> {
    let spec: String = spec.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match spec.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (spec.as_str(), None),
    };
    let letters = |part: &str| match part.chars().find(|c| !c.is_ascii_alphabetic()) {
        None => Ok(part.as_bytes().to_vec()),
        Some(c) => Err(bad(format!("`{c}` in \"{spec}\": axes are letters, operands are separated by commas"))),
    };
    let operands = left.split(',').map(letters).collect::<Result<Vec<_>>>()?;
    let all = operands.concat();
    let count = |letter: u8| all.iter().filter(|&&l| l == letter).count();
    let out = match right {
        Some(right) => letters(right)?,
        None => (b'A'..=b'z').filter(|&letter| count(letter) == 1).collect(),
    };
    for (i, &letter) in out.iter().enumerate() {
        if count(letter) == 0 {
            return Err(bad(format!("`{}` of the result of \"{spec}\" is in no operand", letter as char)));
        }
        if out[..i].contains(&letter) {
            return Err(bad(format!("`{}` is twice in the result of \"{spec}\"", letter as char)));
        }
    }
    Ok((operands, out))
}

/// Whether every letter has one size, and no product on the way has too many axes.
fn check(operands: &[Vec<u8>], out: &[u8], shapes: &[&Shape]) -> Result<()> {
    if operands.len() != shapes.len() {
        return Err(bad(format!("the formula has {} operands, {} were given", operands.len(), shapes.len())));
    }
    let mut sizes: Vec<(u8, usize)> = Vec::new();
    for (i, (letters, shape)) in operands.iter().zip(shapes).enumerate() {
        if letters.len() != shape.rank() {
            let problem = format!("operand {i} of shape {shape:?} has {} letters", letters.len());
            return Err(bad(problem));
        }
        for (&letter, &size) in letters.iter().zip(shape.iter()) {
            match sizes.iter().find(|known| known.0 == letter) {
                Some(&(_, known)) if known != size => {
                    let letter = letter as char;
                    return Err(bad(format!(
                        "`{letter}` is {known} long and, in operand {i} of shape {shape:?}, {size}"
                    )));
                }
                Some(_) => {}
                None => sizes.push((letter, size)),
            }
        }
    }
    let mut axes: Vec<u8> = Vec::new();
    for (i, letters) in operands.iter().enumerate() {
        axes.extend(letters);
        axes.sort_unstable();
        axes.dedup();
        axes.retain(|letter| out.contains(letter) || operands[i + 1..].iter().any(|later| later.contains(letter)));
        if axes.len() > MAX_RANK {
            let problem =
                format!("the product up to operand {i} has {} axes; there are at most {MAX_RANK}", axes.len());
            return Err(bad(problem));
        }
    }
    Ok(())
}

impl<T: Float> Term<T> {
    /// Axes in the order of these letters, which are all of its own.
    fn ordered(self, letters: &[u8]) -> Var<T> {
        let order: Vec<usize> = letters.iter().map(|l| self.letters.iter().position(|own| own == l).unwrap()).collect();
        if order.iter().enumerate().all(|(i, &axis)| i == axis) {
            return self.value;
        }
        Permute { order }.apply([self.value])
    }

    /// The diagonal along letters that occur twice.
    fn without_repeats(mut self) -> Term<T> {
        while let Some(second) = (0..self.letters.len()).find(|&i| self.letters[..i].contains(&self.letters[i])) {
            let first = self.letters.iter().position(|&l| l == self.letters[second]).unwrap();
            let size = self.value.shape()[first];
            // Both axes last and as one; every (size + 1)-th number is on the diagonal.
            let mut order: Vec<usize> = (0..self.letters.len()).filter(|&i| i != first && i != second).collect();
            order.extend([first, second]);
            let value = Permute { order: order.clone() }.apply([self.value]);
            let mut sizes = value.shape()[..order.len() - 2].to_vec();
            sizes.push(size * size);
            let places: Vec<usize> = (0..size).map(|i| i * (size + 1)).collect();
            self.value = value.reshape(sizes).index_select(-1, &Tensor::from(places));
            self.letters = order[..order.len() - 1].iter().map(|&axis| self.letters[axis]).collect();
        }
        self
    }

    /// Summed over the letters that nobody wants.
    fn summed_to(self, wanted: impl Fn(u8) -> bool) -> Term<T> {
        let axes: Vec<isize> =
            (0..self.letters.len()).filter(|&i| !wanted(self.letters[i])).map(|i| i as isize).collect();
        if axes.is_empty() {
            return self;
        }
        let letters = self.letters.into_iter().filter(|&l| wanted(l)).collect();
        Term { value: self.value.sum_axes(&axes[..]), letters }
    }

    /// The product of two terms, summed over the letters both have and nobody wants any more.
    fn times(self, other: Term<T>, wanted: impl Fn(u8) -> bool) -> Term<T> {
        let (mut batch, mut left, mut inner) = (vec![], vec![], vec![]);
        for &l in &self.letters {
            match (other.letters.contains(&l), wanted(l)) {
                (true, true) => batch.push(l),
                (true, false) => inner.push(l),
                (false, _) => left.push(l),
            }
        }
        let right: Vec<u8> = other.letters.iter().copied().filter(|l| !self.letters.contains(l)).collect();
        let a = self.ordered(&[&batch[..], &left, &inner].concat());
        let b = other.ordered(&[&batch[..], &inner, &right].concat());
        let (batches, lefts) = (a.shape()[..batch.len()].to_vec(), a.shape()[batch.len()..][..left.len()].to_vec());
        let rights = b.shape()[batch.len() + inner.len()..].to_vec();
        let k: usize = b.shape()[batch.len()..][..inner.len()].iter().product();
        let [count, m, n] = [&batches, &lefts, &rights].map(|sizes| sizes.iter().product::<usize>());
        let y = a.reshape([count, m, k]).matmul(b.reshape([count, k, n]));
        let value = y.reshape([batches, lefts, rights].concat());
        Term { value, letters: [batch, left, right].concat() }
    }
}

impl<T: Float> Var<T> {
    /// The Einstein sum that a formula such as `"bij,bjk->bik"` describes.
    ///
    /// Letters are axes; what the result lacks is summed; a letter twice in an operand is its diagonal.
    ///
    /// # Panics
    /// If the formula is malformed or does not fit the operands.
    #[track_caller]
    pub fn einsum(formula: &str, operands: &[Var<T>]) -> Var<T> {
        expect(Var::try_einsum(formula, operands))
    }

    /// As [`Var::einsum`], for formulas that come from outside.
    ///
    /// # Errors
    /// If the formula is malformed or does not fit the operands.
    pub fn try_einsum(formula: &str, operands: &[Var<T>]) -> Result<Var<T>> {
        let (letters, out) = parse(formula)?;
        check(&letters, &out, &operands.iter().map(Var::shape).collect::<Vec<_>>())?;
        let mut done: Option<Term<T>> = None;
        for (i, operand) in operands.iter().enumerate() {
            let later = letters[i + 1..].concat();
            let wanted = |l: u8| out.contains(&l) || later.contains(&l);
            let term = Term { value: operand.clone(), letters: letters[i].clone() }.without_repeats();
            done = Some(match done {
                None => term.summed_to(wanted),
                Some(before) => {
                    let shared = before.letters.clone();
                    before.times(term.summed_to(|l| wanted(l) || shared.contains(&l)), wanted)
                }
            });
        }
        Ok(done.expect("a formula has an operand").ordered(&out))
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    vec![
        entry!(
            "einsum",
            &[&[&[2, 3, 2], &[2, 2, 4]]],
            R,
            |x| Var::einsum("bij,bjk->bik", &x),
            whole | x | super::matmul::naive(&x[0], &x[1])
        ),
        entry!(
            "einsum",
            &[&[&[2, 3], &[4, 3], &[4]]],
            R,
            |x| Var::einsum("ij, kj, k -> ki", &x),
            whole | x | {
                let y = super::matmul::naive(&x[1], &x[0].transpose());
                y * x[2].unsqueeze(1)
            }
        ),
        entry!(
            "einsum",
            &[&[&[3, 2, 3]]],
            R,
            |x| Var::einsum("iji", &x),
            whole | x | {
                let v = x[0].to_vec();
                Tensor::f64([v[0] + v[7] + v[14], v[3] + v[10] + v[17]])
            }
        ),
        entry!(
            "einsum",
            &[&[&[2], &[3]]],
            R,
            |x| Var::einsum("i,j->ji", &x),
            whole | x | {
                let (a, b) = (x[0].to_vec(), x[1].to_vec());
                Tensor::f64([[a[0] * b[0], a[1] * b[0]], [a[0] * b[1], a[1] * b[1]], [a[0] * b[2], a[1] * b[2]]])
            }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_formulas_say_what_is_wrong() {
        let of = |spec: &str| parse(spec).unwrap_err().to_string();
        assert_eq!(of("i,j->ik"), "einsum: `k` of the result of \"i,j->ik\" is in no operand");
        assert_eq!(of("ij->ii"), "einsum: `i` is twice in the result of \"ij->ii\"");
        assert!(of("i.j->i").starts_with("einsum: `.` in"));
        let (letters, out) = parse("ij,jk->ik").unwrap();
        let (a, b) = (Shape::from([2, 3]), Shape::from([4, 5]));
        let error = check(&letters, &out, &[&a, &b]).unwrap_err().to_string();
        assert_eq!(error, "einsum: `j` is 3 long and, in operand 1 of shape [4, 5], 4");
        assert!(check(&letters, &out, &[&a]).unwrap_err().to_string().contains("2 operands, 1 were given"));
        let (letters, out) = parse("abcde,fghij->").unwrap();
        let wide = Shape::from([1; 5]);
        assert!(check(&letters, &out, &[&wide, &wide]).is_ok(), "summed before they meet");
        let (letters, out) = parse("abcde,fghij").unwrap();
        let error = check(&letters, &out, &[&wide, &wide]).unwrap_err().to_string();
        assert_eq!(error, "einsum: the product up to operand 1 has 10 axes; there are at most 8");
    }
}
