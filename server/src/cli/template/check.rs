//! `template check`: whether checklists are valid, each fault with its place, and their counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bienban_core::checklist::{Fault, Template, TemplateError, overlaps};
use serde::Serialize;

use super::{Counts, bytes_of, embedded, embedded_as};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Page};
use crate::messages::{Lang, Messages};

/// Most folders inside one another: nobody sorts checklists deeper, and a whole disk is no folder of
/// checklists.
const FOLDER_DEPTH_MAX: usize = 8;
/// Most files and folders that are looked at for one name: a hundred times what the program holds.
const FOLDER_ENTRIES_MAX: usize = 5_000;

#[derive(Debug, Serialize)]
struct CheckData {
    valid: bool,
    rows: Vec<CheckRow>,
    overlaps: Vec<OverlapData>,
    total: Counts,
}

#[derive(Debug, Serialize)]
struct CheckRow {
    file: String,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    /// What is wrong with the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    faults: Vec<FaultData>,
}

#[derive(Debug, Serialize)]
struct TemplateData {
    id: String,
    format: u32,
    code: String,
    edition: String,
    official: bool,
    verified: bool,
    effective_from: String,
    effective_to: Option<String>,
    grading: &'static str,
}

#[derive(Debug, Serialize)]
struct FaultData {
    pointer: String,
    section: Option<String>,
    item: Option<String>,
    position: Option<usize>,
    problem: String,
}

#[derive(Debug, Serialize)]
struct OverlapData {
    code: String,
    first: String,
    second: String,
    from: String,
    to: Option<String>,
}

/// Checks files, folders, and the checklists inside this program.
pub(super) fn check(
    files: &[String],
    with_embedded: bool,
    m: &Messages,
) -> Result<Answer, CliError> {
    let mut data =
        CheckData { valid: true, rows: Vec::new(), overlaps: Vec::new(), total: Counts::default() };
    let mut valid = Vec::new();
    if with_embedded {
        for (name, bytes) in embedded() {
            one(&name, &bytes, &mut data, &mut valid, m);
        }
    }
    for name in listed(files, m)? {
        match bytes_of(&name) {
            Ok(bytes) => one(&name, &bytes, &mut data, &mut valid, m),
            Err(error) => data.rows.push(CheckRow::unread(name, &error, m)),
        }
    }
    // One anomaly of the decision stands in every set that it concerns.
    let anomalies: BTreeMap<_, _> = valid
        .iter()
        .flat_map(Template::anomalies)
        .map(|anomaly| ((&anomaly.id, &anomaly.vi), anomaly.needs_person))
        .collect();
    data.total.anomalies = anomalies.len();
    data.total.needs_person = anomalies.values().filter(|person| **person).count();
    data.overlaps = overlaps(&valid).into_iter().map(OverlapData::of).collect();
    data.valid = data.overlaps.is_empty() && data.rows.iter().all(|row| row.valid);
    let code = u8::from(!data.valid);
    Ok(Answer::new(&data, page(&data, m))?.with_code(code))
}

/// Returns the files asked for, with those of folders and of the folders inside them in the order of
/// their names.
fn listed(files: &[String], m: &Messages) -> Result<Vec<String>, CliError> {
    let mut listed = Vec::new();
    for name in files {
        let path = Path::new(name);
        if embedded_as(name).is_some() || !path.is_dir() {
            listed.push(name.clone());
            continue;
        }
        let mut folder = Folder { name, seen: 0, m };
        let mut inside = Vec::new();
        folder.enter(path, 0, &mut inside)?;
        inside.sort_unstable();
        listed.extend(inside.iter().map(|file| file.to_string_lossy().into_owned()));
    }
    Ok(listed)
}

/// A folder that is looked through.
struct Folder<'a> {
    name: &'a str,
    /// Files and folders seen so far.
    seen: usize,
    m: &'a Messages,
}

impl Folder<'_> {
    fn enter(
        &mut self,
        path: &Path,
        depth: usize,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), CliError> {
        if depth > FOLDER_DEPTH_MAX {
            return Err(self.over("template.folder_deep", FOLDER_DEPTH_MAX));
        }
        let failed = |source| CliError::File { path: path.to_owned(), source };
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            self.seen += 1;
            if self.seen > FOLDER_ENTRIES_MAX {
                return Err(self.over("template.folder_large", FOLDER_ENTRIES_MAX));
            }
            let file = entry.path();
            // A link to a folder is not followed: it may lead back here.
            if entry.file_type().map_err(failed)?.is_dir() {
                self.enter(&file, depth + 1, found)?;
            } else if file.extension().is_some_and(|extension| extension == "json") {
                found.push(file);
            }
        }
        Ok(())
    }

    fn over(&self, key: &str, limit: usize) -> CliError {
        let limit = limit.to_string();
        CliError::Usage { what: self.m.text(key, &[("folder", self.name), ("limit", &limit)]) }
    }
}

