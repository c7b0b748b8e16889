//! *Mẫu*: samples and what becomes of them, by the forms Mẫu 14 (seal), Mẫu 15 (sampling minutes)
//! and Mẫu 16 (handover) of NĐ 37/2026/NĐ-CP, annex VII, and the laboratory's results.
//!
//! A sample is a register, replaced whole. Seals, handovers and results stand in registers of their
//! own, so that a laboratory and a team that write apart never touch the same one.

use serde::{Deserialize, Serialize};

use super::facility::day;
use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::ids::Kind;

/// Most rows of one handover or result: a form of paper has a dozen.
const ROWS_OF_FORM_MAX: usize = 100;

/// A sample taken (*mẫu đã lấy*): a row of Mẫu 15 with the head of its minutes. Fields behind
/// `removed` came later; content written before reads as before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// *Tên mẫu*.
    pub name: String,
    /// *Ký hiệu, mã mẫu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// *Cơ sở sản xuất ghi trên nhãn*, or who supplied it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub maker: String,
    /// *Đơn vị tính*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// *Khối lượng, số lượng mẫu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub quantity: String,
    /// *Lượng hàng tại thời điểm lấy mẫu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stock: String,
    /// *Ngày sản xuất*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub produced_on: String,
    /// *Số lô*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub lot: String,
    /// *Thời hạn lưu mẫu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub keep_until: String,
    /// *Ghi chú*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Taken off the list; kept and shown as such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// *Số biên bản lấy mẫu*: samples with the same one stand in the same minutes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub minutes: String,
    /// *Số thứ tự trong biên bản*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub row: String,
    /// *Ngày lấy mẫu*, as YYYY-MM-DD: the clock to the laboratory starts then.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub taken_on: String,
    /// *Phương pháp lấy mẫu*: the standard (TCVN, QCVN) or the ministry's rule.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// *Người lấy mẫu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sampler: String,
    /// *Chức danh* of the sampler.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sampler_title: String,
    /// *Đơn vị* of the sampler.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sampler_agency: String,
    /// *Đại diện cơ sở*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub representative: String,
    /// *Chức vụ* of the representative.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub representative_position: String,
    /// *Người chứng kiến*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub witness: String,
    /// *Số đơn vị mẫu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub units: String,
    /// *Niêm phong*: numbers of the seals put on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seals: String,
    /// *Số bản* of the minutes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub copies: String,
    /// *Căn cứ lấy mẫu*: the doubt that the check of documents and label raised (NĐ 37/2026/NĐ-CP, art.
    /// 79.3.c and 88.2.b), or the plan for goods of high risk.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub grounds: String,
    /// *Lý do rút*: why it was taken off the list.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub removed_reason: String,
}

/// A seal (*niêm phong mẫu*), Mẫu 14.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seal {
    /// The sample's id.
    pub sample: String,
    /// *Số niêm phong*.
    pub number: String,
    /// *Ngày niêm phong*, as YYYY-MM-DD.
    pub day: String,
    /// Who signed for the facility.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub facility_signer: String,
    /// Who signed for the team.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub team_signer: String,
    /// *Cơ quan đóng dấu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stamp: String,
    /// Written by mistake; kept and shown as such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// *Lý do rút*: why it was taken back.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub removed_reason: String,
}

/// A handover (*bàn giao mẫu*), Mẫu 16.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handover {
    /// *Bên giao*.
    pub giver: String,
    /// *Bên nhận*.
    pub receiver: String,
    /// *Ngày*, as YYYY-MM-DD.
    pub day: String,
    /// *Giờ*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time: String,
    /// *Nơi bàn giao*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// *Tình trạng mẫu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// The receiver confirms that the seal is intact; none when nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal_intact: Option<bool>,
    /// The receiver is the laboratory: it ends the clock of its samples.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub to_laboratory: bool,
    /// What is handed over.
    pub rows: Vec<HandoverRow>,
    /// Written by mistake; kept and shown as such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// *Lý do rút*: why it was taken back.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub removed_reason: String,
}

/// A row of a handover.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandoverRow {
    /// The sample's id.
    pub sample: String,
    /// *Số lượng*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub quantity: String,
    /// *Chỉ tiêu*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parameters: String,
    /// *QCVN, TCVN, TCCS*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub standard: String,
    /// *Tên mẫu đã mã hóa*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub coded: String,
}

