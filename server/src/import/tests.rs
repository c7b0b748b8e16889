//! The import as a whole: good files in both formats, and each way in which a file can be bad.

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use super::*;
use crate::messages::{Lang, Messages};

const SAMPLE: &str = SAMPLE_CSV;
const HEADER: &str = "code,name,owner_kind,commune_code";

/// The lines that a person sees for a refused file, without the summary.
fn refused(result: Result<Vec<FacilityRow>, ImportError>) -> Vec<String> {
    match result {
        Err(ImportError::Rejected { problems, .. }) => {
            problems.iter().map(ToString::to_string).collect()
        }
        other => panic!("should have been rejected: {other:?}"),
    }
}

/// Checks that a cell under one more header, in an otherwise good row, is refused with these words.
fn refuses(header: &str, cell: &str, words: &str) {
    let text = format!("{HEADER},{header}\nA1,Chè,HTX,06325,\"{cell}\"\n");
    let lines = refused(facilities_from_csv(text.as_bytes()));
    assert_eq!(lines.len(), 1, "{lines:?}");
    let place = format!("row 2, column \"{header}\": ");
    assert!(lines[0].starts_with(&place) && lines[0].contains(words), "{lines:?}");
}

/// Writes a CSV text as a workbook, every cell a text but the coordinates, as people have it.
fn workbook_of(csv: &str, sheet: &str) -> Workbook {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    page.set_name(sheet).unwrap();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
    for (row, record) in reader.records().enumerate() {
        let row = u32::try_from(row).unwrap();
        for (column, cell) in record.unwrap().iter().enumerate() {
            let column = u16::try_from(column).unwrap();
            match cell.parse::<f64>() {
                Ok(degrees) if column == 9 || column == 10 => {
                    page.write_number(row, column, degrees).unwrap();
                }
                _ => drop(page.write_string(row, column, cell).unwrap()),
            }
        }
    }
    book
}

#[test]
fn the_sample_covers_six_communes_and_every_kind_of_use() {
    let rows = facilities_from_csv(SAMPLE.as_bytes()).unwrap();
    assert!(rows.len() >= 12);
    let communes: std::collections::BTreeSet<_> =
        rows.iter().map(|row| row.commune.as_str()).collect();
    let expected = ["06325", "06337", "06349", "06364", "06367", "06376"];
    assert_eq!(communes.into_iter().collect::<Vec<_>>(), expected);
    for product in ["Chè", "Quýt", "Gạo", "Bánh chưng", "Rượu"] {
        let found = rows.iter().flat_map(|row| &row.products).any(|name| name.starts_with(product));
        assert!(found, "{product}");
    }
}

#[test]
fn reads_every_column_of_a_row() {
    let rows = facilities_from_csv(SAMPLE.as_bytes()).unwrap();
    let expected = FacilityRow {
        row: 2,
        code: "BS-001".to_owned(),
        name: "HTX Chè Bắc Sơn Xanh".to_owned(),
        owner_kind: OwnerKind::Cooperative,
        commune: "06325".to_owned(),
        commune_column: "commune_code".to_owned(),
        village: Some("Thôn Nà Riềng".to_owned()),
        address: Some("Thôn Nà Riềng, xã Bắc Sơn, tỉnh Lạng Sơn".to_owned()),
        representative: Some("Dương Thị Mẫu".to_owned()),
        position: Some("Giám đốc".to_owned()),
        phone: Some("0912000001".to_owned()),
        latitude: Some("21.9012".to_owned()),
        longitude: Some("106.3178".to_owned()),
        products: vec!["Chè xanh Bắc Sơn".to_owned(), "Chè đinh".to_owned()],
    };
    assert_eq!(rows[0], expected);
}

#[test]
fn the_same_list_reads_the_same_from_csv_and_xlsx() {
    let bytes = workbook_of(SAMPLE, "Cơ sở").save_to_buffer().unwrap();
    assert_eq!(
        facilities_from_xlsx(&bytes).unwrap(),
        facilities_from_csv(SAMPLE.as_bytes()).unwrap()
    );
}

