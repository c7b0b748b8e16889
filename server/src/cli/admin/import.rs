//! Facilities from a file: all rows or none, and a facility that is known by its code is brought up
//! to date instead of made twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bienban_core::checklist::{Resolved, Unit};
use bienban_core::client::{Client, ClientError};
use bienban_core::clock;
use bienban_core::model::{
    DocumentId, FacilityInput, FacilityView, Kind, OwnerKind, Product, Register, Scope, Told,
};
use bienban_core::replica::units;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::causes;
use crate::cli::error::{CellProblem, CliError};
use crate::cli::output::{Answer, Output, Page};
use crate::import::{self, FacilityRow, ImportError, OwnerKind as Owner, Place, Problem};
use crate::messages::Messages;

/// What the columns of a file with facilities take.
const COLUMNS: &str = "\
The first row names the columns, in English or Vietnamese, in any order; others are refused. Every row needs code, name, owner_kind and commune_code.
  code            (mã cơ sở) tells facilities apart; a known code is brought up to date
  name            (tên cơ sở)
  owner_kind      (loại hình) cooperative (HTX), cooperative_group (THT), enterprise (DN), household (hộ), farm (trang trại), association (hội)
  commune_code    (mã xã) five digits, also of before July 2025, or a name: Tân Tri, Lạng Sơn
  village         (thôn)
  address         (địa chỉ sản xuất)
  representative  (người đại diện)
  position        (chức vụ) of the representative
  phone           (điện thoại) ten digits from 0, or eleven; +84 too
  latitude        (vĩ độ) decimal degrees, together with longitude
  longitude       (kinh độ)
  products        (sản phẩm) several with ; between";

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Import facilities from CSV or XLSX.
    #[command(after_help = COLUMNS)]
    Facilities(FacilitiesArgs),
}

#[derive(Debug, Args)]
pub(super) struct FacilitiesArgs {
    /// The file; its first row names the columns.
    file: PathBuf,
    /// Check everything and say what would be done, but do nothing.
    #[arg(long)]
    dry_run: bool,
}

impl ImportCommand {
    pub(super) fn writes(&self) -> bool {
        let Self::Facilities(arguments) = self;
        !arguments.dry_run
    }
}

/// Candidates that an error names; a name that fits more communes needs its province.
const CANDIDATES_MAX: usize = 6;

/// What an import did, or would do.
#[derive(Debug, Serialize)]
struct ImportData {
    rows: usize,
    made: usize,
    updated: usize,
    unchanged: usize,
    dry_run: bool,
    facilities: Vec<ImportedRow>,
}

#[derive(Debug, Serialize)]
struct ImportedRow {
    row: u32,
    code: String,
    name: String,
    /// The code of the commune in force.
    commune: String,
    /// The unit of before July 2025 that the file names, and that became the commune.
    former_commune: Option<FormerRow>,
    /// None when a dry run would make it.
    id: Option<String>,
    /// One of made, updated, unchanged.
    done: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct FormerRow {
    code: String,
    title: String,
}

/// A facility that is here already.
struct Known {
    document: DocumentId,
    scope: Scope,
    view: FacilityView,
}

/// A row that passed every check.
struct Checked<'k> {
    row: FacilityRow,
    scope: Scope,
    former: Option<FormerRow>,
    known: Option<&'k Known>,
}

