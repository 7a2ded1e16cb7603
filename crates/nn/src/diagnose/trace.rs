//! The rectifiers in what a tape observed, and what surrounds them.

use crate::Module;
use std::collections::HashMap;
use tape::{Float, Gradients, Observed, ParamId, Source, Tensor};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Relu,
    Leaky,
    PRelu,
}

/// A rectifier that ran.
pub(super) struct Rectified<T: Float> {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) x: Tensor<T>,
    pub(super) y: Tensor<T>,
    /// y's gradient, if one reaches it.
    pub(super) dy: Option<Tensor<T>>,
    /// Its slopes: one, one for each feature, or more; none at all where no negative number shows what a fixed one is.
    pub(super) slopes: Vec<f64>,
    /// The parameter that they are, by its whole name.
    pub(super) parameter: Option<String>,
    /// The weights before it.
    pub(super) weight: Option<Weight>,
    /// The batch norm that ends in it.
    pub(super) norm: Option<Norm>,
    /// Whether some norm stands between the weights and it.
    pub(super) is_normalised: bool,
    /// Whether two branches are added up between the weights and it.
    pub(super) is_sum: bool,
}

/// The weights before a rectifier.
pub(super) struct Weight {
    /// Numbers that one result sums.
    pub(super) fan_in: f64,
    /// E\[w²\], E\[b²\], and E\[h²\] of what they multiply.
    pub(super) square: f64,
    pub(super) bias_square: f64,
    pub(super) input_square: f64,
    /// The rectifier, by its number, whose result they multiply, if nothing but a change of shape lies between.
    pub(super) after: Option<usize>,
}

/// A batch norm's γ and β.
pub(super) struct Norm {
    pub(super) name: String,
    pub(super) weight: Vec<f64>,
    pub(super) bias: Vec<f64>,
}

pub(super) fn numbers<T: Float>(x: &Tensor<T>) -> Vec<f64> {
    x.to_vec().into_iter().map(T::to_f64).collect()
}

/// By the tape's own norm, which many threads compute; one by one where that is beyond its float type.
pub(super) fn mean_square<T: Float>(x: &Tensor<T>) -> f64 {
    let norm = x.norm().item().to_f64();
    let sum = if norm.is_finite() { norm * norm } else { numbers(x).iter().map(|x| x * x).sum() };
    sum / x.len().max(1) as f64
}

/// The numbers of a tensor, row by row of its last axis.
pub(super) fn for_each_row<T: Float>(x: &Tensor<T>, mut f: impl FnMut(&[T])) {
    let units = x.shape().last().copied().unwrap_or(1);
    let x = x.clone().contiguous();
    x.as_slice().expect("it is contiguous").chunks_exact(units.max(1)).for_each(&mut f);
}

impl<T: Float> Rectified<T> {
    /// Units: the length of the last axis.
    pub(super) fn units(&self) -> usize {
        self.x.shape().last().copied().unwrap_or(1)
    }

    /// Mean of (1 + α²)/2, if slopes are known.
    pub(super) fn passes(&self) -> Option<f64> {
        let sum: f64 = self.slopes.iter().map(|slope| (1.0 + slope * slope) / 2.0).sum();
        (!self.slopes.is_empty()).then(|| sum / self.slopes.len() as f64)
    }

    /// The slope of a unit, if units have one.
    pub(super) fn slope(&self, unit: usize) -> Option<f64> {
        match self.slopes.len() {
            1 => Some(self.slopes[0]),
            count if count == self.units() => Some(self.slopes[unit]),
            _ => None,
        }
    }
}

/// Every rectifier, in the order in which they ran, with its gradient if a backward pass ran too.
pub(super) fn rectifiers<T: Float, M: Module<T> + ?Sized>(
    net: &M,
    ops: &[Observed<T>],
    gradients: Option<&Gradients<T>>,
) -> Vec<Rectified<T>> {
    let names: HashMap<ParamId, String> =
        net.named_parameters().into_iter().map(|(name, param)| (param.id(), name)).collect();
    let walk = Walk { ops, names: &names };
    let mut found: Vec<Rectified<T>> = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    for (place, op) in ops.iter().enumerate() {
        let Some(kind) = kind_of(op.op) else { continue };
        let mut layer = walk.rectifier(kind, op, gradients, &places);
        let namesakes = found.iter().filter(|other| other.name.split('#').next() == Some(&layer.name)).count();
        if namesakes > 0 {
            layer.name = format!("{}#{}", layer.name, namesakes + 1);
        }
        places.insert(place, found.len());
        found.push(layer);
    }
    found
}

fn kind_of(op: &str) -> Option<Kind> {
    match op {
        "relu" => Some(Kind::Relu),
        "leaky_relu" => Some(Kind::Leaky),
        "prelu" => Some(Kind::PRelu),
        _ => None,
    }
}

