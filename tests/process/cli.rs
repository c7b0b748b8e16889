//! Arguments, exit codes, errors and the shapes of data, one device at a time.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Folders, command, run, text};

/// A key that no hub holds.
const NOBODY: &str =
    "bienban://127.0.0.1:9#abababababababababababababababababababababababababababababababab";

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_right() {
    assert!(run::<&str>(&[]).fails(2).err.contains("Usage"));
    run(&["field"]).fails(2);
    run(&["inspect"]).fails(2);
    let folders = Folders::new();
    folders.field("a", &["init"]).ok();
    let severity = folders.field("a", &["finding", "abcd", "1.1", "good", "x"]).fails(2);
    assert!(severity.err.contains("mi, ma or se"), "{severity:?}");
    let lang = run(&["field", "--dir", "x", "list", "--lang", "fr"]).fails(2);
    assert!(lang.err.contains("“fr”"), "{lang:?}");
    let hub = folders.field("b", &["init", "--hub", "somewhere"]).fails(2);
    assert!(hub.err.contains("bienban://HOST:PORT#KEY"), "{hub:?}");
    let cursor = folders.field("a", &["list", "--after", "yesterday"]).fails(2);
    assert!(cursor.err.contains("--after yesterday"), "{cursor:?}");
    let none = folders.field("a", &["list", "--limit", "0"]).fails(2);
    assert!(none.err.contains("from 1 on"), "nothing is not what is there: {none:?}");
    let device = "ab".repeat(32);
    for (name, agency) in [(" ", "B"), ("A", "")] {
        let words = ["--name", name, "--agency", agency, "--role", "inspector", "--scope", "20"];
        let words = [&["trust", device.as_str()], &words[..]].concat();
        let nobody = folders.admin("a", &words).fails(2);
        assert!(nobody.err.contains("it is empty"), "{nobody:?}");
    }
    let file = run(&["template", "show", "nowhere/a.json"]).fails(3);
    assert!(file.err.contains("look at the path"), "{file:?}");
    let table =
        folders.admin("a", &["--offline", "import", "facilities", "nowhere/a.csv"]).fails(3);
    assert!(table.err.contains("look at the path"), "{table:?}");
    // Before the command or behind it.
    folders.admin("a", &["import", "facilities", "nowhere/a.csv", "--offline"]).fails(3);
    // Of several files each has its own faults; one that is not there hides no other.
    let files = run(&["template", "check", "nowhere/a.json", "tea"]).fails(1);
    assert!(files.out.contains("look at the path") && files.out.contains("1 of 2"), "{files:?}");
    assert!(run(&["--help"]).ok().out.contains("Exit codes"));
}

#[test]
fn what_is_wrong_and_what_counts_is_told_in_vietnamese_alone() {
    let folders = Folders::new();
    folders.admin("office", &["init"]).ok();
    let vi = |words: &[&str]| run(&[words, &["--lang", "vi"]].concat());
    let clock = vi(&["clocks", "count", "nope", "--from", "2026-11-01"]).fails(3).err;
    assert!(clock.contains("không có thời hạn nope"), "{clock}");
    let often =
        ["clocks", "count", "inspection.ministry", "--from", "2026-11-01", "--extended", "9"];
    let often = vi(&often).fails(1).err;
    assert!(often.contains("được gia hạn nhiều nhất"), "{often}");
    let gone = ["--offline", "import", "facilities", "gone.csv", "--lang", "vi"];
    let gone = folders.admin("office", &gone).fails(3).err;
    assert!(gone.contains("không có tệp") && !gone.contains("No such"), "{gone}");
    // Numbers have a comma, in Vietnamese alone; data keep the point.
    let council = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/data/examples/council.json");
    let grade = ["grade", "--template", "11", "--answers", council];
    let told = vi(&grade).ok().out;
    assert!(told.contains("73,33") && !told.contains("73.33"), "{told}");
    assert!(run(&[&grade[..], &["--lang", "en"]].concat()).ok().out.contains("73.33"));
    let data = vi(&[&["--json"], &grade[..]].concat()).ok().out;
    assert!(data.contains("73.33"), "{data}");
}

