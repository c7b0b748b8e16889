//! What people type, scan or paste: addresses, invitations, codes, heads, keys, names, days, numbers.

use std::fmt::Debug;
use std::str::FromStr;

use bienban_core::checklist::Day;
use bienban_core::checklist::expr::Number;
use bienban_core::client::read_announcements;
use bienban_core::model::{DeviceId, DocumentId, Kind, Scope};
use bienban_core::net::{EnrolUri, HubAddress};
use bienban_core::trust::enrolment::{CheckDigits, Code};
use bienban_core::trust::log::Release;
use bienban_core::trust::proof::WitnessHead;

/// Reads a text; what reads is written in a form that reads as the same.
fn round<T: FromStr + PartialEq + Debug>(text: &str, written: impl Fn(&T) -> String) {
    let Ok(value) = text.parse::<T>() else { return };
    let again = written(&value).parse::<T>();
    assert!(again.is_ok_and(|again| again == value), "{text:?} reads, but not as it is written");
}

pub(super) fn texts(data: &[u8]) {
    let lossy = String::from_utf8_lossy(data);
    let text = lossy.as_ref();
    if let Ok(uri) = text.parse::<EnrolUri>() {
        let again: EnrolUri = uri.reveal().parse().expect("an invitation reads as it is written");
        assert!(again == uri, "an invitation reads as another than it is written");
        assert!(uri.hubs().iter().all(|hub| hub.key() == uri.key()), "one hub has one key");
    }
    round::<HubAddress>(text, ToString::to_string);
    if let Ok(address) = HubAddress::parse(text, DeviceId([7; 32])) {
        let again = HubAddress::parse(&address.host_and_port(), address.key());
        assert_eq!(again.as_ref(), Ok(&address));
    }
    if let Some(code) = Code::parse(text) {
        assert_eq!(Code::parse(&code.reveal()).as_ref(), Some(&code));
    }
    if let Some(digits) = CheckDigits::parse(text) {
        assert_eq!(CheckDigits::parse(&digits.to_string()), Some(digits));
    }
    if let Some(head) = WitnessHead::from_text(text) {
        assert_eq!(WitnessHead::from_text(&head.to_text()), Some(head));
    }
    if let Some(release) = Release::from_text(text) {
        assert_eq!(Release::from_text(&release.to_text()), Some(release));
    }
    drop(WitnessHead::read(text));
    drop(read_announcements(text));
    round::<DocumentId>(text, ToString::to_string);
    round::<DeviceId>(text, ToString::to_string);
    round::<Scope>(text, ToString::to_string);
    round::<Kind>(text, |kind| kind.name().to_owned());
    round::<Day>(text, ToString::to_string);
    if let Ok(number) = Number::parse(text) {
        assert_eq!(Number::parse(&number.to_string()), Ok(number));
    }
}
