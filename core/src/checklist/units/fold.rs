//! How names are compared: case, accents and the place of the tone mark make no difference, and the
//! kind of unit before a name may be missing or shortened. Knows letters, not units.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::UnitKind;

/// Tone marks: they stand over another letter in *Hoà* than in *Hòa*, and mean the same.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// What people write before a name, as [`plain`] leaves it; longer ones first.
const KINDS: [(&str, UnitKind); 18] = [
    ("thanh pho", UnitKind::City),
    ("thi tran", UnitKind::Township),
    ("dac khu", UnitKind::SpecialZone),
    ("thi xa", UnitKind::Town),
    ("phuong", UnitKind::Ward),
    ("huyen", UnitKind::RuralDistrict),
    ("tinh", UnitKind::Province),
    ("quan", UnitKind::UrbanDistrict),
    ("xa", UnitKind::Commune),
    ("tp", UnitKind::City),
    ("tt", UnitKind::Township),
    ("dk", UnitKind::SpecialZone),
    ("tx", UnitKind::Town),
    ("p", UnitKind::Ward),
    ("h", UnitKind::RuralDistrict),
    ("t", UnitKind::Province),
    ("q", UnitKind::UrbanDistrict),
    ("x", UnitKind::Commune),
];

/// Returns the words of a text in lower case without accents, one blank between them.
pub(super) fn plain(text: &str) -> String {
    words(text, |word, out| {
        for letter in word.chars().filter(|letter| !is_combining_mark(*letter)) {
            out.push(if matches!(letter, 'đ' | 'ð') { 'd' } else { letter });
        }
    })
}

/// Returns the words of a text in lower case with each tone mark behind its word.
pub(super) fn spelled(text: &str) -> String {
    words(text, |word, out| {
        let letters = word.chars().filter(|letter| !TONES.contains(letter));
        let tones = word.chars().filter(|letter| TONES.contains(letter));
        // A tone that stood between two marks kept them from their order, so the word is ordered
        // anew without it; where marks meet behind the last letter the tones are ordered too.
        out.extend(letters.chain(tones).nfd());
    })
}

/// Returns the kind that a plain text begins with, and the name behind it.
pub(super) fn kind(plain: &str) -> Option<(UnitKind, &str)> {
    KINDS.iter().find_map(|(word, kind)| {
        let name = plain.strip_prefix(word)?.strip_prefix(' ')?;
        Some((*kind, name))
    })
}

/// Returns a spelled text without its first words, as many as `kind` took from the plain one.
pub(super) fn without_kind<'s>(spelled: &'s str, plain: &str, name: &str) -> &'s str {
    let taken = plain[..plain.len() - name.len()].matches(' ').count();
    spelled.splitn(taken + 1, ' ').last().unwrap_or_default()
}

