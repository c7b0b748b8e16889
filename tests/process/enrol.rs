//! Enrolment by invitation, with real processes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

use crate::hub::Hub;
use crate::program::{Folders, command, run, text};
use crate::tcp::black_hole;

/// A command that is talked to while it runs.
struct Talk {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Talk {
    fn start(folders: &Folders, group: &str, device: &str, arguments: &[&str]) -> Self {
        let dir = folders.path(device);
        let all = [&["--json", group, "--dir", text(&dir)], arguments].concat();
        let mut process = command(&all)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        Self { process, out }
    }

    /// Returns the next line of data.
    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn say(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for the end; returns the exit code and what was printed last.
    fn end(mut self) -> (i32, String) {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.out, &mut rest).unwrap();
        (self.process.wait().unwrap().code().unwrap(), rest)
    }

    /// Waits for an end with this exit code; returns what was said of it.
    fn fails(mut self, code: i32) -> String {
        let mut said = String::new();
        std::io::Read::read_to_string(self.process.stderr.as_mut().unwrap(), &mut said).unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(code), "{said}");
        said
    }
}

#[test]
fn an_empty_line_in_place_of_the_digits_turns_the_claim_down_and_says_so() {
    let folders = Folders::new();
    let _hub = Hub::start(&folders);
    let dir = folders.path("first");
    let all = [&["admin", "--dir", text(&dir)], &MAY[..], &["--wait"]].concat();
    let mut office = command(&all)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It waits there until the digits are asked for.
    office.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let out = BufReader::new(office.stdout.take().unwrap());
    let mut lines = out.lines().map(Result::unwrap);
    let command_line = lines.find(|line| line.contains(" enrol '")).unwrap();
    let uri = command_line.split('\'').nth(1).unwrap();
    folders.field("phone", &["enrol", uri]).fails(6);
    let shown: Vec<String> = lines.collect();
    // It gave no name of its own.
    assert!(shown.iter().any(|line| line.contains("has claimed: device ")), "{shown:?}");
    let mut said = String::new();
    let mut errors = office.stderr.take().unwrap();
    std::io::Read::read_to_string(&mut errors, &mut said).unwrap();
    assert_eq!(office.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("an empty line turns the claim down"), "{said}");
    assert!(said.contains("no digits were typed: the claim was turned down"), "{said}");
    assert!(!said.contains("confirm --deny"), "it was done already: {said}");
    let none = folders.admin("first", &["confirm"]).fails(3);
    assert!(none.err.contains("this device has no open invitation"), "{none:?}");
}

/// An office that has invited, a phone that has claimed, and the digits that are asked for.
fn asked(folders: &Folders) -> (Talk, Talk, String, String) {
    let mut office = Talk::start(folders, "admin", "first", &[&MAY[..], &["--wait"]].concat());
    let invited = office.hear();
    let uri = invited["uri"].as_str().unwrap();
    let mut phone = Talk::start(folders, "field", "phone", &["enrol", uri]);
    let digits = phone.hear()["digits"].as_str().unwrap().to_owned();
    assert_eq!(office.hear()["event"], "claimed");
    (office, phone, invited["invitation"].as_str().unwrap().to_owned(), digits)
}

fn devices(folders: &Folders) -> usize {
    folders.admin("first", &["devices"]).ok().json()["rows"].as_array().unwrap().len()
}

#[test]
fn a_claim_that_was_turned_down_while_the_digits_were_asked_for_is_not_confirmed_by_them() {
    let folders = Folders::new();
    let _hub = Hub::start(&folders);
    let before = devices(&folders);
    let (mut office, phone, invitation, digits) = asked(&folders);
    folders.admin("first", &["confirm", &invitation, "--deny"]).ok();
    office.say(&digits);
    let said = office.fails(6);
    assert!(said.contains("turned this claim down"), "{said}");
    phone.fails(6);
    assert_eq!(devices(&folders), before, "nobody was enrolled");
}

