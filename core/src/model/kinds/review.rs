//! *Xem xét*: a supervisor's decision on one inspection, comments pinned to items, requests to go
//! back, and the replies of the team.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::ids::Kind;
use crate::model::register::{Register, Told};
use crate::model::view::View;

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

/// The decision with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    #[serde(default)]
    pub text: String,
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

    /// Returns the verdict to show: where two stand, the one that asks for more.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let values = self.decision.all().iter().filter_map(|said| said.value.valid());
        let mut verdicts: Vec<Verdict> = values.map(|decision| decision.verdict).collect();
        verdicts.sort_unstable();
        if verdicts.contains(&Verdict::SentBack) {
            return Verdict::SentBack;
        }
        verdicts.first().copied().unwrap_or(Verdict::Pending)
    }
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
        self.require(Kind::Review, "decision")?;
        let text = match verdict {
            Verdict::SentBack => needed("reason for sending back", text)?,
            _ => field("reason", text)?,
        };
        let map = self.map("fields")?;
        self.put(&map, "decision", &Decision { verdict, text })
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
