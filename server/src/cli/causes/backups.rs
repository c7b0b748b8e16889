//! What went wrong with a backup.

use crate::backups::BackupsError;
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
        E::OtherHub { path } => m.text("backup.other_hub", &[("path", &shown(path))]),
        E::Unsettled { what } => m.text("backup.unsettled", &[("what", what)]),
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
