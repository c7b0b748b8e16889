//! What fields are called where an error names one, and what they must hold, for people.
//!
//! The core names them in English, in its errors; here stand the names in the language of the person.

use crate::messages::Messages;

/// Returns a field as people read it, from the name that data or an error has for it.
pub(crate) fn field(m: &Messages, name: &str) -> String {
    let known = demand(m, name).or_else(|| day(m, name));
    let known = known.or_else(|| of_visit(m, name)).or_else(|| of_desk(m, name));
    known.unwrap_or_else(|| name.to_owned())
}

fn demand(m: &Messages, name: &str) -> Option<String> {
    Some(match name {
        "finding" => m.text("thing.finding", &[]),
        "what" | "what must be done" => m.text("field_name.what", &[]),
        "owner" => m.text("field_name.owner", &[]),
        "deadline" => m.text("field_name.deadline", &[]),
        "facility_opinion" => m.text("show.facility_opinion", &[]),
        "other_opinions" => m.text("show.other_opinions", &[]),
        "conclusion" => m.text("show.conclusion", &[]),
        _ => return None,
    })
}

fn day(m: &Messages, name: &str) -> Option<String> {
    Some(match name {
        "day of the minutes" => m.text("field_name.minutes_day", &[]),
        "day of the step" => m.text("field_name.step_day", &[]),
        "day of the re-check" => m.text("field_name.recheck_day", &[]),
        "day of sampling" => m.text("field_name.sampling_day", &[]),
        "day of sealing" => m.text("field_name.sealing_day", &[]),
        "day of the handover" => m.text("field_name.handover_day", &[]),
        "day of the report" => m.text("field_name.report_day", &[]),
        "day" => m.text("field_name.day", &[]),
        "date of the decision" => m.text("field_name.decision_date", &[]),
        "first day" => m.text("field_name.first_day", &[]),
        "last day" => m.text("field_name.last_day", &[]),
        "certificate's date" => m.text("field_name.certificate_date", &[]),
        "certificate's end" => m.text("field_name.certificate_end", &[]),
        "OCOP certificate's end" => m.text("field_name.ocop_end", &[]),
        _ => return None,
    })
}

fn of_visit(m: &Messages, name: &str) -> Option<String> {
    Some(match name {
        "text of the finding" => m.text("field_name.finding_text", &[]),
        "caption" => m.text("field_name.caption", &[]),
        "clause" => m.text("field_name.clause", &[]),
        "code" => m.text("field_name.code", &[]),
        "coded name" => m.text("field_name.coded_name", &[]),
        "condition" => m.text("field_name.condition", &[]),
        "issuer" => m.text("field_name.issuer", &[]),
        "item" => m.text("field_name.item", &[]),
        "limit" => m.text("field_name.limit", &[]),
        "name" => m.text("field_name.name", &[]),
        "number of the decision" => m.text("field_name.decision_number", &[]),
        "number" => m.text("field_name.number", &[]),
        "parameter" => m.text("field_name.parameter", &[]),
        "parameters" => m.text("field_name.parameters", &[]),
        "place" => m.text("field_name.place", &[]),
        "position" => m.text("field_name.position", &[]),
        "proof" => m.text("field_name.proof", &[]),
        "quantity" => m.text("field_name.quantity", &[]),
        "reason" => m.text("field_name.reason", &[]),
        "reason for the rejection" => m.text("field_name.reason_rejection", &[]),
        "reason for the cancellation" => m.text("field_name.reason_demand", &[]),
        "reason for sending back" => m.text("field_name.reason_back", &[]),
        "reason of the cancellation" => m.text("field_name.reason_cancelled", &[]),
        "reason of the extension" => m.text("field_name.reason_extension", &[]),
        "kind of reason" => m.text("field_name.reason_kind", &[]),
        "what is not corrected" => m.text("field_name.not_corrected", &[]),
        "row of the finding" => m.text("field_name.finding_row", &[]),
        "rows" | "rows of one form" | "rows of one group" => m.text("field_name.rows", &[]),
        "OCOP rank" => m.text("field_name.ocop_rank", &[]),
        "OCOP set" => m.text("field_name.ocop_set", &[]),
        "level" => m.text("field_name.level", &[]),
        "remark" => m.text("field_name.remark", &[]),
        "section" => m.text("field_name.section", &[]),
        "signer of the facility" => m.text("field_name.facility_signer", &[]),
        "signer of the team" => m.text("field_name.team_signer", &[]),
        "stamp" => m.text("field_name.stamp", &[]),
        "standard" => m.text("field_name.standard", &[]),
        "time" => m.text("field_name.time", &[]),
        _ => return None,
    })
}

