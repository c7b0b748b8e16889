//! The stage: the hub in this process, and everybody else as a process of the same program.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bienban_core::client::{Client, Settings};
use bienban_core::net::{HubAddress, Limits};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::error::CliError;
use super::super::output::Output;
use super::super::record::conflicts::quoted;
use super::super::serve::{first_admin, service};
use crate::config::StoreConfig;
use crate::hub::{HubConfig, HubError, RunningHub};
use crate::merging::{MergeConfig, Merging};

/// How long the hub's sessions may take to end when the demo is over.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// The hub and the folders of the players.
pub(super) struct Stage {
    root: PathBuf,
    program: PathBuf,
    uri: String,
    hub: std::sync::Arc<bienban_core::replica::Hub>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<Result<(), HubError>>,
    lang: &'static str,
}

/// A folder with a device, and which half of the command line it speaks to.
#[derive(Debug, Clone)]
pub(super) struct Player {
    /// The name of the folder, which is the name in reports.
    pub(super) name: String,
    /// `field` or `admin`.
    pub(super) half: &'static str,
    /// The device's key.
    pub(super) device: String,
}

/// A command of a player that waits for somebody else.
pub(super) struct Talk {
    player: Player,
    words: String,
    child: Child,
    out: BufReader<ChildStdout>,
    /// What it said first.
    pub(super) said: Value,
}

impl Talk {
    /// Waits for the command's end and returns what it printed last.
    pub(super) async fn end(mut self) -> Result<Value, CliError> {
        let mut rest = Vec::new();
        self.out.read_to_end(&mut rest).await.map_err(|error| service("a player", error))?;
        let ended = self.child.wait_with_output().await;
        let ended = ended.map_err(|error| service("a player", error))?;
        if !ended.status.success() {
            return Err(failed(&self.player, &[&self.words], &ended.stderr));
        }
        serde_json::from_slice(&rest).map_err(|source| CliError::Encode { source })
    }
}

impl Stage {
    /// Starts a hub with an empty store, and makes the administrator whom it trusts.
    pub(super) fn open(root: PathBuf, output: &Output) -> Result<Self, CliError> {
        let program = std::env::current_exe().map_err(|error| service("program", error))?;
        let dir = root.join("hub");
        let admin = root.join("admin");
        let device = Client::init_with_own_key(&admin, &Settings::default())?;
        let running = RunningHub::open(&HubConfig {
            dir,
            // The system chooses the port: one that is free for a moment may be taken when it is opened.
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
            limits: Limits::default(),
            shutdown: SHUTDOWN,
            store: StoreConfig::default(),
            merging: Merging::Children(MergeConfig::default()),
            pushes: 1,
            restored: false,
            trust: vec![first_admin(device)],
        })
        .map_err(|error| service("hub", error))?;
        let hub = HubAddress::at(running.address(), running.key());
        // The hub was told of the administrator's device, and the device pins the hub before anybody is served.
        Client::open(&admin)?.set_hub(hub.clone(), false)?;
        let (stop, stopped) = watch::channel(false);
        let (replica, uri) = (running.hub().clone(), hub.to_string());
        let serving = tokio::spawn(running.run(stopped));
        let lang = output.messages().lang().name();
        Ok(Self { root, program, uri, hub: replica, stop, serving, lang })
    }

    /// Returns the hub's records.
    pub(super) fn hub(&self) -> &bienban_core::replica::Hub {
        &self.hub
    }

    /// Returns where the players' folders are.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a device, by the command that a person would type.
    pub(super) async fn enter(&self, name: &str, half: &'static str) -> Result<Player, CliError> {
        let mut player = Player { name: name.to_owned(), half, device: String::new() };
        let made = self.call(&player, &["init", "--hub", &self.uri]).await?;
        player.device = text(&made, "device");
        Ok(player)
    }

    /// Returns the administrator, whose device was made with the hub.
    pub(super) async fn administrator(&self) -> Result<Player, CliError> {
        let mut admin = Player { name: "admin".to_owned(), half: "admin", device: String::new() };
        admin.device = text(&self.call(&admin, &["whoami"]).await?, "device");
        Ok(admin)
    }

    /// Runs one command of a player as a process of its own and returns what it printed.
    pub(super) async fn call(&self, player: &Player, words: &[&str]) -> Result<Value, CliError> {
        let output = self.command(player, true).args(words).output().await;
        let output = output.map_err(|error| service("a player", error))?;
        if !output.status.success() {
            return Err(failed(player, words, &output.stderr));
        }
        serde_json::from_slice(&output.stdout).map_err(|source| CliError::Encode { source })
    }

