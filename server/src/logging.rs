//! What the hub says while it runs.
//!
//! Logs hold no personal data: no names, no content of documents, no network addresses, and of a
//! device only the first eight digits of its key, enough to follow one phone through an afternoon.
//! The libraries that would log addresses are kept to warnings. What counts as evidence is in the
//! audit log, not here.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use crate::config::{LogConfig, LogFormat};

/// Libraries whose lower levels name the addresses of phones.
const QUIET: &str = "quinn=warn,quinn_proto=warn,quinn_udp=warn,rustls=warn,sled=warn";

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoggingError {
    /// Logging was set up before in this process.
    #[error("logging is already set up in this process")]
    AlreadySetUp {
        /// What the library said.
        source: TryInitError,
    },
}

/// Sends what the hub says to standard error, as `config` asks. Standard output stays free for
/// what a command prints.
///
/// # Errors
///
/// Returns [`LoggingError::AlreadySetUp`] at the second call in one process.
pub fn init(config: &LogConfig) -> Result<(), LoggingError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(config))
        .with_ansi(colours())
        .with_writer(io::stderr);
    let result = match config.format {
        LogFormat::Plain => builder.with_target(false).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    result.map_err(|source| LoggingError::AlreadySetUp { source })
}

/// Whether what is logged may be coloured: a person looks at it, and has not asked for none. A file or
/// a service manager would keep the codes as they are.
#[must_use]
pub fn colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !unwanted
}

fn filter(config: &LogConfig) -> EnvFilter {
    // `RUST_LOG` is not read: it could let addresses in.
    EnvFilter::new(format!("{},{QUIET}", config.level.name()))
}

#[cfg(test)]
pub(crate) use tests::logged;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;
    use crate::config::LogLevel;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns what is logged meanwhile by this thread.
    pub(crate) fn logged(work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn level_holds_for_us_and_libraries_stay_quiet() {
        let lines = Lines::default();
        let writer = lines.clone();
        let config = LogConfig { level: LogLevel::Debug, format: LogFormat::Json };
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(&config))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("ours at debug");
            tracing::trace!("ours at trace");
            tracing::debug!(target: "quinn_proto::connection", "address of a phone");
            tracing::warn!(target: "quinn", "theirs at warn");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("ours at debug") && text.contains("theirs at warn"), "{text}");
        assert!(!text.contains("trace") && !text.contains("address"), "{text}");
    }
}
