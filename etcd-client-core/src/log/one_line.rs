//! Text of several lines as one log record.

use std::fmt::{self, Write};

/// Displays text of several lines on one line, for logs: collectors of logs take each line as a record.
///
/// Line breaks, with the spaces after them, become `; `, or a space after a colon. [`Error`](crate::Error)s of this
/// crate are displayed so by `{:#}`; use this for other texts.
///
/// ```
/// use etcd_client_core::OneLine;
///
/// let report = "2 problems:\n  /app/a: no number\n  /app/b: missing";
/// assert_eq!(OneLine(report).to_string(), "2 problems: /app/a: no number; /app/b: missing");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OneLine<T>(pub T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Joining { to: f, last: None, is_broken: false }, "{}", self.0)
    }
}

struct Joining<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    /// The last character that was written.
    last: Option<char>,
    /// A line has ended, and nothing of the next one was written.
    is_broken: bool,
}

impl Joining<'_, '_> {
    fn separator(&self) -> &'static str {
        match self.last {
            None => "",
            Some(':' | ';' | ',') => " ",
            Some(_) => "; ",
        }
    }
}

impl Write for Joining<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (at, line) in text.split('\n').enumerate() {
            self.is_broken |= at > 0;
            let rest = if self.is_broken { line.trim_start_matches(' ') } else { line };
            if rest.is_empty() {
                continue;
            }
            if std::mem::take(&mut self.is_broken) {
                self.to.write_str(self.separator())?;
            }
            self.to.write_str(rest)?;
            self.last = rest.chars().next_back();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_however_they_are_written() {
        for (text, line) in [
            ("one", "one"),
            ("all:\n  a: no\n  b:\n    c", "all: a: no; b: c"),
            ("\n\nfirst\n\n\n  second\n", "first; second"),
            ("", ""),
        ] {
            assert_eq!(OneLine(text).to_string(), line);
            let pieces = text.split("").collect::<Vec<_>>();
            let (a, b) = pieces.split_at(pieces.len() / 2);
            assert_eq!(OneLine(format_args!("{}{}", a.concat(), b.concat())).to_string(), line, "{text:?}");
        }
        let [number, text] = ["{}", "7\n "].map(String::from);
        assert_eq!(OneLine(format_args!("{number}\n{:>3}{text}  8", 5)).to_string(), "{}; 57; 8");
    }
}