#[test]
fn a_claim_that_another_command_confirmed_meanwhile_is_neither_confirmed_again_nor_said_to_be_denied()
 {
    let folders = Folders::new();
    let _hub = Hub::start(&folders);
    for says_digits in [true, false] {
        let before = devices(&folders);
        let (mut office, phone, invitation, digits) = asked(&folders);
        folders.admin("first", &["confirm", &invitation, "--digits", &digits]).ok();
        office.say(if says_digits { &digits } else { "" });
        let said = office.fails(1);
        assert!(said.contains("not_confirmed"), "{said}");
        assert!(said.contains("has confirmed this claim or turned it down meanwhile"), "{said}");
        assert_eq!(phone.end().0, 0);
        assert_eq!(devices(&folders), before + 1);
        std::fs::remove_dir_all(folders.path("phone")).unwrap();
    }
}

#[test]
fn a_claim_is_turned_down_as_was_said_also_where_another_command_holds_the_folder_for_long() {
    let folders = Folders::new();
    let _hub = Hub::start(&folders);
    let (mut office, phone, _, _) = asked(&folders);
    let mut watching = Talk::start(&folders, "field", "first", &["sync", "--watch"]);
    watching.hear();
    office.say("");
    // Longer than other commands wait for a folder.
    std::thread::sleep(std::time::Duration::from_secs(7));
    watching.process.kill().unwrap();
    watching.process.wait().unwrap();
    let said = office.fails(1);
    assert!(said.contains("no digits were typed: the claim was turned down"), "{said}");
    phone.fails(6);
    folders.admin("first", &["confirm"]).fails(3);
}

const MAY: [&str; 9] = [
    "invite",
    "--name",
    "Hoàng Thị Mây",
    "--agency",
    "Phòng Kinh tế",
    "--role",
    "inspector",
    "--scope",
    "20",
];

fn invite(folders: &Folders, arguments: &[&str]) -> (String, String) {
    let made = folders.admin("first", arguments).ok().json();
    let of = |key: &str| made[key].as_str().unwrap().to_owned();
    (of("uri"), of("invitation"))
}

#[test]
fn an_administrator_and_a_phone_compare_digits_and_the_phone_is_known() {
    let folders = Folders::new();
    let _hub = Hub::start(&folders);
    let mut office = Talk::start(&folders, "admin", "first", &[&MAY[..], &["--wait"]].concat());
    let invited = office.hear();
    assert_eq!(invited["event"], "invited");
    let uri = invited["uri"].as_str().unwrap();
    // The folder is free for other commands while a phone is waited for, and while the digits are typed.
    folders.admin("first", &["whoami"]).ok();
    let mut phone =
        Talk::start(&folders, "field", "phone", &["enrol", uri, "--label", "Máy của Mây"]);
    let waiting = phone.hear();
    assert_eq!(waiting["event"], "waiting");
    let digits = waiting["digits"].as_str().unwrap();
    let claimed = office.hear();
    assert_eq!(
        (&claimed["event"], &claimed["label"], &claimed["device"]),
        (&"claimed".into(), &"Máy của Mây".into(), &waiting["device"]),
        "{claimed}"
    );
    assert_eq!(claimed["digits"], digits);
    folders.admin("first", &["whoami"]).ok();
    office.say("abc");
    office.say(&format!("{} {}", &digits[..3], &digits[3..]));
    let (code, confirmed) = office.end();
    let confirmed: Value = serde_json::from_str(&confirmed).unwrap();
    assert_eq!((code, &confirmed["confirmed"]), (0, &true.into()), "{confirmed}");
    let (code, enrolled) = phone.end();
    let enrolled: Value = serde_json::from_str(&enrolled).unwrap();
    assert_eq!(code, 0, "{enrolled}");
    assert_eq!(enrolled["name"], "Hoàng Thị Mây");
    assert_eq!(enrolled["scopes"][0], "20");
    let sync = folders.field_json("phone", &["sync"]);
    assert_eq!(sync["caught_up"], true);

    // The certificate is the administrator's word, not the operator's.
    let who = folders.admin("first", &["whoami"]).ok().json();
    let why = folders
        .admin("first", &["access", "--explain", "Hoàng Thị Mây", "inspection", "20"])
        .ok()
        .json();
    let by = why["certified_by"].as_str().unwrap();
    let admin = who["device"].as_str().unwrap();
    assert!(by.contains(&admin[..8]) || by.contains("Admin"), "{why}");
    // Nothing secret stays on either side.
    for file in ["first/invitations.json", "phone/enrolment.json"] {
        assert!(!folders.path(file).exists(), "{file}");
    }

    // A second phone is the same person's, and gets the same rights.
    let (uri, _) = invite(&folders, &["invite", "--for", "Hoàng Thị Mây"]);
    let mut second = Talk::start(&folders, "field", "second", &["enrol", &uri]);
    let digits = second.hear()["digits"].as_str().unwrap().to_owned();
    folders.admin("first", &["confirm", "--digits", &digits]).ok();
    let (code, again) = second.end();
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((code, &again["person"]), (0, &enrolled["person"]), "{again}");
    assert_eq!(again["scopes"], enrolled["scopes"]);
    passes_into_other_hands(&folders, &again);
    only_the_days_that_a_right_has_are_told(&folders);
}

