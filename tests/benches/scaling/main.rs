//! How costs grow: one table a law, over sizes, each with the power by which a cost grows with its size.
//! `-- NAME` runs one law alone; `README.md` beside this folder says what each measures and which variables ask
//! for other sizes. It asserts that everything arrived, and no times.
#![allow(clippy::print_stdout, reason = "a report is what this program is for")]
#![allow(clippy::print_stderr, reason = "a long run says where it is")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken bench must stop")]

mod changed;
mod cut;
mod live;
mod long;
mod moving;
mod phones;
mod served;
mod stocks;
mod stored;
mod table;

use std::process::ExitCode;

use bienban_core::clock::Stopwatch;
use bienban_tests::{binary, process, stock};

use stocks::Stocks;

/// A law's name and what prints its tables.
type Law = (&'static str, fn(&mut Stocks));

/// Laws that share stores stand together.
const LAWS: [Law; 7] = [
    ("stored", stored::run),
    ("changed", changed::run),
    ("long", |_| long::run()),
    ("phones", |_| phones::run()),
    ("live", |_| live::run()),
    ("cut", |_| cut::run()),
    ("moving", |_| moving::run()),
];

fn main() -> ExitCode {
    if binary::is_program() {
        return bienban_server::cli::main();
    }
    if let Some((what, root)) = stock::asked() {
        stored::measure(&what, &root);
        return ExitCode::SUCCESS;
    }
    binary::use_this();
    process::open_as_many_as_may_be();
    // Cargo adds words of its own, which begin with a dash.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| !LAWS.iter().any(|(law, _)| law == name)) {
        let names = LAWS.map(|(name, _)| name).join(", ");
        eprintln!("there is no law {unknown}, only {names}");
        return ExitCode::from(2);
    }
    let mut stocks = Stocks::default();
    for (name, run) in LAWS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            let watch = Stopwatch::start();
            run(&mut stocks);
            eprintln!("{name}: {:.0} s", watch.elapsed().as_secs_f64());
        }
    }
    ExitCode::SUCCESS
}

/// Returns the sizes that a variable asks for; `plain` where it says nothing.
fn sizes(variable: &str, plain: &str) -> Vec<u32> {
    let asked = std::env::var(variable).unwrap_or_else(|_| plain.to_owned());
    asked.split(',').map(|size| size.trim().parse().unwrap()).collect()
}

/// Returns a folder on the disk that builds are on, unless `BIENBAN_SCALING_FOLDER` names another.
fn folder() -> tempfile::TempDir {
    let place = std::env::var("BIENBAN_SCALING_FOLDER");
    tempfile::tempdir_in(place.unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned())).unwrap()
}
