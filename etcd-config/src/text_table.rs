//! A table in plain text.

use std::fmt;

/// The widest column. What is longer moves the rest of its own line, and of no other.
const COLUMN: usize = 80;

/// Writes lines with their cells below each other, without a line break at the end. The texts are escaped.
pub(crate) fn write<const COLUMNS: usize>(
    f: &mut fmt::Formatter<'_>,
    lines: &[[String; COLUMNS]],
) -> fmt::Result {
    let width = |text: &str| text.chars().count();
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        lines.iter().map(|line| width(&line[column])).max().unwrap_or(0).min(COLUMN)
    });
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            writeln!(f)?;
        }
        let mut text = String::new();
        for (cell, column) in line.iter().zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', column.saturating_sub(width(cell)) + 2));
        }
        f.write_str(text.trim_end())?;
    }
    Ok(())
}