/// Imports from a file.
pub(super) fn run(
    client: &Client,
    command: &ImportCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    let ImportCommand::Facilities(arguments) = command;
    let m = output.messages();
    let read = import::read_facilities(&arguments.file);
    let known = known(client)?;
    let mut check = Check { client, known: &known, found: Vec::new(), of_rights: 0 };
    let checked = match read {
        Ok(rows) => check.rows(rows, m)?,
        Err(ImportError::Rejected { problems, places }) => {
            check.found = problems.iter().map(|problem| cell(problem, m)).collect();
            for place in &places {
                check.located(place, m);
            }
            return Err(check.wrong(m));
        }
        Err(error) => return Err(rejected(&error, m)),
    };
    let bar = output.bar(checked.len() as u64, m.text("import.running", &[]));
    let facilities = take(client, &checked, arguments.dry_run)?;
    bar.finish_and_clear();
    let count = |done| facilities.iter().filter(|row| row.done == done).count();
    let data = ImportData {
        rows: facilities.len(),
        made: count("made"),
        updated: count("updated"),
        unchanged: count("unchanged"),
        dry_run: arguments.dry_run,
        facilities,
    };
    let [rows, made, updated, unchanged] =
        [data.rows, data.made, data.updated, data.unchanged].map(|count| count.to_string());
    let counts = [
        ("rows", rows.as_str()),
        ("made", &made),
        ("updated", &updated),
        ("unchanged", &unchanged),
    ];
    let mut page = Page::new();
    page.line(m.text("import.done", &counts));
    for row in &data.facilities {
        former_line(&mut page, row, m);
    }
    if data.dry_run {
        page.line(m.text("import.dry_run", &[]));
    }
    Answer::new(&data, page)
}

/// Says where a file that names a unit of before July 2025 was understood as a commune of today.
fn former_line(page: &mut Page, row: &ImportedRow, m: &Messages) {
    let Some(former) = &row.former_commune else { return };
    let unit = row.commune.parse().ok().and_then(|code| units().unit(&code));
    let title = unit.map(|unit| units().full_title(&unit)).unwrap_or_default();
    let number = row.row.to_string();
    let values = [
        ("row", number.as_str()),
        ("former", &former.title),
        ("former_code", &former.code),
        ("commune", &title),
        ("code", &row.commune),
    ];
    page.line(m.text("import.commune_former", &values));
}

/// Reads every facility that is here, by its code as [`folded`] leaves it. The import is the one
/// command that compares every field, so it opens them all.
fn known(client: &Client) -> Result<BTreeMap<String, Known>, CliError> {
    let mut known = BTreeMap::new();
    for row in client.all(Kind::Facility)? {
        let document = client.phone().replica().load(row.document).map_err(ClientError::from)?;
        let Some(view) = document.view().facility() else { continue };
        if let Some(code) = view.field("code").map(folded) {
            // Of two facilities with one code the one that was changed last is brought up to date.
            known.entry(code).or_insert(Known { document: row.document, scope: row.scope, view });
        }
    }
    Ok(known)
}

fn folded(code: &str) -> String {
    code.trim().to_lowercase()
}

/// Checks what the file alone cannot tell: that communes exist, that no facility moves, and that this device
/// may write there. `found` is what is wrong with the file alone; all of it is told at once.
struct Check<'k> {
    client: &'k Client,
    known: &'k BTreeMap<String, Known>,
    found: Vec<CellProblem>,
    /// Those of them that are about rights: alone they are no fault of the file.
    of_rights: usize,
}

