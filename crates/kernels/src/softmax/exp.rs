pub(crate) use crate::math::exp_lanes;
