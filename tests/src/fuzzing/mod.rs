//! What is done with hostile bytes: one function for each decoder that meets foreign bytes, and for whole
//! sessions.
//!
//! The same bodies run under libFuzzer (`tests/fuzz`) and, with every saved input and with seeded mutations of
//! those, in the stable test `tests/corpus`. A body takes any bytes and panics when the product does what it
//! must not: panic itself, accept what is no proof, read another value back than was written, or lose what
//! honest people typed. It reads no clock, draws no lots and writes nothing to a disk but a lock, so that the
//! bytes alone replay a failure.

pub mod bytes;
mod changes;
mod checklists;
mod foreign_hub;
mod hostile;
mod imports;
mod journal;
pub mod mutation;
mod records;
mod session;
pub mod stage;
mod texts;
mod trust;
mod wire;

/// One fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: of the libFuzzer binary, and of the folders of its inputs.
    pub name: &'static str,
    /// What it does with any bytes.
    pub body: fn(&[u8]),
    /// Seeded mutations in a plain test run; `BIENBAN_MUTATIONS` says another number for all.
    pub mutations: u64,
}

/// All targets, by name. Those that build whole replicas or pictures for each input get fewer mutations.
pub const TARGETS: &[Target] = &[
    Target { name: "answers", body: checklists::answers, mutations: 300 },
    Target { name: "bundles", body: records::bundles, mutations: 200 },
    Target { name: "changes", body: changes::changes, mutations: 300 },
    Target { name: "comparison", body: wire::comparison, mutations: 2_000 },
    Target { name: "control", body: trust::control, mutations: 400 },
    Target { name: "drawings", body: imports::drawings, mutations: 5_000 },
    Target { name: "expressions", body: checklists::expressions, mutations: 1_000 },
    Target { name: "facilities_csv", body: imports::facilities_csv, mutations: 500 },
    Target { name: "facilities_xlsx", body: imports::facilities_xlsx, mutations: 300 },
    Target { name: "facts", body: journal::facts, mutations: 150 },
    Target { name: "foreign_hub", body: foreign_hub::foreign_hub, mutations: 100 },
    Target { name: "frames", body: wire::frames, mutations: 3_000 },
    Target { name: "journal", body: journal::journal, mutations: 100 },
    Target { name: "key_files", body: journal::key_files, mutations: 2_000 },
    Target { name: "log", body: trust::log, mutations: 2_000 },
    Target { name: "meeting", body: foreign_hub::meeting, mutations: 100 },
    Target { name: "packs", body: wire::packs, mutations: 3_000 },
    Target { name: "pictures", body: imports::pictures, mutations: 60 },
    Target { name: "receipts", body: trust::receipts, mutations: 2_000 },
    Target { name: "records", body: records::records, mutations: 100 },
    Target { name: "seals", body: trust::seals, mutations: 500 },
    Target { name: "session", body: session::session, mutations: 100 },
    Target { name: "templates", body: checklists::templates, mutations: 200 },
    Target { name: "texts", body: texts::texts, mutations: 3_000 },
    Target { name: "work", body: changes::work, mutations: 200 },
];

/// Returns the target with this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Runs a target where a fuzzer would take any panic for a finding, also one that the product contains as it
/// should: only one that gets out of the body ends the process.
///
/// # Panics
///
/// When there is no such target; aborts the process when the body panics.
pub fn run(name: &str, data: &[u8]) {
    static QUIET: std::sync::Once = std::sync::Once::new();
    // The hook that libFuzzer's crate sets aborts before a panic can be contained.
    QUIET.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let text = panic.payload().downcast_ref::<&str>().copied();
            let text =
                text.or_else(|| panic.payload().downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or_default();
            LAST.with(|last| last.replace(format!("{place}: {text}")));
        }));
    });
    let body = target(name).unwrap_or_else(|| panic!("there is no target {name}")).body;
    if std::panic::catch_unwind(|| body(data)).is_err() {
        LAST.with(|last| eprintln!("{name} panicked at {}", last.borrow()));
        std::process::abort();
    }
}

thread_local! {
    static LAST: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_by_name_and_listed_in_order() {
        assert!(TARGETS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(target("frames").is_some() && target("nothing").is_none());
    }
}