#[test]
fn reads_vietnamese_headers_semicolons_and_a_byte_order_mark() {
    let text = "\u{feff}Tên cơ sở;Mã cơ sở;MÃ XÃ;Loại hình;Vĩ độ;Kinh độ\r\n\
                Che\u{300} Xanh;A1;06325;Hợp tác xã;21,9012;106,3178\r\n";
    let rows = facilities_from_csv(text.as_bytes()).unwrap();
    // Composed, although typed decomposed.
    assert_eq!(rows[0].name, "Ch\u{e8} Xanh");
    assert_eq!((rows[0].commune.as_str(), rows[0].commune_column.as_str()), ("06325", "MÃ XÃ"));
    assert_eq!(rows[0].latitude.as_deref(), Some("21.9012"));
}

#[test]
fn takes_the_sheet_of_facilities_else_the_first() {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Ghi chú").unwrap().write_string(0, 0, "x").unwrap();
    let page = book.add_worksheet().set_name("Facilities").unwrap();
    for (column, header) in (0..).zip(HEADER.split(',')) {
        page.write_string(0, column, header).unwrap();
    }
    for (column, cell) in (0..).zip(["A1", "Chè", "HTX", "06325"]) {
        page.write_string(1, column, cell).unwrap();
    }
    assert_eq!(facilities_from_xlsx(&book.save_to_buffer().unwrap()).unwrap().len(), 1);

    let first = workbook_of(SAMPLE, "Tháng 11").save_to_buffer().unwrap();
    assert!(facilities_from_xlsx(&first).is_ok());
}

#[test]
fn reports_every_problem_of_a_file_at_once_and_imports_nothing() {
    let text = format!(
        "{HEADER}\nA1,Chè,HTX,06325\n,Quýt,HTX,06325\nA3,,chính phủ,6325\na1,Gạo,DN,06337\n"
    );
    let error = facilities_from_csv(text.as_bytes()).unwrap_err();
    let shown = error.to_string();
    let lines: Vec<_> = shown.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "nothing was imported; problems: 5, in rows: 3",
            "row 3, column \"code\": must not be empty",
            "row 4, column \"name\": must not be empty",
            "row 4, column \"owner_kind\": must be one of HTX, THT, DN, hộ, trang trại, hội",
            "row 4, column \"commune_code\": must be the five digits of a commune, leading zeros included, or its name",
            "row 5, column \"code\": the same code is in row 2; each facility has its own",
        ]
    );
    let vietnamese = error.explain(&Messages::new(Lang::Vi));
    assert!(vietnamese.contains("dòng 4, cột \"name\": không được để trống"), "{vietnamese}");
}

#[test]
fn refuses_a_header_that_lacks_doubles_or_invents_columns() {
    let lines = refused(facilities_from_csv(b"code,name,ten,colour\nA1,x,y,z\n"));
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].starts_with("row 1, column \"ten\": this column is there twice"));
    assert!(lines[1].starts_with("row 1, column \"colour\": this column means nothing here"));
    assert!(lines[2].starts_with("row 1, column \"owner_kind\": this column is missing"));
    assert!(lines[3].starts_with("row 1, column \"commune_code\": this column is missing"));
}

#[test]
fn refuses_a_cell_without_a_header() {
    let text = format!("{HEADER}\nA1,Chè, ngon,HTX,06325\n");
    let lines = refused(facilities_from_csv(text.as_bytes()));
    assert!(
        lines.iter().any(|line| line.starts_with("row 2, column \"E\": a cell without a header"))
    );
}

#[test]
fn refuses_cells_that_do_not_fit_their_column() {
    refuses("phone", "113", "telephone");
    refuses("village", &"a".repeat(CELL_CHARS_MAX + 1), "has 501 characters");
    refuses("village", "a\u{7}b", "cannot be shown");
    let many = "chè;".repeat(PRODUCTS_MAX + 1);
    refuses("products", &many, "names 31 products");
}

#[test]
fn refuses_codes_with_other_characters_or_too_many() {
    for code in ["Chè 1", "A1;B2", &"A".repeat(CODE_CHARS_MAX + 1)] {
        let text = format!("{HEADER}\n{code},Chè,HTX,06325\n");
        let lines = refused(facilities_from_csv(text.as_bytes()));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("letters without accents"), "{lines:?}");
    }
}

