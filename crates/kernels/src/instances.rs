//! All kernels for f32 and f64, compiled with this crate.
//!
//! They are generic, and what is generic is compiled where it is used: again in every crate and test that uses it, at three levels each.
//! Development builds share what an upstream crate has compiled already; so it is named here.

macro_rules! compiled_for_both {
    ($($kernel:ident)*) => {
        /// Names every kernel, so that it is compiled.
        #[doc(hidden)]
        pub fn instances() {
            $(
                std::hint::black_box(crate::$kernel::<f32> as *const ());
                std::hint::black_box(crate::$kernel::<f64> as *const ());
            )*
        }
    };
}

compiled_for_both! {
    abs add ceil clamp clamp_backward clamp_slope div equal floor greater greater_equal less less_equal maximum maximum_share minimum
    minimum_share mul neg not_equal powi recip round sign sqrt square sub
    cross_entropy dropout maximum_backward minimum_backward gate gate_backward matmul matmul_batched leaky leaky_backward
    bce_with_logits cos erf erf_backward exp expm1 gelu gelu_backward ln log1p pow sigmoid sigmoid_backward silu silu_backward sin softplus
    softplus_backward tanh tanh_backward
    adam sgd is_finite_all output_is_enough prelu prelu_backward
    argmax argmin extremum_share logsumexp max mean min norm1 norm2 prod sum sum_of_squares variance
    relu relu_backward cumprod cumsum select softmax softmax_backward log_softmax log_softmax_backward
}
