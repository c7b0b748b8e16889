//! The program `bienban`, built with this package: cargo builds a package's own programs before its
//! tests, so a test never runs a stale one. Its `main` is that of the real one, word for word.

fn main() -> std::process::ExitCode {
    bienban_server::cli::main()
}
