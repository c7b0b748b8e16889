//! A phone program: started, spoken to a line at a time, killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any step takes on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(180);

/// Between a request and the kill that should meet it at work.
const MIDDLE: Duration = Duration::from_millis(4);

/// What a phone answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Done.
    Done(Value),
    /// The facade's error.
    Failed(Value),
}

/// A phone, its program and its folder.
pub(crate) struct Phone {
    pub(crate) who: String,
    program: Vec<String>,
    dir: PathBuf,
    process: Option<Process>,
    asked: u64,
}

struct Process {
    child: Child,
    input: ChildStdin,
    answers: Receiver<Value>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Phone {
    /// Names a phone; without a program it is this one.
    pub(crate) fn new(who: &str, program: Option<&String>, dir: &Path) -> Result<Self, String> {
        let program = match program {
            Some(words) => words.split_whitespace().map(str::to_owned).collect(),
            None => {
                let this = std::env::current_exe().map_err(|error| error.to_string())?;
                vec![this.display().to_string(), "phone".to_owned()]
            }
        };
        let (who, dir) = (who.to_owned(), dir.to_owned());
        Ok(Self { who, program, dir, process: None, asked: 0 })
    }

    /// Starts the program and opens its folder.
    pub(crate) fn open(&mut self) -> Result<Value, String> {
        let (first, rest) = self.program.split_first().ok_or("a phone without a program")?;
        let mut child = Command::new(first)
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {first}: {error}", self.who))?;
        let (Some(input), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a phone without pipes".to_owned());
        };
        let (tell, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let said = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if tell.send(said).is_err() {
                    return;
                }
            }
        });
        self.process = Some(Process { child, input, answers });
        let dir = self.dir.display().to_string();
        self.done(&json!({"do": "open", "dir": dir}))
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Answer, String> {
        let id = self.say(request)?;
        let process = self.process.as_ref().ok_or("a phone that does not run")?;
        let said = process.answers.recv_timeout(PATIENCE).map_err(|error| {
            let why = match error {
                RecvTimeoutError::Timeout => "does not answer",
                RecvTimeoutError::Disconnected => "has ended",
            };
            format!("{} {why}: {request}", self.who)
        })?;
        if said["id"] != id {
            return Err(format!("{} answers something else to {request}: {said}", self.who));
        }
        match (said.get("ok"), said.get("error")) {
            (Some(ok), None) => Ok(Answer::Done(ok.clone())),
            (None, Some(error)) => Ok(Answer::Failed(error.clone())),
            _ => Err(format!("{} answers neither ok nor error: {said}", self.who)),
        }
    }

    /// As [`Phone::ask`], for what must be done.
    pub(crate) fn done(&mut self, request: &Value) -> Result<Value, String> {
        match self.ask(request)? {
            Answer::Done(data) => Ok(data),
            Answer::Failed(error) => Err(format!("{}: {request}: {error}", self.who)),
        }
    }

    /// Asks, and kills the program while it works.
    pub(crate) fn kill_in(&mut self, request: &Value) -> Result<(), String> {
        self.say(request)?;
        std::thread::sleep(MIDDLE);
        // Dropped, it is killed.
        self.process = None;
        Ok(())
    }

    fn say(&mut self, request: &Value) -> Result<u64, String> {
        self.asked += 1;
        let mut request = request.clone();
        request["id"] = self.asked.into();
        let process = self.process.as_mut().ok_or("a phone that does not run")?;
        let written = writeln!(process.input, "{request}").and_then(|()| process.input.flush());
        written.map_err(|error| format!("{}: {error}", self.who))?;
        Ok(self.asked)
    }
}