impl<'k> Check<'k> {
    fn rows(mut self, rows: Vec<FacilityRow>, m: &Messages) -> Result<Vec<Checked<'k>>, CliError> {
        let mut checked = Vec::with_capacity(rows.len());
        for row in rows {
            let (code, commune) = (Some(row.code.clone()), row.commune.clone());
            let column = row.commune_column.clone();
            let place = Place { row: row.row, code, commune, column };
            if let Some((scope, former, known)) = self.located(&place, m) {
                checked.push(Checked { row, scope, former, known });
            }
        }
        if self.found.is_empty() {
            return Ok(checked);
        }
        Err(self.wrong(m))
    }

    /// Says where a row's facility lies, or notes what is wrong with that.
    fn located(
        &mut self,
        place: &Place,
        m: &Messages,
    ) -> Option<(Scope, Option<FormerRow>, Option<&'k Known>)> {
        let (scope, former) = match units().resolve(&place.commune) {
            Resolved::Now(unit) => (unit.code, None),
            Resolved::Became { former, unit } => {
                let title = former.title();
                (unit.code, Some(FormerRow { code: former.code, title }))
            }
            Resolved::Several { candidates } => {
                let values = [("code", place.commune.as_str()), ("units", &named(&candidates))];
                return self.problem(place, m.text("import.commune_several", &values));
            }
            Resolved::Unknown => {
                let values = [("code", place.commune.as_str())];
                return self.problem(place, m.text("import.commune_unknown", &values));
            }
        };
        let known = place.code.as_deref().and_then(|code| self.known.get(&folded(code)));
        if let Some(known) = known.filter(|known| known.scope != scope) {
            let values = [("commune", known.scope.as_str())];
            return self.problem(place, m.text("import.commune_moved", &values));
        }
        if let Err(error @ ClientError::NotHere { .. }) =
            self.client.check_may_write(Kind::Facility, &scope)
        {
            let why = causes::of_client(&error, m).unwrap_or_else(|| error.to_string());
            self.of_rights += 1;
            return self.problem(place, why);
        }
        Some((scope, former, known))
    }

    fn problem<T>(&mut self, place: &Place, problem: String) -> Option<T> {
        self.found.push(CellProblem { row: place.row, column: place.column.clone(), problem });
        None
    }

    /// Returns everything that is wrong, row by row.
    fn wrong(mut self, m: &Messages) -> CliError {
        let refused = self.of_rights == self.found.len();
        self.found.sort_by_key(|problem| problem.row);
        listed(self.found, refused, m)
    }
}

/// Returns candidates as an error lists them.
fn named(candidates: &[Unit]) -> String {
    let shown = candidates.iter().take(CANDIDATES_MAX);
    let mut names: Vec<String> =
        shown.map(|unit| format!("{} {}", unit.code, units().full_title(unit))).collect();
    if candidates.len() > CANDIDATES_MAX {
        names.push("…".to_owned());
    }
    names.join("; ")
}