/// Explains rights with and without days; `--offline` may stand behind the command.
fn only_the_days_that_a_right_has_are_told(folders: &Folders) {
    let dir = folders.path("first");
    let desk = ["admin", "--dir", text(&dir)];
    let explain = ["access", "--explain", "Hoàng Thị Mây", "inspection", "20"];
    let said = run(&[&desk[..], &explain[..], &["--offline"]].concat()).ok().out;
    assert!(said.contains("inspector in 20, given by"), "a right without days names none: {said}");
    let grant =
        ["grant", "Hoàng Thị Mây", "--role", "leader", "--scope", "20", "--from", "2026-01-02"];
    folders.admin("first", &grant).ok();
    let said = run(&[&desk[..], &explain[..]].concat()).ok().out;
    assert!(said.contains("leader in 20, from 2026-01-02, given by"), "{said}");
}

/// Hands a person's second phone to somebody else: it takes nothing along, and the first phone keeps what it has.
fn passes_into_other_hands(folders: &Folders, second: &Value) {
    let second = |of: &str| second[of].as_str().unwrap().to_owned();
    let (device, person) = (second("device"), second("person"));
    let before = folders.field_json("phone", &["whoami"]);
    let trust = |name: &str, role: &str, more: &[&str]| {
        let words = ["trust", &device, "--name", name, "--agency", "Xã", "--role", role];
        folders.admin("first", &[&words[..], &["--scope", "00"], more].concat()).ok().json()
    };
    let other = trust("Vi Văn Sơn", "supervisor", &[]);
    assert_ne!(other["person"], person.as_str(), "another name is another person");
    folders.field("phone", &["sync"]).ok();
    let after = folders.field_json("phone", &["whoami"]);
    assert_eq!((&after["person"], &after["role"]), (&person.as_str().into(), &before["role"]));
    assert_eq!(
        after["grants"], before["grants"],
        "what the second phone became is not the first's"
    );
    let changed = trust("Vi Văn Sơn", "leader", &[]);
    let put_right = trust("Vi Văn Sơn (B)", "leader", &["--same-holder"]);
    assert_eq!((&changed["person"], &put_right["person"]), (&other["person"], &other["person"]));
}

