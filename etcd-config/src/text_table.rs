//! A table in plain text.

use std::fmt;

/// The widest column. What is longer moves the rest of its own line, and of no other.
const COLUMN: usize = 80;
/// The same of lines that are indented.
const INDENTED_COLUMN: usize = 60;

/// Writes lines with their cells below each other, without a line break at the end. The texts are escaped.
pub(crate) fn write<const COLUMNS: usize>(
    f: &mut fmt::Formatter<'_>,
    lines: &[[String; COLUMNS]],
) -> fmt::Result {
    let widths = widths(lines, COLUMN);
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

/// The same, each line after a line break and indented.
pub(crate) fn write_indented<const COLUMNS: usize>(
    f: &mut fmt::Formatter<'_>,
    lines: &[[String; COLUMNS]],
) -> fmt::Result {
    let widths = widths(lines, INDENTED_COLUMN);
    for line in lines {
        f.write_str("\n ")?;
        for (number, (cell, column)) in line.iter().zip(widths).enumerate() {
            if number + 1 == COLUMNS {
                write!(f, " {cell}")?;
            } else {
                write!(f, " {cell}{:1$} ", "", column.saturating_sub(width(cell)))?;
            }
        }
    }
    Ok(())
}

fn widths<const COLUMNS: usize>(lines: &[[String; COLUMNS]], widest: usize) -> [usize; COLUMNS] {
    std::array::from_fn(|column| lines.iter().map(|line| width(&line[column])).max().unwrap_or(0).min(widest))
}

fn width(text: &str) -> usize {
    text.chars().count()
}