/// Makes and updates all facilities, or none.
fn take(
    client: &Client,
    checked: &[Checked<'_>],
    dry_run: bool,
) -> Result<Vec<ImportedRow>, CliError> {
    let mut facilities = Vec::with_capacity(checked.len());
    for entry in checked {
        let place = entry.known.map(|known| known.document).ok_or_else(|| entry.scope.clone());
        facilities.push((place, input(entry)?));
    }
    let done: Vec<(Option<DocumentId>, bool)> = if dry_run {
        let would = checked.iter().zip(&facilities).map(|(entry, (_, input))| {
            let changed = entry.known.is_none_or(|known| !is_same(input, &known.view));
            (entry.known.map(|known| known.document), changed)
        });
        would.collect()
    } else {
        let put = client.put_facilities(&facilities)?;
        put.into_iter().map(|(document, changed)| (Some(document), changed)).collect()
    };
    let rows = checked.iter().zip(done).map(|(entry, (id, changed))| ImportedRow {
        row: entry.row.row,
        code: entry.row.code.clone(),
        name: entry.row.name.clone(),
        commune: entry.scope.to_string(),
        former_commune: entry.former.clone(),
        id: id.map(|id| id.to_string()),
        done: match (entry.known.is_some(), changed) {
            (false, _) => "made",
            (true, true) => "updated",
            (true, false) => "unchanged",
        },
    });
    Ok(rows.collect())
}

fn input(entry: &Checked<'_>) -> Result<FacilityInput, CliError> {
    let row = &entry.row;
    let mut products = Vec::new();
    for name in &row.products {
        // A product that is known by its name is left as it is, with what else is known of it.
        if !entry.known.is_some_and(|known| has_product(&known.view, name)) {
            let id = clock::random::<16>().map_err(ClientError::from)?;
            products.push((id, Product { name: name.clone(), ..Product::default() }));
        }
    }
    Ok(FacilityInput {
        name: row.name.clone(),
        owner_kind: Some(owner_kind(row.owner_kind)),
        code: Some(row.code.clone()),
        commune: Some(entry.scope.clone()),
        village: row.village.clone(),
        address: row.address.clone(),
        representative: row.representative.clone(),
        position: row.position.clone(),
        phone: row.phone.clone(),
        latitude: row.latitude.clone(),
        longitude: row.longitude.clone(),
        products,
    })
}

fn has_product(view: &FacilityView, name: &str) -> bool {
    let named = |register: &Register<Told<Product>>| {
        register
            .all()
            .iter()
            .any(|said| said.value.valid().is_some_and(|product| product.name == name))
    };
    view.products.values().any(named)
}

/// Returns whether an update would change nothing, as [`Client::put_facilities`] would find.
fn is_same(input: &FacilityInput, view: &FacilityView) -> bool {
    let kind = input.owner_kind.map(OwnerKind::name);
    let pairs = [
        ("name", Some(input.name.as_str())),
        ("owner_kind", kind),
        ("code", input.code.as_deref()),
        ("commune", input.commune.as_ref().map(Scope::as_str)),
        ("village", input.village.as_deref()),
        ("address", input.address.as_deref()),
        ("representative", input.representative.as_deref()),
        ("position", input.position.as_deref()),
        ("phone", input.phone.as_deref()),
        ("latitude", input.latitude.as_deref()),
        ("longitude", input.longitude.as_deref()),
    ];
    input.products.is_empty()
        && pairs.into_iter().all(|(name, value)| value.is_none() || view.field(name) == value)
}

fn owner_kind(owner: Owner) -> OwnerKind {
    match owner {
        Owner::Cooperative => OwnerKind::Cooperative,
        Owner::CooperativeGroup => OwnerKind::CooperativeGroup,
        Owner::Enterprise => OwnerKind::Enterprise,
        Owner::Household => OwnerKind::Household,
        Owner::Farm => OwnerKind::Farm,
        Owner::Association => OwnerKind::Association,
    }
}

fn cell(problem: &Problem, m: &Messages) -> CellProblem {
    CellProblem {
        row: problem.row,
        column: problem.column.clone(),
        problem: problem.kind.explain(m),
    }
}

fn rejected(error: &ImportError, m: &Messages) -> CliError {
    if let ImportError::Read { path, source } = error {
        let source = std::io::Error::new(source.kind(), Arc::clone(source));
        return CliError::File { path: path.into(), source };
    }
    CliError::Import { what: error.explain(m), problems: Vec::new(), refused: false }
}

fn listed(problems: Vec<CellProblem>, refused: bool, m: &Messages) -> CliError {
    let rows: std::collections::BTreeSet<u32> = problems.iter().map(|p| p.row).collect();
    let [count, rows] = [problems.len(), rows.len()].map(|count| count.to_string());
    let head = m.text("import.rejected", &[("problems", &count), ("rows", &rows)]);
    let lines = problems.iter().map(|problem| {
        let row = problem.row.to_string();
        let values =
            [("row", row.as_str()), ("column", &problem.column), ("problem", &problem.problem)];
        m.text("import.at", &values)
    });
    let what = std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n  ");
    CliError::Import { what, problems, refused }
}

#[cfg(test)]
mod columns {
    use super::*;
    use crate::import::Column;
    use crate::messages::Lang;

    #[test]
    fn the_help_and_the_documentation_name_every_column_and_kind_of_owner() {
        let page = include_str!("../../../../docs/cli.md");
        let help = |lang| {
            let m = Messages::new(lang);
            m.find("help.admin.import.facilities.after_help").unwrap_or_default().to_owned()
        };
        let [vi, en] = [Lang::Vi, Lang::En].map(help);
        assert_eq!(en, COLUMNS);
        for column in Column::ALL {
            let name = column.name();
            assert!(en.contains(&format!("\n  {name} ")), "{name}");
            assert!(vi.contains(&format!("\n  {name} ")), "{name}");
            let row = format!("| `{name}` |{}|", if column.needed() { " yes " } else { " " });
            assert!(page.contains(&row), "docs/cli.md lacks {row}");
        }
        for kind in Owner::ALL {
            for text in [&en, &vi, page] {
                assert!(text.contains(kind.name()), "{}", kind.name());
            }
        }
    }
}
