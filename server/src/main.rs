//! Starts the program `bienban`.

fn main() -> std::process::ExitCode {
    bienban_server::cli::main()
}
