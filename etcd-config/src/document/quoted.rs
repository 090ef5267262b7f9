//! A text between quotation marks, in the way that JSON, YAML and TOML have in common.

use std::fmt::Write as _;

/// What is no printable character is escaped, so that each of them reads what was written.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => escape(&mut quoted, character),
            _ if character.is_control() => escape(&mut quoted, character),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// None of them has more than four digits.
fn escape(quoted: &mut String, character: char) {
    // Writing to a string does not fail.
    let _ = write!(quoted, "\\u{:04x}", u32::from(character));
}

/// The lines of a documentation, as they may stand in a comment.
pub(super) fn comment_lines(docs: &str) -> impl Iterator<Item = String> + '_ {
    let shown = |line: &str| line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    docs.lines().map(move |line| {
        let line = shown(line);
        let line = line.trim_end();
        if line.is_empty() { "#".to_owned() } else { format!("# {}", line.strip_prefix(' ').unwrap_or(line)) }
    })
}
