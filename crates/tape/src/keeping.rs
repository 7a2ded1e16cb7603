//! [`Tape::kept`]: which op keeps how much for the backward pass.

use crate::tape::Origin;
use crate::{Float, Shape, Tape};
use std::collections::HashSet;
use std::fmt::{Display, Formatter, Result};
use std::panic::Location;

/// What one op keeps.
#[derive(Clone, Copy, Debug)]
pub struct KeptByOp {
    /// The op's name.
    pub name: &'static str,
    /// The shape of its result.
    pub shape: Shape,
    /// Bytes that no op before it in the list keeps too; bits and places of winners are included.
    pub bytes: usize,
    /// The line that asked for it.
    pub at: &'static Location<'static>,
}

/// What a tape keeps, by op, in the order of recording. Displayed as a table.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// The ops that a backward pass has not used up.
    pub ops: Vec<KeptByOp>,
}

impl Keeping {
    /// All bytes, what several ops share counted once.
    pub fn bytes(&self) -> usize {
        self.ops.iter().map(|op| op.bytes).sum()
    }
}

impl<T: Float> Tape<T> {
    /// What is kept for backward, for each op: parameters and inputs that a rule will read included, shared numbers counted once, for
    /// the first op that keeps them.
    ///
    /// ```
    /// use tape::{Tape, Tensor};
    /// let tape = Tape::probing();
    /// let x = tape.var(Tensor::ones([100]));
    /// let y = x.clone().exp() * x;
    /// let kept = tape.kept();
    /// assert_eq!((kept.ops[0].name, kept.bytes()), ("exp", 800));
    /// # let _ = y;
    /// ```
    pub fn kept(&self) -> Keeping {
        let mut seen = HashSet::new();
        let mut ops = Vec::new();
        for id in 0..self.len() as u32 {
            let shape = self.shape_of(id);
            self.with_record(id, |record| {
                let Origin::Op(node) = &record.origin else { return };
                let blocks = node.kept().into_iter().map(|x| x.storage());
                let shared: usize = blocks.filter(|&(at, _)| seen.insert(at)).map(|(_, bytes)| bytes).sum();
                ops.push(KeptByOp { name: node.name(), shape, bytes: shared + node.own_bytes(), at: record.at });
            });
        }
        Keeping { ops }
    }
}

impl Display for Keeping {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let shapes: Vec<String> = self.ops.iter().map(|op| op.shape.to_string()).collect();
        let name = self.ops.iter().map(|op| op.name.len()).max().unwrap_or(0).max("total".len());
        let shape = shapes.iter().map(String::len).max().unwrap_or(0).max("result".len());
        let bytes = self.bytes().to_string().len().max("bytes".len());
        writeln!(f, "{:name$}  {:shape$}  {:>bytes$}", "op", "result", "bytes")?;
        for (op, result) in self.ops.iter().zip(&shapes) {
            writeln!(f, "{:name$}  {result:shape$}  {:>bytes$}  {}:{}", op.name, op.bytes, op.at.file(), op.at.line())?;
        }
        writeln!(f, "{:name$}  {:shape$}  {:>bytes$}", "total", "", self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Pool, Tape, Tensor};

    #[test]
    fn shared_numbers_count_once_and_the_table_is_aligned() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::ones([1, 4, 4, 2]));
        let y = x.clone().max_pool(Pool::new([2, 2])).exp();
        let z = y.clone() * y;
        let kept = tape.kept();
        let rows: Vec<_> = kept.ops.iter().map(|op| (op.name, op.bytes)).collect();
        // Eight places; the result of exp, which the product keeps too.
        assert_eq!(rows, [("max_pool", 8), ("exp", 32), ("mul", 0)]);
        let table = kept.to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("op        result"), "{table}");
        assert!(lines[4].starts_with("total") && lines[4].ends_with("   40"), "{table}");
        let _ = z.sum().backward();
        assert_eq!(tape.kept().bytes(), 0);
    }

    #[test]
    fn views_count_as_what_they_look_at() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::ones([4, 6]));
        let y = x.clone().transpose() * x.transpose();
        assert_eq!(tape.kept().bytes(), 96);
        let _ = y;
    }
}