/// A parameter's layer: `blocks.0.conv` of `blocks.0.conv.weight`.
fn layer_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(layer, _)| layer)
}

struct Walk<'a, T: Float> {
    ops: &'a [Observed<T>],
    names: &'a HashMap<ParamId, String>,
}

impl<T: Float> Walk<'_, T> {
    fn rectifier(
        &self,
        kind: Kind,
        op: &Observed<T>,
        gradients: Option<&Gradients<T>>,
        places: &HashMap<usize, usize>,
    ) -> Rectified<T> {
        let (x, y) = (op.operands[0].clone(), op.result.clone());
        let slopes = match kind {
            Kind::Relu => vec![0.0],
            Kind::PRelu => numbers(&op.operands[1]),
            Kind::Leaky => slope_of(&x, &y).into_iter().collect(),
        };
        let dy = gradients.and_then(|gradients| op.gradient(gradients)).cloned();
        let parameter = if kind == Kind::PRelu { self.parameter(&op.sources[1]).cloned() } else { None };
        let mut layer = Rectified {
            name: String::new(),
            kind,
            x,
            y,
            dy,
            slopes,
            parameter,
            weight: None,
            norm: None,
            is_normalised: false,
            is_sum: false,
        };
        let (mut source, mut bias_square, mut is_next) = (op.sources[0], 0.0, true);
        while let Source::Op(place) = source {
            let op = &self.ops[place];
            if kind_of(op.op).is_some() {
                break;
            }
            if let Some(param) =
                op.sources.iter().find_map(|source| self.name(source)).filter(|_| layer.name.is_empty())
            {
                layer.name = param.into();
            }
            if let Some(at) =
                (0..op.sources.len()).find(|&i| matches!(op.sources[i], Source::Param(_)) && op.operands[i].rank() >= 2)
            {
                layer.weight = Some(self.weight(op, at, bias_square, places));
                if let Some(name) = self.name(&op.sources[at]) {
                    layer.name = name.into();
                }
                break;
            }
            if op.op.ends_with("norm") && op.sources.len() > 1 {
                if op.op == "batch_norm" && is_next {
                    let name = self.name(&op.sources[1]).map_or_else(|| layer.name.clone(), String::from);
                    layer.norm = Some(Norm { name, weight: numbers(&op.operands[1]), bias: numbers(&op.operands[2]) });
                }
                layer.is_normalised = true;
            }
            if op.op == "add" {
                match op.sources[1] {
                    Source::Param(_) => bias_square += mean_square(&op.operands[1]),
                    Source::Op(_) => layer.is_sum = true,
                    Source::Input => {}
                }
            }
            is_next &= op.result.len() == op.operands[0].len() && op.op != "add";
            source = op.sources[0];
        }
        if layer.name.is_empty() {
            layer.name = format!("{}:{}", op.at.file().rsplit('/').next().unwrap_or_default(), op.at.line());
        }
        layer
    }

    /// The layer of a parameter.
    fn name(&self, source: &Source) -> Option<&str> {
        self.parameter(source).map(|name| layer_of(name))
    }

    /// A parameter's whole name.
    fn parameter(&self, source: &Source) -> Option<&String> {
        match source {
            Source::Param(id) => self.names.get(id),
            _ => None,
        }
    }

    /// The weights that operand `at` of an op is.
    fn weight(&self, op: &Observed<T>, at: usize, bias_square: f64, places: &HashMap<usize, usize>) -> Weight {
        let w = &op.operands[at];
        let outputs = w.shape().last().copied().unwrap_or(1).max(1);
        let own_bias = op.operands.get(2).filter(|_| at == 1).map_or(0.0, mean_square);
        let mut source = op.sources[1 - at.min(1)];
        let mut after = None;
        while let Source::Op(place) = source {
            after = places.get(&place).copied();
            let is_view = matches!(self.ops[place].op, "reshape" | "permute" | "transpose" | "expand");
            if after.is_some() || !is_view {
                break;
            }
            source = self.ops[place].sources[0];
        }
        Weight {
            fan_in: (w.len() / outputs) as f64,
            square: mean_square(w),
            bias_square: bias_square + own_bias,
            input_square: mean_square(&op.operands[1 - at.min(1)]),
            after,
        }
    }
}

/// The slope a fixed leaky ReLU has, from its most negative finite number.
fn slope_of<T: Float>(x: &Tensor<T>, y: &Tensor<T>) -> Option<f64> {
    let pairs = x.iter().zip(y.iter()).map(|(x, y)| (x.to_f64(), y.to_f64()));
    let known = pairs.filter(|(x, y)| *x < 0.0 && x.is_finite() && y.is_finite());
    known.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(x, y)| y / x)
}
