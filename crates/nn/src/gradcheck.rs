//! [`gradcheck_module`]: the gradients of a whole network against finite differences, parameter by parameter.

use crate::{Error, Module, Result};
use tape::{Gradchecked, Tensor, Var, gradcheck_many};

/// Checks the first and second derivatives of `f` in the input and in every parameter of `net`, frozen ones included.
///
/// `f` is run with values in the place of the parameters ([`tape::Tape::bind`]), on tapes that probe: layers behave as in evaluation.
///
/// ```
/// use nn::prelude::*;
/// use nn::gradcheck_module;
///
/// #[derive(Module)]
/// struct Net<T: Float = f32> { hidden: Linear<T>, act: PRelu<T>, out: Linear<T> }
///
/// impl<T: Float> Net<T> {
///     fn forward(&self, x: Var<T>) -> Var<T> { self.out.forward(self.act.forward(self.hidden.forward(x))) }
/// }
///
/// let mut rng = Rng::seed(1);
/// let net = Net { hidden: Linear::new(3, 4, &mut rng), act: PRelu::per_feature(4), out: Linear::new(4, 2, &mut rng) };
/// let x = Tensor::randn([5, 3], &mut rng).cast();
/// gradcheck_module(&net.cast::<f64>(), |net, x| net.forward(x).square().sum(), &x)?;
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If a gradient is wrong: the input or the parameter's name, the index, both values and the ops. Else as [`tape::gradcheck`].
#[track_caller]
pub fn gradcheck_module<M: Module<f64>>(
    net: &M,
    f: impl Fn(&M, Var<f64>) -> Var<f64>,
    x: &Tensor<f64>,
) -> Result<Gradchecked> {
    let params = net.named_parameters();
    let run = |values: Vec<Var<f64>>| {
        let mut values = values.into_iter();
        let x = values.next().expect("the input comes first");
        params.iter().zip(values).for_each(|((_, param), value)| x.tape().bind(param, &value));
        f(net, x)
    };
    let inputs: Vec<Tensor<f64>> =
        std::iter::once(x).chain(params.iter().map(|(_, param)| param.value())).cloned().collect();
    let joint = match gradcheck_many(run, &inputs) {
        Ok(checked) => return Ok(checked),
        Err(error) => error,
    };
    // Who is to blame: each alone, in the order of the module.
    for (i, value) in inputs.iter().enumerate() {
        let alone = |mut varied: Vec<Var<f64>>| {
            let varied = varied.remove(0);
            let mut values: Vec<_> = inputs.iter().map(|value| varied.tape().input(value.clone())).collect();
            values[i] = varied;
            run(values)
        };
        if let Err(error) = gradcheck_many(alone, std::slice::from_ref(value)) {
            let who = if i == 0 { "the input".to_string() } else { format!("parameter `{}`", params[i - 1].0) };
            return Err(named(&who, &error));
        }
    }
    Err(joint.into())
}

/// The error of a check of one input, which is called by its name.
fn named(who: &str, error: &tape::Error) -> Error {
    let text = error.to_string();
    let text = match text.strip_prefix("input 0") {
        Some(rest) => format!("{who}{rest}"),
        None => format!("{who}: {text}"),
    };
    Error::Tape(tape::Error::Gradcheck(text))
}