/// A laboratory's report on a sample (*kết quả thử nghiệm*).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabResult {
    /// The sample's id.
    pub sample: String,
    /// *Tổ chức thử nghiệm*.
    pub laboratory: String,
    /// *Số phiếu kết quả*.
    pub report: String,
    /// *Ngày*, as YYYY-MM-DD.
    pub day: String,
    /// What was measured.
    pub rows: Vec<Parameter>,
    /// Written by mistake; kept and shown as such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// *Lý do rút*: why it was taken back.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub removed_reason: String,
}

impl LabResult {
    /// Returns whether every parameter passes; one that failed counts, however many passed.
    #[must_use]
    pub fn passes(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.pass)
    }
}

/// One parameter of a result (*chỉ tiêu*).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameter {
    /// *Chỉ tiêu*.
    pub name: String,
    /// *Kết quả*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// *Mức quy định*.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub limit: String,
    /// *Đạt*.
    pub pass: bool,
}

/// What became of samples: one register of the map `handovers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleStep {
    /// It was sealed.
    Seal(Seal),
    /// It changed hands.
    Handover(Handover),
    /// A laboratory reported.
    Result(LabResult),
}

impl SampleStep {
    /// Returns the ids of the samples that it is about.
    #[must_use]
    pub fn samples(&self) -> Vec<&str> {
        match self {
            Self::Seal(seal) => vec![&seal.sample],
            Self::Handover(handover) => {
                handover.rows.iter().map(|row| row.sample.as_str()).collect()
            }
            Self::Result(result) => vec![&result.sample],
        }
    }

    /// Returns whether it was taken back.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        match self {
            Self::Seal(seal) => seal.removed,
            Self::Handover(handover) => handover.removed,
            Self::Result(result) => result.removed,
        }
    }

    /// Returns why it was taken back; empty where it stands.
    #[must_use]
    pub fn removed_reason(&self) -> &str {
        match self {
            Self::Seal(seal) => &seal.removed_reason,
            Self::Handover(handover) => &handover.removed_reason,
            Self::Result(result) => &result.removed_reason,
        }
    }

    /// Returns it taken back for a reason. All that it said stays with it.
    #[must_use]
    pub fn withdrawn(mut self, reason: &str) -> Self {
        let (removed, why) = match &mut self {
            Self::Seal(seal) => (&mut seal.removed, &mut seal.removed_reason),
            Self::Handover(handover) => (&mut handover.removed, &mut handover.removed_reason),
            Self::Result(result) => (&mut result.removed, &mut result.removed_reason),
        };
        *removed = true;
        reason.clone_into(why);
        self
    }
}

impl Editor<'_> {
    /// Writes a sample's row.
    ///
    /// # Errors
    ///
    /// Returns which field is missing, malformed or too long.
    pub fn sample_put(&mut self, id: [u8; 16], sample: &Sample) -> Result<(), EditError> {
        self.require(Kind::Inspection, "samples")?;
        needed("name of the sample", &sample.name)?;
        day("day of sampling", &sample.taken_on)?;
        let mut sample = sample.clone();
        for (what, text) in [
            ("name", &mut sample.name),
            ("code", &mut sample.code),
            ("maker", &mut sample.maker),
            ("unit", &mut sample.unit),
            ("quantity", &mut sample.quantity),
            ("stock", &mut sample.stock),
            ("production date", &mut sample.produced_on),
            ("lot", &mut sample.lot),
            ("keeping time", &mut sample.keep_until),
            ("note", &mut sample.note),
            ("minutes", &mut sample.minutes),
            ("row", &mut sample.row),
            ("method", &mut sample.method),
            ("sampler", &mut sample.sampler),
            ("sampler's title", &mut sample.sampler_title),
            ("sampler's agency", &mut sample.sampler_agency),
            ("representative", &mut sample.representative),
            ("representative's position", &mut sample.representative_position),
            ("witness", &mut sample.witness),
            ("units", &mut sample.units),
            ("seals", &mut sample.seals),
            ("copies", &mut sample.copies),
            ("grounds of sampling", &mut sample.grounds),
            ("reason", &mut sample.removed_reason),
        ] {
            *text = field(what, text)?;
        }
        self.put_row("samples", &hex::encode(id), &sample)
    }

    /// Records what became of samples, under a fresh random id.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`] for a sample that is not there, or which field is missing,
    /// malformed or too long.
    pub fn sample_step(&mut self, id: [u8; 16], step: &SampleStep) -> Result<(), EditError> {
        self.require(Kind::Inspection, "samples")?;
        for sample in step.samples() {
            self.known("samples", "sample", sample)?;
        }
        let step = match step {
            SampleStep::Seal(seal) => SampleStep::Seal(checked_seal(seal)?),
            SampleStep::Handover(handover) => SampleStep::Handover(checked_handover(handover)?),
            SampleStep::Result(result) => SampleStep::Result(checked_result(result)?),
        };
        self.put_row("handovers", &hex::encode(id), &step)
    }
}

