//! What the image is: base images, layers, steps, mounts, secrets and the image config, as one serialisable value.

pub mod python;
pub mod start;
