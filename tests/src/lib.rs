//! The harness that the tests, benches and fuzz targets share.

pub mod fleet;
pub mod link;