#[test]
fn refuses_commune_codes_that_are_not_five_digits() {
    for code in ["6325", "063250", "0632O", "20", "０６３２５"] {
        let text = format!("{HEADER}\nA1,Chè,HTX,{code}\n");
        let lines = refused(facilities_from_csv(text.as_bytes()));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("five digits"), "{lines:?}");
    }
}

#[test]
fn takes_the_name_of_a_commune_in_its_composed_form() {
    let text = format!("{HEADER}\nA1,Che\u{300},HTX,Nh\u{61}\u{302}\u{301}t Hòa\n");
    let rows = facilities_from_csv(text.as_bytes()).unwrap();
    assert_eq!((rows[0].name.as_str(), rows[0].commune.as_str()), ("Chè", "Nhất Hòa"));
}

#[test]
fn refuses_positions_that_are_half_swapped_foreign_or_no_degrees() {
    let position = |latitude: &str, longitude: &str| {
        let text = format!(
            "{HEADER},latitude,longitude\nA1,Chè,HTX,06325,\"{latitude}\",\"{longitude}\"\n"
        );
        facilities_from_csv(text.as_bytes())
    };
    assert!(position("21.9", "106.3").is_ok());
    assert!(position("", "").is_ok());
    for (latitude, longitude, words) in [
        ("21.9", "", "\"longitude\": must be given too"),
        ("", "106.3", "\"latitude\": must be given too"),
        ("106.3", "21.9", "changed places"),
        ("48.8", "106.3", "\"latitude\": lies outside Vietnam"),
        ("21.9", "2.3", "\"longitude\": lies outside Vietnam"),
        ("21°54'", "106.3", "\"latitude\": must be decimal degrees"),
        ("NaN", "106.3", "\"latitude\": must be decimal degrees"),
        ("1e1", "106.3", "\"latitude\": must be decimal degrees"),
    ] {
        let lines = refused(position(latitude, longitude));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(words), "{lines:?}");
    }
}

#[test]
fn refuses_codes_and_telephones_that_a_spreadsheet_keeps_as_numbers() {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    let headers = ["code", "name", "owner_kind", "commune_code", "phone", "village"];
    for (column, header) in (0..).zip(headers) {
        page.write_string(0, column, header).unwrap();
    }
    page.write_number(1, 0, 17).unwrap();
    page.write_string(1, 1, "Chè").unwrap();
    page.write_string(1, 2, "HTX").unwrap();
    page.write_number(1, 3, 6325).unwrap();
    page.write_number(1, 4, 912_345_678).unwrap();
    // Where leading zeros do not count, a number is as good as a text.
    page.write_number(1, 5, 3).unwrap();
    let lines = refused(facilities_from_xlsx(&book.save_to_buffer().unwrap()));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("format the column as text")), "{lines:?}");
    assert!(lines[1].starts_with("row 2, column \"commune_code\""), "{lines:?}");
}

#[test]
fn refuses_dates_truth_values_and_failed_formulas() {
    let mut book = workbook_of(SAMPLE, "facilities");
    let page = book.worksheet_from_name("facilities").unwrap();
    let day = ExcelDateTime::from_ymd(2026, 11, 23).unwrap();
    page.write_with_format(1, 4, &day, &Format::new().set_num_format("yyyy-mm-dd")).unwrap();
    page.write_boolean(2, 4, true).unwrap();
    page.write_formula(3, 4, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    let lines = refused(facilities_from_xlsx(&book.save_to_buffer().unwrap()));
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, words) in lines.iter().zip(["a date", "a truth value", "a formula that failed"]) {
        assert!(line.contains(words), "{lines:?}");
    }
}

#[test]
fn refuses_files_that_hold_nothing() {
    for text in ["", "\u{feff}", "\n\n", HEADER, ",,,\n"] {
        let error = facilities_from_csv(text.as_bytes()).unwrap_err();
        assert!(matches!(error, ImportError::Empty), "{text:?}: {error:?}");
    }
    let mut book = Workbook::new();
    book.add_worksheet();
    let error = facilities_from_xlsx(&book.save_to_buffer().unwrap()).unwrap_err();
    assert!(matches!(error, ImportError::Empty), "{error:?}");
}

