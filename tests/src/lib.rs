//! The harness that the tests, benches and fuzz targets share.

pub mod binary;
pub mod link;
pub mod process;
pub mod scene;