#[test]
fn an_invitation_gives_back_no_right_that_was_withdrawn_since() {
    let folders = Folders::new();
    let _hub = Hub::start(&folders);
    let (uri, _) = invite(&folders, &[&MAY[..], &["--scope", "24"]].concat());
    let mut phone = Talk::start(&folders, "field", "phone", &["enrol", &uri]);
    let digits = phone.hear()["digits"].as_str().unwrap().to_owned();
    folders.admin("first", &["confirm", "--digits", &digits]).ok();
    let (code, enrolled) = phone.end();
    let enrolled: Value = serde_json::from_str(&enrolled).unwrap();
    assert_eq!((code, &enrolled["scopes"]), (0, &serde_json::json!(["20", "24"])), "{enrolled}");
    let device = folders.field_json("phone", &["whoami"])["device"].as_str().unwrap().to_owned();
    let told = ["--name", "Hoàng Thị Mây", "--agency", "Chi cục", "--role", "inspector"];
    let trust = |more: &[&str]| {
        folders.admin("first", &[&["trust", &device], &told[..], more].concat()).ok();
    };
    let claim = |name: &str| {
        let (uri, invitation) = invite(&folders, &["invite", "--for", &device]);
        let waited = folders.field(name, &["enrol", &uri, "--wait", "0"]).fails(1);
        assert!(waited.out.contains("Waiting 0 s for the confirmation"), "{waited:?}");
        let shown = folders.admin("first", &["confirm", &invitation]).ok().json();
        (invitation, shown["digits"].as_str().unwrap().to_owned())
    };
    let (invitation, digits) = claim("second");
    trust(&["--scope", "24"]);
    let done = folders.admin("first", &["confirm", &invitation, "--digits", &digits]).ok().json();
    assert_eq!(done["withdrawn_since"], serde_json::json!([{"role": "inspector", "scope": "20"}]));
    folders.field("second", &["enrol", "--resume"]).ok();
    let rows = folders.admin("first", &["devices"]).ok().json()["rows"].clone();
    let held = rows.as_array().unwrap().iter().filter(|row| row["name"] == "Hoàng Thị Mây");
    let scopes: Vec<_> = held.map(|row| row["scopes"].clone()).collect();
    assert_eq!(scopes, vec![serde_json::json!(["24"]); 2], "{rows}");
    let (invitation, digits) = claim("third");
    trust(&["--scope", "24", "--inactive"]);
    let refused = folders.admin("first", &["confirm", &invitation, "--digits", &digits]).fails(6);
    assert!(refused.err.contains("withdrawn"), "{refused:?}");
    folders.admin("first", &["confirm", &invitation, "--deny"]).ok();
}

#[test]
fn a_phone_without_udp_enrols_by_tcp_and_goes_on_after_a_break() {
    let folders = Folders::new();
    let (_swallows, port) = black_hole();
    let listen = format!("127.0.0.1:{port}");
    let hub = Hub::start_with(&folders, &[("BIENBAN_LISTEN_TCP", &listen)]);
    let key = hub.uri.split_once('#').unwrap().1;
    let (uri, invitation) = invite(&folders, &MAY);
    let open = hub.uri.strip_prefix("bienban://").unwrap().split_once('#').unwrap().0;
    let blocked = uri.replace(open, &listen);
    let first = folders.field("phone", &["enrol", &blocked, "--wait", "0"]).fails(1);
    assert!(first.err.contains("--resume"), "{first:?}");
    assert!(first.out.contains("digits"), "{first:?}");
    // The digits are asked for where they can be: here they are only shown.
    let shown = folders.admin("first", &["confirm", &invitation[..8]]).ok().json();
    assert_eq!(shown["confirmed"], false);
    folders.field("phone", &["enrol", "--resume", "--wait", "0"]).fails(1);
    let digits = shown["digits"].as_str().unwrap();
    folders.admin("first", &["confirm", &invitation[..8], "--digits", digits]).ok();
    folders.field("phone", &["enrol", "--resume"]).ok();
    let sync = folders.field_json("phone", &["sync"]);
    assert_eq!((&sync["transport"], &sync["caught_up"]), (&"tcp".into(), &true.into()));
    let pinned = folders.field_json("phone", &["hub"]);
    assert_eq!((&pinned["address"], &pinned["key"]), (&listen.into(), &key.into()));
}

