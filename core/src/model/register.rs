//! Registers: one value each, replaced whole; several when people wrote without seeing each other.
//!
//! Reading is total: content that nobody can parse is shown as damaged, never hidden, never a panic.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ids::{ChangeHash, Timestamp};

/// A value with who said it and when, as their device claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said<T> {
    /// What was said.
    pub value: T,
    /// The actor that wrote it; device and person follow from it.
    pub actor: Vec<u8>,
    /// The change that wrote it.
    pub change: ChangeHash,
    /// When, by the writer's clock.
    pub at: Timestamp,
}

impl<T> Said<T> {
    /// Returns the same statement about something computed from the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Said<U> {
        Said { value: f(self.value), actor: self.actor, change: self.change, at: self.at }
    }
}

/// What a register holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Register<T> {
    /// Nobody wrote it.
    #[default]
    Empty,
    /// One value.
    One(Said<T>),
    /// Two or more values, written without sight of each other; the latest writer by operation
    /// counter, then by actor, comes last. All stand until a person chooses; where they are equal
    /// there is nothing to choose (see `View::conflicts`).
    Conflict(Vec<Said<T>>),
}

impl<T> Register<T> {
    pub(crate) fn from_values(mut values: Vec<Said<T>>) -> Self {
        match (values.pop(), values.is_empty()) {
            (None, _) => Self::Empty,
            (Some(only), true) => Self::One(only),
            (Some(last), false) => {
                values.push(last);
                Self::Conflict(values)
            }
        }
    }

    /// Reads two registers that hold one thing, as where answers to an item stand under several keys.
    /// What one change wrote to both counts once.
    pub(crate) fn join(self, other: Self) -> Self
    where
        T: Clone + PartialEq,
    {
        let mut values = self.all().to_vec();
        for said in other.all() {
            if !values.contains(said) {
                values.push(said.clone());
            }
        }
        Self::from_values(values)
    }

    /// Returns every value, in the order that is the same on every replica.
    #[must_use]
    pub fn all(&self) -> &[Said<T>] {
        match self {
            Self::Empty => &[],
            Self::One(said) => std::slice::from_ref(said),
            Self::Conflict(values) => values,
        }
    }

    /// Returns the one value to show where there is room for one only: the last of [`Self::all`].
    #[must_use]
    pub fn shown(&self) -> Option<&T> {
        self.all().last().map(|said| &said.value)
    }

    /// Returns whether more than one value stands.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// Applies a function to each value.
    #[must_use]
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Register<U> {
        match self {
            Self::Empty => Register::Empty,
            Self::One(said) => Register::One(said.map(f)),
            Self::Conflict(values) => {
                Register::Conflict(values.into_iter().map(|said| said.map(&mut f)).collect())
            }
        }
    }
}

/// What a register's text means, or the text itself when it means nothing to this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told<T> {
    /// Understood.
    Valid(T),
    /// Not understood: shown as it is.
    Damaged(String),
}

impl<T> Told<T> {
    /// Returns the value when it was understood.
    #[must_use]
    pub fn valid(&self) -> Option<&T> {
        match self {
            Self::Valid(value) => Some(value),
            Self::Damaged(_) => None,
        }
    }
}

impl<T: DeserializeOwned> Told<T> {
    pub(crate) fn read(raw: &str) -> Self {
        parse(raw).map_or_else(|| Self::Damaged(raw.to_owned()), Self::Valid)
    }
}

/// Parses a register's text. Nothing that we write is an array, but serde would read one as the
/// fields of a struct.
pub(crate) fn parse<T: DeserializeOwned>(raw: &str) -> Option<T> {
    if raw.trim_start().starts_with('[') { None } else { serde_json::from_str(raw).ok() }
}
