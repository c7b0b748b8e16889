//! Why devices of a team were not heard, as it is typed for the minutes.

use std::collections::BTreeMap;

use bienban_core::client::{ClientError, MemberCheck};
use bienban_core::model::{DeviceId, clean};

use crate::cli::error::CliError;
use crate::cli::nearest;
use crate::cli::page::SHORT;
use crate::cli::wrong::Wrong;

/// Fewest digits by which a device is named: fewer fit another by chance, and minutes cannot be unsigned.
const DIGITS_MIN: usize = 4;

/// Why devices of a team were not heard.
#[derive(Debug)]
pub(super) struct Reasons {
    /// Of each that a reason was given for.
    pub(super) of: BTreeMap<DeviceId, String>,
    /// A reason for all that is no device's: all were heard, or have a reason of their own.
    pub(super) unused: Option<String>,
}

/// Reads why each device was not heard. What has no `=` is a reason for all that no other names. No reason is
/// dropped for another: minutes cannot be unsigned.
///
/// # Errors
///
/// Returns [`ClientError::NotFound`] for a name that nobody of the team has, with the nearest ones,
/// [`Wrong::WasHeard`] for a device that was heard, [`Wrong::SeveralOfTeam`] for a name that fits several, and
/// [`Wrong::ReasonAgain`] or [`Wrong::ReasonsForAll`] for a second reason for one device or for all.
pub(super) fn reasons(members: &[MemberCheck], typed: &[String]) -> Result<Reasons, CliError> {
    let mut of = BTreeMap::new();
    for given in typed {
        if let Some((name, reason)) = given.split_once('=') {
            let device = named(members, name)?.device;
            if of.insert(device, reason.to_owned()).is_some() {
                return Err(Wrong::ReasonAgain { given: clean(name.trim()) }.into());
            }
        }
    }
    let mut for_all = typed.iter().filter(|given| !given.contains('='));
    let Some(reason) = for_all.next() else { return Ok(Reasons { of, unused: None }) };
    if for_all.next().is_some() {
        return Err(Wrong::ReasonsForAll.into());
    }
    let named = of.len();
    for member in members.iter().filter(|member| member.is_silent()) {
        of.entry(member.device).or_insert_with(|| reason.clone());
    }
    let unused = (of.len() == named).then(|| reason.clone());
    Ok(Reasons { of, unused })
}

/// Finds the device that was not heard by its first digits or its holder's name.
fn named<'m>(members: &'m [MemberCheck], given: &str) -> Result<&'m MemberCheck, CliError> {
    let name = clean(given.trim());
    let digits = name.to_ascii_lowercase();
    let by_digits = digits.len() >= DIGITS_MIN && digits.bytes().all(|one| one.is_ascii_hexdigit());
    let is_named = |member: &&MemberCheck| {
        let called = !name.is_empty() && member.author.name == name;
        called || (by_digits && member.device.to_string().starts_with(&digits))
    };
    let found: Vec<&MemberCheck> = members.iter().filter(is_named).collect();
    match found[..] {
        [member] if member.is_silent() => Ok(member),
        [_] => Err(Wrong::WasHeard { given: name }.into()),
        [] => Err(unknown(members, name)),
        _ => {
            let candidates = found.into_iter().map(told).collect::<Vec<_>>().join(", ");
            Err(Wrong::SeveralOfTeam { given: name, candidates }.into())
        }
    }
}

/// Says that nobody has the name, and which was meant: the nearest, or any that needs a reason.
fn unknown(members: &[MemberCheck], name: String) -> CliError {
    let silent = members.iter().filter(|member| member.is_silent());
    let known = silent.clone().map(|member| member.author.name.as_str());
    let near = nearest::closest(&name, known).map(str::to_owned);
    let meant = near.unwrap_or_else(|| silent.map(told).collect::<Vec<_>>().join(", "));
    let error = CliError::from(ClientError::NotFound { what: "device", name });
    if meant.is_empty() {
        return error;
    }
    CliError::Meant { source: Box::new(error), name: meant }
}

