//! *Xem xét*: a supervisor's decision on one inspection, comments pinned to items, requests to go
//! back, and the replies of the team.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::change::CHANGE_DEPS_MAX;
use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::ids::{ChangeHash, Kind};
use crate::model::register::{Register, Said, Told};
use crate::model::view::{Place, View};

/// Most heads that a decision names: as many as a change may follow, so that every record that can
/// be edited can be decided on.
const OVER_MAX: usize = CHANGE_DEPS_MAX;

/// What the supervisor decided (*kết quả xem xét*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// *Đang xem xét*.
    Pending,
    /// *Chấp nhận*.
    Accepted,
    /// *Trả lại để bổ sung*.
    SentBack,
}

impl Verdict {
    /// Returns its name in data.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::SentBack => "sent_back",
        }
    }
}

/// The decision with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    #[serde(default)]
    pub text: String,
    /// The heads of the inspection's content that it was given over, in hexadecimal, sorted (see
    /// [`Document::content_heads`](crate::model::Document::content_heads)). Empty in decisions of
    /// earlier programs, which did not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
    /// Why it was given although values that differ stood in the inspection; empty where none did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub despite: String,
}

impl Decision {
    /// Returns the heads that it was given over; none when it does not say, or says it unreadably.
    #[must_use]
    pub fn heads(&self) -> Option<Vec<ChangeHash>> {
        let heads: Option<Vec<ChangeHash>> =
            self.over.iter().map(|head| head.parse().ok()).collect();
        heads.filter(|heads| !heads.is_empty())
    }
}

/// A comment (*ý kiến*) or request, pinned to an item or to the whole inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The item; none for the whole inspection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// What is said.
    pub text: String,
}

/// A reply to a comment or request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The comment or request.
    pub to: String,
    /// What is said.
    pub text: String,
}

/// Typed reading of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewView {
    /// The decision; empty means pending.
    pub decision: Register<Told<Decision>>,
    /// Comments by id.
    pub comments: BTreeMap<String, Register<Told<Pinned>>>,
    /// Comments that are dealt with, by id.
    pub done: BTreeMap<String, Register<Told<bool>>>,
    /// Requests to go back to an item, by id.
    pub requests: BTreeMap<String, Register<Told<Pinned>>>,
    /// Requests that are answered, by id.
    pub answered: BTreeMap<String, Register<Told<bool>>>,
    /// Replies by id.
    pub replies: BTreeMap<String, Register<Told<Reply>>>,
}

impl ReviewView {
    pub(crate) fn of(view: &View<'_>) -> Self {
        Self {
            decision: view.register("fields", "decision").map(|raw| Told::read(&raw)),
            comments: view.told("comments"),
            done: view.told("done"),
            requests: view.told("requests"),
            answered: view.told("answered"),
            replies: view.told("replies"),
        }
    }

    /// Returns the ids of requests that nobody marked as answered, or not everybody agrees are.
    #[must_use]
    pub fn open_requests(&self) -> Vec<&str> {
        self.requests
            .keys()
            .filter(|id| !self.answered.get(*id).is_some_and(settled))
            .map(String::as_str)
            .collect()
    }

    /// Returns the ids of comments that are not dealt with.
    #[must_use]
    pub fn open_comments(&self) -> Vec<&str> {
        self.comments
            .keys()
            .filter(|id| !self.done.get(*id).is_some_and(settled))
            .map(String::as_str)
            .collect()
    }
}

/// What has become of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It stands. Where several do, nobody who decides has seen all of them, and the one that asks
    /// for more counts until somebody decides again.
    Stands,
    /// A later decision took its place.
    Replaced,
    /// Its author may not decide. It is shown, and has no force.
    NotBySupervisor,
}

