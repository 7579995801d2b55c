//! Figures of many samples, a table for people and a file for programs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The value below which so large a part of the samples lies, by the nearest rank; 0 without samples.
pub(crate) fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    let place = rank.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

/// The middle one, or the lower of the two.
pub(crate) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// To so many places behind the point.
pub(crate) fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10f64.powi(places);
    (value * scale).round() / scale
}

/// What the figures were taken with.
pub(crate) fn machine() -> Value {
    json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "profile": if cfg!(debug_assertions) { "dev" } else { "release" },
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
    })
}

/// Writes `out/NAME.json` and says so.
pub(crate) fn write(out: &Path, name: &str, figures: &Value) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("making {}", out.display()))?;
    let file = out.join(format!("{name}.json"));
    fs::write(&file, format!("{figures:#}\n"))
        .with_context(|| format!("writing {}", file.display()))?;
    println!("\n{}", file.display());
    Ok(())
}

/// Columns as wide as what is in them, the first to the left, the others to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            text += &match column {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples_that_were_there() {
        let samples: Vec<f64> = (1..=11).rev().map(f64::from).collect();
        assert_eq!(median(&samples), 6.0);
        assert_eq!(quantile(&samples, 0.1), 2.0);
        assert_eq!(quantile(&samples, 0.9), 10.0);
        assert_eq!(quantile(&samples, 1.0), 11.0);
        assert_eq!(quantile(&[7.0], 0.999), 7.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["pair", "ms"]), row(["a", "10.5"])]);
        assert_eq!(text, "pair    ms\na     10.5\n");
    }
}
