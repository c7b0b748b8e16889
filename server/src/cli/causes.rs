//! What went wrong below, in the language of the person: every failure of the core that somebody at a
//! terminal can meet. What is not known here keeps its English words, which are better than none.

mod aside;
mod backups;
mod keys;
mod proof;

use std::error::Error;
use std::io;
use std::sync::Arc;

use bienban_core::checklist::grading::{ANSWERS_BYTES_MAX, ANSWERS_FORMAT, AnswersError};
use bienban_core::checklist::header::{HeaderError, moment_text};
use bienban_core::checklist::{AnswerError, ClocksError, MoveError};
use bienban_core::client::{Candidate, CandidateDevice, ClientError};
use bienban_core::driver::DriverError;
use bienban_core::model::{EditError, IdError, place_name};
use bienban_core::net::{AddressError, EnrolUriError, NetError};
use bienban_core::replica::ReplicaError;
use bienban_core::store::{Holder, StoreError};
use bienban_core::sync::SessionError;
use bienban_core::trust::bundle::BundleError;
use bienban_core::trust::proof::ProofError;

use super::wrong::Wrong;
use super::{page, record, time, words};
use crate::backups::BackupsError;
use crate::hub::HubError;
use crate::messages::{Lang, Messages};
use crate::reasons::{of_bundle, of_failure, of_io};
pub(super) use backups::{of_backups, of_problem};