fn needed_day(what: &'static str, text: &str) -> Result<String, EditError> {
    needed(what, text)?;
    day(what, text)
}

fn checked_seal(seal: &Seal) -> Result<Seal, EditError> {
    Ok(Seal {
        sample: seal.sample.clone(),
        number: needed("number of the seal", &seal.number)?,
        day: needed_day("day of sealing", &seal.day)?,
        facility_signer: field("signer of the facility", &seal.facility_signer)?,
        team_signer: field("signer of the team", &seal.team_signer)?,
        stamp: field("stamp", &seal.stamp)?,
        removed: seal.removed,
        removed_reason: field("reason", &seal.removed_reason)?,
    })
}

fn checked_handover(handover: &Handover) -> Result<Handover, EditError> {
    let rows: Result<Vec<HandoverRow>, EditError> = handover
        .rows
        .iter()
        .map(|row| {
            Ok(HandoverRow {
                sample: row.sample.clone(),
                quantity: field("quantity", &row.quantity)?,
                parameters: field("parameters", &row.parameters)?,
                standard: field("standard", &row.standard)?,
                coded: field("coded name", &row.coded)?,
            })
        })
        .collect();
    Ok(Handover {
        giver: needed("who hands over", &handover.giver)?,
        receiver: needed("who receives", &handover.receiver)?,
        day: needed_day("day of the handover", &handover.day)?,
        // What an earlier program took stays as it is when it is taken back.
        time: match handover.removed {
            true => field("time", &handover.time)?,
            false => time_of_day(&handover.time)?,
        },
        place: field("place", &handover.place)?,
        condition: field("condition", &handover.condition)?,
        rows: within_form(rows?)?,
        removed_reason: field("reason", &handover.removed_reason)?,
        ..handover.clone()
    })
}

fn checked_result(result: &LabResult) -> Result<LabResult, EditError> {
    let rows: Result<Vec<Parameter>, EditError> = result
        .rows
        .iter()
        .map(|row| {
            Ok(Parameter {
                name: needed("parameter", &row.name)?,
                value: field("value", &row.value)?,
                limit: field("limit", &row.limit)?,
                pass: row.pass,
            })
        })
        .collect();
    Ok(LabResult {
        sample: result.sample.clone(),
        laboratory: needed("laboratory", &result.laboratory)?,
        report: needed("number of the report", &result.report)?,
        day: needed_day("day of the report", &result.day)?,
        rows: within_form(rows?)?,
        removed: result.removed,
        removed_reason: field("reason", &result.removed_reason)?,
    })
}

fn within_form<T>(rows: Vec<T>) -> Result<Vec<T>, EditError> {
    if rows.is_empty() {
        return Err(EditError::Invalid { what: "rows", expected: "at least one" });
    }
    if rows.len() > ROWS_OF_FORM_MAX {
        return Err(EditError::TooMany { what: "rows of one form", limit: ROWS_OF_FORM_MAX });
    }
    Ok(rows)
}

/// Reads a time of day as people write it, `8:30`, `08:30`, `8h30` or `8h`; returns it as HH:MM. Empty
/// stays empty.
fn time_of_day(text: &str) -> Result<String, EditError> {
    let wrong = || EditError::Invalid { what: "time", expected: "a time of day as HH:MM" };
    let text = field("time", text)?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let (hour, minute) = text.split_once([':', 'h', 'H']).ok_or_else(wrong)?;
    let digits =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let minute = if minute.is_empty() && !text.contains(':') { "0" } else { minute };
    if !digits(hour) || !digits(minute) {
        return Err(wrong());
    }
    match (hour.parse::<u8>(), minute.parse::<u8>()) {
        (Ok(hour @ 0..=23), Ok(minute @ 0..=59)) => Ok(format!("{hour:02}:{minute:02}")),
        _ => Err(wrong()),
    }
}
