//! What a tape recorded, for people: the ops' names, and a picture in the DOT language.

use crate::tape::{Origin, UNTRACKED};
use crate::{Float, Tape};
use std::fmt::Write as _;

impl<T: Float> Tape<T> {
    /// The names of the recorded ops, in order.
    pub fn op_names(&self) -> Vec<&'static str> {
        let name = |id| {
            self.with_record(id, |record| match &record.origin {
                Origin::Op(node) => Some(node.name()),
                Origin::Used(name) => Some(*name),
                Origin::Leaf | Origin::Param(_) => None,
            })
        };
        (0..self.len() as u32).filter_map(name).collect()
    }

    /// The graph in the DOT language: leaves as boxes, ops as ellipses with the shape of their result and what they
    /// keep for backward.
    ///
    /// ```
    /// use tape::{Tape, Tensor};
    /// let tape = Tape::probing();
    /// let y = tape.var(Tensor::from([1.0])) * tape.var(Tensor::from([2.0]));
    /// assert!(tape.to_dot().contains("n2 [label=\"mul\\n[1]"));
    /// ```
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph tape {\n  rankdir=BT;\n");
        for id in 0..self.len() as u32 {
            let shape = self.shape_of(id);
            self.with_record(id, |record| {
                let result = match &record.origin {
                    Origin::Leaf => writeln!(dot, "  n{id} [label=\"leaf\\n{shape}\", shape=box];"),
                    Origin::Param(_) => {
                        writeln!(
                            dot,
                            "  n{id} [label=\"param\\n{shape}\", shape=box, style=filled, fillcolor=lightblue];"
                        )
                    }
                    Origin::Op(node) => {
                        let bytes: usize = node.kept().iter().map(|x| x.len() * size_of::<T>()).sum();
                        let operands = node.operands().iter().filter(|&&x| x != UNTRACKED);
                        operands.for_each(|x| writeln!(dot, "  n{x} -> n{id};").expect("writing to a string"));
                        writeln!(dot, "  n{id} [label=\"{}\\n{shape}\\nkeeps {bytes} B\"];", node.name())
                    }
                    Origin::Used(name) => {
                        writeln!(dot, "  n{id} [label=\"{name}\\n{shape}\\nfreed\", style=dashed];")
                    }
                };
                result.expect("writing to a string");
            });
        }
        dot.push_str("}\n");
        dot
    }
}