/// Decomposes a text and writes each word of it: letters, marks and digits. Apostrophes vanish
/// (*Ea H'Leo*), zeros before a number too (*Phường 01*), everything else parts words.
fn words(text: &str, mut write: impl FnMut(&str, &mut String)) -> String {
    let inside = |mark: char| mark.is_alphanumeric() || is_combining_mark(mark);
    let apostrophe = |mark: char| matches!(mark, '\'' | '’' | '‘' | 'ʼ' | '`' | '´');
    // The lower case of some letters is composed anew, so it comes first.
    let lower: String = text.chars().flat_map(char::to_lowercase).nfd().collect();
    let kept: String = lower
        .chars()
        .filter(|mark| !apostrophe(*mark))
        .map(|mark| if inside(mark) { mark } else { ' ' })
        .collect();
    let mut out = String::with_capacity(kept.len());
    let mut written = String::new();
    for word in kept.split(' ') {
        // Marks that stand alone are no word, here as in [`plain`], so that words can be counted.
        if !word.chars().any(|mark| mark.is_alphanumeric() && !is_combining_mark(mark)) {
            continue;
        }
        written.clear();
        write(word, &mut written);
        let short = written.trim_start_matches('0');
        let number = written.bytes().all(|byte| byte.is_ascii_digit()) && !short.is_empty();
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if number { short } else { &written });
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    #[test]
    fn accents_case_and_marks_are_dropped() {
        for (text, folded) in [
            ("Bắc Sơn", "bac son"),
            ("ĐỒNG Ý", "dong y"),
            ("  Văn Miếu – Quốc Tử Giám ", "van mieu quoc tu giam"),
            ("Ea H’Leo", "ea hleo"),
            ("Phường 01", "phuong 1"),
            ("Phường 10", "phuong 10"),
            ("", ""),
            ("--", ""),
        ] {
            assert_eq!(plain(text), folded, "{text}");
        }
    }

    #[test]
    fn the_place_of_the_tone_mark_makes_no_difference_but_the_tone_does() {
        for (one, other) in
            [("Hoà", "Hòa"), ("Thuỷ", "Thủy"), ("HOẠ", "hoạ"), ("Huế", "Hu\u{ea}\u{301}")]
        {
            assert_eq!(spelled(one), spelled(other), "{one} {other}");
        }
        for (one, other) in [("Hòa", "Hóa"), ("Sơn", "Son"), ("Đa", "Da"), ("Bắc", "Bặc")] {
            assert_ne!(spelled(one), spelled(other), "{one} {other}");
            assert_eq!(plain(one), plain(other), "{one} {other}");
        }
    }

    #[test]
    fn the_kind_is_told_from_the_name() {
        for (text, found, name) in [
            ("Thị trấn Bắc Sơn", UnitKind::Township, "bac son"),
            ("TT. Bắc Sơn", UnitKind::Township, "bac son"),
            ("thị xã Kỳ Anh", UnitKind::Town, "ky anh"),
            ("Xã Bắc Sơn", UnitKind::Commune, "bac son"),
            ("P.1", UnitKind::Ward, "1"),
        ] {
            let text = plain(text);
            assert_eq!(kind(&text), Some((found, name)));
        }
        for text in ["Xã", "Bắc Sơn", "Phượng", "Tỉnhh X"] {
            assert_eq!(kind(&plain(text)), None, "{text}");
        }
        let text = "Thị trấn Bắc Sơn";
        let bare = plain(text);
        let (_, name) = kind(&bare).unwrap();
        assert_eq!(without_kind(&spelled(text), &bare, name), spelled("Bắc Sơn"));
    }

    #[test]
    fn marks_are_in_order_once_the_tone_has_left_them() {
        // A circumflex, a mark of another script under it, and tones on either side.
        for text in ["Ô'\u{a3c}", "o\u{302}\u{301}\u{a3c}", "a\u{a3c}\u{301}\u{302}x\u{323}"] {
            let decomposed: String = text.nfd().collect();
            assert_eq!(spelled(text), spelled(&decomposed), "{text:?}");
            assert_eq!(spelled(&spelled(text)), spelled(text), "{text:?}");
            assert_eq!(plain(&spelled(text)), plain(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_ignores_form_and_case_and_folds_no_further(text in "\\PC{0,40}") {
            let composed: String = text.nfc().collect();
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(plain(&composed), plain(&decomposed));
            prop_assert_eq!(spelled(&composed), spelled(&decomposed));
            prop_assert_eq!(plain(&plain(&text)), plain(&text));
            prop_assert_eq!(spelled(&spelled(&text)), spelled(&text));
            prop_assert_eq!(plain(&spelled(&text)), plain(&text));
        }

        #[test]
        fn vietnamese_words_fold_to_plain_letters_in_either_case(
            text in "[aàáảãạăằắẳẵặâầấẩẫậđeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵbcghklmnpqrstvx ]{0,30}",
        ) {
            let folded = plain(&text);
            prop_assert!(folded.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b' '));
            prop_assert_eq!(plain(&text.to_uppercase()), folded);
            prop_assert_eq!(spelled(&text.to_uppercase()), spelled(&text));
        }
    }
}
