//! The story: an inter-agency team visits a tea maker, offline, with four devices.
//!
//! All people and producers are invented.

use std::collections::BTreeMap;

use bienban_core::checklist::Day;
use bienban_core::clock;
use serde::Serialize;
use serde_json::Value;

use super::super::error::CliError;
use super::super::grade;
use super::super::output::Output;
use super::super::serve::service;
use super::super::{time, words};
use super::enrol::{self, Enrolled};
use super::ocop::{self, OcopReport};
use super::proof::{self, Proof};
use super::revoked::{self, Revoked};
use super::seals::{self, Sealed};
use super::stage::{Player, Stage, number, text};
use crate::import::SAMPLE_CSV;

/// What the demo found, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Field devices.
    devices: usize,
    /// How each of them was taken in.
    enrolled: Vec<Enrolled>,
    /// Answers given on them.
    answers: usize,
    /// Items with two answers when the devices had met.
    conflicts: usize,
    /// Digest of the record on every replica, when the minutes were registered and no phone was lost yet.
    digests: BTreeMap<String, String>,
    /// All digests are the same.
    converged: bool,
    /// The minutes, and what came late.
    sealed: Sealed,
    /// The phone whose rights were ended.
    revoked: Revoked,
    /// The exported record.
    proof: Proof,
    /// What each field device sent and received.
    phones: Vec<Cost>,
    /// The producer's OCOP sheet.
    ocop: OcopReport,
}

impl Report {
    /// All came out as the story says.
    pub(super) fn holds(&self) -> bool {
        self.converged && self.revoked.holds() && self.proof.holds()
    }
}

/// What a device's exchanges cost, over the whole story.
#[derive(Debug, Default, Serialize)]
struct Cost {
    name: String,
    bytes_up: u64,
    bytes_down: u64,
    round_trips: u64,
}

/// A member of the team and the part of the checklist that is theirs.
pub(super) struct Member {
    pub(super) folder: &'static str,
    pub(super) name: &'static str,
    pub(super) agency: &'static str,
    pub(super) role: &'static str,
    /// Item and grade.
    answers: &'static [(&'static str, &'static str)],
}

pub(super) const TEAM: [Member; 4] = [
    Member {
        folder: "phone-1",
        name: "Hoàng Thị Mây",
        agency: "Phòng Kinh tế xã",
        role: "leader",
        answers: &[
            ("1.1", "dat"),
            ("1.2", "dat"),
            ("5.1", "dat"),
            ("5.2", "kad"),
            ("5.3", "dat"),
            ("5.4", "dat"),
            ("5.5", "kad"),
            ("5.6", "dat"),
            ("6.1", "dat"),
            ("6.2", "mi"),
            ("6.3", "dat"),
        ],
    },
    Member {
        folder: "phone-2",
        name: "Nông Văn Thắng",
        agency: "Trạm Y tế xã",
        role: "inspector",
        answers: &[
            ("1.5", "dat"),
            ("1.6", "mi"),
            ("2.1", "dat"),
            ("2.2", "dat"),
            ("2.3", "mi"),
            ("2.4", "dat"),
            ("4.1", "ma"),
            ("6.4", "dat"),
            ("6.5", "dat"),
            ("7.1", "dat"),
            ("7.2", "dat"),
        ],
    },
    Member {
        folder: "phone-3",
        name: "Lý Thị Hoa",
        agency: "Sở Nông nghiệp và Môi trường",
        role: "inspector",
        answers: &[
            ("3.1", "dat"),
            ("3.2", "dat"),
            ("3.3", "mi"),
            ("3.4", "dat"),
            ("4.1", "dat"),
            ("4.2", "dat"),
            ("4.3", "mi"),
            ("6.6", "dat"),
        ],
    },
    Member {
        folder: "phone-4",
        name: "Dương Văn Lâm",
        agency: "Quản lý thị trường",
        role: "inspector",
        answers: &[
            ("1.3", "dat"),
            ("1.4", "dat"),
            ("8.1", "dat"),
            ("8.2", "mi"),
            ("8.3", "dat"),
            ("8.4", "dat"),
            ("8.5", "dat"),
            ("8.6", "dat"),
            ("9.2", "dat"),
            ("9.3", "dat"),
            ("9.4", "dat"),
        ],
    },
];

