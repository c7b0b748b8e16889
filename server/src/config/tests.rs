//! Tests of the settings.

use super::*;

fn load(file: &str, environment: &[(&str, &str)], flags: &Flags) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    std::fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::load(Some(&path), environment, flags)
        .map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"))
}

fn from_file(file: &str) -> Result<Config, String> {
    load(file, &[], &Flags::default())
}

#[test]
fn example_is_the_default_and_documents_every_setting() {
    assert_eq!(from_file(&Config::example()).unwrap(), Config::default());
    for setting in SETTINGS {
        assert!(Config::example().contains(&setting.variable()), "{}", setting.name);
    }
}

#[test]
fn operations_manual_names_every_setting() {
    let manual = include_str!("../../../docs/operations.md");
    for setting in SETTINGS {
        let default = match setting.default {
            "" => "empty".to_owned(),
            default => format!("`{default}`"),
        };
        let row = format!("| `{}` | {default} |", setting.name);
        assert!(manual.contains(&row), "docs/operations.md lacks {row}");
    }
}

#[test]
fn defaults_are_the_limits_that_the_transport_gives_reasons_for() {
    assert_eq!(Config::default().net_limits(), Limits::default());
}

#[test]
fn later_layers_win() {
    let file = "listen = \"127.0.0.1:1\"\n[log]\nlevel = \"warn\"\nformat = \"json\"\n";
    let environment = [("BIENBAN_LISTEN", "127.0.0.1:2"), ("BIENBAN_LOG_LEVEL", "debug")];
    let flags = Flags {
        listen: Some("127.0.0.1:3".to_owned()),
        data_dir: Some(PathBuf::from("elsewhere")),
        ..Flags::default()
    };
    let config = load(file, &environment, &flags).unwrap();
    assert_eq!(config.listen, "127.0.0.1:3".parse().unwrap());
    assert_eq!(config.log, LogConfig { level: LogLevel::Debug, format: LogFormat::Json });
    assert_eq!(config.data_dir, PathBuf::from("elsewhere"));
}

#[test]
fn unknown_setting_is_named_with_the_nearest_known_one() {
    assert_eq!(
        from_file("listne = \"127.0.0.1:1\"").unwrap_err(),
        "FILE sets listne, which is not a setting; did you mean listen?"
    );
    assert_eq!(
        from_file("[limits]\nsession = 5").unwrap_err(),
        "FILE sets limits.session, which is not a setting; did you mean limits.sessions?"
    );
    assert_eq!(
        from_file("[unheard]\nof = 5").unwrap_err(),
        "FILE sets unheard.of, which is not a setting"
    );
    assert_eq!(
        load("", &[("BIENBAN_LISTN", "127.0.0.1:1")], &Flags::default()).unwrap_err(),
        "the environment sets BIENBAN_LISTN, which is not a setting; \
         did you mean BIENBAN_LISTEN?"
    );
}

#[test]
fn variables_of_other_commands_are_left_alone() {
    let environment = [("BIENBAN_HUB_ADDRESS", "x"), ("HOME", "/"), ("BIENBAN_FIELD", "y")];
    assert!(load("", &environment, &Flags::default()).is_ok());
}

#[test]
fn value_out_of_range_is_refused_with_the_range() {
    assert_eq!(
        from_file("[limits]\nsessions = 0").unwrap_err(),
        "FILE sets limits.sessions to \"0\"; it must be a whole number from 1 to 20000"
    );
    for file in [
        "shutdown_seconds = 301",
        "shutdown_seconds = -1",
        "shutdown_seconds = 1.5",
        "shutdown_seconds = true",
        "listen = \"nowhere\"",
        "listen = 5",
        "data_dir = \"\"",
        "log.level = \"loud\"",
        "log.format = \"xml\"",
        "store.checkpoint_records = [1]",
    ] {
        let error = from_file(file).unwrap_err();
        assert!(error.contains("; it must be "), "{file}: {error}");
    }
    let flags = Flags { log_level: Some("loud".to_owned()), ..Flags::default() };
    assert_eq!(
        load("", &[], &flags).unwrap_err(),
        "the command line sets log.level to \"loud\"; \
         it must be error, warn, info, debug or trace"
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    assert_eq!(
        from_file("[limits]\nhandshakes = 8").unwrap_err(),
        "limits.handshakes_per_address (16) must not be above limits.handshakes (8)"
    );
}

#[test]
fn file_that_is_missing_malformed_or_huge_is_refused() {
    let missing = Path::new("no-such-folder/hub.toml");
    let error = Config::load(Some(missing), [], &Flags::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    assert_eq!(from_file("listen = ").unwrap_err(), "FILE is not valid TOML");
    let huge = "#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1);
    assert!(from_file(&huge).unwrap_err().contains("no settings file"));
}

#[test]
fn distance_counts_letters() {
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("listne", "listen"), 2);
    assert_eq!(distance("same", "same"), 0);
}
