//! Starts the program `bienban`.
fn main() {}