/// The producer visited: the first of the sample that makes tea.
pub(super) const FACILITY: &str = "BS-001";

/// For how many days after today the visit may last.
const VISIT_DAYS: i64 = 4;

/// Plays the story and returns what it showed.
pub(super) async fn tell(stage: &mut Stage, output: &Output) -> Result<Report, CliError> {
    let tell = Teller { output };
    tell.say("demo.begin", &[])?;
    let Prepared { phones, supervisor, enrolled } = prepare(stage, &tell).await?;
    let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
    sync(stage, &phones, &mut costs).await?;
    seals::begin(stage, &phones[0], &tell).await?;
    sync(stage, &phones, &mut costs).await?;
    tell.say("demo.offline", &[])?;
    let (inspection, answers) = fill(stage, &phones, &tell).await?;
    tell.say("demo.reconnect", &[])?;
    sync(stage, &phones, &mut costs).await?;
    sync(stage, &phones, &mut costs).await?;
    let conflicts = meet(stage, &phones[0], &inspection, &tell).await?;
    settle(stage, &phones[0], &inspection, &tell).await?;
    sync(stage, &phones, &mut costs).await?;
    send_back(stage, &supervisor, &phones, &inspection, &mut costs, &tell).await?;
    sync(stage, &phones, &mut costs).await?;
    sync(stage, &phones, &mut costs).await?;
    seals::seal(stage, &phones, &inspection, &tell).await?;
    sync(stage, &phones, &mut costs).await?;
    sync(stage, &phones, &mut costs).await?;
    let sealed = seals::shown(stage, &phones[0], &inspection, &tell).await?;
    if !output.is_json() {
        tell.say("demo.record", &[])?;
        tell.plain(&stage.read(&phones[0], &["show", &inspection]).await?)?;
    }
    let digests = digests(stage, &supervisor, &phones, &inspection).await?;
    let converged = digests.values().all(|digest| Some(digest) == digests.values().next());
    // Told now: a phone is lost afterwards, and cannot be asked any more.
    tell.digests(&digests, converged)?;
    let ocop = tell.ocop()?;
    let revoked = revoked::revoke(stage, &phones, &inspection, &tell).await?;
    let proof = proof::check(stage, &phones, &inspection, &tell).await?;
    let phones: Vec<Cost> = costs.into_values().collect();
    tell.closing(&phones)?;
    let devices = TEAM.len();
    Ok(Report {
        devices,
        enrolled,
        answers,
        conflicts,
        digests,
        converged,
        sealed,
        revoked,
        proof,
        phones,
        ocop,
    })
}

pub(super) struct Teller<'a> {
    output: &'a Output,
}