fn one(name: &str, bytes: &[u8], data: &mut CheckData, valid: &mut Vec<Template>, m: &Messages) {
    let row = match Template::parse(bytes) {
        Ok(template) => {
            let counts = Counts::of(&template);
            data.total.add(&counts);
            let described = TemplateData::of(&template);
            valid.push(template);
            CheckRow {
                file: name.to_owned(),
                valid: true,
                template: Some(described),
                counts: Some(counts),
                problem: None,
                faults: Vec::new(),
            }
        }
        Err(error) => CheckRow {
            file: name.to_owned(),
            valid: false,
            template: None,
            counts: None,
            problem: match &error {
                TemplateError::Faults { .. } => None,
                whole => Some(whole.to_string()),
            },
            faults: error.faults().iter().map(|fault| FaultData::of(fault, m)).collect(),
        },
    };
    data.rows.push(row);
}

fn page(data: &CheckData, m: &Messages) -> Page {
    let mut page = Page::new();
    for row in &data.rows {
        let file = row.file.as_str();
        if let (Some(template), Some(counts)) = (&row.template, &row.counts) {
            page.line(m.text(
                "template.valid",
                &[
                    ("file", file),
                    ("code", &template.code),
                    ("edition", &template.edition),
                    ("counts", &counts.line(m)),
                ],
            ));
            continue;
        }
        let number = row.faults.len().max(1).to_string();
        page.line(m.text("template.invalid", &[("file", file), ("faults", &number)]));
        if let Some(problem) = &row.problem {
            page.block(2, problem);
        }
        for fault in &row.faults {
            page.block(2, &fault.problem);
        }
    }
    for overlap in &data.overlaps {
        page.line(m.text(
            "template.overlap",
            &[
                ("code", &overlap.code),
                ("first", &overlap.first),
                ("second", &overlap.second),
                ("day", &overlap.from),
            ],
        ));
    }
    let valid = data.rows.iter().filter(|row| row.valid).count();
    page.line(m.text(
        "template.checked",
        &[
            ("files", &data.rows.len().to_string()),
            ("valid", &valid.to_string()),
            ("counts", &data.total.line(m)),
        ],
    ));
    page
}

impl CheckRow {
    /// Returns the row of a file that could not be read: its fault, while the others are still told.
    fn unread(file: String, error: &CliError, m: &Messages) -> Self {
        Self {
            file,
            valid: false,
            template: None,
            counts: None,
            problem: Some(error.in_one_line(m)),
            faults: Vec::new(),
        }
    }
}

impl TemplateData {
    fn of(template: &Template) -> Self {
        Self {
            id: template.id().to_string(),
            format: template.format(),
            code: template.code().to_owned(),
            edition: template.edition().to_owned(),
            official: template.is_official(),
            verified: template.verified().is_some(),
            effective_from: template.effective_from().to_owned(),
            effective_to: template.effective_to().map(str::to_owned),
            grading: template.grading().name(),
        }
    }
}

impl FaultData {
    fn of(fault: &Fault, m: &Messages) -> Self {
        Self {
            pointer: fault.pointer.clone(),
            section: fault.section.clone(),
            item: fault.item.clone(),
            position: fault.position,
            problem: local(m, fault),
        }
    }
}

/// Returns a fault in the language of the reader.
fn local(m: &Messages, fault: &Fault) -> String {
    match m.lang() {
        Lang::Vi => fault.vi(),
        Lang::En => fault.to_string(),
    }
}

