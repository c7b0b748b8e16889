use super::*;
use crate::trust::DeviceKey;

const HUB: DeviceId = DeviceId([9; 32]);
const AT: Timestamp = Timestamp(1_795_000_000_000);

fn code(n: u8) -> Code {
    Code::new([n; CODE_BYTES])
}

fn phone(n: u8) -> DeviceId {
    DeviceKey::from_seed(&[n; 32]).device()
}

fn open(code: &Code) -> OpenInvitation {
    let admin = DeviceKey::from_seed(&[1; 32]);
    let scope = "20".parse().unwrap();
    let invitation = Invitation { by: admin.device(), hub: HUB, id: code.id(), scope, at: AT };
    let signed = invitation.sign(&admin);
    signed.verify().unwrap();
    OpenInvitation { signed, at: AT, claim: None, denied: false }
}

fn after(ms: i64) -> Timestamp {
    Timestamp(AT.0 + ms)
}

#[test]
fn the_hub_cannot_put_another_device_key_into_a_claim() {
    let claim = Claim::make(&code(1), HUB, phone(2), "Máy của Mây");
    assert!(claim.is_by_holder_of(&code(1), HUB));
    let swapped = Claim { device: phone(3), ..claim.clone() };
    assert!(!swapped.is_by_holder_of(&code(1), HUB));
    let renamed = Claim { label: "Giám đốc".to_owned(), ..claim.clone() };
    assert!(!renamed.is_by_holder_of(&code(1), HUB));
    assert!(!claim.is_by_holder_of(&code(2), HUB), "another code");
    assert!(!claim.is_by_holder_of(&code(1), DeviceId([8; 32])), "another hub");
    for byte in 0..32 {
        let mut forged = claim.clone();
        forged.mac[byte] ^= 1;
        assert!(!forged.is_by_holder_of(&code(1), HUB), "byte {byte}");
    }
}

#[test]
fn an_invitation_is_taken_up_once_and_in_time() {
    let mut held = open(&code(1));
    let first = Claim::make(&code(1), HUB, phone(2), "");
    let second = Claim::make(&code(1), HUB, phone(3), "");
    assert_eq!(held.judge(&first, after(INVITATION_MS - 1)), Ok(Step::Keep));
    assert_eq!(held.judge(&first, after(INVITATION_MS)), Err(EnrolRefusal::Expired));
    assert_eq!(held.judge(&first, after(-INVITATION_MS - 1)), Err(EnrolRefusal::Expired));
    let guessed = Claim::make(&code(4), HUB, phone(2), "");
    assert_eq!(held.judge(&guessed, AT), Err(EnrolRefusal::Unknown));
    held.claim = Some(first.clone());
    assert_eq!(held.judge(&second, AT), Err(EnrolRefusal::Taken));
    // Who came in time is waited for, and may come again meanwhile.
    assert_eq!(held.judge(&first, after(INVITATION_MS)), Ok(Step::Kept));
    assert_eq!(held.judge(&first, after(CLAIM_KEPT_MS)), Err(EnrolRefusal::Expired));
    held.denied = true;
    assert_eq!(held.judge(&first, AT), Err(EnrolRefusal::Denied));
}

#[test]
fn the_digits_depend_on_the_code_and_on_both_keys() {
    let digits = CheckDigits::of(&code(1), HUB, phone(2));
    assert_eq!(digits, CheckDigits::of(&code(1), HUB, phone(2)));
    assert_ne!(digits, CheckDigits::of(&code(2), HUB, phone(2)));
    assert_ne!(digits, CheckDigits::of(&code(1), DeviceId([8; 32]), phone(2)));
    assert_ne!(digits, CheckDigits::of(&code(1), HUB, phone(3)));
    let shown = digits.to_string();
    assert_eq!(shown.len(), 6);
    assert_eq!(CheckDigits::parse(&shown), Some(digits));
    assert_eq!(CheckDigits::parse(&format!(" {} {} ", &shown[..3], &shown[3..])), Some(digits));
    for wrong in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６"] {
        assert_eq!(CheckDigits::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn neither_id_nor_debug_output_gives_the_code_away() {
    let secret = code(0xab);
    assert!(!format!("{secret:?} {:?}", secret.id()).contains("abab"));
    assert_ne!(&secret.id().0[..CODE_BYTES], &secret.0[..]);
    assert_eq!(Code::parse(&secret.reveal()), Some(secret));
    assert_eq!(Code::parse("abcd"), None);
}

#[test]
fn a_label_cannot_break_the_list_that_shows_it() {
    let claim = Claim::make(&code(1), HUB, phone(2), &format!(" a\nb\u{1b}[2J {}", "x".repeat(99)));
    assert!(claim.is_well_formed());
    assert!(!claim.label.contains('\n') && !claim.label.contains('\u{1b}'), "{:?}", claim.label);
    let bad = Claim { label: "a\nb".to_owned(), ..claim };
    assert!(!bad.is_well_formed());
    assert_eq!(open(&code(1)).judge(&bad, AT), Err(EnrolRefusal::Malformed));
}
