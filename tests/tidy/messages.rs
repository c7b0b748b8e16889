//! That every text people see exists in Vietnamese and English, fits its use in code, and is used.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenTree};

use crate::tokens::{Source, is_ident, is_punct, string_of};
use crate::tree::Tree;

const FOLDER: &str = "server/messages/";
/// The loader, whose own tests ask for invented keys.
const LOADER: &str = "server/src/messages.rs";
const LANGUAGES: [&str; 2] = ["vi", "en"];
/// The keys of help texts, which follow from the commands: the server's own test holds them against
/// those in both directions, so no literal names them.
const DERIVED: &str = "help.";
/// Where those keys are put together; without it they would be used by nothing.
const DERIVER: &str = "server/src/cli/help.rs";

/// Texts by key, as read from one language's file.
type Texts = BTreeMap<String, String>;

/// Checks the message files against each other and against the server's code.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let [vi, en] = LANGUAGES.map(|language| {
        let file = format!("{FOLDER}{language}.toml");
        read(&file, tree.get(&file).unwrap_or_default(), &mut problems)
    });
    compare(&vi, &en, &mut problems);
    let mut strings = BTreeSet::new();
    for (path, text) in tree.under("server/src/", ".rs") {
        let Some(source) = Source::parse(text) else { continue };
        let tokens = source.flat();
        strings.extend(tokens.iter().filter_map(|token| string_of(Some(token))));
        if path != LOADER {
            check_calls(path, &tokens, &en, &mut problems);
        }
    }
    let derived = |key: &str| key.starts_with(DERIVED) && tree.get(DERIVER).is_some();
    for key in en.keys().filter(|key| !strings.contains(*key) && !derived(key)) {
        problems.push(format!("{FOLDER}en.toml: nothing in server/src uses {key}"));
    }
    problems
}

fn read(file: &str, text: &str, problems: &mut Vec<String>) -> Texts {
    let mut texts = Texts::new();
    match text.parse::<toml::Table>() {
        Ok(table) => flatten("", &toml::Value::Table(table), &mut texts),
        Err(error) => problems.push(format!("{file}: {error}")),
    }
    if texts.is_empty() {
        problems.push(format!("{file}: holds no text"));
    }
    texts
}

fn flatten(prefix: &str, value: &toml::Value, into: &mut Texts) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let dot = if prefix.is_empty() { "" } else { "." };
                flatten(&format!("{prefix}{dot}{name}"), value, into);
            }
        }
        value => {
            drop(into.insert(prefix.to_owned(), value.as_str().unwrap_or_default().to_owned()))
        }
    }
}

fn compare(vi: &Texts, en: &Texts, problems: &mut Vec<String>) {
    for (one, other, name) in [(vi, en, "en"), (en, vi, "vi")] {
        for key in one.keys().filter(|key| !other.contains_key(*key)) {
            problems.push(format!("{FOLDER}{name}.toml: lacks {key}"));
        }
    }
    for (key, text) in en {
        let Some(translated) = vi.get(key) else { continue };
        if names_in(text) != names_in(translated) {
            problems.push(format!("{FOLDER}: {key} names other values in vi than in en"));
        }
        if text.trim().is_empty() || translated.trim().is_empty() {
            problems.push(format!("{FOLDER}: {key} is empty"));
        }
    }
}

/// Returns the names between braces.
fn names_in(text: &str) -> BTreeSet<String> {
    let inside = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    // Of a word that depends on a number (`{n:file|files}`) the number's name counts.
    let names = inside.map(|(name, _)| name.split_once(':').map_or(name, |(name, _)| name));
    names.map(str::to_owned).collect()
}

/// Checks each `.text("key", &[("name", value), …])`.
fn check_calls(path: &str, tokens: &[TokenTree], texts: &Texts, problems: &mut Vec<String>) {
    for (at, token) in tokens.iter().enumerate() {
        if !(is_punct(Some(token), '.') && is_ident(tokens.get(at + 1), "text")) {
            continue;
        }
        let Some(TokenTree::Group(call)) = tokens.get(at + 2) else { continue };
        let inside: Vec<_> = call.stream().into_iter().collect();
        let (Some(key), Some(TokenTree::Group(list))) = (string_of(inside.first()), inside.get(3))
        else {
            continue;
        };
        if !(is_punct(inside.get(1), ',') && is_punct(inside.get(2), '&')) {
            continue;
        }
        let given: BTreeSet<_> = list
            .stream()
            .into_iter()
            .filter_map(|pair| match pair {
                TokenTree::Group(pair) if pair.delimiter() == Delimiter::Parenthesis => {
                    string_of(pair.stream().into_iter().next().as_ref())
                }
                _ => None,
            })
            .collect();
        let line = token.span().start().line;
        match texts.get(&key) {
            None => problems.push(format!("{path}:{line}: no text has the key {key}")),
            Some(text) if names_in(text) != given => problems.push(format!(
                "{path}:{line}: {key} names {:?}, but is given {given:?}",
                names_in(text)
            )),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(vi: &str, en: &str, code: &str) -> Vec<String> {
        check(&Tree::of(&[
            ("server/messages/vi.toml", vi),
            ("server/messages/en.toml", en),
            ("server/src/hub.rs", code),
        ]))
    }

    const EN: &str = "[hub]\nopen = \"open at {address}\"";
    const VI: &str = "[hub]\nopen = \"đang mở tại {address}\"";
    const CODE: &str = "fn f() { m.text(\"hub.open\", &[(\"address\", a)]) }";

    #[test]
    fn accepts_texts_that_fit() {
        assert_eq!(problems(VI, EN, CODE), [""; 0]);
    }

    #[test]
    fn refuses_a_text_that_one_language_lacks() {
        let more = "[hub]\nopen = \"open at {address}\"\nshut = \"shut\"";
        let code = format!("{CODE} const K: &str = \"hub.shut\";");
        assert_eq!(problems(VI, more, &code), ["server/messages/vi.toml: lacks hub.shut"]);
        assert_eq!(problems(more, EN, &code), ["server/messages/en.toml: lacks hub.shut"]);
    }

    #[test]
    fn help_texts_need_no_literal_but_both_languages_and_their_deriver() {
        let texts = format!("{EN}\n[help.serve]\nabout = \"Run\"");
        let both =
            [("server/messages/vi.toml", texts.as_str()), ("server/messages/en.toml", &texts)];
        let mut files = [&both[..], &[("server/src/hub.rs", CODE)]].concat();
        assert_eq!(check(&Tree::of(&files)).len(), 1, "nothing derives the key");
        files.push((DERIVER, ""));
        assert_eq!(check(&Tree::of(&files)), [""; 0]);
        assert_eq!(problems(VI, &texts, CODE).len(), 2);
    }

    #[test]
    fn refuses_values_that_differ() {
        assert_eq!(problems("[hub]\nopen = \"{other}\"", EN, CODE).len(), 1);
        assert_eq!(problems(VI, EN, "fn f() { m.text(\"hub.open\", &[]) }").len(), 1);
    }

    #[test]
    fn refuses_keys_unknown_or_unused_and_files_unreadable() {
        assert_eq!(problems(VI, EN, &CODE.replace("hub.open", "hub.gone")).len(), 2);
        assert_eq!(problems(VI, EN, "").len(), 1);
        assert!(!problems("= bad", EN, CODE).is_empty());
        assert!(!problems(VI, "", CODE).is_empty());
    }
}