#[test]
fn help_and_errors_speak_vietnamese_when_they_are_asked_to() {
    let folders = Folders::new();
    let help = run(&["--lang", "vi", "field", "answer", "--help"]).ok();
    assert!(help.out.contains("Cách dùng:") && help.out.contains("Trả lời một mục"), "{help:?}");
    assert!(!help.out.contains("Usage:"), "{help:?}");
    let wrong = run(&["field", "--dir", "x", "answr", "--lang=vi"]).fails(2);
    assert!(wrong.err.contains("không có lệnh “answr”"), "{wrong:?}");
    let nowhere = folders.field("nowhere", &["list", "--lang", "vi"]).fails(3);
    assert!(nowhere.err.contains("không có thiết bị trong"), "{nowhere:?}");
    folders.field("a", &["init", "--hub", NOBODY]).ok();
    let sync = folders.field("a", &["sync", "--lang", "vi"]).fails(5);
    assert!(!sync.err.contains("nothing listens"), "{sync:?}");
    // What a program reads is translated in the same way.
    let data = folders.admin("nowhere", &["whoami", "--lang", "vi"]).fails(3).json();
    assert!(data["error"]["message"].as_str().unwrap().contains("không có thiết bị"), "{data}");
}

#[test]
fn what_is_not_there_says_which_command_lists_what_is() {
    let folders = Folders::new();
    folders.field("a", &["init"]).ok();
    for (words, command) in [
        (&["show", "abcd1234"][..], "`bienban field list`"),
        (&["plans", "Kế hoạch X"], "`plans`"),
        (&["open", "abcd1234", "x"], "`plans`"),
    ] {
        let failed = folders.field("a", words).fails(3);
        assert!(failed.err.contains(command), "{failed:?}");
    }
}

#[test]
fn what_is_not_there_exits_with_3() {
    let folders = Folders::new();
    assert!(folders.field("nowhere", &["list"]).fails(3).err.contains("init"));
    folders.field("a", &["init"]).ok();
    let show = folders.field("a", &["show", "abcd1234"]).fails(3);
    assert!(show.err.contains("abcd1234"), "{show:?}");
    let gone = folders.path("gone.csv");
    folders.admin("a", &["--offline", "checklist", "add", "x"]).fails(2);
    folders.admin("a", &["--offline", "import", "facilities", text(&gone)]).fails(3);
}

#[test]
fn a_device_is_made_once_and_says_how_it_is_enrolled() {
    let folders = Folders::new();
    let made = folders.field_json("a", &["init", "--hub", NOBODY]);
    let device = made["device"].as_str().unwrap();
    assert_eq!(device.len(), 64);
    assert!(made["trust_command"].as_str().unwrap().contains(device));
    assert_eq!(made["serve_command"], Value::Null, "a phone is no administrator's");
    // Nobody can enrol the first administrator: the hub's operator names it.
    let desk = folders.admin("office", &["init"]).ok();
    let device = desk.json()["device"].as_str().unwrap().to_owned();
    let named = format!("bienban serve --dir HUB --admin {device}");
    let told = folders.path("office");
    let told = run(&["admin", "--dir", text(&told), "whoami"]).ok().out;
    assert!(told.contains(&named) && told.contains("--role supervisor"), "{told}");
    folders.field("a", &["init"]).fails(1);
    let known = folders.field_json("a", &["whoami"]);
    assert_eq!(known["device"], made["device"]);
    assert_eq!(known["known"], false);
    assert_eq!(known["hub"], NOBODY);
}