#[test]
fn whoever_is_not_confirmed_is_not_enrolled() {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    let key = hub.uri.split_once('#').unwrap().1.to_owned();
    let known =
        || folders.admin("first", &["devices"]).ok().json()["rows"].as_array().unwrap().len();
    let before = known();

    let (uri, invitation) = invite(&folders, &MAY);
    // Another hub answers at the address: its key is not the one in the code.
    let other = uri.replace(&key, &"ab".repeat(32));
    let wrong = folders.field("other", &["enrol", &other]).fails(6);
    assert!(wrong.err.contains("key"), "{wrong:?}");
    // A guessed code.
    let (head, tail) = uri.split_once("code=").unwrap();
    let guessed = format!("{head}code={}{}", "0".repeat(32), &tail[32..]);
    let refused = folders.field("guess", &["enrol", &guessed]).fails(6);
    assert!(refused.err.contains("knows no such invitation"), "{refused:?}");
    // A stranger who wants to sync while the door is ajar.
    folders.field("stranger", &["init", "--hub", &hub.uri]).ok();
    folders.field("stranger", &["sync"]).fails(6);

    folders.field("phone", &["enrol", &uri, "--wait", "0"]).fails(1);
    let taken = folders.field("thief", &["enrol", &uri]).fails(6);
    assert!(taken.err.contains("another phone"), "{taken:?}");
    let shown = folders.admin("first", &["confirm"]).ok().json();
    let digits: u32 = shown["digits"].as_str().unwrap().parse().unwrap();
    let wrong = format!("{:06}", (digits + 1) % 1_000_000);
    folders.admin("first", &["confirm", "--digits", &wrong]).fails(1);
    folders.admin("first", &["confirm", "--digits", "12"]).fails(2);
    folders.field("phone", &["enrol", "--resume", "--wait", "0"]).fails(1);
    folders.admin("first", &["confirm", &invitation, "--deny"]).ok();
    let denied = folders.field("phone", &["enrol", "--resume"]).fails(6);
    // Nobody is awaited any more, so the hub's door is shut, and the reason stays behind it.
    assert!(denied.err.contains("it has ended"), "{denied:?}");
    assert_eq!(known(), before, "nobody was enrolled");
    // Its end of input is no confirmation either.
    let (uri, _) = invite(&folders, &MAY);
    folders.field("phone", &["enrol", &uri, "--wait", "0"]).fails(1);
    let code = &uri.split_once("code=").unwrap().1[..32];
    for file in ["first/invitations.json", "phone/enrolment.json"] {
        let kept = std::fs::read(folders.path(file)).unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains(code), "{file} is not sealed");
    }
    folders.admin("first", &["invitations"]).ok();
    assert_eq!(known(), before);
}

#[test]
fn a_code_that_names_no_address_for_other_machines_comes_with_a_warning() {
    let folders = Folders::new();
    let _hub = Hub::start(&folders);
    let dir = folders.path("first");
    let invite = [&["admin", "--dir", text(&dir)], &MAY[..]].concat();
    let said = run(&invite).ok();
    for part in ["127.0.0.1", "serve --listen", "invite --address", "hub --set"] {
        assert!(said.err.contains(part), "{said:?}");
    }
    assert!(!said.out.contains("serve --listen"), "{said:?}");
    let here = folders.admin("first", &[&MAY[..], &["--address", "localhost:4433"]].concat());
    assert_eq!(here.ok().json()["warnings"].as_array().unwrap().len(), 1);
    let reached = folders.admin("first", &[&MAY[..], &["--address", "192.0.2.7:4433"]].concat());
    assert_eq!(reached.ok().json()["warnings"], Value::Null);
}
