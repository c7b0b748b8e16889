//! How the hub is set up: defaults, then a file, then the environment, then flags, checked once.
//!
//! Every setting has one entry in one table, which gives its name in the file, its variable in the
//! environment, its default, its range and its line in the documented example. A setting that is
//! not known, or a value that is out of range, is an error that says what would be right; nothing
//! is ever ignored or bent into range.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bienban_core::net::{Limits, Listen, ListenTcp};

use crate::merging::MergeConfig;

/// The longest settings file, in bytes. The documented example is some 2 KiB.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// How the names of variables begin.
const VARIABLE_PREFIX: &str = "BIENBAN_";

/// How many letters may differ for one name to be taken for a mistyped other.
const TYPO_DISTANCE_MAX: usize = 3;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The settings file.
    File {
        /// Its path.
        path: PathBuf,
    },
    /// A variable of the environment.
    Environment,
    /// A flag on the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("the environment"),
            Self::Flag => f.write_str("the command line"),
        }
    }
}

/// Why the hub cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The settings file is too long to be one.
    #[error("{} is longer than {max} bytes, so it is no settings file", path.display())]
    TooLong {
        /// Its path.
        path: PathBuf,
        /// What is allowed.
        max: u64,
    },
    /// The settings file is not TOML.
    #[error("{} is not valid TOML", path.display())]
    Syntax {
        /// Its path.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// There is no such setting.
    #[error("{origin} sets {name}, which is not a setting{}", hint(nearest.as_deref()))]
    Unknown {
        /// Where it was found.
        origin: Origin,
        /// What was found.
        name: String,
        /// The known name that looks most like it.
        nearest: Option<String>,
    },
    /// The value cannot be used.
    #[error("{origin} sets {name} to {value:?}; it must be {expected}")]
    Invalid {
        /// Where it was found.
        origin: Origin,
        /// The setting.
        name: &'static str,
        /// What was found.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// Two settings contradict each other.
    #[error("{smaller} ({smaller_value}) must not be above {larger} ({larger_value})")]
    Contradiction {
        /// The setting that must be the smaller.
        smaller: &'static str,
        /// Its value.
        smaller_value: usize,
        /// The setting that must be the larger.
        larger: &'static str,
        /// Its value.
        larger_value: usize,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Plain,
    /// One JSON object a line, for machines.
    Json,
}

/// From which level on something is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the levels of tracing, by their names")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Returns the name used in settings and filters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// From which level on.
    pub level: LogLevel,
    /// How lines look.
    pub format: LogFormat,
}

/// What clients may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitConfig {
    /// Connections in all.
    pub sessions: usize,
    /// Connections of one device; the newest stay.
    pub connections_per_device: usize,
    /// Handshakes under way at once.
    pub handshakes: usize,
    /// Handshakes under way from one address.
    pub handshakes_per_address: usize,
    /// How long a begun frame may stand still.
    pub stall: Duration,
    /// How many times the usual a device may push.
    pub pushes: u64,
}

/// When the index is brought up to the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// At the latest after this time.
    pub checkpoint_interval: Duration,
    /// At the latest after this many journal records.
    pub checkpoint_records: u64,
    /// How long a part of the journal grows before the next one begins.
    pub segment_bytes: u64,
    /// How often it is looked whether a closed part can be shorter; zero for never.
    pub compact_every: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Config::default().store
    }
}

/// How the hub is set up. Every value has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The UDP address that phones connect to.
    pub listen: SocketAddr,
    /// Where phones whose network blocks UDP connect to by TCP.
    pub listen_tcp: ListenTcp,
    /// The folder that holds journal, index and keys.
    pub data_dir: PathBuf,
    /// A folder on a second disk that gets a copy of the journal as it grows.
    pub backup_folder: Option<PathBuf>,
    /// How long sessions may take to end when the hub shuts down.
    pub shutdown: Duration,
    /// What is logged and how.
    pub log: LogConfig,
    /// What clients may cost.
    pub limits: LimitConfig,
    /// When the index is brought up to the journal.
    pub store: StoreConfig,
    /// What children that merge may cost.
    pub merge: MergeConfig,
}

/// What the command line says. Everything else is set by file or environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `listen`.
    pub listen: Option<String>,
    /// `data_dir`.
    pub data_dir: Option<PathBuf>,
    /// `log.level`.
    pub log_level: Option<String>,
    /// `log.format`.
    pub log_format: Option<String>,
}