#[test]
fn two_processes_on_one_folder_exit_with_4() {
    let folders = Folders::new();
    folders.field("a", &["init"]).ok();
    let dir = folders.path("a");
    let mut holder = command(&["--json", "field", "--dir", text(&dir), "batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Its first answer shows that it has the folder.
    let mut lines = holder.stdin.take().unwrap();
    writeln!(lines, "status").unwrap();
    let mut answer = String::new();
    let mut out = std::io::BufReader::new(holder.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut answer).unwrap();
    let refused = folders.field("a", &["list"]).fails(4);
    // Who has it, and that it was waited for.
    assert!(refused.err.contains("in use by `bienban field batch` (process"), "{refused:?}");
    assert!(refused.err.contains("waiting for up to 5 s"), "{refused:?}");
    drop(lines);
    assert!(holder.wait().unwrap().success());
    folders.field("a", &["list"]).ok();
}

#[test]
fn a_hub_that_cannot_be_reached_exits_with_5_and_loses_nothing() {
    let folders = Folders::new();
    folders.field("a", &["init", "--hub", NOBODY]).ok();
    let failed = folders.field("a", &["sync"]).fails(5);
    assert!(failed.err.contains("nothing is lost"), "{failed:?}");
}

#[test]
fn errors_are_data_too() {
    let folders = Folders::new();
    let failed = folders.admin("nowhere", &["whoami"]).fails(3);
    let error = &failed.json()["error"];
    assert_eq!(keys(error), ["causes", "code", "hint", "kind", "message"]);
    assert_eq!((&error["kind"], &error["code"]), (&"not_found".into(), &3.into()));
    assert!(failed.out.is_empty());
}

#[test]
fn an_import_is_refused_whole_by_row_and_column() {
    let folders = Folders::new();
    folders.admin("a", &["init"]).ok();
    let file = folders.file(
        "bad.csv",
        "code,name,owner_kind,commune_code,phone\n\
         A1,HTX Một,htx,06325,0912345678\n\
         A2,,htx,06325,12\n\
         A1,HTX Ba,ghost,06325,\n",
    );
    let failed = folders.admin("a", &["--offline", "import", "facilities", text(&file)]).fails(1);
    let problems = failed.json()["error"]["problems"].clone();
    let at: Vec<(u64, &str)> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["row"].as_u64().unwrap(), p["column"].as_str().unwrap()))
        .collect();
    for expected in [(3, "name"), (3, "phone"), (4, "code"), (4, "owner_kind")] {
        assert!(at.contains(&expected), "{at:?}");
    }
    let unknown = folders.file(
        "unknown.csv",
        "code,name,owner_kind,commune_code\nA1,HTX Một,htx,06325\nA2,HTX Hai,htx,99999\n",
    );
    let failed =
        folders.admin("a", &["--offline", "import", "facilities", text(&unknown)]).fails(1);
    assert_eq!(failed.json()["error"]["problems"][0]["row"], 3);
    // Nothing was imported by either.
    let rows = folders.field_json("a", &["facilities"])["rows"].clone();
    assert_eq!(rows, Value::Array(Vec::new()));
}

