//! What people read, in Vietnamese and English, from files embedded in the library.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const VI: &str = include_str!("../messages/vi.toml");
const EN: &str = include_str!("../messages/en.toml");

/// A text in Vietnamese and English.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct LocalText {
    /// Vietnamese: the official one.
    pub vi: String,
    /// English; the Vietnamese text where there is no translation.
    pub en: String,
}

impl LocalText {
    /// Returns a text that is the same in both languages, as what people typed is.
    pub(crate) fn plain(text: &str) -> Self {
        Self { vi: text.to_owned(), en: text.to_owned() }
    }
}

/// Texts by their file's table and key.
type Texts = BTreeMap<String, String>;

fn files() -> &'static [Texts; 2] {
    static FILES: OnceLock<[Texts; 2]> = OnceLock::new();
    FILES.get_or_init(|| [read(VI), read(EN)])
}

fn read(file: &str) -> Texts {
    let table: toml::Table = file.parse().expect("a test reads the embedded texts");
    let mut texts = Texts::new();
    for (name, keys) in table {
        for (key, text) in keys.as_table().into_iter().flatten() {
            let text = text.as_str().unwrap_or_default().to_owned();
            drop(texts.insert(format!("{name}.{key}"), text));
        }
    }
    texts
}

/// Returns a text by its key, for instance `error.network`; the key itself where there is none.
pub(crate) fn text(key: &str) -> LocalText {
    let [vi, en] = files();
    let of = |texts: &Texts| texts.get(key).map_or_else(|| key.to_owned(), Clone::clone);
    LocalText { vi: of(vi), en: of(en) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_exists_in_both_languages_and_says_something() {
        let [vi, en] = files();
        let keys = |texts: &Texts| texts.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(vi), keys(en));
        assert!(vi.values().chain(en.values()).all(|text| !text.trim().is_empty()));
        assert_eq!(text("grade.pass").vi, "Đạt");
    }
}
