//! What the command line prints, and the only place that prints it.
//!
//! Data goes to standard output, as text for people or as JSON for programs; progress, warnings and
//! errors go to standard error. Nothing here is a log: a command may show names, a log may not.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::error::CliError;
use super::folder::At;
use crate::messages::Messages;

/// How often a progress spinner turns: seldom enough for a slow terminal over ssh.
const SPINNER_STEP: Duration = Duration::from_millis(120);

/// How a command speaks.
pub(crate) struct Output {
    json: bool,
    messages: Messages,
    at: At,
    /// The words that open the device's folder, as they were given.
    opening: Vec<String>,
}

/// What a command found or did: the same thing for programs and for people.
pub(crate) struct Answer {
    data: serde_json::Value,
    text: String,
    code: u8,
    silent: bool,
}

impl Answer {
    /// Takes the data in the form that docs/cli.md fixes, and its text.
    ///
    /// # Errors
    ///
    /// Returns [`CliError::Encode`] when the data has no JSON form.
    pub(crate) fn new<T: Serialize>(data: &T, page: Page) -> Result<Self, CliError> {
        let data = serde_json::to_value(data).map_err(|source| CliError::Encode { source })?;
        Ok(Self { data, text: page.0, code: 0, silent: false })
    }

    /// Ends the program with another code than 0 although there is something to show.
    #[must_use]
    pub(crate) fn with_code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Ends the program without printing anything more: all was said on the way.
    #[must_use]
    pub(crate) fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Returns the data for programs.
    #[cfg(test)]
    pub(crate) fn data(&self) -> &serde_json::Value {
        &self.data
    }

    /// Returns the text for people.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

/// Text for people, line by line.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    /// Starts an empty page.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns what was written so far.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Adds a line.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    /// Adds a text of several lines, each indented.
    pub(crate) fn block(&mut self, indent: usize, text: &str) {
        for line in text.trim_end().lines() {
            // Writing to a text cannot fail.
            let _ = writeln!(self.0, "{:indent$}{line}", "");
        }
    }

    /// Adds an empty line.
    pub(crate) fn gap(&mut self) {
        self.0.push('\n');
    }
}

impl Output {
    /// Speaks to programs when `json`, else to people in the language of `messages`.
    pub(crate) fn new(json: bool, messages: Messages) -> Self {
        Self { json, messages, at: At::Field, opening: Vec::new() }
    }

    /// Gives advice in the commands of such a device.
    #[must_use]
    pub(super) fn at(mut self, at: At) -> Self {
        self.at = at;
        self
    }

    /// Begins commands to paste with the words that opened the device's folder.
    #[must_use]
    pub(super) fn opened_with(mut self, words: Vec<String>) -> Self {
        self.opening = words;
        self
    }

    /// Returns the words that open the device's folder, which a command to paste needs too.
    pub(super) fn opening(&self) -> &[String] {
        &self.opening
    }

    /// Returns whether a program reads the output.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Returns the texts of the chosen language.
    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Prints an answer.
    ///
    /// # Errors
    ///
    /// Returns [`CliError::Print`] when standard output cannot be written to.
    pub(crate) fn answer(&self, answer: &Answer) -> Result<(), CliError> {
        if answer.silent {
            return Ok(());
        }
        if self.json {
            let text = serde_json::to_string_pretty(&answer.data)
                .map_err(|source| CliError::Encode { source })?;
            print(&format!("{text}\n"))
        } else {
            print(&answer.text)
        }
    }

    /// Prints an answer as one of many: JSON on a line of its own.
    ///
    /// # Errors
    ///
    /// As [`Output::answer`].
    pub(crate) fn compact(&self, answer: &Answer) -> Result<(), CliError> {
        self.event(&answer.data, answer.text.trim_end())
    }

    /// Prints one event of something that goes on: a line of JSON, or a line of text.
    ///
    /// # Errors
    ///
    /// As [`Output::answer`].
    pub(crate) fn event<T: Serialize>(&self, data: &T, text: &str) -> Result<(), CliError> {
        if self.json {
            let line = serde_json::to_string(data).map_err(|source| CliError::Encode { source })?;
            print(&format!("{line}\n"))
        } else {
            print(&format!("{text}\n"))
        }
    }

    /// Tells a person something beside the data.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json {
            complain(&format!("{text}\n"));
        }
    }

    /// Prints an error, in the form that [`Output::new`] was told.
    pub(crate) fn error(&self, error: &CliError) {
        if self.json {
            let data = serde_json::json!({ "error": error.describe(self.at, &self.messages) });
            complain(&format!("{data}\n"));
        } else {
            complain(&error.explain(self.at, &self.messages));
        }
    }

    /// Prints the error of one line of many, with the line's number, from 1.
    pub(crate) fn error_at(&self, line: usize, error: &CliError) {
        if self.json {
            let mut told = serde_json::json!({ "error": error.describe(self.at, &self.messages) });
            told["error"]["line"] = line.into();
            complain(&format!("{told}\n"));
        } else {
            let place = self.messages.text("error.at_line", &[("line", &line.to_string())]);
            complain(&format!("{place}\n{}", error.explain(self.at, &self.messages)));
        }
    }

    /// Shows that work is under way, to a person at a terminal.
    pub(crate) fn spinner(&self, text: String) -> ProgressBar {
        if self.json || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(text);
        bar.enable_steady_tick(SPINNER_STEP);
        bar
    }

    /// Shows how much of counted work is done, to a person at a terminal.
    pub(crate) fn bar(&self, total: u64, text: String) -> ProgressBar {
        if self.json || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style).with_message(text)
    }
}

/// Writes to standard output. A reader that went away (`| head`) has read what it wanted.
fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::Print { source })
        }
        _ => Ok(()),
    }
}

/// Writes to standard error; where that fails there is nobody left to tell.
fn complain(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}