impl Teller<'_> {
    /// Returns the texts of the language that is told in.
    pub(super) fn messages(&self) -> &crate::messages::Messages {
        self.output.messages()
    }

    /// Tells a person what happens; a program gets the report alone.
    pub(super) fn say(&self, key: &str, values: &[(&str, &str)]) -> Result<(), CliError> {
        if self.output.is_json() {
            return Ok(());
        }
        let m = self.output.messages();
        let text = match key {
            "demo.begin" => m.text("demo.begin", values),
            "demo.prepared" => m.text("demo.prepared", values),
            "demo.enrolling" => m.text("demo.enrolling", values),
            "demo.enrolled" => m.text("demo.enrolled", values),
            "demo.begun" => m.text("demo.begun", values),
            "demo.sealed" => m.text("demo.sealed", values),
            "demo.unaware" => m.text("demo.unaware", values),
            "demo.registered" => m.text("demo.registered", values),
            "demo.late" => m.text("demo.late", values),
            "demo.revoked" => m.text("demo.revoked", values),
            "demo.destroyed" => m.text("demo.destroyed", values),
            "demo.exported" => m.text("demo.exported", values),
            "demo.valid" => m.text("demo.valid", values),
            "demo.byte" => m.text("demo.byte", values),
            "demo.planned" => m.text("demo.planned", values),
            "demo.offline" => m.text("demo.offline", values),
            "demo.filled" => m.text("demo.filled", values),
            "demo.reconnect" => m.text("demo.reconnect", values),
            "demo.conflict" => m.text("demo.conflict", values),
            "demo.counts" => m.text("demo.counts", values),
            "demo.note" => m.text("demo.note", values),
            "demo.settled" => m.text("demo.settled", values),
            "demo.sent_back" => m.text("demo.sent_back", values),
            "demo.answered" => m.text("demo.answered", values),
            "demo.record" => m.text("demo.record", values),
            "demo.ocop" => m.text("demo.ocop", values),
            "demo.cost" => m.text("demo.cost", values),
            "demo.digests" => m.text("demo.digests", values),
            "demo.digest" => m.text("demo.digest", values),
            "demo.equal" => m.text("demo.equal", values),
            _ => m.text("demo.differ", values),
        };
        self.plain(&text)
    }

    /// Prints a line for a person.
    pub(super) fn plain(&self, text: &str) -> Result<(), CliError> {
        if self.output.is_json() {
            return Ok(());
        }
        self.output.event(&Value::Null, text)
    }

    /// Grades the producer's tea for OCOP and shows what costs a star.
    fn ocop(&self) -> Result<OcopReport, CliError> {
        let (report, graded, explanation) = ocop::grade()?;
        if !self.output.is_json() {
            self.say("demo.ocop", &[])?;
            let page = grade::short(&graded, &explanation, self.output.messages());
            self.plain(page.text().trim_end())?;
        }
        Ok(report)
    }

    /// Shows what every replica says the record is.
    fn digests(&self, digests: &BTreeMap<String, String>, converged: bool) -> Result<(), CliError> {
        self.say("demo.digests", &[])?;
        for (name, digest) in digests {
            self.say("demo.digest", &[("name", name), ("digest", digest)])?;
        }
        self.say(if converged { "demo.equal" } else { "demo.differ" }, &[])
    }

    /// Shows what the exchanges of each phone cost.
    fn closing(&self, costs: &[Cost]) -> Result<(), CliError> {
        for cost in costs {
            let (up, down) = (cost.bytes_up.to_string(), cost.bytes_down.to_string());
            let trips = cost.round_trips.to_string();
            let values =
                [("name", cost.name.as_str()), ("up", &up), ("down", &down), ("trips", &trips)];
            self.say("demo.cost", &values)?;
        }
        Ok(())
    }
}

/// Who plays.
struct Prepared {
    phones: Vec<Player>,
    supervisor: Player,
    enrolled: Vec<Enrolled>,
}

/// Checklist, facilities, devices and the plan, by the commands of an administrator.
async fn prepare(stage: &Stage, tell: &Teller<'_>) -> Result<Prepared, CliError> {
    let admin = stage.administrator().await?;
    stage.call(&admin, &["checklist", "add", "tea"]).await?;
    let file = stage.root().join("facilities.csv");
    std::fs::write(&file, SAMPLE_CSV)
        .map_err(|source| CliError::File { path: file.clone(), source })?;
    let file = file.to_string_lossy().into_owned();
    let imported = stage.call(&admin, &["import", "facilities", &file]).await?;
    let count = imported.get("made").map_or_else(|| number(&imported, "rows"), count_of);
    let supervisor = stage.enter("supervisor", "admin").await?;
    let who = ("Nguyễn Thị Lan", "Văn phòng điều phối tỉnh", "supervisor");
    trust(stage, &admin, &supervisor, who).await?;
    tell.say("demo.prepared", &[("count", &count.to_string())])?;
    let (phones, enrolled) = enrol::team(stage, &admin, tell).await?;
    let today = Day::nearest(clock::now());
    let last = today.plus_days(VISIT_DAYS).unwrap_or(today).to_string();
    let today = today.to_string();
    let mut words = vec!["plan", "add", "--title", "Kiểm tra liên ngành cơ sở chè 2026"];
    words.extend(["--decision", "12/QĐ-UBND", "--decision-date", &today]);
    words.extend(["--from", &today, "--to", &last, "--template", "tea"]);
    words.extend(["--facility", FACILITY, "--leader", &phones[0].device]);
    for phone in &phones[1..] {
        words.extend(["--member", &phone.device]);
    }
    stage.call(&admin, &words).await?;
    tell.say("demo.planned", &[("facility", FACILITY)])?;
    Ok(Prepared { phones, supervisor, enrolled })
}

fn count_of(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_array().map(|rows| rows.len() as u64)).unwrap_or_default()
}

