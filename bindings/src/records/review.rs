//! What a supervisor decided, commented and asked for.

use std::collections::BTreeMap;

use bienban_core::client::{Authors, Shown};
use bienban_core::model::{self, Judged, Pinned, Register, Standing, Told};

use super::sealed::since;
use super::{Author, Named, WrittenSince, verdict_named};

/// A decision (*kết luận xem xét*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DecisionView {
    /// `accepted`, `sent_back` or `pending`; `damaged` for what cannot be read.
    pub verdict: Named,
    /// It stands. If not, a later one took its place or its author may not decide.
    pub stands: bool,
    /// What was said with it.
    pub text: String,
    /// Why it was given although values that differ stood; empty where none did.
    pub despite: String,
    /// Who decided.
    pub author: Author,
    /// When, in milliseconds since 1970, by the author's clock.
    pub at_ms: i64,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ReplyView {
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub author: Author,
    /// When, in milliseconds since 1970, by the author's clock.
    pub at_ms: i64,
}

/// A comment or a request, pinned to an item or to the whole.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PinnedView {
    /// Its id, which `reply` takes.
    pub id: String,
    /// The item; none for the whole inspection.
    pub item: Option<String>,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub author: Author,
    /// When, in milliseconds since 1970, by the author's clock.
    pub at_ms: i64,
    /// A comment is dealt with; a request is answered.
    pub settled: bool,
    /// It is a supervisor's.
    pub counts: bool,
    /// Replies, oldest first.
    pub replies: Vec<ReplyView>,
}

/// The review of an inspection (*xem xét*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ReviewView {
    /// What counts: `pending`, `accepted` or `sent_back`.
    pub verdict: Named,
    /// Several decisions stand that differ; the one that asks for more counts.
    pub conflict: bool,
    /// What was written to the inspection since the verdict; none while nothing is decided.
    pub since: Option<WrittenSince>,
    /// Every decision ever made, oldest first.
    pub decisions: Vec<DecisionView>,
    /// Comments, oldest first.
    pub comments: Vec<PinnedView>,
    /// Requests to go back to an item, oldest first.
    pub requests: Vec<PinnedView>,
}

pub(crate) fn review(shown: &Shown) -> Option<ReviewView> {
    let (view, judged) = (shown.review.as_ref()?, shown.judged.as_ref()?);
    let authors = &shown.authors;
    let decisions = judged.decisions.iter().map(|(said, standing)| {
        let valid = said.value.valid();
        let text = match &said.value {
            Told::Valid(decision) => decision.text.clone(),
            Told::Damaged(raw) => raw.clone(),
        };
        DecisionView {
            verdict: verdict_named(valid.map_or("damaged", |decision| decision.verdict.name())),
            stands: *standing == Standing::Stands,
            text,
            despite: valid.map(|decision| decision.despite.clone()).unwrap_or_default(),
            author: Author::said(said, authors),
            at_ms: said.at.0,
        }
    });
    Some(ReviewView {
        verdict: verdict_named(judged.verdict.name()),
        conflict: judged.is_conflict(),
        since: shown.since_verdict.as_ref().map(|found| since(found, shown)),
        decisions: decisions.collect(),
        comments: pinned(view, judged, &view.comments, &judged.open_comments, authors),
        requests: pinned(view, judged, &view.requests, &judged.open_requests, authors),
    })
}

fn pinned(
    view: &model::ReviewView,
    judged: &Judged,
    entries: &BTreeMap<String, Register<Told<Pinned>>>,
    open: &[String],
    authors: &Authors,
) -> Vec<PinnedView> {
    let told = |(id, register): (&String, &Register<Told<Pinned>>)| {
        let last = register.all().last()?;
        let text = match &last.value {
            Told::Valid(pinned) => pinned.text.clone(),
            Told::Damaged(raw) => raw.clone(),
        };
        Some(PinnedView {
            id: id.clone(),
            item: last.value.valid().and_then(|pinned| pinned.item.clone()),
            text,
            author: Author::said(last, authors),
            at_ms: last.at.0,
            settled: !open.contains(id),
            counts: !judged.uncounted.contains(id),
            replies: replies(view, id, authors),
        })
    };
    let mut found: Vec<PinnedView> = entries.iter().filter_map(told).collect();
    found.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
    found
}

fn replies(view: &model::ReviewView, to: &str, authors: &Authors) -> Vec<ReplyView> {
    let of = |register: &Register<Told<model::Reply>>| {
        let last = register.all().last()?;
        let reply = last.value.valid().filter(|reply| reply.to == to)?;
        let (author, at_ms) = (Author::said(last, authors), last.at.0);
        Some(ReplyView { text: reply.text.clone(), author, at_ms })
    };
    let mut found: Vec<ReplyView> = view.replies.values().filter_map(of).collect();
    found.sort_by_key(|reply| reply.at_ms);
    found
}