#[test]
fn a_facility_known_by_its_code_is_brought_up_to_date_not_made_twice() {
    let folders = Folders::new();
    folders.admin("a", &["init"]).ok();
    let import = |name: &str, content: &str, more: &[&str]| {
        let file = folders.file(name, content);
        let mut arguments = vec!["--offline", "import", "facilities", text(&file)];
        arguments.extend(more);
        let data = folders.admin("a", &arguments).ok().json();
        ["made", "updated", "unchanged"].map(|key| data[key].as_u64().unwrap())
    };
    let first = "code,name,owner_kind,commune_code,products\nA1,HTX Một,htx,06325,Chè xanh\n\
                 A2,HTX Hai,htx,06337,\n";
    let second = first.replace("HTX Hai", "HTX Hai Mới").replace("A1", "a1");
    assert_eq!(import("1.csv", first, &["--dry-run"]), [2, 0, 0]);
    assert_eq!(import("1.csv", first, &[]), [2, 0, 0]);
    assert_eq!(import("1.csv", first, &[]), [0, 0, 2]);
    assert_eq!(import("2.csv", &second, &["--dry-run"])[1..], [2, 0]);
    assert_eq!(import("2.csv", &second, &[]), [0, 2, 0]);
    let data = folders.field_json("a", &["facilities"]);
    assert_eq!(keys(&data), ["next", "rows"]);
    let rows = data["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(keys(&rows[0]), ["code", "conflicts", "id", "title", "unit", "updated_at"]);
    assert!(rows.iter().any(|row| row["code"] == "A2"));
    assert!(folders.field("a", &["facilities"]).ok().out.contains("A2  HTX Hai Mới"));
    assert!(rows.iter().any(|row| row["title"] == "HTX Hai Mới"));
    let one = folders.field_json("a", &["facilities", "--limit", "1"]);
    let next = one["next"].as_str().unwrap();
    let rest = folders.field_json("a", &["facilities", "--limit", "1", "--after", next]);
    assert_ne!(one["rows"][0]["id"], rest["rows"][0]["id"]);
    let status = folders.field_json("a", &["status"]);
    let expected = [
        "carried",
        "decisions",
        "doubts",
        "hub_key_moved",
        "lease_ended",
        "lease_until",
        "minutes",
        "notices",
        "only_here",
        "position",
        "records",
        "rejected",
        "repaired",
        "set_aside",
        "troubles",
    ];
    assert_eq!(keys(&status), expected);
    assert_eq!(status["only_here"], 4);
    let arrival = &status["records"][0]["arrival"];
    let expected = [
        "backed_up",
        "backed_up_at",
        "merged",
        "merged_at",
        "merged_signed",
        "only_here",
        "recorded",
        "stored",
        "stored_at",
    ];
    assert_eq!(keys(arrival), expected);
}

#[test]
fn an_import_takes_communes_of_before_july_2025_and_says_what_they_became() {
    let folders = Folders::new();
    folders.admin("a", &["init"]).ok();
    let file = folders.file(
        "old.csv",
        "code,name,owner_kind,xã\nA1,HTX Một,htx,06340\nA2,HTX Hai,htx,\"Thi\u{323} trấn Bắc Sơn, Lạng Sơn\"\n\
         A3,HTX Ba,htx,06325\n",
    );
    let done = folders.admin("a", &["--offline", "import", "facilities", text(&file)]).ok().json();
    let rows = done["facilities"].as_array().unwrap();
    let communes: Vec<&str> = rows.iter().map(|row| row["commune"].as_str().unwrap()).collect();
    assert_eq!(communes, ["06337", "06325", "06325"]);
    assert_eq!(rows[0]["former_commune"]["title"], "Xã Tân Tri");
    assert_eq!(rows[1]["former_commune"]["code"], "06325");
    assert_eq!(rows[2]["former_commune"], Value::Null);
    let several = folders.file(
        "several.csv",
        "code,name,owner_kind,commune_code\nB1,HTX Bốn,htx,Bắc Sơn\nB2,HTX Năm,htx,00019\n",
    );
    let failed =
        folders.admin("a", &["--offline", "import", "facilities", text(&several)]).fails(1);
    let problems = failed.json()["error"]["problems"].clone();
    assert_eq!((&problems[0]["row"], &problems[0]["column"]), (&2.into(), &"commune_code".into()));
    assert!(problems[0]["problem"].as_str().unwrap().contains("06325 Xã Bắc Sơn, Lạng Sơn"));
    assert!(problems[1]["problem"].as_str().unwrap().contains("00004 Phường Ba Đình, Hà Nội"));
}

#[test]
fn units_are_looked_up_without_a_device() {
    let found = run(&["units", "find", "bac son, lang son", "--json"]).ok().json();
    assert_eq!(keys(&found), ["total", "units"]);
    let first = &found["units"][0];
    assert_eq!((&first["code"], &first["in_force"]), (&"06325".into(), &true.into()));
    assert_eq!(first["formed_from"][0]["title"], "Thị trấn Bắc Sơn");
    let shown = run(&["units", "show", "185"]).ok();
    for code in ["06325", "06337", "06349", "06364", "06367", "06376"] {
        assert!(shown.out.contains(code), "{shown:?}");
    }
    assert!(shown.out.contains("Not official"), "{shown:?}");
    run(&["units", "show", "99999"]).fails(3);
    run(&["units", "find"]).fails(2);
    let part = run(&["units", "show", "6325", "--json"]).ok().json();
    assert_eq!(part["now"]["code"], "06325");
    let prefix = run(&["units", "show", "0633", "--json"]).fails(3).json();
    assert!(prefix["candidates"].as_array().unwrap().iter().any(|unit| unit["code"] == "06337"));
}

#[test]
fn times_of_the_law_are_counted_without_a_device() {
    let listed = run(&["clocks", "list", "--json"]).ok().json();
    let keys: Vec<&str> =
        listed["rows"].as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"certificate.ocop") && keys.contains(&"reevaluation.ocop"), "{keys:?}");
    let window = ["clocks", "count", "reevaluation.ocop", "--from", "30/6/2028", "--json"];
    let window = run(&window).ok().json();
    assert_eq!((&window["opens"], &window["due"]), (&"2028-01-02".into(), &"2028-03-02".into()));
    let unknown = run(&["clocks", "count", "nothing", "--from", "2028-06-30"]).fails(3);
    assert!(unknown.err.contains("certificate.ocop"), "{unknown:?}");
    run(&["clocks", "count", "correction", "--from", "2028-06-30", "--extended", "1"]).fails(1);
}