impl OverlapData {
    fn of(overlap: bienban_core::checklist::Overlap) -> Self {
        Self {
            code: overlap.code,
            first: overlap.first,
            second: overlap.second,
            from: overlap.from,
            to: overlap.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use bienban_core::checklist::ocop_sets;

    use super::*;

    fn checked(files: &[String], with_embedded: bool) -> (u8, String) {
        let m = Messages::new(Lang::En);
        let answer = check(files, with_embedded, &m).unwrap();
        (answer.code(), answer.text().to_owned())
    }

    #[test]
    fn every_checklist_inside_is_valid_and_counted() {
        let (code, text) = checked(&[], true);
        assert_eq!(code, 0, "{text}");
        let last = text.lines().last().unwrap();
        // The checks of recognised products have the criteria, options and gates of the sets once more.
        for count in
            ["54 of 54", "1574 criteria", "5114 options", "358/580/212", "41 anomalies, 19"]
        {
            assert!(last.contains(count), "{count} is not in: {last}");
        }
        let sets: Vec<String> = ocop_sets().iter().map(|(code, _)| (*code).to_owned()).collect();
        let (code, text) = checked(&sets, false);
        assert_eq!(code, 0, "{text}");
        let last = text.lines().last().unwrap();
        for count in ["26 of 26", "787 criteria", "2557 options", "179/290/106"] {
            assert!(last.contains(count), "{count} is not in: {last}");
        }
    }

    #[test]
    fn a_folder_is_checked_file_by_file_and_two_editions_of_one_day_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let tea = String::from_utf8(bytes_of("tea").unwrap()).unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.json", &tea);
        write("b.json", &tea.replace("\"edition\": \"0\"", "\"edition\": \"9\""));
        write("note.txt", "no checklist");
        let path = folder.path().to_string_lossy().into_owned();
        let (code, text) = checked(std::slice::from_ref(&path), false);
        assert_eq!(code, 1);
        assert!(text.contains("2 of 2") && text.contains("CL-CHE"), "{text}");
        write("c.json", "{");
        write("d.json", &tea.replace("\"key\": \"1.2\"", "\"key\": \"1.1\""));
        let (code, text) = checked(&[path], false);
        assert_eq!(code, 1);
        assert!(text.contains("2 of 4") && text.contains("/sections/0/items/1/key"), "{text}");
    }

    #[test]
    fn folders_inside_a_folder_are_entered_down_to_a_limit() {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/data/templates").to_owned();
        let (code, text) = checked(&[data], false);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("28 of 28"), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let level = |depth| (0..depth).fold(folder.path().to_owned(), |at, _| at.join("d"));
        let deepest = level(FOLDER_DEPTH_MAX);
        std::fs::create_dir_all(&deepest).unwrap();
        std::fs::write(deepest.join("tea.json"), bytes_of("tea").unwrap()).unwrap();
        let name = folder.path().to_string_lossy().into_owned();
        let (code, text) = checked(std::slice::from_ref(&name), false);
        assert!(code == 0 && text.contains("1 of 1"), "{text}");
        std::fs::create_dir(level(FOLDER_DEPTH_MAX + 1)).unwrap();
        for lang in [Lang::En, Lang::Vi] {
            let m = Messages::new(lang);
            let error = check(std::slice::from_ref(&name), false, &m).err().unwrap();
            assert_eq!(error.failed().code(), 2);
            let told = error.explain(crate::cli::folder::At::Field, &m);
            assert!(told.contains(&name) && told.contains(&FOLDER_DEPTH_MAX.to_string()), "{told}");
        }
    }

    #[test]
    fn a_folder_of_too_many_files_is_refused_and_not_half_checked() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..=FOLDER_ENTRIES_MAX {
            std::fs::write(folder.path().join(n.to_string()), "").unwrap();
        }
        let name = folder.path().to_string_lossy().into_owned();
        let error = check(&[name], false, &Messages::new(Lang::En)).err().unwrap();
        assert!(matches!(error, CliError::Usage { .. }), "{error}");
    }

    #[test]
    fn faults_are_told_in_the_language_of_the_reader() {
        let folder = tempfile::tempdir().unwrap();
        let tea = String::from_utf8(bytes_of("tea-1").unwrap()).unwrap();
        let file = folder.path().join("tea.json");
        let wrong = tea.replacen("\"key\": \"1.2\"", "\"key\": \"1.1\"", 1);
        let wrong = wrong.replacen("\"relevant\": \"", "\"relevant\": \"${nowhere} = 1 and ", 1);
        assert_ne!(wrong, tea);
        std::fs::write(&file, wrong).unwrap();
        let name = file.to_string_lossy().into_owned();
        let told = |lang| {
            let answer = check(std::slice::from_ref(&name), false, &Messages::new(lang)).unwrap();
            answer.text().to_owned()
        };
        let (vi, en) = (told(Lang::Vi), told(Lang::En));
        assert!(en.contains("1.1 is used before, at /sections/1/items/0/key"), "{en}");
        assert!(vi.contains("1.1 đã dùng ở /sections/1/items/0/key"), "{vi}");
        assert!(en.contains("no item or repeat group is named nowhere"), "{en}");
        assert!(vi.contains("không có chỉ tiêu hay nhóm lặp nào tên nowhere"), "{vi}");
        for english in [" used before", "no item", ", character", "section ", "choose"] {
            assert!(!vi.contains(english), "{english}: {vi}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_fault_of_its_own_and_the_others_are_checked() {
        let files = ["tea", "no-such.json", "OCPO-03", "OCOP-03"].map(str::to_owned);
        let answer = check(&files, false, &Messages::new(Lang::En)).unwrap();
        assert_eq!(answer.code(), 1);
        let text = answer.text();
        assert!(text.contains("2 of 4"), "{text}");
        assert!(text.contains("no-such.json: NOT valid"), "{text}");
        assert!(text.contains("look at the path"), "{text}");
        assert!(text.contains("OCOP-03?"), "{text}");
        let rows = answer.data()["rows"].as_array().unwrap();
        let valid: Vec<_> = rows.iter().map(|row| row["valid"].as_bool().unwrap()).collect();
        assert_eq!(valid, [true, false, false, true]);
        assert!(rows[1]["problem"].as_str().unwrap().contains("no-such.json"), "{}", rows[1]);
        let answer = check(&files, false, &Messages::new(Lang::Vi)).unwrap();
        assert!(answer.text().contains("xem lại đường dẫn"), "{}", answer.text());
    }
}