/// One setting: all that is known about it.
struct Setting {
    /// Its name in the file, sections joined by a dot.
    name: &'static str,
    /// Its default, as text.
    default: &'static str,
    /// Whether the file writes it in quotes.
    quoted: bool,
    /// What it does, for the example.
    what: &'static str,
    /// Reads the text into the config, or says what it must be.
    apply: fn(&mut Config, &str) -> Result<(), String>,
}

impl Setting {
    fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.replace('.', "_").to_ascii_uppercase())
    }
}

/// Every setting, in the order of the example: first those without a section.
const SETTINGS: &[Setting] = &[
    Setting {
        name: "listen",
        default: "[::]:4433",
        quoted: true,
        what: "UDP address and port that phones connect to. [::] is every address, IPv4 included.",
        apply: |config, text| {
            let expected = |_| "an IP address and port, for instance 0.0.0.0:4433".to_owned();
            config.listen = text.parse().map_err(expected)?;
            Ok(())
        },
    },
    Setting {
        name: "listen_tcp",
        default: "same",
        quoted: true,
        what: "TCP address and port for phones whose network blocks UDP: same, off or an address.",
        apply: |config, text| {
            config.listen_tcp = match text {
                "same" => ListenTcp::Same,
                "off" => ListenTcp::Off,
                address => ListenTcp::At(address.parse().map_err(|_| {
                    "same, off, or an IP address and port, for instance 0.0.0.0:443".to_owned()
                })?),
            };
            Ok(())
        },
    },
    Setting {
        name: "data_dir",
        default: "bienban-data",
        quoted: true,
        what: "Folder of the journal, its index and the hub's key. Back it up; never share it.",
        apply: |config, text| {
            if text.is_empty() {
                return Err("the path of a folder".to_owned());
            }
            config.data_dir = PathBuf::from(text);
            Ok(())
        },
    },
    Setting {
        name: "backup_folder",
        default: "",
        quoted: true,
        what: "Folder on a second disk for a copy of the journal as it grows. Empty: none, and phones see no copy.",
        apply: |config, text| {
            config.backup_folder = (!text.is_empty()).then(|| PathBuf::from(text));
            Ok(())
        },
    },
    Setting {
        name: "shutdown_seconds",
        default: "10",
        quoted: false,
        what: "How long sessions may take to end when the hub shuts down: 0 to 300.",
        apply: |config, text| {
            config.shutdown = Duration::from_secs(number(text, 0..=300)?);
            Ok(())
        },
    },
    Setting {
        name: "log.level",
        default: "info",
        quoted: true,
        what: "From which level on something is logged: error, warn, info, debug or trace.",
        apply: |config, text| {
            let level = LogLevel::ALL.into_iter().find(|level| level.name() == text);
            config.log.level = level.ok_or("error, warn, info, debug or trace")?;
            Ok(())
        },
    },
    Setting {
        name: "log.format",
        default: "plain",
        quoted: true,
        what: "How log lines look: plain for people, json for machines.",
        apply: |config, text| {
            config.log.format = match text {
                "plain" => LogFormat::Plain,
                "json" => LogFormat::Json,
                _ => return Err("plain or json".to_owned()),
            };
            Ok(())
        },
    },
    Setting {
        name: "limits.sessions",
        default: "2000",
        quoted: false,
        what: "Phones connected at once: 1 to 20000. An idle one costs about 38 kB.",
        apply: |config, text| {
            config.limits.sessions = number(text, 1..=20_000)?;
            Ok(())
        },
    },
    Setting {
        name: "limits.connections_per_device",
        default: "4",
        quoted: false,
        what: "Connections of one phone: 1 to 64. Of more, the newest stay.",
        apply: |config, text| {
            config.limits.connections_per_device = number(text, 1..=64)?;
            Ok(())
        },
    },
    Setting {
        name: "limits.handshakes",
        default: "64",
        quoted: false,
        what: "Connections being made at once: 4 to 4096. The rest try again a little later.",
        apply: |config, text| {
            config.limits.handshakes = number(text, 4..=4_096)?;
            Ok(())
        },
    },
    Setting {
        name: "limits.handshakes_per_address",
        default: "16",
        quoted: false,
        what: "The same from one network address: 1 to 4096. Raise it for a large office.",
        apply: |config, text| {
            config.limits.handshakes_per_address = number(text, 1..=4_096)?;
            Ok(())
        },
    },
    Setting {
        name: "limits.stall_seconds",
        default: "60",
        quoted: false,
        what: "How long a message that has begun may bring less than 1 KiB: 5 to 600.",
        apply: |config, text| {
            config.limits.stall = Duration::from_secs(number(text, 5..=600)?);
            Ok(())
        },
    },
    Setting {
        name: "limits.pushes",
        default: "1",
        quoted: false,
        what: "How many times the usual one phone may push in a time: 1 to 1000.",
        apply: |config, text| {
            config.limits.pushes = number(text, 1..=1_000)?;
            Ok(())
        },
    },
    Setting {
        name: "merge.workers",
        default: "2",
        quoted: false,
        what: "Documents merged at once, each in a process of its own: 1 to 64.",
        apply: |config, text| {
            config.merge.workers = number(text, 1..=64)?;
            Ok(())
        },
    },
    Setting {
        name: "merge.memory_mib",
        default: "512",
        quoted: false,
        what: "Memory of each such process, in MiB: 64 to 65536. What needs more is refused.",
        apply: |config, text| {
            config.merge.memory_mib = number(text, 64..=65_536)?;
            Ok(())
        },
    },
    Setting {
        name: "merge.cpu_seconds",
        default: "10",
        quoted: false,
        what: "Processor time of one merge: 1 to 600. What needs more is refused.",
        apply: |config, text| {
            config.merge.cpu_seconds = number(text, 1..=600)?;
            Ok(())
        },
    },
    Setting {
        name: "store.checkpoint_seconds",
        default: "30",
        quoted: false,
        what: "The index is brought up to the journal at least this often: 1 to 3600.",
        apply: |config, text| {
            config.store.checkpoint_interval = Duration::from_secs(number(text, 1..=3_600)?);
            Ok(())
        },
    },
    Setting {
        name: "store.checkpoint_records",
        default: "4096",
        quoted: false,
        what: "The same, counted in journal records: 1 to 1000000. Fewer make starting faster.",
        apply: |config, text| {
            config.store.checkpoint_records = number(text, 1..=1_000_000)?;
            Ok(())
        },
    },
    Setting {
        name: "store.segment_kib",
        default: "8192",
        quoted: false,
        what: "Length of one file of the journal in KiB: 16 to 65536.",
        apply: |config, text| {
            config.store.segment_bytes = number::<u64>(text, 16..=65_536)? << 10;
            Ok(())
        },
    },
    Setting {
        name: "store.compact_seconds",
        default: "0",
        quoted: false,
        what: "It is looked so often whether a full file can be shorter: 1 to 86400; 0 never.",
        apply: |config, text| {
            config.store.compact_every = Duration::from_secs(number(text, 0..=86_400)?);
            Ok(())
        },
    },
];