    /// Starts a command of a player that waits for somebody, and returns once it has said what for.
    pub(super) async fn talk(&self, player: &Player, words: &[&str]) -> Result<Talk, CliError> {
        let mut command = self.command(player, true);
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| service("a player", error))?;
        let gone = || service("a player", std::io::Error::other("no output"));
        let mut out = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        let mut line = String::new();
        out.read_line(&mut line).await.map_err(|error| service("a player", error))?;
        let words = words.join(" ");
        if line.is_empty() {
            let ended = child.wait_with_output().await;
            let ended = ended.map_err(|error| service("a player", error))?;
            return Err(failed(player, &[&words], &ended.stderr));
        }
        let said = serde_json::from_str(&line).map_err(|source| CliError::Encode { source })?;
        Ok(Talk { player: player.clone(), words, child, out, said })
    }

    /// Runs a command of a player that should fail, and returns of which kind the failure was; none if it
    /// went well.
    pub(super) async fn refused(
        &self,
        player: &Player,
        words: &[&str],
    ) -> Result<Option<String>, CliError> {
        let output = self.command(player, true).args(words).output().await;
        let output = output.map_err(|error| service("a player", error))?;
        if output.status.success() {
            return Ok(None);
        }
        let last = output.stderr.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
        let told: Value = serde_json::from_slice(last.unwrap_or_default())
            .map_err(|source| CliError::Encode { source })?;
        Ok(Some(told.get("error").map(|error| text(error, "kind")).unwrap_or_default()))
    }

    /// Checks an exported file, as anybody can who has it. Returns the exit code and what was printed.
    pub(super) async fn verify(
        &self,
        file: &Path,
        head: Option<&Path>,
    ) -> Result<(Option<i32>, Value), CliError> {
        let mut command = Command::new(&self.program);
        command.args(["--lang", self.lang, "--json", "verify"]).arg(file);
        if let Some(head) = head {
            command.arg("--head").arg(head);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|error| service("verify", error))?;
        let told = serde_json::from_slice(&output.stdout);
        Ok((output.status.code(), told.map_err(|source| CliError::Encode { source })?))
    }

    /// Runs one command of a player and returns the text that a person would see.
    pub(super) async fn read(&self, player: &Player, words: &[&str]) -> Result<String, CliError> {
        let output = self.command(player, false).args(words).output().await;
        let output = output.map_err(|error| service("a player", error))?;
        if !output.status.success() {
            return Err(failed(player, words, &output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs many commands of a player in one process, as a person with the record open would.
    pub(super) async fn batch(
        &self,
        player: &Player,
        lines: &[Vec<String>],
    ) -> Result<Vec<Value>, CliError> {
        let mut command = self.command(player, true);
        command.arg("batch").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| service("a player", error))?;
        let mut script = String::new();
        for line in lines {
            let words = shlex::try_join(line.iter().map(String::as_str));
            script.push_str(&words.map_err(|error| service("a line of the story", error))?);
            script.push('\n');
        }
        if let Some(mut stdin) = child.stdin.take() {
            // A child that is gone says why below.
            drop(stdin.write_all(script.as_bytes()).await);
        }
        let output = child.wait_with_output().await;
        let output = output.map_err(|error| service("a player", error))?;
        if !output.status.success() {
            return Err(failed(player, &["batch"], &output.stderr));
        }
        let answers = String::from_utf8_lossy(&output.stdout);
        let answers = answers.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        answers.map_err(|source| CliError::Encode { source })
    }

    /// Says how to join from a second terminal.
    pub(super) fn invite(&self, output: &Output) -> Result<(), CliError> {
        let m = output.messages();
        let program = quoted(&self.program.display().to_string());
        let trust = "--name Guest --agency Test --role inspector --scope 20";
        let lines = [
            ("field", "guest", format!("init --hub '{}'", self.uri)),
            ("admin", "admin", format!("trust DEVICE {trust}")),
            ("field", "guest", "sync".to_owned()),
            ("field", "guest", "list".to_owned()),
            ("field", "guest", "show INSPECTION".to_owned()),
            // The minutes are sealed: what is new goes into a record that supplements them.
            ("field", "guest", "supplement INSPECTION".to_owned()),
            ("field", "guest", "answer SUPPLEMENT 9.1 dat --note '…'".to_owned()),
            ("field", "guest", "sync".to_owned()),
            ("field", "phone-1", "sync".to_owned()),
            ("field", "phone-1", "history SUPPLEMENT 9.1".to_owned()),
            ("field", "guest", "answer SUPPLEMENT 9.5 dat".to_owned()),
            ("field", "phone-1", "answer SUPPLEMENT 9.5 mi".to_owned()),
            ("field", "guest", "sync".to_owned()),
            ("field", "phone-1", "sync".to_owned()),
            ("field", "guest", "sync".to_owned()),
            ("field", "guest", "conflicts SUPPLEMENT".to_owned()),
            ("field", "guest", "resolve SUPPLEMENT 9.5 mi".to_owned()),
        ];
        let typed = |(half, who, rest): (&str, &str, String)| {
            let dir = quoted(&self.root.join(who).display().to_string());
            format!("{program} {half} --dir {dir} {rest}")
        };
        let commands = lines.map(typed);
        let data = serde_json::json!({ "hub": self.uri, "dir": self.root, "next": commands });
        let text = format!("{}\n\n  {}\n", m.text("demo.join", &[]), commands.join("\n  "));
        output.event(&data, &text)
    }

    /// Ends the hub in order.
    pub(super) async fn close(self) -> Result<(), CliError> {
        self.stop.send_replace(true);
        let ended = self.serving.await.map_err(|error| service("hub", error))?;
        ended.map_err(|error| service("hub", error))
    }

    fn command(&self, player: &Player, json: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--lang", self.lang]);
        if json {
            command.arg("--json");
        }
        command.arg(player.half).arg("--dir").arg(self.root.join(&player.name));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// Reads a text from what a command printed.
pub(super) fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Reads a number from what a command printed.
pub(super) fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn failed(player: &Player, words: &[&str], stderr: &[u8]) -> CliError {
    let said = String::from_utf8_lossy(stderr).trim().to_owned();
    let what = format!("{}: {} {}", player.name, player.half, words.join(" "));
    service(&what, std::io::Error::other(said))
}