/// A review as it counts: what those said who may say it, however others wrote over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The verdict that counts.
    pub verdict: Verdict,
    /// Every decision ever written, oldest first, and what has become of it.
    pub decisions: Vec<(Said<Told<Decision>>, Standing)>,
    /// The heads of the inspection's content that it was given over: of several that stand the last.
    /// None while nothing is decided, and where the decision does not say.
    pub over: Option<Vec<ChangeHash>>,
    /// Comments and requests, by id, of those who may not make them. They are shown, and ask for
    /// nothing.
    pub uncounted: BTreeSet<String>,
    /// The ids of requests that are open.
    pub open_requests: Vec<String>,
    /// The ids of comments that are open.
    pub open_comments: Vec<String>,
}

impl Judged {
    /// Returns whether several decisions stand that differ.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        let standing = self.decisions.iter().filter(|(_, standing)| *standing == Standing::Stands);
        let verdicts: BTreeSet<Option<Verdict>> =
            standing.map(|(said, _)| said.value.valid().map(|decision| decision.verdict)).collect();
        verdicts.len() > 1
    }

    /// Reads a review, given which actors may decide, comment and ask.
    pub(crate) fn of(view: &View<'_>, decides: &dyn Fn(&[u8]) -> bool) -> Option<Self> {
        let read = view.review()?;
        let all = view.history_of(&place("fields", "decision"));
        let said = all.into_iter().map(|said| said.map(|raw| Told::<Decision>::read(&raw)));
        let said: Vec<Said<Told<Decision>>> = said.collect();
        let by_deciders = said.iter().filter(|said| decides(&said.actor)).map(|said| said.change);
        let seen = view.document().seen_by(&by_deciders.collect::<Vec<_>>());
        let standing = |said: &Said<Told<Decision>>| match () {
            () if !decides(&said.actor) => Standing::NotBySupervisor,
            () if seen.contains(&said.change) => Standing::Replaced,
            () => Standing::Stands,
        };
        let decisions: Vec<_> = said.into_iter().map(|said| (standing(&said), said)).collect();
        let stand = decisions.iter().filter(|(standing, _)| *standing == Standing::Stands);
        let verdicts: Vec<Verdict> = stand
            .filter_map(|(_, said)| said.value.valid())
            .map(|decision| decision.verdict)
            .collect();
        let verdict = worse(&verdicts);
        let counted = decisions.iter().rev().find_map(|(standing, said)| {
            let decision = said.value.valid()?;
            (*standing == Standing::Stands && decision.verdict == verdict).then_some(decision)
        });
        let over = counted.and_then(Decision::heads);
        let mut uncounted = BTreeSet::new();
        for (name, pinned) in [("comments", &read.comments), ("requests", &read.requests)] {
            for (id, register) in pinned {
                let now = register.all().iter().any(|said| decides(&said.actor));
                let ever = || view.history_of(&place(name, id));
                if !now && !ever().iter().any(|said| decides(&said.actor)) {
                    uncounted.insert(id.clone());
                }
            }
        }
        let counted = |ids: Vec<&str>| {
            ids.into_iter().filter(|id| !uncounted.contains(*id)).map(str::to_owned).collect()
        };
        let (open_requests, open_comments) =
            (counted(read.open_requests()), counted(read.open_comments()));
        let decisions = decisions.into_iter().map(|(standing, said)| (said, standing)).collect();
        Some(Self { verdict, over, decisions, uncounted, open_requests, open_comments })
    }
}

fn place(container: &str, key: &str) -> Place {
    Place { container: container.to_owned(), key: key.to_owned(), field: None }
}

/// Returns the verdict to show: where several stand, the one that asks for more.
fn worse(verdicts: &[Verdict]) -> Verdict {
    if verdicts.contains(&Verdict::SentBack) {
        return Verdict::SentBack;
    }
    verdicts.iter().min().copied().unwrap_or(Verdict::Pending)
}

fn settled(register: &Register<Told<bool>>) -> bool {
    register.all().iter().all(|said| said.value == Told::Valid(true))
}