#[test]
fn a_checklist_that_is_not_there_is_told_from_a_slip() {
    let missing = run(&["template", "show", "OCOP-27"]).fails(3);
    assert!(missing.err.contains("OCOP-01 to OCOP-26"), "{missing:?}");
    let slip = run(&["template", "show", "tee"]).fails(3);
    assert!(slip.err.contains("did you mean tea?"), "{slip:?}");
    let file = run(&["template", "show", "gone.json"]).fails(3);
    assert!(file.err.contains("cannot read gone.json"), "{file:?}");
}

#[test]
fn the_help_of_an_import_names_its_columns() {
    let help = run(&["admin", "import", "facilities", "--help"]).ok().out;
    for column in ["commune_code", "owner_kind", "cooperative (HTX)", "longitude"] {
        assert!(help.contains(column), "{help}");
    }
}

#[test]
fn an_error_of_a_batch_names_its_line() {
    let folders = Folders::new();
    folders.field("a", &["init"]).ok();
    let lines = "# a comment\n\nshow abcd1234\nwhoami\nanswr x\n";
    for (json, said) in [(false, "line 3:"), (true, "\"line\":3")] {
        let dir = folders.path("a");
        let flag = if json { &["--json"][..] } else { &[] };
        let words = [flag, &["field", "--dir", text(&dir), "batch"]].concat();
        let mut batch = command(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        batch.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let ended = batch.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(3), "that of the first line that failed");
        let errors = String::from_utf8(ended.stderr).unwrap();
        assert!(errors.contains(said), "{errors}");
        assert!(errors.contains(&said.replace('3', "5")), "{errors}");
    }
}

#[test]
fn a_whole_store_passes_its_check() {
    let folders = Folders::new();
    folders.field("a", &["init"]).ok();
    let data = folders.field_json("a", &["verify"]);
    assert_eq!(data["problems"], Value::Array(Vec::new()));
    assert!(data["records"].as_u64().unwrap() > 0);
}

#[test]
fn people_are_spoken_to_in_vietnamese_when_they_ask() {
    let folders = Folders::new();
    folders.field("a", &["init"]).ok();
    let empty = folders.field("a", &["list", "--lang", "vi"]).ok();
    assert_eq!(empty.out.trim(), "Chưa có gì.");
}
