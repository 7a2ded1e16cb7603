//! Kernels that debug builds compile here, once, instead of in each crate that links this one.
//!
//! Kernels are generic over their element and compiled for every instruction set where they are first needed: the tests of `tape`, `nn` itself,
//! its tests and its examples would each compile convolutions of their own. At low levels of optimisation rustc takes a generic function from
//! a crate below where that has it, so what is named here is there for all of them, for this machine's instruction set (`build.rs`). Release builds inline instead; they and packages that
//! depend on this one leave the file out (`shared_kernels` is set in this repository's `.cargo/config.toml` alone).

use crate::*;

/// Names every kernel, for both elements. Nobody calls it: that they are compiled is enough.
#[doc(hidden)]
pub fn all() {
    of::<f32>();
    of::<f64>();
}

fn of<T: Float>() {
    elementwise::<T>();
    reductions::<T>();
    layers::<T>();
}

macro_rules! named {
    ($($kernel:ident),* $(,)?) => {
        $(std::hint::black_box($kernel::<T> as *const ());)*
    };
}

fn elementwise<T: Float>() {
    named!(
        abs,
        add,
        ceil,
        clamp,
        clamp_backward,
        clamp_slope,
        div,
        equal,
        floor,
        greater,
        greater_equal,
        less,
        less_equal,
        maximum,
        maximum_share,
        minimum,
        minimum_share,
        mul,
        neg,
        not_equal,
        powi,
        recip,
        round,
        sign,
        sqrt,
        square,
        sub,
        bce_with_logits,
        cos,
        erf,
        erf_backward,
        exp,
        expm1,
        gelu,
        gelu_backward,
        ln,
        log1p,
        pow,
        sigmoid,
        sigmoid_backward,
        silu,
        silu_backward,
        sin,
        softplus,
        softplus_backward,
        tanh,
        tanh_backward,
        dropout,
        maximum_backward,
        minimum_backward,
        gate,
        gate_backward,
        leaky,
        leaky_backward,
        prelu,
        prelu_backward,
        relu,
        relu_backward,
        select,
    );
}

fn reductions<T: Float>() {
    named!(
        argmax,
        argmin,
        extremum_share,
        logsumexp,
        max,
        mean,
        min,
        norm1,
        norm2,
        prod,
        sum,
        sum_of_squares,
        variance,
        cumprod,
        cumsum,
        softmax,
        log_softmax,
        softmax_backward,
        log_softmax_backward,
        cross_entropy,
    );
}

fn layers<T: Float>() {
    named!(
        conv,
        conv_backward_data,
        conv_backward_weights,
        conv_moments,
        matmul,
        matmul_batched,
        attention,
        attention_backward,
        moments,
        batch_norm,
        batch_norm_backward,
        group_norm,
        group_norm_backward,
        layer_norm,
        layer_norm_backward,
        resample,
        is_finite_all,
    );
    steps::<T>();
}

fn steps<T: Float>() {
    use crate::optim::*;
    macro_rules! by {
        ($($rule:ident),*) => { $(std::hint::black_box(update::<T, $rule> as *const ());)* };
    }
    by!(Adadelta, Adagrad, Adam, Adamax, Lion, NAdam, RAdam, RmsProp, Sgd);
}