fn of_desk(m: &Messages, name: &str) -> Option<String> {
    Some(match name {
        "title of the checklist" => m.text("field_name.checklist_title", &[]),
        "topic" => m.text("field_name.topic", &[]),
        "value" => m.text("field_name.value", &[]),
        "visit" => m.text("field_name.visit", &[]),
        "who took part" => m.text("field_name.took_part", &[]),
        "difficulty" => m.text("field_name.difficulty", &[]),
        "laboratory" => m.text("field_name.laboratory", &[]),
        "media type" => m.text("field_name.media", &[]),
        "name of the facility" => m.text("field_name.facility_name", &[]),
        "name of the member" => m.text("field_name.member_name", &[]),
        "agency of the member" => m.text("field_name.member_agency", &[]),
        "id of the member" => m.text("field_name.member_id", &[]),
        "name of the product" => m.text("field_name.product_name", &[]),
        "name of the sample" => m.text("field_name.sample_name", &[]),
        "kind of certificate" => m.text("field_name.certificate_kind", &[]),
        "number of the report" => m.text("field_name.report_number", &[]),
        "number of the seal" => m.text("field_name.seal_number", &[]),
        "reply" => m.text("field_name.reply", &[]),
        "title of the plan" => m.text("field_name.plan_title", &[]),
        "who hands over" => m.text("field_name.giver", &[]),
        "who receives" => m.text("field_name.receiver", &[]),
        "answer" => m.text("field_name.answer", &[]),
        "grade" => m.text("field_name.grade", &[]),
        "photo" => m.text("field_name.photo", &[]),
        "note" => m.text("field_name.note", &[]),
        "notes" => m.text("field_name.notes", &[]),
        "findings" => m.text("field_name.findings", &[]),
        "actions" => m.text("field_name.actions", &[]),
        "photos of one action" => m.text("field_name.photos_action", &[]),
        "photos of one answer" => m.text("field_name.photos_answer", &[]),
        "photos of one finding" => m.text("field_name.photos_finding", &[]),
        "heads of one decision" => m.text("field_name.heads", &[]),
        "settings" => m.text("field_name.settings", &[]),
        _ => return None,
    })
}

/// Returns what a field must hold, as people read it.
pub(crate) fn expected(m: &Messages, wanted: &str) -> String {
    match wanted {
        "some text" => m.text("expected.some_text", &[]),
        "some text or a photo" => m.text("expected.text_or_photo", &[]),
        "a day as YYYY-MM-DD" => m.text("expected.day", &[]),
        "a time of day as HH:MM" => m.text("expected.time", &[]),
        "at least one" => m.text("expected.one", &[]),
        "1 or more" => m.text("expected.positive", &[]),
        "a value or photos" => m.text("expected.value_or_photos", &[]),
        "from 1 to 26" => m.text("expected.sets", &[]),
        "from 1 to 5 stars" => m.text("expected.stars", &[]),
        "named by 64 hexadecimal digits" => m.text("expected.hash", &[]),
        "one that can be read" => m.text("expected.readable", &[]),
        "one that can be written" => m.text("expected.writable", &[]),
        other => other.to_owned(),
    }
}
