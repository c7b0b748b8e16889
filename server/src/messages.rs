//! What people read, in Vietnamese and English, from files embedded in the program.
//!
//! Knows keys and places for values, not what a text is about. Logs and errors between programs stay
//! in English and do not pass through here.

use std::collections::BTreeMap;

const VI: &str = include_str!("../messages/vi.toml");
const EN: &str = include_str!("../messages/en.toml");

/// The environment variables that name a language, in the order in which they count.
const VARIABLES: [&str; 4] = ["BIENBAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];

/// A language that people are spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Vietnamese (*tiếng Việt*).
    Vi,
    /// English, also spoken where nothing asks for Vietnamese.
    #[default]
    En,
}

/// Why no language could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// A language was asked for by name that has no texts.
    #[error("language {language:?} is not known; use vi or en")]
    UnknownLanguage {
        /// What was asked for.
        language: String,
    },
}

impl MessageError {
    /// Returns what is wrong in the language of `messages` (the one that the environment names).
    #[must_use]
    pub fn explain(&self, messages: &Messages) -> String {
        match self {
            Self::UnknownLanguage { language } => {
                messages.text("message.bad_language", &[("language", language)])
            }
        }
    }
}

impl Lang {
    /// Returns the name that `--lang` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// Chooses the language: `flag` (from `--lang`), else the first of `BIENBAN_LANG`, `LC_ALL`,
    /// `LC_MESSAGES` and `LANG` that is set and not empty, as `variable` tells them. A variable that
    /// starts with `vi` means Vietnamese, any other English, as does none.
    ///
    /// # Errors
    ///
    /// Returns [`MessageError::UnknownLanguage`] when the flag names neither `vi` nor `en`. A
    /// variable never fails, because systems set `LANG` without asking.
    pub fn choose(
        flag: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, MessageError> {
        if let Some(language) = flag {
            return language.parse();
        }
        let set =
            VARIABLES.iter().filter_map(|name| variable(name)).find(|value| !value.is_empty());
        Ok(match set {
            Some(value) if value.to_ascii_lowercase().starts_with("vi") => Self::Vi,
            _ => Self::En,
        })
    }
}

impl std::str::FromStr for Lang {
    type Err = MessageError;

    fn from_str(text: &str) -> Result<Self, MessageError> {
        match text {
            "vi" => Ok(Self::Vi),
            "en" => Ok(Self::En),
            _ => Err(MessageError::UnknownLanguage { language: text.to_owned() }),
        }
    }
}

/// The texts of one language.
#[derive(Debug, Clone)]
pub struct Messages {
    lang: Lang,
    texts: BTreeMap<String, String>,
}

impl Messages {
    /// Reads the embedded texts of a language.
    #[must_use]
    pub fn new(lang: Lang) -> Self {
        let file = match lang {
            Lang::Vi => VI,
            Lang::En => EN,
        };
        let table: toml::Table =
            file.parse().expect("the embedded message files are valid TOML, which a test checks");
        let mut texts = BTreeMap::new();
        flatten("", table, &mut texts);
        Self { lang, texts }
    }