/// Returns what an error says, itself and not its causes.
pub(super) fn explain(error: &(dyn Error + 'static), m: &Messages) -> String {
    let known = if let Some(error) = error.downcast_ref::<ClientError>() {
        of_client(error, m)
    } else if let Some(error) = error.downcast_ref::<ReplicaError>() {
        of_replica(error, m)
    } else if let Some(error) = error.downcast_ref::<StoreError>() {
        of_store(error, m)
    } else if let Some(error) = error.downcast_ref::<DriverError>() {
        of_driver(error, m)
    } else if let Some(error) = error.downcast_ref::<NetError>() {
        of_net(error, m)
    } else if let Some(error) = error.downcast_ref::<BundleError>() {
        Some(of_bundle(error, m))
    } else if let Some(error) = error.downcast_ref::<SessionError>() {
        of_session(error, m)
    } else if let Some(error) = error.downcast_ref::<HubError>() {
        of_hub(error, m)
    } else if let Some(error) = error.downcast_ref::<BackupsError>() {
        of_backups(error, m)
    } else if let Some(error) = error.downcast_ref::<EditError>() {
        of_edit(error, m)
    } else if let Some(error) = error.downcast_ref::<AnswerError>() {
        of_answer(error, m)
    } else if let Some(error) = error.downcast_ref::<IdError>() {
        Some(of_id(error, m))
    } else if let Some(error) = error.downcast_ref::<AddressError>() {
        Some(of_address(error, m))
    } else if let Some(error) = error.downcast_ref::<ProofError>() {
        proof::of_proof(error, m)
    } else if let Some(error) = error.downcast_ref::<Wrong>() {
        Some(error.explain(m))
    } else if let Some(error) = error.downcast_ref::<io::Error>() {
        of_io(error, m)
    } else if let Some(error) = error.downcast_ref::<Arc<io::Error>>() {
        of_io(error, m)
    } else if let Some(error) = error.downcast_ref::<Arc<SessionError>>() {
        of_session(error, m)
    } else {
        None
    };
    known.unwrap_or_else(|| error.to_string())
}

/// Returns what is wrong with an invitation.
pub(super) fn of_invitation(error: &EnrolUriError, m: &Messages) -> String {
    match error {
        EnrolUriError::Form => m.text("enrol.form", &[]),
        EnrolUriError::TooLong => m.text("enrol.too_long", &[]),
        EnrolUriError::Hub { .. } => m.text("enrol.hub", &[]),
        EnrolUriError::Code => m.text("enrol.code", &[]),
        other => other.to_string(),
    }
}

/// Returns what the client says.
pub(super) fn of_client(error: &ClientError, m: &Messages) -> Option<String> {
    use ClientError as E;
    Some(match error {
        E::NoFolderName => m.text("cause.no_folder_name", &[]),
        E::NoDevice { path } => m.text("cause.no_device", &[("path", &path.display().to_string())]),
        E::HasDevice { path } => {
            m.text("cause.has_device", &[("path", &path.display().to_string())])
        }
        E::File { action, path, .. } => file(action, &path.display().to_string(), m),
        E::Settings { path, reason } => {
            let path = path.display().to_string();
            m.text("cause.settings", &[("path", &path), ("reason", reason)])
        }
        E::Bundle { path, source } => {
            let why = of_replica(source, m).unwrap_or_else(|| source.to_string());
            m.text("bundle.file", &[("path", &path.display().to_string()), ("why", &why)])
        }
        E::NoHub => m.text("cause.no_hub", &[]),
        E::Address(error) => of_address(error, m),
        E::Invitation { source } => of_invitation(source, m),
        E::NoEnrolment => m.text("enrol.none_begun", &[]),
        E::Id(error) => of_id(error, m),
        // Of an invitation none is named where there is only one.
        E::NotFound { what: "invitation", name } if name.trim().is_empty() => {
            m.text("cause.no_invitation", &[])
        }
        E::NotFound { what, name } if name.trim().is_empty() => {
            m.text("cause.no_name", &[("what", &words::thing(m, what))])
        }
        E::NotFound { what, name } => {
            m.text("cause.not_found", &[("what", &words::thing(m, what)), ("name", name)])
        }
        E::Ambiguous { what, name, candidates } => {
            let candidates = candidates.iter().map(|one| candidate(one, m)).collect::<Vec<_>>();
            let (what, candidates) = (words::thing(m, what), candidates.join("; "));
            let values = [("what", what.as_str()), ("name", name), ("candidates", &candidates)];
            match name.trim().is_empty() {
                true => m.text("cause.ambiguous_unnamed", &values),
                false => m.text("cause.ambiguous", &values),
            }
        }
        E::Answer(error) => return of_answer(error, m),
        E::Header(error) => of_header(error, m),
        E::NoRoom { path, .. } => m.text("cause.no_room", &[("path", &path.display().to_string())]),
        E::Entropy(_) => m.text("cause.entropy", &[]),
        E::Store(error) => return of_store(error, m),
        E::Replica(error) => return of_replica(error, m),
        E::Net(error) => return of_net(error, m),
        E::Driver(error) => return of_driver(error, m),
        E::WrongKind { document, found, wanted } => {
            let (found, wanted) = (words::kind(m, found), words::kind(m, wanted));
            let values = [("document", document.as_str()), ("found", &found), ("wanted", &wanted)];
            m.text("cause.wrong_kind", &values)
        }
        E::NoRecognition { code } => m.text("cause.no_recognition", &[("code", code)]),
        E::NotPlanned => m.text("cause.not_planned", &[]),
        E::Move(error) => return of_move(error, m),
        E::Clocks(error) => return of_clocks(error, m),
        E::Rest(error) => return keys::of_rest(error, m),
        E::RightsEnded { .. }
        | E::Wiped
        | E::Locked { .. }
        | E::NoKeyFile { .. }
        | E::NotSealed { .. }
        | E::KeyText { .. }
        | E::KeyReadable { .. } => return keys::of_client(error, m),
        _ => {
            let rest = of_life(error, m).or_else(|| of_desk(error, m));
            return rest.or_else(|| of_minutes(error, m)).or_else(|| of_rights(error, m));
        }
    })
}

/// As [`of_client`], of what a device or person may not do.
fn of_rights(error: &ClientError, m: &Messages) -> Option<String> {
    use ClientError as E;
    Some(match error {
        E::NotAdministrator => m.text("cause.not_administrator", &[]),
        E::NoRightsLeft { name } => m.text("cause.no_rights_left", &[("name", name)]),
        E::NotReviewer { role } => {
            m.text("cause.not_reviewer", &[("role", &words::role_text(m, role))])
        }
        E::NotHere { scope, scopes } => {
            m.text("cause.not_here", &[("unit", scope), ("units", &scopes.join(" "))])
        }
        E::NotYours { role, kind } => {
            let (role, kind) = (words::role_text(m, role), words::kind(m, kind.name()));
            m.text("cause.not_yours", &[("role", &role), ("kind", &kind)])
        }
        _ => return None,
    })
}

/// As [`of_client`], of what is about the life of an inspection and its disputes.
fn of_life(error: &ClientError, m: &Messages) -> Option<String> {
    use ClientError as E;
    Some(match error {
        E::NotStanding { place, change, before: true } => {
            m.text("cause.stood_before", &[("place", place), ("change", change)])
        }
        E::NotStanding { place, change, .. } => {
            m.text("cause.never_stood", &[("place", place), ("change", change)])
        }
        E::NotReady { to, missing } => {
            let (to, count) = (words::state(m, to), missing.len().to_string());
            m.text("cause.not_ready", &[("to", &to), ("count", &count)])
        }
        E::AsksReason { clashes } => {
            m.text("cause.asks_reason", &[("count", &clashes.len().to_string())])
        }
        E::UnknownReason { given, known } => {
            m.text("cause.unknown_reason", &[("given", given), ("known", known)])
        }
        E::Disputed { places } => m.text("cause.disputed", &[("places", &places.join(", "))]),
        E::SampleThere { code, id } => m.text("cause.sample_there", &[("code", code), ("id", id)]),
        E::OthersFinding { finding, author } => {
            let author = page::who(&record::author_data(author.clone()), m);
            m.text("cause.others_finding", &[("id", finding), ("author", &author)])
        }
        _ => return of_course(error, m),
    })
}

/// As [`of_client`], of steps, days and clocks.
fn of_course(error: &ClientError, m: &Messages) -> Option<String> {
    use ClientError as E;
    Some(match error {
        E::DeadlineTooLate { given, latest } => {
            m.text("cause.deadline_too_late", &[("given", given), ("latest", latest)])
        }
        E::OthersStep { state, author } => {
            let author = page::who(&record::author_data(author.clone()), m);
            let values = [("state", words::state(m, state)), ("author", author)];
            m.text("cause.others_step", &values.each_ref().map(|(name, it)| (*name, it.as_str())))
        }
        E::DayAhead { given, today } => {
            m.text("cause.day_ahead", &[("given", given), ("today", today)])
        }
        E::NoClock => m.text("cause.no_clock", &[]),
        E::ClockOver { due } => m.text("cause.clock_over", &[("due", due)]),
        _ => return aside::of_client(error, m),
    })
}

/// As [`of_client`], of sealed minutes.
fn of_minutes(error: &ClientError, m: &Messages) -> Option<String> {
    use ClientError as E;
    Some(match error {
        E::AlreadySealed { seal, official } => {
            m.text("cause.minutes_sealed", &[("name", official.as_ref().unwrap_or(seal))])
        }
        E::NoMinutes { document } => m.text("cause.no_minutes", &[("document", document)]),
        E::NotLeader { role } => {
            m.text("cause.not_leader", &[("role", &words::role_text(m, role))])
        }
        E::NotOfTeam { document } => m.text("cause.not_of_team", &[("document", document)]),
        E::SignedAlready { seal, at } => {
            let at = time::minute(&time::rfc3339(*at));
            m.text("cause.signed_already", &[("name", seal), ("at", &at)])
        }
        E::Unheard { devices } => {
            let named = |author: &bienban_core::client::Author| {
                let device = author.device.map(|device| device.short()).unwrap_or_default();
                format!("{device} {}", page::who(&record::author_data(author.clone()), m))
            };
            let devices: Vec<String> = devices.iter().map(named).collect();
            m.text("cause.unheard", &[("devices", &devices.join("; "))])
        }
        E::Unproven { lines } => m.text("cause.unproven", &[("count", &lines.to_string())]),
        _ => return None,
    })
}

/// As [`of_client`], of what is about plans and hubs.
fn of_desk(error: &ClientError, m: &Messages) -> Option<String> {
    use ClientError as E;
    Some(match error {
        E::OtherKey { pinned, given } => {
            let (pinned, given) = (pinned.to_string(), given.to_string());
            m.text("cause.other_key", &[("pinned", &pinned), ("given", &given)])
        }
        E::PlanCancelled { title, reason } => {
            m.text("cause.plan_cancelled", &[("title", title), ("reason", reason)])
        }
        E::VisitBegun { facility } => m.text("cause.visit_begun", &[("facility", facility)]),
        E::NeedsLeader { name } => m.text("cause.needs_leader", &[("name", name)]),
        E::NotInTeam { name } => m.text("cause.not_in_team", &[("name", name)]),
        E::PlanDays { from, to } => m.text("cause.plan_days", &[("from", from), ("to", to)]),
        _ => return None,
    })
}

/// Returns why a field of the header does not take a value.
pub(super) fn of_header(error: &HeaderError, m: &Messages) -> String {
    match error {
        HeaderError::Unknown { field, .. } => m.text("cause.header_unknown", &[("field", field)]),
        HeaderError::Value { field, title, wanted } => {
            let (title, wanted) = (words::local(m, title), words::header_wanted(m, wanted));
            let values = [("field", field.as_str()), ("title", title), ("wanted", &wanted)];
            m.text("cause.header_value", &values)
        }
        HeaderError::Order(order) => {
            let value = moment_text(&order.other_value);
            let value = value.unwrap_or_else(|| order.other_value.clone());
            let values = [
                ("field", order.field.as_str()),
                ("title", words::local(m, &order.title)),
                ("other", &order.other),
                ("other_title", words::local(m, &order.other_title)),
                ("value", &value),
            ];
            m.text("cause.header_order", &values)
        }
        other => other.to_string(),
    }
}

/// Returns a thing that a name fits, with what tells it from the others.
fn candidate(one: &Candidate, m: &Messages) -> String {
    if let Some(device) = &one.device {
        return candidate_device(&one.id, device, m);
    }
    let Some(plan) = &one.plan else { return one.id.clone() };
    let values = [
        ("id", one.id.as_str()),
        ("plan", &plan.id),
        ("title", &plan.title),
        ("from", &plan.from),
        ("to", &plan.until),
    ];
    let mut text = m.text("plan.candidate", &values);
    if let Some(visit) = one.visit {
        text.push_str(&m.text("plan.candidate_visit", &[("visit", &visit.to_string())]));
    }
    if plan.cancelled {
        text = format!("{text} {}", m.text("plan.cancelled_mark", &[]));
    }
    text
}

fn candidate_device(id: &str, device: &CandidateDevice, m: &Messages) -> String {
    let minute = |at| time::minute(&time::rfc3339(at));
    let since = device.since.map(|at| m.text("access.since", &[("at", &minute(at))]));
    let revoked = device.revoked.map(|at| m.text("access.revoked_on", &[("at", &minute(at))]));
    let said = [Some(device.name.clone()), Some(device.agency.clone()), since, revoked];
    format!("{id} ({})", said.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn of_clocks(error: &ClocksError, m: &Messages) -> Option<String> {
    Some(match error {
        ClocksError::Unknown { key, known } => {
            m.text("cause.clock_unknown", &[("clock", key), ("known", known)])
        }
        ClocksError::Extended { key, most, asked } => {
            let (most, asked) = (most.to_string(), asked.to_string());
            m.text("cause.clock_extended", &[("clock", key), ("most", &most), ("asked", &asked)])
        }
        ClocksError::Beyond { key } => m.text("cause.clock_beyond", &[("clock", key)]),
        _ => return None,
    })
}

fn of_move(error: &MoveError, m: &Messages) -> Option<String> {
    use MoveError as E;
    Some(match error {
        E::OtherChecklist { code, other } => {
            m.text("cause.other_checklist", &[("code", code), ("other", other)])
        }
        E::Same { edition } => m.text("cause.same_edition", &[("edition", edition)]),
        E::NeverMoved => m.text("cause.never_moved", &[]),
        E::PastMinutes { state } => {
            m.text("cause.past_minutes", &[("state", &words::state(m, state))])
        }
        E::Missing { template } => {
            m.text("cause.unknown_template", &[("template", &template.short())])
        }
        _ => return None,
    })
}

fn of_replica(error: &ReplicaError, m: &Messages) -> Option<String> {
    use ReplicaError as E;
    Some(match error {
        E::Store(error) => return of_store(error, m),
        E::Unkept { packs, .. } => m.text("cause.unkept", &[("packs", &packs.to_string())]),
        E::LeaseEnded { .. } => m.text("cause.lease_ended", &[]),
        E::UnknownDocument { document } => {
            m.text("cause.unknown_document", &[("document", &document.short())])
        }
        E::UnknownTemplate { template } => {
            m.text("cause.unknown_template", &[("template", &template.short())])
        }
        E::Template { template, .. } => {
            m.text("cause.template", &[("template", &template.short())])
        }
        E::Document { document, .. } => {
            m.text("cause.document", &[("document", &document.short())])
        }
        E::Edit(error) => return of_edit(error, m),
        E::Session { .. } => m.text("cause.session", &[]),
        E::WrongOwner { owner, device } => {
            m.text("cause.wrong_owner", &[("owner", owner), ("device", device)])
        }
        E::OtherSuccessor { announced } => {
            m.text("cause.other_successor", &[("key", &announced.to_string())])
        }
        E::TwoSuccessors { key } => m.text("cause.two_successors", &[("key", &key.to_string())]),
        E::TooManyKeys { key } => m.text("cause.too_many_keys", &[("key", &key.to_string())]),
        E::KeyReplaced { key, next } => {
            let (key, next) = (key.to_string(), next.to_string());
            m.text("cause.key_replaced", &[("key", &key), ("next", &next)])
        }
        E::NotSuccessor { pinned } => {
            m.text("cause.not_successor", &[("key", &pinned.to_string())])
        }
        E::Unannounced => m.text("cause.unannounced", &[]),
        E::LogForked { doubt, .. } => m.text("cause.log_forked", &[("doubt", doubt)]),
        E::NotReleased { .. } => m.text("cause.not_released", &[]),
        E::Stranger { device } => m.text("cause.stranger", &[("device", device)]),
        E::OtherLife => m.text("cause.other_life", &[]),
        E::Bundle { source } => of_bundle(source, m),
        E::Interrupted => m.text("cause.interrupted", &[]),
        E::Parted => m.text("cause.wiped", &[]),
        E::SealKept { seal } => m.text("cause.seal_kept", &[("seal", seal)]),
        _ => return None,
    })
}

fn of_edit(error: &EditError, m: &Messages) -> Option<String> {
    use EditError as E;
    Some(match error {
        E::UnknownItem { item } => m.text("cause.unknown_item", &[("item", item)]),
        E::UnknownGroup { group } => {
            m.text("cause.unknown_group", &[("section", group), ("known", "–")])
        }
        E::UnknownField { kind, field } => {
            let kind = words::kind(m, kind.name());
            m.text("cause.unknown_field", &[("kind", &kind), ("field", field)])
        }
        E::UnknownRow { what, id } => {
            m.text("cause.unknown_row", &[("what", &words::thing(m, what)), ("id", id)])
        }
        E::TooLong { what, chars, limit } => {
            let (chars, limit) = (chars.to_string(), limit.to_string());
            let what = words::field(m, what);
            let values = [("what", what.as_str()), ("chars", &chars), ("limit", &limit)];
            m.text("cause.too_long", &values)
        }
        E::TooMany { what, limit } => {
            let what = words::field(m, what);
            m.text("cause.too_many", &[("what", &what), ("limit", &limit.to_string())])
        }
        E::Invalid { what, expected } => {
            let (what, expected) = (words::field(m, what), words::expected(m, expected));
            m.text("cause.invalid", &[("what", &what), ("expected", &expected)])
        }
        E::Conflicted { item, values } => {
            m.text("cause.conflicted", &[("item", item), ("count", &values.to_string())])
        }
        E::ContestedField { field, values } => {
            m.text("cause.contested_field", &[("field", field), ("count", &values.to_string())])
        }
        E::Contested { place, values } => {
            let (place, count) = (place_name(place), values.to_string());
            m.text("cause.contested", &[("place", &place), ("count", &count)])
        }
        E::NotContested { place } => m.text("cause.not_contested", &[("place", place)]),
        E::Transition { from, to } => {
            let (from, to) = (words::state(m, from), words::state(m, to));
            m.text("cause.transition", &[("from", &from), ("to", &to)])
        }
        E::Cancelled => m.text("cause.cancelled_before", &[]),
        E::ExtendedBefore => m.text("cause.extended_before", &[]),
        E::PastMinutes { state } => {
            m.text("cause.past_minutes", &[("state", &words::state(m, state))])
        }
        E::OtherEdition { template } => {
            m.text("cause.other_edition", &[("template", &template.short())])
        }
        E::OldSchema { schema, .. } => {
            m.text("cause.old_schema", &[("schema", &schema.to_string())])
        }
        E::ChangeTooLarge { .. } => m.text("cause.change_too_large", &[]),
        E::Engine { .. } | E::Internal => m.text("cause.edit_failed", &[]),
        _ => return None,
    })
}

fn of_answer(error: &AnswerError, m: &Messages) -> Option<String> {
    match error {
        AnswerError::UnknownItem { item } => Some(m.text("cause.unknown_item", &[("item", item)])),
        AnswerError::NotAllowed { item, grade, allowed } => {
            let allowed: Vec<String> =
                allowed.split(", ").map(|name| words::typed_grade_or(m, name)).collect();
            let (grade, allowed) = (words::grade_or(m, grade), allowed.join(", "));
            let values = [("item", item.as_str()), ("grade", &grade), ("allowed", &allowed)];
            Some(m.text("cause.grade_not_allowed", &values))
        }
        AnswerError::Severity { item, severity, allowed } => {
            let allowed: Vec<String> =
                allowed.split(", ").map(|name| words::grade_or(m, name)).collect();
            let (severity, allowed) = (words::grade_or(m, severity), allowed.join(", "));
            let values = [("item", item.as_str()), ("severity", &severity), ("allowed", &allowed)];
            Some(m.text("cause.severity_not_allowed", &values))
        }
        AnswerError::Value { item, wanted } => {
            let wanted = words::wanted(m, wanted);
            Some(m.text("cause.wanted", &[("item", item), ("wanted", &wanted)]))
        }
        AnswerError::Ambiguous { item } => {
            Some(m.text("cause.ambiguous_number", &[("item", item)]))
        }
        AnswerError::NeedsRow { item, group } => {
            Some(m.text("cause.needs_row", &[("item", item), ("section", group)]))
        }
        AnswerError::OtherRow { item, group } => {
            Some(m.text("cause.other_row", &[("item", item), ("section", group)]))
        }
        AnswerError::UnknownGroup { group, known } => {
            let known = if known.is_empty() { "–".to_owned() } else { known.join(", ") };
            Some(m.text("cause.unknown_group", &[("section", group), ("known", &known)]))
        }
        AnswerError::TooManyRows { group, limit } => {
            let limit = limit.to_string();
            Some(m.text("cause.too_many_rows", &[("section", group), ("limit", &limit)]))
        }
        _ => None,
    }
}

/// Returns everything that is wrong with an answers file, a fault a line.
pub(super) fn of_answers(error: &AnswersError, m: &Messages) -> String {
    match error {
        AnswersError::TooLarge { bytes } => {
            let (bytes, limit) = (bytes.to_string(), ANSWERS_BYTES_MAX.to_string());
            m.text("cause.answers_large", &[("bytes", &bytes), ("limit", &limit)])
        }
        AnswersError::Json { line, column, source } => {
            let (line, column, why) = (line.to_string(), column.to_string(), source.to_string());
            let values = [("line", line.as_str()), ("column", &column), ("why", &why)];
            m.text("cause.answers_json", &values)
        }
        AnswersError::Format { found } => {
            let (found, known) = (found.to_string(), ANSWERS_FORMAT.to_string());
            m.text("cause.answers_format", &[("found", &found), ("known", &known)])
        }
        faults => {
            let said = faults.faults().iter().map(|fault| match m.lang() {
                Lang::Vi => fault.vi(),
                Lang::En => fault.to_string(),
            });
            let lines: Vec<String> = said.map(|fault| format!("\n    {fault}")).collect();
            lines.concat()
        }
    }
}

fn of_store(error: &StoreError, m: &Messages) -> Option<String> {
    use StoreError as E;
    Some(match error {
        E::InUse { path, holder: None } => m.text("cause.in_use", &[("path", path)]),
        E::InUse { path, holder: Some(Holder { what, process }) } => {
            let values =
                [("path", path.as_str()), ("what", what), ("process", &process.to_string())];
            m.text("cause.in_use_by", &values)
        }
        E::Full { .. } => m.text("cause.full", &[]),
        E::Io { action, path, .. } => file(action, path, m),
        E::Poisoned { .. } => m.text("cause.store_stopped", &[]),
        E::Damaged { what } => m.text("cause.damaged", &[("what", what)]),
        E::Newer { what, found, known } => {
            let (found, known) = (found.to_string(), known.to_string());
            let values = [("what", what.as_str()), ("found", &found), ("known", &known)];
            m.text("cause.newer", &values)
        }
        E::Engine { reason } => m.text("cause.index", &[("reason", reason)]),
        E::Busy { .. } => m.text("cause.store_busy", &[]),
        E::Closed => m.text("cause.store_closed", &[]),
        E::Sealed { what } => m.text("cause.sealed", &[("what", what)]),
        E::Unsealed { what } => m.text("cause.unsealed", &[("what", what)]),
        E::OtherKey { what, .. } => m.text("cause.other_data_key", &[("what", what)]),
        _ => return None,
    })
}

fn of_driver(error: &DriverError, m: &Messages) -> Option<String> {
    Some(match error {
        DriverError::Net(error) => return of_net(error, m),
        DriverError::Replica(error) => return of_replica(error, m),
        DriverError::Cut => m.text("cause.cut", &[]),
        DriverError::Refused { failure } => {
            m.text("cause.exchange_ended", &[("why", &of_failure(failure, m))])
        }
        DriverError::Entropy => m.text("cause.entropy", &[]),
        DriverError::Stopped => m.text("cause.stopped", &[]),
        _ => return None,
    })
}

fn of_session(error: &SessionError, m: &Messages) -> Option<String> {
    match error {
        SessionError::Protocol { .. } => Some(m.text("cause.incompatible", &[])),
        SessionError::Revoked => Some(m.text("cause.revoked", &[])),
        _ => None,
    }
}

fn of_net(error: &NetError, m: &Messages) -> Option<String> {
    use NetError as E;
    Some(match error {
        E::Bind { address, .. } => m.text("cause.bind", &[("address", &address.to_string())]),
        E::BindTcp { address, .. } => {
            m.text("cause.bind_tcp", &[("address", &address.to_string())])
        }
        E::Resolve { hub, .. } => m.text("cause.resolve", &[("hub", hub)]),
        E::Unreachable { address, .. } | E::UnreachableTcp { address, .. } => {
            m.text("cause.unreachable", &[("address", &address.to_string())])
        }
        E::Timeout { hub, waited } => {
            let seconds = words::number(m, &format!("{:.1}", waited.as_secs_f64()));
            m.text("cause.timeout", &[("hub", hub), ("seconds", &seconds)])
        }
        E::Refused { address } => {
            m.text("cause.nothing_listens", &[("address", &address.to_string())])
        }
        E::HubKeyMismatch { pinned } => m.text("cause.wrong_hub", &[("key", &pinned.to_string())]),
        E::DeviceUnknown { device } => {
            m.text("cause.device_unknown", &[("device", &device.to_string())])
        }
        E::Busy => m.text("cause.busy", &[]),
        E::Incompatible => m.text("cause.incompatible", &[]),
        E::Closed { reason } => m.text("cause.closed", &[("reason", &reason.to_string())]),
        E::ClosedHere => m.text("cause.closed_here", &[]),
        E::Lost { .. } | E::Truncated { .. } | E::Interrupted => m.text("cause.lost", &[]),
        E::Misbehaved { .. } => m.text("cause.misbehaved", &[]),
        E::TooSlow { .. } => m.text("cause.too_slow", &[]),
        _ => return None,
    })
}

fn of_hub(error: &HubError, m: &Messages) -> Option<String> {
    match error {
        HubError::File { action, path, .. } => Some(file(action, &path.display().to_string(), m)),
        HubError::Key { path } => {
            Some(m.text("cause.hub_key", &[("path", &path.display().to_string())]))
        }
        HubError::Restoring { path } => {
            Some(m.text("cause.restoring", &[("path", &path.display().to_string())]))
        }
        HubError::NoNextKey { restored: false } => Some(m.text("cause.no_next_key", &[])),
        HubError::AnnouncedBefore { announced } => {
            Some(m.text("cause.announced_before", &[("key", &announced.to_string())]))
        }
        HubError::AnnouncedSince => Some(m.text("cause.announced_since", &[])),
        HubError::NoNextKey { restored: true } => Some(m.text("cause.copy_before_key", &[])),
        HubError::Entropy(_) => Some(m.text("cause.entropy", &[])),
        HubError::Store(error) => of_store(error, m),
        HubError::Replica(error) => of_replica(error, m),
        HubError::Net(error) => of_net(error, m),
        HubError::Driver(error) => of_driver(error, m),
    }
}

/// Returns what is wrong with an address.
pub(super) fn of_address(error: &AddressError, m: &Messages) -> String {
    match error {
        AddressError::Form => m.text("cause.address_form", &[]),
        AddressError::Host { host } => m.text("cause.address_host", &[("host", host)]),
        AddressError::Port { port } => m.text("cause.address_port", &[("port", port)]),
        AddressError::Key => m.text("cause.address_key", &[]),
        other => other.to_string(),
    }
}

fn of_id(error: &IdError, m: &Messages) -> String {
    match error {
        IdError::Hex { expected, .. } => m.text("cause.hex", &[("digits", &expected.to_string())]),
        IdError::Scope => m.text("cause.scope", &[]),
        IdError::Kind => m.text("cause.kind", &[]),
        other => other.to_string(),
    }
}

/// Says which file could not be used. What was to be done with it is either reading or not.
fn file(action: &str, path: &str, m: &Messages) -> String {
    match action {
        "read" => m.text("cause.read_file", &[("path", path)]),
        _ => m.text("cause.write_file", &[("path", path)]),
    }
}
