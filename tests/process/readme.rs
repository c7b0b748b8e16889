//! The commands that README.md and the demo print, run as a newcomer would type them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bienban_core::checklist::Day;
use bienban_core::clock;
use bienban_tests::binary::bienban;
use bienban_tests::process::free_port;
use serde_json::Value;

use crate::program::Folders;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const README: &str = include_str!("../../README.md");

/// Returns the commands below a heading of README.md, without what builds the program.
fn commands(heading: &str) -> Vec<String> {
    let (_, below) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = below.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).filter(|line| line.starts_with("bienban "));
    lines.map(str::to_owned).collect()
}

/// A terminal: a folder in which lines are typed, with the program on the path.
struct Terminal {
    folders: Folders,
    /// What stands for the names in capitals, the later ones first.
    names: Vec<(&'static str, String)>,
}

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Terminal {
    fn new() -> Self {
        let folders = Folders::new();
        let path = folders.path("bin");
        fs::create_dir(&path).unwrap();
        std::os::unix::fs::symlink(bienban(), path.join("bienban")).unwrap();
        // Samples are named from the root of the repository.
        std::os::unix::fs::symlink(Path::new(ROOT).join("server"), folders.path("server")).unwrap();
        std::os::unix::fs::symlink(Path::new(ROOT).join("core"), folders.path("core")).unwrap();
        Self { folders, names: Vec::new() }
    }

    fn dir(&self) -> PathBuf {
        self.folders.path(".")
    }

    fn command(&self, line: &str) -> Command {
        let mut line = line.split("  # ").next().unwrap().to_owned();
        for (name, value) in &self.names {
            line = line.replace(name, value);
        }
        let path = format!("{}:/usr/bin:/bin", self.folders.path("bin").display());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec {line}")]).current_dir(self.dir());
        if line.contains(';') {
            command = Command::new("sh");
            command.args(["-ec", &line]).current_dir(self.dir());
        }
        command.env_clear().env("BIENBAN_LANG", "en").env("PATH", path).stdin(Stdio::null());
        command
    }

    /// Types a line, which must go well. Returns what is printed.
    #[track_caller]
    fn types(&self, line: &str) -> String {
        let ran = self.command(line).output().unwrap();
        let (out, err) = (String::from_utf8(ran.stdout), String::from_utf8_lossy(&ran.stderr));
        let out = out.unwrap();
        assert!(ran.status.success(), "{line}\n{out}\n{err}");
        out
    }

    fn starts(&self, line: &str) -> (Ends, BufReader<std::process::ChildStdout>) {
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (Ends(child), out)
    }

    /// Types lines as they come, and notes what each prints that later ones name.
    fn follows(&mut self, lines: &[String]) {
        for line in lines {
            let out = self.types(line);
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.contains(&"init") {
                let device = out.lines().find_map(|line| line.strip_prefix("Device: ")).unwrap();
                self.names.insert(0, ("DEVICE", device.trim().to_owned()));
            } else if words.last() == Some(&"list") || line.contains(" list ") {
                // Another guest may have begun a supplement: the inspection is the one with sealed minutes.
                let rows: Vec<&str> = out.lines().collect();
                let row = rows.windows(2).find(|rows| rows[1].contains("; minutes ")).unwrap()[0];
                let id = row.split_whitespace().next().unwrap();
                self.names.push(("INSPECTION", id.to_owned()));
            } else if words.contains(&"supplement") {
                let (_, id) = out.trim().rsplit_once(": ").unwrap();
                let id = id.split_whitespace().next().unwrap();
                self.names.push(("SUPPLEMENT", id.to_owned()));
            } else if words.contains(&"conflicts") {
                assert!(out.contains("9.5") && out.contains("--choose"), "{out}");
            }
        }
    }
}

fn json_line(out: &mut impl BufRead) -> Value {
    let mut values = serde_json::Deserializer::from_reader(out).into_iter();
    values.next().unwrap().unwrap()
}

#[test]
fn every_command_that_the_demo_and_the_readme_print_works_on_its_hub() {
    let mut printed = Terminal::new();
    let (mut demo, out) = printed.starts("bienban demo --keep --dir demo-day");
    let mut told = Vec::new();
    for line in out.lines().map(Result::unwrap) {
        told.push(line);
        if told.last().unwrap().contains(" resolve SUPPLEMENT ") {
            break;
        }
    }
    // What the replicas hold is told while all of them are there.
    let place = |part: &str| told.iter().position(|line| line.contains(part)).unwrap();
    assert!(place("All digests are equal") < place("is lost while it holds"), "{told:?}");
    let first = place(" init --hub '");
    let lines: Vec<String> = told[first..].iter().map(|line| line.trim().to_owned()).collect();
    let uri = lines[0].split('\'').nth(1).unwrap().to_owned();
    printed.follows(&lines);

    // The same hub, another guest.
    let port = uri.split_once('#').unwrap().0.rsplit_once(':').unwrap().1.to_owned();
    let lines = commands("Join a running hub");
    assert!(lines.len() > 12, "{lines:?}");
    printed.names = vec![
        ("bienban://127.0.0.1:PORT#KEY", uri),
        ("demo-day/guest", "demo-day/second".to_owned()),
    ];
    printed.follows(&lines);

    let told = Command::new("kill").args(["-INT", &demo.0.id().to_string()]).status();
    assert!(told.unwrap().success() && demo.0.wait().unwrap().success());
    let goes_on =
        README.split('`').find(|code| code.starts_with("bienban serve --dir demo-day/hub"));
    printed.names.push(("PORT", port));
    let (_hub, mut out) = printed.starts(goes_on.unwrap());
    out.read_line(&mut String::new()).unwrap();
    printed.types("bienban field --dir demo-day/guest sync");
}

#[test]
fn the_readme_leads_from_an_empty_folder_to_sealed_minutes() {
    let lines = commands("Run a hub of your own");
    let mut lines = lines.iter();
    let mut line = |part: &str| {
        let line = lines.next().unwrap();
        assert!(line.contains(part), "{line}");
        line.to_owned()
    };
    let mut terminal = Terminal::new();
    let port = free_port();
    let key = terminal.types(&line("--show-key")).trim().to_owned();
    terminal.names = vec![("HOST:4433#KEY", format!("127.0.0.1:{port}#{key}"))];
    terminal.follows(&[line(" init ")]);
    let (serve, at) = (line("serve"), format!("0.0.0.0:{port}"));
    let (_hub, mut out) = terminal.starts(&serve.replace("0.0.0.0:4433", &at));
    out.read_line(&mut String::new()).unwrap();
    for part in ["checklist add", "import facilities"] {
        terminal.types(&line(part));
    }
    terminal.names.insert(0, ("NAME", "'Nông An'".to_owned()));
    terminal.names.insert(0, ("AGENCY", "'Y tế'".to_owned()));
    let invite = line("invite").replacen("bienban", "bienban --json", 1);
    let (mut invite, mut invited) = terminal.starts(&invite);
    let uri = json_line(&mut invited)["uri"].as_str().unwrap().to_owned();
    let enrol = format!("bienban --json field --dir phone enrol '{uri}'");
    let (mut phone, mut said) = terminal.starts(&enrol);
    let digits = json_line(&mut said)["digits"].as_str().unwrap().to_owned();
    assert_eq!(json_line(&mut invited)["event"], "claimed");
    writeln!(invite.0.stdin.as_mut().unwrap(), "{digits}").unwrap();
    assert!(invite.0.wait().unwrap().success() && phone.0.wait().unwrap().success());
    said.read_to_string(&mut String::new()).unwrap();

    let made = terminal.types(&line("plan add").replacen("bienban", "bienban --json", 1));
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["warnings"], Value::Array(Vec::new()), "the leader lacks nothing: {made}");
    let field = |rest: &str| terminal.types(&format!("bienban --json field --dir phone {rest}"));
    field("sync");
    let opened: Value = serde_json::from_str(&field("open 'Quý 4' BS-001")).unwrap();
    let it = opened["inspection"].as_str().unwrap();
    let today = Day::nearest(clock::now()).to_string();
    for (name, value) in [
        ("decision_number", "12/QĐ-UBND"),
        ("decision_date", today.as_str()),
        ("decision_signer", "Lương Thị Vân"),
        ("conduct_plan_approver", "Lương Thị Vân"),
        ("level", "commune"),
        ("facility_representative", "Hà Văn Bình"),
    ] {
        field(&format!("header {it} {name} '{value}'"));
    }
    for state in ["decided", "plan_approved", "announced", "in_field"] {
        field(&format!("state {it} {state}"));
    }
    let check: Value = serde_json::from_str(&field(&format!("seal {it} --check"))).unwrap();
    assert_eq!((&check["ready"], &check["not_leader"]), (&true.into(), &Value::Null), "{check}");
    field(&format!("seal {it} --name 'Hà Văn Bình' --title 'Chủ cơ sở'"));
    field("sync");
    field("sync");
    let shown: Value = serde_json::from_str(&field(&format!("show {it}"))).unwrap();
    assert_eq!(shown["minutes"]["standing"]["state"], "registered", "{}", shown["minutes"]);
    terminal.names.insert(0, ("BACKUP", "elsewhere/backup".to_owned()));
    for part in ["admin backup", "admin check"] {
        terminal.types(&line(part));
    }
}

#[test]
fn every_example_that_the_readme_names_is_graded_as_it_says() {
    let terminal = Terminal::new();
    let (_, section) = README.split_once("\n## Grade\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let names = section.split('`').filter(|code| code.starts_with("ex") && code.ends_with(".json"));
    for name in names {
        assert!(Path::new(ROOT).join("core/data/examples").join(name).is_file(), "{name}");
    }
    let own = "core/data/examples/ex8-template.json";
    assert!(section.contains("`--template tea`") && section.contains(own));
    for (template, examples) in [
        ("11", &["ex1", "ex2", "ex3"][..]),
        ("tea", &["ex4", "ex5", "ex6", "ex7"]),
        (own, &["ex8-b", "ex8-c"]),
    ] {
        for name in examples {
            let file = format!("core/data/examples/{name}.json");
            let line = format!("bienban --json grade --template {template} --answers {file}");
            let graded: Value = serde_json::from_str(&terminal.types(&line)).unwrap();
            assert_eq!((&graded["final"], &graded["tally"]["aside"]), (&true.into(), &0.into()));
        }
    }
}
