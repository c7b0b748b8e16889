//! What `--help` says, in the language of the person.
//!
//! The keys follow from the commands: `help.COMMAND.SUBCOMMAND.about` for a command, `….ARGUMENT` for
//! its argument, `help.shared.ARGUMENT` for one that means the same everywhere. A test holds them
//! against the commands in both directions, and the English ones against the doc comments.

use clap::builder::Resettable;
use clap::{Arg, Command};

use crate::messages::Messages;

/// The place of the whole program's own texts.
const ROOT: &str = "root";

/// The command that clap adds to each command that has others.
const HELP: &str = "help";

/// What clap writes before a usage line.
const CLAP_USAGE: &str = "Usage:";

/// What clap writes where a command takes options.
const CLAP_OPTIONS: &str = "[OPTIONS]";

/// Returns the commands with their texts in the language of `m`. `path` names the place of the
/// outermost command among the keys; empty for the whole program.
pub(super) fn translated(mut command: Command, path: &str, m: &Messages) -> Command {
    // First of all clap adds what it adds itself, so that its texts are translated too.
    command.build();
    translate(command, path, m)
}

fn translate(command: Command, path: &str, m: &Messages) -> Command {
    let place = if path.is_empty() { ROOT } else { path };
    let mut command = command
        .subcommand_help_heading(m.text("heading.commands", &[]))
        .subcommand_value_name(m.text("heading.command", &[]));
    let used = usage(&command.render_usage().to_string(), m);
    command = command
        .help_template(format!("{{about-with-newline}}\n{used}\n\n{{all-args}}{{after-help}}"));
    if let Some(about) = m.find(&format!("help.{place}.about")) {
        command = command.about(about.to_owned()).long_about(Resettable::Reset);
    }
    if let Some(after) = m.find(&format!("help.{place}.after_help")) {
        command = command.after_help(after.to_owned());
    }
    command.mut_args(|arg| argument(arg, place, m)).mut_subcommands(|inner| {
        let name = inner.get_name().to_owned();
        if name == HELP {
            return inner.about(m.text("heading.help_command", &[]));
        }
        let inner_path = if path.is_empty() { name } else { format!("{path}.{name}") };
        translate(inner, &inner_path, m)
    })
}

/// Returns how a command is used, from what clap says of it.
pub(super) fn usage(said: &str, m: &Messages) -> String {
    let said = said.trim().trim_start_matches(CLAP_USAGE).trim();
    let said = said.replace(CLAP_OPTIONS, &m.text("heading.some_options", &[]));
    format!("{} {said}", m.text("heading.usage", &[]))
}

fn argument(arg: Arg, place: &str, m: &Messages) -> Arg {
    let mut text = text_of(&arg, place, m).unwrap_or_default().to_owned();
    let values: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| !value.is_empty())
        .collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        text.push_str(&m.text("heading.default", &[("value", &values.join(" "))]));
    }
    if let Some(variable) = arg.get_env() {
        text.push_str(&m.text("heading.variable", &[("name", &variable.to_string_lossy())]));
    }
    let heading = if arg.is_positional() {
        m.text("heading.arguments", &[])
    } else {
        m.text("heading.options", &[])
    };
    // Under a heading of their own clap would sort them by name; they are typed by their index.
    let arg = match arg.get_index() {
        Some(index) => arg.display_order(index),
        None => arg,
    };
    // What clap itself would add is said above, in the right language.
    arg.help(text)
        .long_help(Resettable::Reset)
        .help_heading(heading)
        .hide_default_value(true)
        .hide_env(true)
        .hide_possible_values(true)
}

