//! A markdown table over sizes, with the power by which each column grows with them below it.

use std::time::Duration;

use bienban_tests::gauge;

/// A column: its heading, and digits behind the point.
pub(crate) type Column = (&'static str, usize);

/// What was measured for each size.
pub(crate) struct Table {
    title: String,
    size: &'static str,
    columns: Vec<Column>,
    rows: Vec<(f64, Vec<f64>)>,
}

impl Table {
    /// A table whose rows are called by `size`.
    pub(crate) fn new(title: impl Into<String>, size: &'static str, columns: &[Column]) -> Self {
        Self { title: title.into(), size, columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds what was measured for a size.
    pub(crate) fn row(&mut self, size: u32, values: Vec<f64>) {
        assert_eq!(values.len(), self.columns.len(), "a value for each column");
        eprintln!("  {}: {size} {}", self.title, self.size);
        self.rows.push((f64::from(size), values));
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        let headings: String = self.columns.iter().map(|(name, _)| format!(" {name} |")).collect();
        println!("\n{}:\n", self.title);
        println!("| {} |{headings}", self.size);
        println!("|---|{}", "---|".repeat(self.columns.len()));
        for (size, values) in &self.rows {
            let cells = values.iter().zip(&self.columns);
            let cells: String = cells
                .map(|(value, (_, digits))| format!(" {} |", figure(*value, *digits)))
                .collect();
            println!("| {} |{cells}", figure(*size, 0));
        }
        if self.rows.len() > 1 {
            let powers: String = (0..self.columns.len()).map(|at| self.power(at)).collect();
            println!("| power of the size |{powers}");
        }
    }

    /// Nothing where a cost is 0 for some size.
    fn power(&self, column: usize) -> String {
        let costs: Vec<(f64, f64)> =
            self.rows.iter().map(|(size, values)| (*size, values[column])).collect();
        gauge::power(&costs).map_or_else(
            || " |".to_owned(),
            |power| {
                // No minus before what is nothing at two digits.
                let power = if power.abs() < 0.005 { 0.0 } else { power };
                format!(" {power:.2} |")
            },
        )
    }
}

/// Returns a number with commas between thousands.
pub(crate) fn figure(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{grouped}{rest}")
}

/// Returns milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Returns a count or a number of bytes as a figure.
#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn count(value: u64) -> f64 {
    value as f64
}

/// Returns the one in the middle, by a measure.
pub(crate) fn median<T: Clone>(measured: &[T], by: impl Fn(&T) -> f64) -> T {
    let mut sorted = measured.to_vec();
    sorted.sort_by(|one, two| by(one).total_cmp(&by(two)));
    sorted[sorted.len() / 2].clone()
}