async fn trust(
    stage: &Stage,
    admin: &Player,
    player: &Player,
    (name, agency, role): (&str, &str, &str),
) -> Result<(), CliError> {
    let mut words = vec!["trust", &player.device, "--name", name, "--agency", agency];
    // The province: its communes lie in it.
    words.extend(["--role", role, "--scope", "20"]);
    stage.call(admin, &words).await.map(drop)
}

/// All phones exchange at the same time, as processes of their own.
async fn sync(
    stage: &Stage,
    phones: &[Player],
    costs: &mut BTreeMap<String, Cost>,
) -> Result<(), CliError> {
    let (a, b, c, d) = tokio::join!(
        stage.call(&phones[0], &["sync"]),
        stage.call(&phones[1], &["sync"]),
        stage.call(&phones[2], &["sync"]),
        stage.call(&phones[3], &["sync"]),
    );
    for (phone, report) in phones.iter().zip([a?, b?, c?, d?]) {
        let cost = costs.entry(phone.name.clone()).or_default();
        cost.name.clone_from(&phone.name);
        cost.bytes_up += number(&report, "bytes_up");
        cost.bytes_down += number(&report, "bytes_down");
        cost.round_trips += number(&report, "round_trips");
    }
    Ok(())
}

/// Four processes fill the same planned visit at the same time, with no network.
async fn fill(
    stage: &Stage,
    phones: &[Player],
    tell: &Teller<'_>,
) -> Result<(String, usize), CliError> {
    let plans = stage.call(&phones[0], &["plans"]).await?;
    let plan = first_id(&plans).ok_or_else(|| missing("plan"))?;
    let opened = stage.call(&phones[0], &["open", &plan, FACILITY]).await?;
    let inspection = text(&opened, "inspection");
    let scripts: Vec<Vec<Vec<String>>> =
        (0..TEAM.len()).map(|member| script(member, &plan, &inspection)).collect();
    let (a, b, c, d) = tokio::join!(
        stage.batch(&phones[0], &scripts[0]),
        stage.batch(&phones[1], &scripts[1]),
        stage.batch(&phones[2], &scripts[2]),
        stage.batch(&phones[3], &scripts[3]),
    );
    let mut answers = 0;
    for (member, done) in TEAM.iter().zip([a?, b?, c?, d?]) {
        let count = member.answers.len();
        answers += count;
        let values = [("name", member.name), ("agency", member.agency)];
        let (count, all) = (count.to_string(), done.len().to_string());
        let values = [values[0], values[1], ("count", &count), ("edits", &all)];
        tell.say("demo.filled", &values)?;
    }
    Ok((inspection, answers))
}

/// What one member types during the visit.
fn script(member: usize, plan: &str, inspection: &str) -> Vec<Vec<String>> {
    let line = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let mut lines: Vec<Vec<String>> = vec![line(&["open", plan, FACILITY])];
    for (item, grade) in TEAM[member].answers {
        lines.push(line(&["answer", inspection, item, grade]));
    }
    match member {
        0 => lines.push(line(&["note", inspection, "6.2", "Sổ ghi mẻ có đủ ngày và khối lượng."])),
        1 => lines.push(line(&["note", inspection, "4.1", "Phiếu thử nước đã quá hạn."])),
        2 => {
            let what = "Chưa thu gom riêng bao bì thuốc bảo vệ thực vật.";
            lines.push(line(&["finding", inspection, "4.3", "mi", what, "--deadline", "20"]));
        }
        _ => lines.push(line(&["note", inspection, "6.2", "Hai mẻ gần nhất thiếu nhiệt độ sao."])),
    }
    lines
}