/// Returns the text of an argument: its own, that of the command above which hands it down, or the shared one.
fn text_of<'m>(arg: &Arg, place: &str, m: &'m Messages) -> Option<&'m str> {
    let (id, mut at) = (arg.get_id().as_str(), place);
    loop {
        let own = m.find(&format!("help.{at}.{id}"));
        match at.rsplit_once('.') {
            Some((above, _)) if own.is_none() && arg.is_global_set() => at = above,
            _ => return own.or_else(|| m.find(&format!("help.shared.{id}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Arguments;
    use crate::messages::Lang;

    /// Calls `see` with each key that would be used, and the doc comment that belongs to it.
    fn each(command: &Command, path: &str, m: &Messages, see: &mut impl FnMut(String, String)) {
        let place = if path.is_empty() { ROOT } else { path };
        let said = |text: Option<&clap::builder::StyledStr>| {
            text.map(ToString::to_string).unwrap_or_default()
        };
        let about = command.get_long_about().or_else(|| command.get_about());
        see(format!("help.{place}.about"), said(about));
        if let Some(after) = command.get_after_help() {
            see(format!("help.{place}.after_help"), after.to_string());
        }
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            let own = format!("help.{place}.{id}");
            let key = if m.find(&own).is_some() { own } else { format!("help.shared.{id}") };
            see(key, said(arg.get_help()));
        }
        for inner in command.get_subcommands() {
            let name = inner.get_name();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            each(inner, &path, m, see);
        }
    }

    #[test]
    fn every_command_and_argument_has_a_text_in_both_languages_and_no_text_is_idle() {
        let mut used: BTreeSet<String> =
            ["help.shared.help", "help.shared.version"].map(str::to_owned).into();
        let m = Messages::new(Lang::En);
        let mut missing = Vec::new();
        each(&Arguments::command(), "", &m, &mut |key, comment| {
            let same = |text: &str| text.trim_end_matches('.') == comment.trim_end_matches('.');
            if !m.find(&key).is_some_and(same) {
                missing.push(format!("{key} = {comment:?}"));
            }
            used.insert(key);
        });
        assert!(missing.is_empty(), "not as the doc comment:\n{}", missing.join("\n"));
        for lang in [Lang::Vi, Lang::En] {
            let m = Messages::new(lang);
            let there: BTreeSet<String> =
                m.keys().filter(|key| key.starts_with("help.")).map(str::to_owned).collect();
            assert_eq!(there.symmetric_difference(&used).collect::<Vec<_>>(), [""; 0]);
        }
    }

    #[test]
    fn every_argument_that_a_help_lists_is_described_also_where_a_command_above_hands_it_down() {
        fn silent(command: &Command, found: &mut Vec<String>) {
            for arg in command.get_arguments() {
                if arg.get_help().is_none_or(|text| text.to_string().is_empty()) {
                    found.push(format!("{} {}", command.get_name(), arg.get_id()));
                }
            }
            let inner = command.get_subcommands().filter(|inner| inner.get_name() != HELP);
            inner.for_each(|inner| silent(inner, found));
        }
        for lang in [Lang::Vi, Lang::En] {
            let mut found = Vec::new();
            silent(&translated(Arguments::command(), "", &Messages::new(lang)), &mut found);
            assert_eq!(found, [""; 0]);
        }
    }

    #[test]
    fn arguments_are_listed_in_the_order_in_which_they_are_typed() {
        let command = translated(Arguments::command(), "", &Messages::new(Lang::En));
        let field = command.find_subcommand("field").unwrap();
        let help = field.find_subcommand("answer").unwrap().clone().render_help().to_string();
        let listed = help.split("Arguments:").nth(1).unwrap();
        let at = ["<INSPECTION>", "<ITEM>", "[ANSWER]"].map(|name| listed.find(name).unwrap());
        assert!(at.is_sorted(), "{help}");
    }

    #[test]
    fn help_speaks_the_language_that_was_asked_for() {
        let help = |lang: Lang, path: &[&str]| {
            let mut command = translated(Arguments::command(), "", &Messages::new(lang));
            for name in path {
                command = command.find_subcommand(name).unwrap().clone();
            }
            command.render_long_help().to_string()
        };
        for (path, vi, en) in [
            (&[][..], "Chạy máy chủ", "Run the hub"),
            (&["field"], "Trả lời một mục", "Answer an item"),
            (&["field", "answer"], "Mã của mục", "The item's key"),
            (&["admin", "plan", "add"], "Tên gọi", "What it is called"),
        ] {
            let [spoken_vi, spoken_en] = [Lang::Vi, Lang::En].map(|lang| help(lang, path));
            assert!(spoken_vi.contains(vi), "{spoken_vi}");
            assert!(spoken_en.contains(en), "{spoken_en}");
            for word in
                ["Usage:", "OPTIONS", "Options:", "Commands:", "Arguments:", "Print", "default:"]
            {
                assert!(!spoken_vi.contains(word), "{word}: {spoken_vi}");
            }
        }
    }
}