    /// Returns the language of these texts.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// Returns the text with this key (`table.name`), each `{name}` in it replaced by its value.
    ///
    /// Write keys and names as literals: the tidy test holds them against the files. A key that is
    /// not there is returned itself, because a missing text must not stop an inspection.
    /// `{name:one|many}` is `one` where the value of that name is 1, else `many`.
    #[must_use]
    pub fn text(&self, key: &str, values: &[(&str, &str)]) -> String {
        let Some(text) = self.texts.get(key) else { return key.to_owned() };
        let mut filled = String::with_capacity(text.len());
        let mut rest = text.as_str();
        // One pass, so that a value that holds braces is never filled in turn.
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, open)| Some((before, open.split_once('}')?)))
        {
            filled.push_str(before);
            let given = |name: &str| values.iter().find(|(given, _)| *given == name);
            match (given(name), numbered(name)) {
                (Some((_, value)), _) => filled.push_str(value),
                (None, Some((count, one, many))) => {
                    let is_one = given(count).is_some_and(|(_, value)| *value == "1");
                    filled.push_str(if is_one { one } else { many });
                }
                (None, None) => {
                    filled.push('{');
                    filled.push_str(name);
                    filled.push('}');
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// Splits `name:one|many`.
fn numbered(inside: &str) -> Option<(&str, &str, &str)> {
    let (name, words) = inside.split_once(':')?;
    let (one, many) = words.split_once('|')?;
    Some((name, one, many))
}

impl Messages {
    /// Returns the text with this key as it stands, if there is one: for keys that are put together,
    /// as those of the help texts are.
    #[must_use]
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// Returns all keys.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }
}

fn flatten(prefix: &str, table: toml::Table, into: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, into),
            toml::Value::String(text) => drop(into.insert(key, text)),
            // The test below refuses anything else.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        let inside = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
        // Only some languages have a word of their own for one.
        let mut names: Vec<_> = inside.filter(|inside| numbered(inside).is_none()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn both_languages_have_the_same_texts_with_the_same_values() {
        let (vi, en) = (Messages::new(Lang::Vi), Messages::new(Lang::En));
        assert_eq!(vi.texts.keys().collect::<Vec<_>>(), en.texts.keys().collect::<Vec<_>>());
        for (key, text) in &en.texts {
            assert_eq!(names(text), names(&vi.texts[key]), "{key}");
        }
    }

    #[test]
    fn message_files_hold_only_texts() {
        fn holds_only_texts(table: &toml::Table) -> bool {
            table.values().all(|value| match value {
                toml::Value::Table(inner) => holds_only_texts(inner),
                value => value.is_str(),
            })
        }
        for file in [VI, EN] {
            assert!(holds_only_texts(&file.parse().unwrap()));
        }
    }

    #[test]
    fn fills_in_values_once() {
        let texts = BTreeMap::from([("a.b".to_owned(), "{x} and {y} in {z".to_owned())]);
        let messages = Messages { lang: Lang::En, texts };
        assert_eq!(messages.text("a.b", &[("x", "{y}"), ("y", "2")]), "{y} and 2 in {z");
        assert_eq!(messages.text("a.b", &[("y", "2")]), "{x} and 2 in {z");
        assert_eq!(messages.text("a.gone", &[]), "a.gone");
    }

    #[test]
    fn one_thing_has_a_word_of_its_own_where_the_language_has() {
        let text = "{n} {n:file|files} of {all} {all:file|files}".to_owned();
        let messages =
            Messages { lang: Lang::En, texts: BTreeMap::from([("a.b".to_owned(), text)]) };
        let told = messages.text("a.b", &[("n", "1"), ("all", "12")]);
        assert_eq!(told, "1 file of 12 files");
    }

    #[test]
    fn the_flag_counts_before_the_environment() {
        let none = |_: &str| None;
        let set = |name: &'static str, value: &'static str| {
            move |asked: &str| (asked == name).then(|| value.to_owned())
        };
        assert_eq!(Lang::choose(None, none), Ok(Lang::En));
        assert_eq!(Lang::choose(None, set("LANG", "vi_VN.UTF-8")), Ok(Lang::Vi));
        assert_eq!(Lang::choose(None, set("LANG", "C.UTF-8")), Ok(Lang::En));
        assert_eq!(Lang::choose(None, set("BIENBAN_LANG", "")), Ok(Lang::En));
        assert_eq!(Lang::choose(Some("en"), set("BIENBAN_LANG", "vi")), Ok(Lang::En));
        let both =
            |name: &str| Some(if name == "BIENBAN_LANG" { "en" } else { "vi_VN" }.to_owned());
        assert_eq!(Lang::choose(None, both), Ok(Lang::En));
    }

    #[test]
    fn an_unknown_language_is_refused_by_name() {
        let refused = Lang::choose(Some("fr"), |_| None).unwrap_err();
        assert!(refused.to_string().contains("fr"), "{refused}");
        assert!(refused.explain(&Messages::new(Lang::Vi)).contains("“fr”"));
    }
}
