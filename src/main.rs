//! pyfront.
fn main() {}
