//! What went wrong with a backup.

use crate::backups::{BackupsError, NEW_DISK, Problem};
use crate::messages::Messages;

/// Returns why a backup was not made, checked or put back.
pub(crate) fn of_backups(error: &BackupsError, m: &Messages) -> Option<String> {
    use BackupsError as E;
    let shown = |path: &std::path::Path| path.display().to_string();
    Some(match error {
        E::File { action, path, .. } => super::file(action, &shown(path), m),
        E::Store(error) => return super::of_store(error, m),
        E::Replica(error) => return super::of_replica(error, m),
        E::NoHub { path } => m.text("backup.no_hub", &[("path", &shown(path))]),
        E::NoBackup { path } => m.text("backup.none", &[("path", &shown(path))]),
        E::Unfinished { path } => m.text("backup.unfinished", &[("path", &shown(path))]),
        E::Running { path } => m.text("backup.hub_runs", &[("path", &shown(path))]),
        E::Busy { path } => m.text("backup.busy", &[("path", &shown(path))]),
        E::Inside { path } => m.text("backup.inside", &[("path", &shown(path))]),
        E::Above { path } => m.text("backup.above", &[("path", &shown(path))]),
        E::SecondDisk { path } => m.text("backup.second_disk", &[("path", &shown(path))]),
        E::Foreign { path, found } => {
            m.text("backup.foreign", &[("path", &shown(path)), ("found", found)])
        }
        E::NotEmpty { path, found } => {
            m.text("backup.not_empty", &[("path", &shown(path)), ("found", found)])
        }
        E::UnfinishedRestore { path } => {
            m.text("backup.unfinished_restore", &[("path", &shown(path))])
        }
        E::NoManifest { path } => m.text("backup.no_manifest", &[("path", &shown(path))]),
        E::Sealed { path } => m.text("backup.sealed", &[("path", &shown(path))]),
        E::HubFolder { path } => m.text("backup.hub_folder", &[("path", &shown(path))]),
        E::DamagedBackup { files, lost } => {
            let (files, lost) = (files.join(", "), lost.to_string());
            m.text("backup.damaged_backup", &[("files", &files), ("lost", &lost)])
        }
        E::Device { path } => m.text("backup.device", &[("path", &shown(path))]),
        E::DamagedKey { path } => m.text("backup.damaged_key", &[("path", path)]),
        E::TwoPasts { path } => m.text("backup.two_pasts", &[("path", &shown(path))]),
        E::SameNumber { one, other } => {
            m.text("backup.same_number", &[("one", &shown(one)), ("other", &shown(other))])
        }
        E::OtherHub { path } => m.text("backup.other_hub", &[("path", &shown(path))]),
        E::Unsettled { problem } => {
            m.text("backup.unsettled", &[("what", &of_problem(problem, m))])
        }
        E::Otherwise { path } => m.text("backup.otherwise", &[("path", &shown(path))]),
        E::Manifest { path } => m.text("backup.manifest", &[("path", &shown(path))]),
        E::Newer { path, found, known } => {
            let (path, found, known) = (shown(path), found.to_string(), known.to_string());
            let values = [("what", path.as_str()), ("found", &found), ("known", &known)];
            m.text("cause.newer", &values)
        }
        E::Damaged { what } => m.text("backup.damaged", &[("what", what)]),
        E::Taken { path } => m.text("backup.taken", &[("path", &shown(path))]),
        E::OtherRestore { path } => m.text("backup.other_restore", &[("path", &shown(path))]),
        E::NoKey => m.text("backup.no_key", &[]),
        E::OtherKey { path } => m.text("backup.other_key", &[("path", &shown(path))]),
        E::Key { path } => m.text("cause.hub_key", &[("path", &shown(path))]),
    })
}

/// Returns what is damaged in a backup or in a hub's folder.
pub(crate) fn of_problem(problem: &Problem, m: &Messages) -> String {
    match problem {
        Problem::Missing { path } => m.text("backup.missing", &[("path", path)]),
        Problem::Changed { path } => m.text("backup.changed", &[("path", path)]),
        Problem::OtherEnd => m.text("backup.other_end", &[]),
        Problem::Header { path } => m.text("backup.bad_header", &[("path", path)]),
        Problem::Record { path, after } => {
            m.text("backup.bad_record", &[("path", path), ("after", &after.to_string())])
        }
        Problem::Keys => m.text("backup.keys_change", &[]),
        Problem::Unfilled => m.text("backup.unfilled", &[("file", NEW_DISK)]),
        Problem::Said { what } => m.text("backup.bad_content", &[("what", what)]),
    }
}
