//! What went wrong with the keys of a folder.

use bienban_core::client::ClientError;
use bienban_core::trust::rest::{RestError, Way};

use crate::messages::Messages;

/// Returns what the client says of a folder's keys.
pub(super) fn of_client(error: &ClientError, m: &Messages) -> Option<String> {
    use ClientError as E;
    Some(match error {
        E::Locked { path, needed } => {
            let (path, way) = (path.display().to_string(), way(*needed, m));
            m.text("cause.locked", &[("path", &path), ("way", &way)])
        }
        E::RightsEnded { left, unentered } => rights_ended(*left, *unentered, m),
        E::Wiped => m.text("cause.wiped", &[]),
        E::NoKeyFile { path } => {
            m.text("cause.no_key_file", &[("path", &path.display().to_string())])
        }
        E::NotSealed { path } => {
            m.text("cause.not_sealed", &[("path", &path.display().to_string())])
        }
        E::KeyText { path } => m.text("cause.key_text", &[("path", &path.display().to_string())]),
        E::KeyReadable { path, mode } => {
            let (path, mode) = (path.display().to_string(), format!("{mode:o}"));
            m.text("cause.key_readable", &[("path", &path), ("mode", &mode)])
        }
        _ => return None,
    })
}

/// Returns what keeps the keys of a device whose rights were ended, and what helps: another exchange, or giving up
/// what no exchange brings any more.
fn rights_ended(left: u64, unentered: u64, m: &Messages) -> String {
    let mut text = m.text("cause.rights_ended", &[("left", &left.to_string())]);
    if left > unentered {
        text.push_str(&m.text("cause.rights_ended_sync", &[]));
    }
    if unentered > 0 {
        let count = unentered.to_string();
        text.push_str(&m.text("cause.rights_ended_drop", &[("count", &count)]));
    }
    text
}

/// Returns why the keys of a folder cannot be had.
pub(super) fn of_rest(error: &RestError, m: &Messages) -> Option<String> {
    use RestError as E;
    Some(match error {
        E::Wrong { way: given } => m.text("cause.key_wrong", &[("way", &way(*given, m))]),
        E::OtherWay { needed } => m.text("cause.key_other_way", &[("way", &way(*needed, m))]),
        E::Destroyed => m.text("cause.key_destroyed", &[]),
        E::Short { least } => m.text("cause.passphrase_short", &[("least", &least.to_string())]),
        E::Damaged { .. } => m.text("cause.key_file_damaged", &[]),
        E::Newer { found, known } => {
            let (found, known) = (found.to_string(), known.to_string());
            m.text("cause.key_file_newer", &[("found", &found), ("known", &known)])
        }
        E::TooMany { .. } => m.text("cause.key_too_many", &[]),
        _ => return None,
    })
}

fn way(way: Way, m: &Messages) -> String {
    match way {
        Way::Key => m.text("key.way_key", &[]),
        Way::Passphrase => m.text("key.way_passphrase", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Lang;

    #[test]
    fn whoever_leaves_is_told_what_helps() {
        for lang in [Lang::Vi, Lang::En] {
            let m = Messages::new(lang);
            let said = |left, unentered| {
                let text = of_client(&ClientError::RightsEnded { left, unentered }, &m).unwrap();
                let sync = text.contains(&m.text("cause.rights_ended_sync", &[]));
                let drop = text.contains("bienban field minutes drop")
                    && text.contains("bienban field decision drop");
                (sync, drop)
            };
            assert_eq!(
                [said(2, 0), said(2, 1), said(2, 2)],
                [(true, false), (true, true), (false, true)]
            );
        }
    }
}