impl Editor<'_> {
    /// Decides on the inspection.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Invalid`] when sending back without a reason, or [`EditError::TooLong`].
    pub fn decide(&mut self, verdict: Verdict, text: &str) -> Result<(), EditError> {
        self.decide_over(verdict, text, &[])
    }

    /// As [`Editor::decide`], and says which heads of the inspection's content it is given over.
    ///
    /// # Errors
    ///
    /// As [`Editor::decide`], and [`EditError::TooMany`].
    pub fn decide_over(
        &mut self,
        verdict: Verdict,
        text: &str,
        over: &[ChangeHash],
    ) -> Result<(), EditError> {
        self.decide_despite((verdict, text), over, "")
    }

    /// As [`Editor::decide_over`], and says why it is given although values that differ stand there.
    ///
    /// # Errors
    ///
    /// As [`Editor::decide_over`].
    pub fn decide_despite(
        &mut self,
        (verdict, text): (Verdict, &str),
        over: &[ChangeHash],
        despite: &str,
    ) -> Result<(), EditError> {
        self.require(Kind::Review, "decision")?;
        let despite = field("reason", despite)?;
        let text = match verdict {
            Verdict::SentBack => needed("reason for sending back", text)?,
            _ => field("reason", text)?,
        };
        if over.len() > OVER_MAX {
            return Err(EditError::TooMany { what: "heads of one decision", limit: OVER_MAX });
        }
        let mut over: Vec<String> = over.iter().map(ToString::to_string).collect();
        over.sort_unstable();
        let map = self.map("fields")?;
        self.put(&map, "decision", &Decision { verdict, text, over, despite })
    }

    /// Pins a comment to an item, or to the whole inspection.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Exists`], or which text is missing or too long. Whether the item exists
    /// is the checklist's to say: the review does not hold it.
    pub fn comment(
        &mut self,
        id: [u8; 16],
        item: Option<&str>,
        text: &str,
    ) -> Result<(), EditError> {
        self.pin("comments", "comment", id, item, text)
    }

    /// Asks the team to go back to an item.
    ///
    /// # Errors
    ///
    /// As [`Editor::comment`].
    pub fn request(
        &mut self,
        id: [u8; 16],
        item: Option<&str>,
        text: &str,
    ) -> Result<(), EditError> {
        self.pin("requests", "request", id, item, text)
    }

    fn pin(
        &mut self,
        name: &'static str,
        what: &'static str,
        id: [u8; 16],
        item: Option<&str>,
        text: &str,
    ) -> Result<(), EditError> {
        self.require(Kind::Review, what)?;
        let key = hex::encode(id);
        self.fresh(name, what, &key)?;
        let item = item.map(|item| field("item", item)).transpose()?;
        self.put_row(name, &key, &Pinned { item, text: needed(what, text)? })
    }

    /// Replies to a comment or request.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], [`EditError::Exists`], or [`EditError::TooLong`].
    pub fn reply(&mut self, id: [u8; 16], to: [u8; 16], text: &str) -> Result<(), EditError> {
        self.require(Kind::Review, "reply")?;
        let to = hex::encode(to);
        if self.known("requests", "comment or request", &to).is_err() {
            self.known("comments", "comment or request", &to)?;
        }
        let key = hex::encode(id);
        self.fresh("replies", "reply", &key)?;
        self.put_row("replies", &key, &Reply { to, text: needed("reply", text)? })
    }

    /// Marks a comment as dealt with, or not.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`].
    pub fn comment_done(&mut self, id: [u8; 16], done: bool) -> Result<(), EditError> {
        self.require(Kind::Review, "comment")?;
        let key = hex::encode(id);
        self.known("comments", "comment", &key)?;
        self.put_row("done", &key, &done)
    }

    /// Marks a request as answered, or not.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`].
    pub fn request_answered(&mut self, id: [u8; 16], answered: bool) -> Result<(), EditError> {
        self.require(Kind::Review, "request")?;
        let key = hex::encode(id);
        self.known("requests", "request", &key)?;
        self.put_row("answered", &key, &answered)
    }
}