/// Shows what the devices hold after they have met. Returns how many items have several answers.
async fn meet(
    stage: &Stage,
    phone: &Player,
    inspection: &str,
    tell: &Teller<'_>,
) -> Result<usize, CliError> {
    let shown = stage.call(phone, &["show", inspection]).await?;
    let m = tell.output.messages();
    let mut conflicts = 0;
    for item in items(&shown) {
        let answers = item.get("answers").and_then(Value::as_array).cloned().unwrap_or_default();
        let key = text(item, "key");
        if text(item, "state") == "conflict" {
            conflicts += 1;
            for answer in &answers {
                let author = answer.get("author").cloned().unwrap_or_default();
                let (name, agency) = (text(&author, "name"), text(&author, "agency"));
                let grade = words::grade_named(m, &text(answer, "grade"));
                let at = time::minute(&text(answer, "at"));
                let values = [("item", key.as_str()), ("grade", &grade), ("name", &name)];
                let values = [values[0], values[1], values[2], ("agency", &agency), ("at", &at)];
                tell.say("demo.conflict", &values)?;
            }
            let grade = words::grade_named(m, &text(item, "counts_as"));
            tell.say("demo.counts", &[("item", &key), ("grade", &grade)])?;
        }
        if key == "6.2" {
            let note = text(item, "note").trim_end().replace('\n', " / ");
            tell.say("demo.note", &[("item", &key), ("note", &note)])?;
        }
    }
    Ok(conflicts)
}

/// The leader chooses between two answers; both stay in the history.
async fn settle(
    stage: &Stage,
    leader: &Player,
    inspection: &str,
    tell: &Teller<'_>,
) -> Result<(), CliError> {
    let why = "Đối chiếu phiếu thử: hết hạn từ tháng 9.";
    stage.call(leader, &["resolve", inspection, "4.1", "ma", "--note", why]).await?;
    tell.say("demo.settled", &[("item", "4.1"), ("name", TEAM[0].name)])
}

/// The supervisor sends an item back; a phone answers it.
async fn send_back(
    stage: &Stage,
    supervisor: &Player,
    phones: &[Player],
    inspection: &str,
    costs: &mut BTreeMap<String, Cost>,
    tell: &Teller<'_>,
) -> Result<(), CliError> {
    let what = "Đề nghị ghi rõ mẻ nào thiếu nhiệt độ sao.";
    let words = ["review", inspection, "send-back", "--item", "6.2", what];
    let sent = stage.call(supervisor, &words).await?;
    tell.say("demo.sent_back", &[("item", "6.2"), ("text", what)])?;
    sync(stage, phones, costs).await?;
    let reply = "Mẻ 14 và 15 ngày 20/11; cơ sở đã bổ sung sổ.";
    let request = text(&sent, "id");
    let lines: Vec<Vec<String>> =
        [vec!["note", inspection, "6.2", reply], vec!["reply", inspection, &request, reply]]
            .into_iter()
            .map(|line| line.into_iter().map(str::to_owned).collect())
            .collect();
    stage.batch(&phones[3], &lines).await?;
    tell.say("demo.answered", &[("name", TEAM[3].name), ("text", reply)])
}

/// The digest of the record on every replica.
async fn digests(
    stage: &Stage,
    supervisor: &Player,
    phones: &[Player],
    inspection: &str,
) -> Result<BTreeMap<String, String>, CliError> {
    let mut digests = BTreeMap::new();
    let document = inspection.parse().map_err(|error| service("inspection", error))?;
    let held = stage.hub().replica().load(document).map_err(|error| service("hub", error))?;
    let minutes = stage.hub().replica().minutes(document).map_err(|error| service("hub", error))?;
    // Once minutes are sealed, the record is what they say: what came late is beside it.
    let digest = match &minutes.standing {
        Some(standing) => {
            let sealed = held.view_at(&standing.seal.statement.heads);
            sealed.map_err(|error| service("hub", error))?.record().digest()
        }
        None => held.view().record().digest(),
    };
    digests.insert("hub".to_owned(), hex::encode(digest));
    for player in phones.iter().chain([supervisor]) {
        let shown = stage.call(player, &["show", inspection]).await?;
        digests.insert(player.name.clone(), text(&shown, "digest"));
    }
    Ok(digests)
}

/// The items of a record that was shown.
pub(super) fn items(shown: &Value) -> impl Iterator<Item = &Value> {
    let sections = shown.get("sections").and_then(Value::as_array).into_iter().flatten();
    sections.filter_map(|section| section.get("items").and_then(Value::as_array)).flatten()
}

/// The name of the first of a list.
pub(super) fn first_id(listed: &Value) -> Option<String> {
    let rows = listed.as_array().or_else(|| {
        listed.as_object().and_then(|object| object.values().find_map(Value::as_array))
    })?;
    rows.first().map(|row| text(row, "id"))
}

fn missing(what: &str) -> CliError {
    service("demo", std::io::Error::other(format!("no {what} has arrived")))
}