fn number<T>(text: &str, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("a whole number from {} to {}", range.start(), range.end())),
    }
}

impl Default for Config {
    fn default() -> Self {
        // Every field is set by its entry in the table; the table is the one place for defaults.
        let mut config = Self {
            listen: SocketAddr::from(([0; 4], 0)),
            listen_tcp: ListenTcp::Off,
            data_dir: PathBuf::new(),
            backup_folder: None,
            shutdown: Duration::ZERO,
            log: LogConfig { level: LogLevel::Info, format: LogFormat::Plain },
            limits: LimitConfig {
                sessions: 0,
                connections_per_device: 0,
                handshakes: 0,
                handshakes_per_address: 0,
                stall: Duration::ZERO,
                pushes: 0,
            },
            store: StoreConfig {
                checkpoint_interval: Duration::ZERO,
                checkpoint_records: 0,
                segment_bytes: 0,
                compact_every: Duration::ZERO,
            },
            merge: MergeConfig { workers: 0, memory_mib: 0, cpu_seconds: 0, program: None },
        };
        for setting in SETTINGS {
            (setting.apply)(&mut config, setting.default)
                .expect("every default is in its own range, as a test shows");
        }
        config
    }
}

impl Config {
    /// Joins defaults, the file if there is one, the environment and the flags, each over the one
    /// before, and checks the whole. `environment` is normally `std::env::vars()`.
    ///
    /// Variables that look like none of ours are left alone; one that looks like a mistyped setting
    /// is an error.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`], which names the setting, where it was set, and what would be right.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(path) = file {
            config.apply_file(path, &read(path)?)?;
        }
        config.apply_environment(environment)?;
        config.apply_flags(flags)?;
        config.check()?;
        Ok(config)
    }

    /// Returns a settings file that documents every setting and sets each to its default.
    #[must_use]
    pub fn example() -> String {
        let mut text = String::from("# Settings of the Bienban hub. Every value is the default.\n");
        let mut section = "";
        for setting in SETTINGS {
            let (in_section, key) = setting.name.rsplit_once('.').unwrap_or(("", setting.name));
            if in_section != section {
                section = in_section;
                // Writing to a string cannot fail.
                writeln!(text, "\n[{section}]").ok();
            }
            let quote = if setting.quoted { "\"" } else { "" };
            writeln!(text, "\n# {}\n# Variable: {}", setting.what, setting.variable()).ok();
            writeln!(text, "{key} = {quote}{}{quote}", setting.default).ok();
        }
        text
    }

    /// Returns where the hub listens.
    #[must_use]
    pub fn listens(&self) -> Listen {
        Listen { udp: self.listen, tcp: self.listen_tcp }
    }

    /// Returns the limits of the network as the transport wants them.
    #[must_use]
    pub fn net_limits(&self) -> Limits {
        Limits {
            handshakes_max: self.limits.handshakes,
            handshakes_per_address_max: self.limits.handshakes_per_address,
            // Strangers prove their address while three quarters of the places are still free.
            retry_above: self.limits.handshakes / 4,
            connections_max: self.limits.sessions,
            connections_per_device_max: self.limits.connections_per_device,
            stall_timeout: self.limits.stall,
            ..Limits::default()
        }
    }

    fn apply_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let table: toml::Table = toml::from_str(text).map_err(|source| ConfigError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let origin = Origin::File { path: path.to_owned() };
        for (key, value) in &table {
            match value {
                toml::Value::Table(section) => {
                    for (inner, value) in section {
                        self.apply_value(&origin, &format!("{key}.{inner}"), value)?;
                    }
                }
                value => self.apply_value(&origin, key, value)?,
            }
        }
        Ok(())
    }

    fn apply_value(
        &mut self,
        origin: &Origin,
        name: &str,
        value: &toml::Value,
    ) -> Result<(), ConfigError> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
            ConfigError::Unknown {
                origin: origin.clone(),
                name: name.to_owned(),
                nearest: nearest(name, SETTINGS.iter().map(|setting| setting.name.to_owned())),
            }
        })?;
        match value {
            toml::Value::String(text) => self.apply(origin, setting, text),
            // `to_string` of any other value cannot be mistaken for what is expected.
            value => self.apply(origin, setting, &value.to_string()),
        }
    }

    fn apply_environment(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (variable, value) in environment {
            if !variable.starts_with(VARIABLE_PREFIX) {
                continue;
            }
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == variable) {
                self.apply(&Origin::Environment, setting, &value)?;
            } else if let Some(nearest) = nearest(&variable, SETTINGS.iter().map(Setting::variable))
            {
                return Err(ConfigError::Unknown {
                    origin: Origin::Environment,
                    name: variable,
                    nearest: Some(nearest),
                });
            }
        }
        Ok(())
    }

    fn apply_flags(&mut self, flags: &Flags) -> Result<(), ConfigError> {
        let texts = [
            ("listen", &flags.listen),
            ("log.level", &flags.log_level),
            ("log.format", &flags.log_format),
        ];
        for (name, text) in texts {
            let setting = SETTINGS.iter().find(|setting| setting.name == name);
            if let (Some(setting), Some(text)) = (setting, text) {
                self.apply(&Origin::Flag, setting, text)?;
            }
        }
        if let Some(data_dir) = &flags.data_dir {
            self.data_dir.clone_from(data_dir);
        }
        Ok(())
    }

    fn apply(&mut self, origin: &Origin, setting: &Setting, text: &str) -> Result<(), ConfigError> {
        (setting.apply)(self, text).map_err(|expected| ConfigError::Invalid {
            origin: origin.clone(),
            name: setting.name,
            value: text.to_owned(),
            expected,
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let pairs = [
            (
                ("limits.handshakes_per_address", limits.handshakes_per_address),
                ("limits.handshakes", limits.handshakes),
            ),
            (
                ("limits.connections_per_device", limits.connections_per_device),
                ("limits.sessions", limits.sessions),
            ),
        ];
        for ((smaller, smaller_value), (larger, larger_value)) in pairs {
            if smaller_value > larger_value {
                return Err(ConfigError::Contradiction {
                    smaller,
                    smaller_value,
                    larger,
                    larger_value,
                });
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ConfigError::TooLong { path: path.to_owned(), max: FILE_BYTES_MAX });
    }
    Ok(text)
}

/// Returns the known name that looks most like `name`, if any looks like it at all.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known
        .map(|known| (distance(name, &known), known))
        .min()
        .filter(|(distance, _)| *distance <= TYPO_DISTANCE_MAX)
        .map(|(_, known)| known)
}

/// Counts the letters to insert, remove or replace to get from one text to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests;