#[test]
fn refuses_files_over_a_limit() {
    let long = vec![b'a'; usize::try_from(FILE_BYTES_MAX).unwrap() + 1];
    for result in [facilities_from_csv(&long), facilities_from_xlsx(&long)] {
        assert!(matches!(result, Err(ImportError::TooLarge { .. })));
    }
    let row = |number: usize| format!("A{number},Chè,HTX,06325\n");
    let fits: String = (0..ROWS_MAX).map(row).collect();
    assert_eq!(
        facilities_from_csv(format!("{HEADER}\n{fits}").as_bytes()).unwrap().len(),
        ROWS_MAX
    );
    let many = format!("{HEADER}\n{fits}{}", row(ROWS_MAX));
    let error = facilities_from_csv(many.as_bytes()).unwrap_err();
    assert!(matches!(error, ImportError::TooManyRows { limit: ROWS_MAX }), "{error:?}");

    let wide = format!("{HEADER}\nA1,Chè,HTX,06325{}x\n", ",".repeat(COLUMNS_MAX));
    let error = facilities_from_csv(wide.as_bytes()).unwrap_err();
    assert!(matches!(error, ImportError::TooManyColumns { row: 2, .. }), "{error:?}");
}

#[test]
fn a_cell_in_the_far_corner_costs_no_memory() {
    let mut book = workbook_of(SAMPLE, "facilities");
    let page = book.worksheet_from_name("facilities").unwrap();
    page.write_string(1_048_575, 16_383, "x").unwrap();
    let error = facilities_from_xlsx(&book.save_to_buffer().unwrap()).unwrap_err();
    assert!(matches!(error, ImportError::TooManyColumns { row: 1_048_576, .. }), "{error:?}");
}

#[test]
fn refuses_an_archive_that_inflates_beyond_the_limit() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..=(INFLATED_BYTES_MAX >> 20) {
        std::io::Write::write_all(&mut archive, &zeros).unwrap();
    }
    let bomb = archive.finish().unwrap().into_inner();
    assert!((bomb.len() as u64) < FILE_BYTES_MAX, "or the test would prove the wrong limit");
    let error = facilities_from_xlsx(&bomb).unwrap_err();
    assert!(matches!(error, ImportError::TooLarge { limit: INFLATED_BYTES_MAX }), "{error:?}");
}

#[test]
fn never_panics_on_a_workbook_cut_short_or_flipped() {
    let whole = workbook_of(SAMPLE, "facilities").save_to_buffer().unwrap();
    for at in (0..whole.len()).step_by(97) {
        assert!(facilities_from_xlsx(&whole[..at]).is_err(), "cut at {at}");
        let mut flipped = whole.clone();
        flipped[at] ^= 0x5a;
        drop(facilities_from_xlsx(&flipped));
    }
    assert!(facilities_from_xlsx(SAMPLE.as_bytes()).is_err());
}

#[test]
fn names_the_encoding_when_it_is_not_utf8() {
    let mut text = HEADER.as_bytes().to_vec();
    text.extend_from_slice(b"\nA1,Ch\xe8,HTX,06325\n");
    let error = facilities_from_csv(&text).unwrap_err();
    assert!(error.to_string().starts_with("line 2 is not UTF-8"), "{error}");
}

#[test]
fn reads_files_by_the_ending_of_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("list.CSV");
    std::fs::write(&csv, SAMPLE).unwrap();
    let xlsx = folder.path().join("list.xlsx");
    workbook_of(SAMPLE, "facilities").save(&xlsx).unwrap();
    assert_eq!(read_facilities(&csv).unwrap(), read_facilities(&xlsx).unwrap());

    let other = read_facilities(&folder.path().join("list.ods")).unwrap_err();
    assert!(matches!(other, ImportError::UnknownFormat { .. }), "{other:?}");
    let gone = read_facilities(&folder.path().join("gone.csv")).unwrap_err();
    assert!(matches!(gone, ImportError::Read { .. }), "{gone:?}");
    assert!(std::error::Error::source(&gone).is_some());
}