fn told(member: &MemberCheck) -> String {
    let device = member.device.to_string();
    format!("{} ({})", member.author.name, &device[..SHORT])
}

#[cfg(test)]
mod tests {
    use bienban_core::client::Author;
    use bienban_core::model::{ChangeHash, Incarnation};
    use bienban_core::trust::seal::HeardLine;

    use super::*;

    fn member(first: u8, name: &str, heard: bool) -> MemberCheck {
        let device = DeviceId([first; 32]);

        let hash = ChangeHash([0; 32]);
        let line = HeardLine { incarnation: Incarnation([0; 16]), seq: 1, hash };
        let author = Author { device: Some(device), name: name.to_owned(), ..Author::default() };
        let heard = if heard { vec![line] } else { Vec::new() };
        MemberCheck { author, device, heard, signs: false }
    }

    fn read(typed: &[&str]) -> Result<Reasons, CliError> {
        let team = [
            member(0xaa, "Nông Thị An", true),
            member(0xbb, "Hoàng Văn Bình", false),
            member(0xcc, "Lý Thị Minh", true),
            member(0xdd, "Lý Thị Minh", false),
            member(0xee, "Triệu Văn Dũng", false),
        ];
        let typed: Vec<String> = typed.iter().map(|text| (*text).to_owned()).collect();
        reasons(&team, &typed)
    }

    #[test]
    fn a_reason_for_one_device_is_given_by_name_or_digits_and_one_for_all_has_no_equals_sign() {
        let given = read(&["Đi vắng", "Hoàng Văn Bình=máy hỏng", "DDDD = ở xã khác"]).unwrap();
        assert_eq!(given.unused, None);
        let of = |first: u8| given.of.get(&DeviceId([first; 32])).map(String::as_str);
        assert_eq!(of(0xbb), Some("máy hỏng"));
        assert_eq!(of(0xdd), Some(" ở xã khác"));
        assert_eq!(of(0xee), Some("Đi vắng"));
        assert_eq!((of(0xaa), of(0xcc)), (None, None), "who was heard needs no reason");
    }

    #[test]
    fn no_reason_is_dropped_for_another_and_one_that_is_nobodys_is_told() {
        let failed = |typed: &[&str]| read(typed).unwrap_err();
        let again = failed(&["Hoàng Văn Bình=máy hỏng", "bbbb=đi vắng"]);
        assert!(matches!(&again, CliError::Wrong(Wrong::ReasonAgain { given }) if given == "bbbb"));
        let all = failed(&["Đi vắng", "Máy hỏng"]);
        assert!(matches!(all, CliError::Wrong(Wrong::ReasonsForAll)));
        assert_eq!((again.failed().code(), all.failed().code()), (2, 2));
        let each = ["bbbb=x", "dddd=x", "eeee=x", "Đi vắng"];
        let given = read(&each).unwrap();
        assert_eq!((given.of.len(), given.unused.as_deref()), (3, Some("Đi vắng")));
        assert_eq!(read(&each[1..]).unwrap().unused, None);
    }

    #[test]
    fn a_name_that_is_no_device_that_was_not_heard_is_no_reason_for_all() {
        let failed = |typed: &str| read(&[typed]).unwrap_err();
        for unknown in ["Nobody=x", "=x", "abc=x", "ffff=x", "b=x"] {
            assert_eq!(failed(unknown).failed().code(), 3, "{unknown}");
        }
        let CliError::Meant { name, .. } = failed("Hoang Van Binh=x") else { panic!() };
        assert_eq!(name, "Hoàng Văn Bình");
        let CliError::Meant { name, .. } = failed("Nobody=x") else { panic!() };
        assert!(name.contains("Triệu Văn Dũng (eeeeeeee)") && !name.contains("An"), "{name}");
        for (typed, heard) in [("Nông Thị An=x", true), ("Lý Thị Minh=x", false)] {
            let error = failed(typed);
            assert_eq!(error.failed().code(), 2, "{typed}");
            assert_eq!(matches!(error, CliError::Wrong(Wrong::WasHeard { .. })), heard, "{typed}");
        }
    }
}
